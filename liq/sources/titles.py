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
    if name in VENUES:
        return VENUES[name].title
    return {"simulated": "simulated market", "archive": "Binance's archive"}.get(name, name)


def shown_sentence(market: Market) -> str:
    """Return which venues a market is of, which refused, which were slow, and which gave nothing else.

    >>> from dataclasses import replace
    >>> from liq.sources.simulation.market import simulate
    >>> left_out = {"bybit": "does not serve this location (HTTP 403)", "gate": "had not answered yet"}
    >>> shown_sentence(replace(simulate("BTC", "12h", now="2026-09-01"), source="okx", left_out=left_out))
    'OKX is shown. Bybit refused, Gate was slow.'
    """
    names: dict[str, list[str]] = {}
    for name, reason in market.left_out.items():
        refused, slow = "does not serve" in reason, reason in ("had not answered yet", "did not answer in time")
        kind = "refused" if refused else "was slow" if slow else "does not list it" if "list" in reason else "failed"
        names.setdefault(kind, []).append(source_title(name))
    clauses = []
    for kind, titles in names.items():
        verb = {"was slow": "were slow", "does not list it": "do not list it"}.get(kind, kind)
        clauses.append(f"{' and '.join(titles)} {kind if len(titles) == 1 else verb}")
    shown = [part.source for part in market.parts] or [market.source]
    are = "are" if len(shown) > 1 else "is"
    return f"{', '.join(map(source_title, shown))} {are} shown. {', '.join(clauses)}."
