"""Small worlds of accounts and prices for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import liq
from liq.sources.simulation.market import simulate_with_true_book

START = pd.Timestamp("2026-01-01", tz="UTC")
HOUR = pd.Timedelta(hours=1)


def row(hours: float = 0.0, **changes: Any) -> dict[str, Any]:
    """Return one position of account a, `hours` after the start: one long BTC at 100 with its level at 90."""
    usual = {"time": START + hours * HOUR, "coin": "BTC", "side": "long", "coins": 1.0, "entry": 100.0}
    return {**usual, "liquidation_price": 90.0, "leverage": 10.0, "margin": "cross", "account": "a", **changes}


def positions(*rows: dict[str, Any], complete: bool = True, snapshots: tuple[float, ...] = ()) -> liq.Positions:
    """Return positions out of rows; complete : whether every snapshot asked all accounts that held something.

    snapshots : hours at which another account, that matters nowhere, is listed too.
    """
    others = [row(hours, account="other", coin="XRP") for hours in snapshots]
    frame = pd.DataFrame([*rows, *others])
    times = frame["time"].unique()
    passes = pd.DataFrame({"time": times, "asked": 2 * complete, "answered": 2 * complete, "failed": 0})
    return liq.Positions(frame, "hyperliquid", passes)


def true_positions(market: liq.Market, hours: int, every: int) -> liq.Positions:
    """Return what every trader behind a simulated market held, in snapshots over its last hours."""
    _, book = simulate_with_true_book(market.base, "7d", now=market.as_of)
    everyone = book.positions.assign(account=[f"{number:016x}" for number in range(len(book.positions))])
    frames = []
    for hour in range(0, hours, every):
        time = market.as_of - hour * HOUR
        frames.append(everyone[(everyone["opened"] < time) & (everyone["closed"] >= time)].assign(time=time))
    rows = pd.concat(frames).assign(coin=market.base, margin="isolated")
    rows["side"] = rows["side"].astype(str)
    rows["liquidation_price"] = rows["liquidation_price"].where(rows["liquidation_price"] > 0)
    passes = pd.DataFrame({"time": rows["time"].unique(), "asked": 1, "answered": 1, "failed": 0})
    return liq.Positions(rows, "hyperliquid", passes)


def market(lows: list[float], highs: list[float] | None = None, start: pd.Timestamp = START) -> liq.Market:
    """Return hourly bars that open and close at 100 and reach these lows and highs."""
    high = np.full(len(lows), 100.0) if highs is None else np.array(highs)
    frame = pd.DataFrame({"open": 100.0, "high": high, "low": lows, "close": 100.0, "volume": 1.0})
    frame.index = pd.date_range(start, periods=len(lows), freq="1h")
    return liq.Market("BTC/USDT:USDT", "hyperliquid", frame)
