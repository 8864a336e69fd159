"""One liquidation as Binance, Bybit and OKX send it, in coins and USD; or the reason why it cannot be one.

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
"""A liquidation may be so much later, or earlier, than the venue's clock shows, ms."""

LARGEST = 2e9
"""USD beyond which no single liquidation is believed; an open interest of a few billions is a whole venue's."""

Parts = tuple[Any, Any, Any, Any]
"""Time in ms, the side that was closed, price, contracts; as sent."""


class MessageFormat(NamedTuple):
    """How a venue tells liquidations.

    parts : the parts of each liquidation in a row as sent; everything : one stream carries every perpetual; carries :
    how much of them the stream carries, or "" for all.
    """

    parts: Callable[[dict[str, Any]], list[Parts]]
    everything: bool
    carries: str


def _binance(row: dict[str, Any]) -> list[Parts]:
    # S is the forced order's side; ap the average price of the z contracts that were filled
    side = {"SELL": "long", "BUY": "short"}.get(row.get("S", ""))
    return [(row.get("T"), side, row.get("ap"), row.get("z"))]


def _bybit(row: dict[str, Any]) -> list[Parts]:
    # S is the side of the position that was closed: a Buy is a long
    side = {"Buy": "long", "Sell": "short"}.get(row.get("S", ""))
    return [(row.get("T"), side, row.get("p"), row.get("v"))]


def _okx(row: dict[str, Any]) -> list[Parts]:
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
"""The three venues whose streams can be followed."""


def parse_rows(
    name: str, row: Mapping[str, Any], sizes: Mapping[str, float], now: int
) -> Iterator[Liquidation | str]:
    """Yield the liquidations in a row as ccxt hands it on, or for each the reason why it cannot be one.

    row : ccxt's liquidation structure, with the venue's own row in `info`; sizes : coins a contract, by the symbols
    that are listened to, others are passed over; now : the venue's clock, UTC ms.
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
    if price * coins > LARGEST:
        return "are too large to be true"
    return Liquidation(time, symbol, side, price, coins, price * coins)
