"""The context panels of the heatmap: what is drawn under it, and from where."""

from __future__ import annotations

import numpy as np

from liq.charts.heatmap.strips.context import Panel, values_by_bar
from liq.errors import SourceError
from liq.formatting import age
from liq.market import Market
from liq.sources import market_cache
from liq.sources.context import ContextSeries, funding_rates, taker_delta
from liq.sources.titles import source_title

INTEREST, FUNDING, TAKER = NAMES = ("open interest", "funding rate", "taker delta")
"""What can be shown."""


def context_panels(names: tuple[str, ...], market: Market, then: Market) -> tuple[list[Panel], list[str]]:
    """Return the panels of those names, and a sentence for each: from where, how old, or why there is none.

    market : of the whole window; then : as of the shown moment, after which nothing is shown.
    """
    panels: list[Panel] = []
    said: list[str] = []
    for name in names:
        try:
            panel, sentence = _panel(name, market, then)
            panels.append(panel)
        except SourceError as error:
            sentence = str(error)
        said.append(sentence)
    return panels, said


def _panel(name: str, market: Market, then: Market) -> tuple[Panel, str]:
    """Return one panel and its sentence; raise SourceError where nothing is known."""
    if name == INTEREST:
        interest = market.open_interest
        if interest is None or interest.reindex(market.visible.index).isna().all():
            raise SourceError(f"No open interest: {source_title(market.source)} sent none for this window.")
        values = interest.reindex(market.visible.index)
        shown = values.where(values.index < then.candles.index[-1] + then.bar).to_numpy(dtype=float)
        origin = market.origins.get("open_interest")
        read = f", read {age(origin.as_of, market_cache.utc_now())} ago" if origin else ""
        words = f"open interest, {market.base}, from the window's least"
        return Panel(words, shown, False, ".4~s", f" {market.base}"), (
            f"Open interest: {source_title(market.source)}, at each bar's close{read}."
        )
    series = funding_rates(market) if name == FUNDING else taker_delta(market)
    values_shown = values_by_bar(series.values, market, then.as_of, lasts=name == FUNDING)
    if not np.isfinite(values_shown).any():
        raise SourceError(f"No {name}: none is known up to this moment.")
    if name == FUNDING:
        return Panel("funding rate a settlement", values_shown, True, "+.4%"), _origin("Funding rate", series)
    return Panel("takers bought less sold, USD", values_shown, True, "+$.3~s"), _origin("Taker delta", series)


def _origin(what: str, series: ContextSeries) -> str:
    """Return where a series comes from, how old its last value is, and when it was read."""
    now = market_cache.utc_now()
    return (
        f"{what}: {source_title(series.source)}, last of {series.values.index[-1]:%d %b %H:%M} UTC, "
        f"read {age(series.time, now)} ago."
    )
