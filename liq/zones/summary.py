"""A market in one row: what a list of many says about each, all from its estimate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from liq.model.heatmap import Heatmap
from liq.zones.ranking import side_totals, top_zones
from liq.zones.scenario import strong_zone


class MarketSummary(NamedTuple):
    """Hold one market in a row.

    price : at the last bar; change : of price over the visible window, a fraction; as_of : of what it was made from.
    above_*, below_* : the nearest strong zone of that side, as `liq.zones.scenario` means it: low, high, peak (prices),
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


SHOWN = ("low", "high", "peak", "usd", "distance")
"""What a row says about a zone."""


def summarize(heatmap: Heatmap, zones: pd.DataFrame | None = None) -> MarketSummary:
    """Return a market in one row; zones as `top_zones` gave them for the market's price, if at hand."""
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


def update_price(at: MarketSummary, zones: pd.DataFrame, price: float, time: pd.Timestamp) -> MarketSummary:
    """Return a row as it reads at a live price, with the zones as they lie from there; balance stays as it was."""
    begin = at.price / (1 + at.change)
    return MarketSummary(
        **{**at._asdict(), "as_of": time, "price": price, "change": price / begin - 1, **_strong(zones)}
    )


def summary_table(rows: Iterable[MarketSummary]) -> pd.DataFrame:
    """Return rows as a table, the market whose price is closest to a strong zone first."""
    frame = pd.DataFrame(list(rows), columns=list(MarketSummary._fields))
    return frame.sort_values(["closest", "symbol"], kind="stable", ignore_index=True)


def _strong(zones: pd.DataFrame) -> dict[str, float]:
    """Return what a row says about the strong zone of each side, and how far the nearer one is."""
    found: dict[str, float] = {}
    for side in ("above", "below"):
        zone = strong_zone(zones, side)
        found |= {f"{side}_{name}": float("nan") if zone is None else float(zone[name]) for name in SHOWN}
    distances = pd.Series([found["above_distance"], found["below_distance"]]).abs()
    return {**found, "closest": float(distances.min())}
