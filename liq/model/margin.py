"""Margin brackets and the price at which a position is force-closed; no network, no state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from liq.errors import InputError
from liq.market import Bracket

TABLE = Path(__file__).with_name("brackets.json")
"""Binance USD-M brackets as of 2026-09, 20 symbols. The venue's endpoint needs a key, so the facts travel dated."""

REFERENCE_NOTIONAL = 100_000.0
"""USD notional of the position a tier's bracket is read for, where the leverage is allowed at that size."""

NEVER = 1e-9
"""Stands for a liquidation price of zero (a 1x long's) where logarithms are taken."""


@cache
def _table() -> dict[str, tuple[Bracket, ...]]:
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["brackets"]
    return {symbol: tuple(Bracket(*row) for row in steps) for symbol, steps in rows.items()}


def known_coins() -> frozenset[str]:
    """Return the coins of the dated table.

    >>> "BTC" in known_coins()
    True
    """
    return frozenset(symbol.split("/")[0] for symbol in _table() if "/" in symbol)


def brackets(symbol: str) -> tuple[Bracket, ...]:
    """Return the dated table's brackets for a coin; for one it does not know, its most cautious small-coin row.

    >>> brackets("BTC/USDT:USDT")[0].rate
    0.004
    """
    base = symbol.split("/")[0].upper()
    table = _table()
    return table.get(f"{base}/USDT:USDT", table["default"])


def bracket_for(steps: Sequence[Bracket], leverage: float, notional: float = REFERENCE_NOTIONAL) -> Bracket:
    """Return the bracket of a position of that notional (USD), or the nearest one that allows its leverage.

    A position too big for its leverage cannot be opened, so the bracket slides down until the leverage is
    allowed; a leverage that no bracket allows gets the first one.

    >>> steps = brackets("BTC/USDT:USDT")
    >>> bracket_for(steps, leverage=10, notional=50_000).rate
    0.004
    """
    if not steps:
        raise InputError("brackets are empty.")
    row = next((row for row, step in enumerate(steps) if notional <= step.cap), len(steps) - 1)
    while row > 0 and steps[row].max_leverage < leverage:
        row -= 1
    return steps[row]


def liquidation_price(
    side: str,
    entry: np.ndarray | float,
    leverage: np.ndarray | float,
    rate: np.ndarray | float,
    amount: np.ndarray | float = 0.0,
    quantity: np.ndarray | float = 1.0,
    *,
    rule: str = "mark",
    fee: float = 0.0,
) -> np.ndarray | float:
    """Return the price at which an isolated linear position is force-closed; never below zero.

    side : ``"long"`` or ``"short"``; entry : price; rate : maintenance-margin rate; amount : maintenance
    amount in USD; quantity : coins; fee : taker fee as a fraction. Arguments broadcast.

    rule ``"mark"`` : maintenance on the value at the liquidation price (Binance USD-M, Hyperliquid; with
        `fee` also OKX and Gate): long (E(1 - 1/L) - amount/q) / (1 - rate - fee), short with the signs turned.
    rule ``"entry"`` : maintenance on the value at entry (Bybit): long E(1 - 1/L + rate) - amount/q.

    Sources: Binance support b3c689c1f50a44cabb3a84e663b81d93; Bybit help "Liquidation Price (USDT
    Contract)"; Hyperliquid docs, "Liquidations"; OKX and Gate as traders' tools compute them.

    >>> round(liquidation_price("long", 100.0, 100, rate=0.005), 4)
    99.4975
    >>> round(liquidation_price("short", 100.0, 100, rate=0.005, rule="entry"), 4)
    100.5
    """
    if side not in ("long", "short"):
        raise InputError(f"side must be long or short, not {side!r}.")
    sign = 1.0 if side == "long" else -1.0
    entry, leverage = np.asarray(entry, dtype=float), np.asarray(leverage, dtype=float)
    relief = sign * np.asarray(amount, dtype=float) / np.asarray(quantity, dtype=float)
    if rule == "mark":
        price = (entry * (1 - sign / leverage) - relief) / (1 - sign * (np.asarray(rate, dtype=float) + fee))
    elif rule == "entry":
        price = entry * (1 - sign / leverage + sign * np.asarray(rate, dtype=float)) - relief
    else:
        raise InputError(f"rule must be mark or entry, not {rule!r}.")
    price = np.maximum(price, 0.0)
    return price if price.ndim else float(price)


def liquidation_factors(side: str, leverages: np.ndarray, steps: Sequence[Bracket]) -> np.ndarray:
    """Return liquidation price over entry price for each leverage, float (K,).

    The factor does not depend on the entry price: the bracket is chosen by notional (see `bracket_for`), so
    amount / quantity is a fixed share of the entry price. A leverage beyond the market's top one cannot be
    opened; it stands for a position whose margin is nearly gone, and its distance in log price is that of the
    top leverage, shortened in proportion.

    >>> liquidation_factors("long", np.array([10.0, 100.0]), brackets("BTC/USDT:USDT")).round(4)
    array([0.9036, 0.994 ])
    """
    leverages = np.asarray(leverages, dtype=float)
    max_leverage = max(step.max_leverage for step in steps)
    allowed = np.minimum(leverages, max_leverage)
    chosen = [bracket_for(steps, leverage) for leverage in allowed]
    notional = np.array([min(REFERENCE_NOTIONAL, step.cap) for step in chosen])
    rate, amount = np.array([step.rate for step in chosen]), np.array([step.amount for step in chosen])
    factor = np.asarray(liquidation_price(side, 1.0, allowed, rate, amount, notional))
    return np.maximum(factor, NEVER) ** (allowed / leverages)
