"""Titles of sources and markets as they are shown on screen."""

from __future__ import annotations

from liq.market import Market
from liq.sources.venues.table import VENUES


def market_title(market: Market, timeframe: str = "") -> str:
    """Return a market's title in one line: symbol, timeframe if given, source.

    >>> from liq.sources.simulation.market import simulate
    >>> market_title(simulate("BTC", "12h", now="2026-09-01"), "12h")
    'BTC/USDT perpetual · 12h · simulated market'
    """
    names = " + ".join(source_title(part.source) for part in market.parts) or source_title(market.source)
    return " · ".join(filter(None, (f"{market.symbol.split(':')[0]} perpetual", timeframe, names)))


def source_title(name: str) -> str:
    """Return a source's title.

    >>> source_title("okx"), source_title("simulated")
    ('OKX', 'simulated market')
    """
    return VENUES[name].title if name in VENUES else f"{name} market" if name == "simulated" else name
