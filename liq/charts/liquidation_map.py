"""The liquidation map: dollars by price now, stacked by leverage or venue, with sums outward from the price."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair import expr

from liq.charts.colors import ACCENT, DOWN, FAINT, GROUND, INK, POSITIONS, UP
from liq.charts.heatmap.data import GOES_TO
from liq.charts.panel import dark_panel
from liq.charts.positions import positions_by_bucket
from liq.formatting import decimals, money, percent, price
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS
from liq.positions import Positions
from liq.sources.titles import source_title
from liq.wording import ESTIMATE, WORDS
from liq.zones.ranking import book_on_side

MAX_BARS = 120
"""Maximum number of bars of the map, both sides together."""

REACH = 0.15
"""Default distance from price, as a fraction, that the map shows."""

ABOVE, BELOW = "Shorts above", "Longs below"

HERE: dict[str, Any] = {"param": "here", "empty": False}

SHADES = ("#61248f", "#8a3299", "#b8498b", "#df6f63", "#f6a840", "#fff15c")
"""Colours of the stacked groups: leverage bands from low to high, or venues."""


def datasets(
    heatmap: Heatmap,
    by: str = "Leverage",
    reach: float = REACH,
    untested: bool = True,
    positions: Positions | None = None,
    goes_to: float | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name: `bars` (USD by price and group), `sums` (outward), `price`, and `positions`
    (USD by price, a step line).

    heatmap : as deep as is shown, see `liq.zones.liquidation_map.extend_book`; by : one of `groupings`; reach : how
    far from price the map goes, as a fraction; untested : whether bars beyond the tested distance are drawn (dim).
    The sums are of everything in any case. positions : real ones; they are never added to the estimate.
    goes_to : a price at which to draw a line.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> sorted(datasets(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)))
    ['bars', 'positions', 'price', 'sums']
    """
    price_now = heatmap.market.price
    places = decimals(price_now, heatmap.market.tick)
    first, end = np.searchsorted(heatmap.edges, [price_now * (1 - reach), price_now * (1 + reach)])
    first, end = max(0, int(first) - 1), min(len(heatmap.edges) - 1, int(end))
    size = -(-(end - first) // MAX_BARS)
    starts = np.arange(first, end, size)
    edges = heatmap.edges[np.append(starts, end)]
    groups = {
        name: {side: np.add.reduceat(usd[:end], starts) for side, usd in sides.items()}
        for name, sides in groupings(heatmap)[by].items()
    }
    bars = pd.concat(
        [
            pd.DataFrame(
                {"low": edges[:-1], "high": edges[1:], "group": name, "rank": rank, "usd": sum(sides.values())}
            )
            for rank, (name, sides) in enumerate(groups.items())
        ],
        ignore_index=True,
    )
    lowest, highest = heatmap.tested_range
    bars["tested"] = (bars["high"] > lowest) & (bars["low"] < highest)
    ranges = [f"{price(a, places)} to {price(b, places)}" for a, b in pairwise(edges)]
    bars["range"] = ranges * len(groups)
    bars["dollars"] = [money(value) for value in bars["usd"]]
    above, below = (np.sum([sides[side] for sides in groups.values()], axis=0) for side in ("short", "long"))
    usd_by_range = dict(zip(ranges, above + below, strict=True))
    seen = positions_by_bucket(positions, heatmap.market, edges) if positions is not None else np.empty(0)
    seen_by_range = dict(zip(ranges, seen.tolist(), strict=False))
    range_texts, up, down = np.array(ranges), edges[1:] > price_now, edges[:-1] < price_now
    zero = pd.DataFrame({"at": [price_now], "usd": [0.0], "range": [""]})
    rising = pd.DataFrame({"at": edges[1:][up], "usd": np.cumsum(above[up]), "range": range_texts[up]})
    falling = pd.DataFrame({"at": edges[:-1][down], "usd": _outward(below[down]), "range": range_texts[down]})
    sums = pd.concat([zero, rising, falling, zero], ignore_index=True)
    sums["side"] = [ABOVE] * (1 + len(rising)) + [BELOW] * (len(falling) + 1)
    closed = sums["side"].map({ABOVE: "shorts", BELOW: "longs"})
    sums["words"] = [
        f"to {price(at, places)}: {money(usd)} of {side}"
        + (f"  ·  {where}: {money(usd_by_range[where])}" if where else "")
        + (f", real positions {money(seen_by_range[where])}" if where in seen_by_range else "")
        for at, usd, side, where in zip(sums["at"], sums["usd"], closed, sums["range"], strict=True)
    ]
    marked = bool(goes_to and edges[0] < goes_to < edges[-1])
    return {
        "bars": bars[(bars["usd"] > 0) & (bars["tested"] | untested)],
        # a step line holds its value up to the next price, so that the last bucket needs its upper edge
        "positions": pd.DataFrame({"at": edges, "usd": np.append(seen, 0.0)} if len(seen) else {"at": [], "usd": []}),
        "sums": sums.drop(columns="range"),
        "price": pd.DataFrame(
            {
                "price": [price_now],
                "label": [price(price_now, places)],
                "goes": [goes_to if marked else price_now],
                "marked": [float(marked)],
                "goes_label": [
                    f"{price(goes_to, places)} ({percent(goes_to / price_now - 1)})" if marked and goes_to else ""
                ],
            }
        ),
    }


def cumulative_ends(sums: pd.DataFrame) -> tuple[float, float]:
    """Return the sums at the ends of the map, USD: shorts above, longs below.

    >>> sums = pd.DataFrame({"side": [ABOVE, BELOW], "usd": [3.0, 2.0]})
    >>> cumulative_ends(sums)
    (3.0, 2.0)
    """
    largest = sums.groupby("side")["usd"].max()
    return float(largest[ABOVE]), float(largest[BELOW])


def groupings(heatmap: Heatmap) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Return what the bars can be stacked by: "Leverage", and what else the map knows (`Heatmap.splits`).

    Each holds groups by name, and each group what stands of it on its side of the price by side, USD (B,).

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> list(groupings(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)))
    ['Leverage']
    """
    price_now = heatmap.market.price
    on_side = {
        "short": book_on_side(heatmap, price_now, "above") > 0,
        "long": book_on_side(heatmap, price_now, "below") > 0,
    }
    by_side = {side: heatmap.by_band(side) for side in on_side}
    leverage = {name: {side: usd[name] for side, usd in by_side.items()} for name in BANDS}
    return {
        by: {
            source_title(name) if by == "Venue" else name: {
                side: np.where(is_on_side, sides[side], 0.0) for side, is_on_side in on_side.items()
            }
            for name, sides in groups.items()
        }
        for by, groups in {"Leverage": leverage, **heatmap.splits()}.items()
    }


def _outward(usd: np.ndarray) -> np.ndarray:
    """Return the sum from the last value to each one before it."""
    return np.cumsum(usd[::-1])[::-1]


@cache
def spec(groups: tuple[str, ...], kind: str = ESTIMATE, height: int = 520) -> dict[str, Any]:
    """Return the map's Vega-Lite specification for bars of these groups, whose data are `datasets`; kind : of map.

    >>> spec(("1-5x", "6-10x"))["height"]
    520
    """
    price_axis = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=False),
        axis=alt.Axis(grid=False, labelColor=FAINT, format=",~r", labelOverlap=True),
    )
    dollars = alt.Axis(grid=True, gridOpacity=0.15, labelColor=FAINT, labelExpr=_dollars())
    bars = (
        alt.Chart(alt.NamedData(name="bars"))
        .mark_rect(strokeWidth=0, tooltip=None)
        .transform_stack(stack="usd", groupby=["low"], sort=[alt.SortField("rank")], as_=["from", "to"])
        .encode(
            price_axis,
            alt.X2("high:Q"),
            alt.Y("from:Q", title=WORDS[kind].at_price, axis=dollars),
            alt.Y2("to:Q"),
            alt.Color("group:N", scale=alt.Scale(domain=list(groups), range=_shades(len(groups))), legend=_legend(2)),
            alt.condition("datum.tested", alt.value(1.0), alt.OpacityValue(0.4)),
        )
    )
    price_chart = alt.Chart(alt.NamedData(name="price"))
    line = price_chart.mark_rule(strokeDash=[4, 3], color=INK, tooltip=None).encode(alt.X("price:Q"))
    goes = price_chart.mark_rule(color=ACCENT, opacity=expr("datum.marked"), tooltip=None)
    words: dict[str, Any] = {"align": "left", "dx": 6, "fontWeight": "bold", "tooltip": None}
    named = price_chart.mark_text(color=INK, **words).encode(alt.X("price:Q"), alt.YValue(8), alt.Text("label:N"))
    goal = price_chart.encode(alt.X("goes:Q"), alt.YValue(24), alt.Text("goes_label:N"))
    halo = goal.mark_text(color=GROUND, stroke=GROUND, strokeWidth=4, **words)  # bars lie under it
    prices = alt.layer(bars, line, goes.encode(alt.X("goes:Q")), named, halo, goal.mark_text(color=ACCENT, **words))
    chart = alt.layer(prices, _sums()).resolve_scale(y="independent", color="independent")
    chart = alt.layer(chart, _positions()).resolve_scale(y="independent")
    result: dict[str, Any] = chart.properties(height=height).configure_view(stroke=None).to_dict()
    return dark_panel(result)


def _positions() -> Any:
    """Return the outline of real dollars, on a scale of its own: a snapshot holds only a part of the market."""
    usd = alt.Y("usd:Q", axis=None, scale=alt.Scale(zero=True))
    outline = alt.Chart(alt.NamedData(name="positions")).mark_line(
        interpolate="step-after", strokeWidth=1.5, color=POSITIONS, tooltip=None, aria=False
    )
    return outline.encode(alt.X("at:Q"), usd)


def _sums() -> Any:
    """Return the curves of sums outward, and the text on the price nearest to the pointer."""
    base = alt.Chart(alt.NamedData(name="sums"))
    usd = alt.Y(
        "usd:Q",
        title="Added up from the price",
        axis=alt.Axis(orient="right", grid=False, labelColor=FAINT, labelExpr=_dollars()),
    )
    colours = alt.Scale(domain=[BELOW, ABOVE], range=[DOWN, UP])
    curves = base.mark_line(strokeWidth=2, interpolate="step-after", tooltip=None).encode(
        alt.X("at:Q"), usd, alt.Stroke("side:N", scale=colours, legend=_legend(1))
    )
    # the same in the background's colour under it, or it is lost on the bars
    halo = base.mark_line(strokeWidth=5, interpolate="step-after", color=GROUND, tooltip=None).encode(
        alt.X("at:Q"), usd, alt.Detail("side:N")
    )
    here = alt.selection_point(name="here", encodings=["x"], nearest=True, on="pointermove", clear="pointerout")
    chosen = alt.selection_point(name=GOES_TO, fields=["at"], nearest=True, on="click", toggle=False)
    points = base.mark_point(opacity=0, tooltip=None).encode(alt.X("at:Q"), usd).add_params(here, chosen)
    # selected by condition: filtered data would be empty at first, and Vega warns of an axis without an extent
    rule = base.mark_rule(color=INK, strokeDash=[3, 3], tooltip=None).encode(
        alt.X("at:Q"), alt.OpacityValue(0, condition={**HERE, "value": 0.6})
    )
    words = base.mark_text(align="left", baseline="bottom", color=INK, fontSize=12, tooltip=None).encode(
        alt.XValue(0), alt.YValue(-4), alt.TextValue("", condition={**HERE, "field": "words"})
    )
    return alt.layer(halo, curves, points, rule, words)


def _legend(narrow: int) -> alt.Legend:
    """Return a legend above the chart, in `narrow` columns where there is no room for one line."""
    return alt.Legend(orient="top", title=None, columns=expr(f"width < 500 ? {narrow} : 6"))


def _shades(count: int) -> list[str]:
    """Return `count` colours, as far apart as possible."""
    return [SHADES[row] for row in np.rint(np.linspace(0, len(SHADES) - 1, count)).astype(int)]


def _dollars() -> str:
    """Return the label expression of a dollar axis."""
    return "replace(replace(format(datum.value, '$.3~s'), 'G', 'B'), 'k', 'K')"
