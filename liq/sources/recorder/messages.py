"""Messages of Binance, Bybit and OKX about liquidations, converted to coins and USD, or rejected with a reason.

Sources: the venues' documentation of `forceOrder` (Binance, "Liquidation Order Streams"), `allLiquidation` (Bybit v5,
"All Liquidation") and `liquidation-orders` (OKX v5, "Liquidation orders channel").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from liq.sources.recorder.storage import Liquidation

AHEAD, BEHIND = 60_000, 86_400_000
"""Maximum time of a liquidation after, and before, the venue's clock, ms."""

MAX_USD = 2e9
"""Maximum USD of a single liquidation; a few billions are a whole venue's open interest."""

Parts = tuple[Any, Any, Any, Any]
"""Time in ms, the side that was closed, price, contracts; as sent."""


class MessageFormat(NamedTuple):
    """How a venue's messages describe liquidations.

    parts : the parts of each liquidation in a row as sent; everything : whether one stream has all perpetuals;
    carries : how much of them the stream has, or "" for all.
    """

    parts: Callable[[dict[str, Any]], list[Parts]]
    everything: bool
    carries: str


def _binance(row: dict[str, Any]) -> list[Parts]:
    """Return the parts of Binance's row."""
    # S is the forced order's side; ap the average price of the z contracts that were filled
    side = {"SELL": "long", "BUY": "short"}.get(row.get("S", ""))
    return [(row.get("T"), side, row.get("ap"), row.get("z"))]


def _bybit(row: dict[str, Any]) -> list[Parts]:
    """Return the parts of Bybit's row."""
    # S is the side of the position that was closed: a Buy is a long
    side = {"Buy": "long", "Sell": "short"}.get(row.get("S", ""))
    return [(row.get("T"), side, row.get("p"), row.get("v"))]


def _okx(row: dict[str, Any]) -> list[Parts]:
    """Return the parts of OKX's row, which may hold several liquidations."""
    # ccxt reads the first of the details only
    sides = {"sell": "long", "buy": "short"}
    return [
        (part.get("ts"), sides.get(part.get("side", "")), part.get("bkPx"), part.get("sz")) for part in row["details"]
    ]


_SELECTION = "at most one liquidation a second and symbol"

MESSAGE_FORMATS: Mapping[str, MessageFormat] = MappingProxyType(
    {
        "binanceusdm": MessageFormat(_binance, True, _SELECTION),
        "bybit": MessageFormat(_bybit, False, ""),
        "okx": MessageFormat(_okx, True, "only part of the liquidations"),
    }
)
"""The three venues whose streams can be recorded."""


def parse_rows(
    name: str, row: Mapping[str, Any], sizes: Mapping[str, float], now: int
) -> Iterator[Liquidation | str]:
    """Yield the liquidations in a row from ccxt, or for each the reason why it is rejected.

    row : ccxt's liquidation structure, with the venue's own row in `info`; sizes : coins a contract, by the symbols
    to record, others are skipped; now : the venue's clock, UTC ms.

    >>> row = {"symbol": "BTC/USDT:USDT", "info": {"T": 0, "S": "Buy", "p": "100", "v": "2"}}
    >>> list(parse_rows("bybit", row, {"BTC/USDT:USDT": 1.0}, now=0))
    [Liquidation(time=0, symbol='BTC/USDT:USDT', side='long', price=100.0, coins=2.0, usd=200.0)]
    """
    symbol = str(row.get("symbol"))
    if symbol not in sizes:
        return
    try:
        parts = MESSAGE_FORMATS[name].parts(row["info"])
    except (AttributeError, KeyError, TypeError):
        yield "could not be read"
        return
    for part in parts:
        yield _checked(symbol, part, sizes[symbol], now)


def _checked(symbol: str, parts: Parts, size: float, now: int) -> Liquidation | str:
    """Return a liquidation, or the reason why it is impossible."""
    side = parts[1]
    try:
        time, price, coins = int(parts[0]), float(parts[2]), float(parts[3]) * size
    except (TypeError, ValueError, OverflowError):
        return "could not be read"
    if side is None:
        return "name no side"
    if not now - BEHIND <= time <= now + AHEAD:
        return "are of another time"
    if not (0 < price < math.inf and 0 < coins < math.inf):
        return "have no price or no size"
    if price * coins > MAX_USD:
        return "are too large to be true"
    return Liquidation(time, symbol, side, price, coins, price * coins)
