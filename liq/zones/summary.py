"""Summary row of a market for the watchlist and the scan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from liq.model.heatmap import Heatmap
from liq.zones.ranking import side_totals, top_zones
from liq.zones.scenario import strong_zone


class MarketSummary(NamedTuple):
    """Hold one market as a row.

    price : at the last bar; change : of price over the visible window, a fraction; as_of : time of the market's data.
    above_*, below_* : the strong zone of that side (`liq.zones.scenario.strong_zone`): low, high, peak (prices),
    usd, distance (signed fraction of price to the near edge); NaN where the side has none. balance : share of the
    book within 5 % of price that is shorts. anchored : share of the window that was read from open interest.
    closest : distance of the nearer zone, unsigned; NaN where there is none.
    """

    symbol: str
    source: str
    as_of: pd.Timestamp
    price: float
    change: float
    above_low: float
    above_high: float
    above_peak: float
    above_usd: float
    above_distance: float
    below_low: float
    below_high: float
    below_peak: float
    below_usd: float
    below_distance: float
    balance: float
    anchored: float
    closest: float


ZONE_FIELDS = ("low", "high", "peak", "usd", "distance")
"""Columns of `top_zones` that a summary keeps of each side's strong zone."""


def summarize(heatmap: Heatmap, zones: pd.DataFrame | None = None) -> MarketSummary:
    """Return the summary of a heatmap's market; zones as `top_zones` gave them for the market's price, if at hand.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> summary = summarize(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=2))
    >>> summary.symbol, summary.closest > 0
    ('BTC/USDT:USDT', True)
    """
    market = heatmap.market
    zones = top_zones(heatmap, market.price) if zones is None else zones
    return MarketSummary(
        symbol=market.symbol,
        source=market.source,
        as_of=pd.Timestamp(market.as_of),
        price=float(market.price),
        change=float(market.price) / float(market.visible["open"].iloc[0]) - 1,
        balance=side_totals(heatmap, market.price).balance,
        anchored=heatmap.anchored,
        **_strong(zones),
    )


def update_price(summary: MarketSummary, zones: pd.DataFrame, price: float, time: pd.Timestamp) -> MarketSummary:
    """Return the summary at a live price, with the zones as seen from there; balance stays as it was.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=2)
    >>> live = update_price(summarize(heatmap), liq.top_zones(heatmap, 80_000), 80_000, pd.Timestamp("2026-09-01"))
    >>> live.price
    80000
    """
    first_open = summary.price / (1 + summary.change)
    return MarketSummary(
        **{**summary._asdict(), "as_of": time, "price": price, "change": price / first_open - 1, **_strong(zones)}
    )


def summary_table(rows: Iterable[MarketSummary]) -> pd.DataFrame:
    """Return summaries as a table, the market whose price is closest to a strong zone first.

    >>> summary_table([]).empty
    True
    """
    frame = pd.DataFrame(list(rows), columns=list(MarketSummary._fields))
    return frame.sort_values(["closest", "symbol"], kind="stable", ignore_index=True)


def _strong(zones: pd.DataFrame) -> dict[str, float]:
    """Return a summary's fields of the strong zone of each side, and the distance of the nearer one."""
    fields: dict[str, float] = {}
    for side in ("above", "below"):
        zone = strong_zone(zones, side)
        fields |= {f"{side}_{name}": float("nan") if zone is None else float(zone[name]) for name in ZONE_FIELDS}
    distances = pd.Series([fields["above_distance"], fields["below_distance"]]).abs()
    return {**fields, "closest": float(distances.min())}
