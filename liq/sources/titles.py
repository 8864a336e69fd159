"""Names of sources and markets as they are shown on screen."""

from __future__ import annotations

from liq.market import Market
from liq.sources.venues.table import VENUES


def market_title(market: Market, timeframe: str = "") -> str:
    """Return what is on screen in one line: symbol, window if given, source."""
    names = " + ".join(source_title(part.source) for part in market.parts) or source_title(market.source)
    return " · ".join(filter(None, (f"{market.symbol.split(':')[0]} perpetual", timeframe, names)))


def source_title(name: str) -> str:
    """Return how a source is called on screen."""
    return VENUES[name].title if name in VENUES else f"{name} market" if name == "simulated" else name
