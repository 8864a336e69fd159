"""The liquidation map: dollars by price now, stacked by leverage, with what adds up outward from the price."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair import expr

from liq.charts.layers import ACCENT, DOWN, FAINT, INK, UP
from liq.heatmap import Heatmap
from liq.labels import decimals, money, price
from liq.zones import book

BARS = 120
"""Most bars of the map, both sides together."""

REACH = 0.15
"""Distance from price, as a fraction, that the map shows."""

SHADES = ("#61248f", "#8a3299", "#b8498b", "#df6f63", "#f7a941", "#fff15c")
"""Colours of the leverage bands, from low to high leverage."""


def datasets(heatmap: Heatmap, bands: Mapping[str, tuple[float, float]]) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name: `bars` (USD by price and leverage band), `sums` (outward), `price`.

    bands : name, and the leverages above the first and up to the second number.
    """
    last = heatmap.market.price
    places = decimals(last, heatmap.market.tick)
    first, end = np.searchsorted(heatmap.edges, [last * (1 - REACH), last * (1 + REACH)])
    first, end = max(0, int(first) - 1), min(len(heatmap.edges) - 1, int(end))
    size = -(-(end - first) // BARS)
    starts = np.arange(first, end, size)
    edges = heatmap.edges[np.append(starts, end)]
    kept = {"short": book(heatmap, last, "above") > 0, "long": book(heatmap, last, "below") > 0}
    tiers = {side: np.where(held, heatmap.by_tier(side), 0.0) for side, held in kept.items()}
    parts = []
    for rank, (name, (low, high)) in enumerate(bands.items()):
        inside = (heatmap.tiers > low) & (heatmap.tiers <= high)
        usd = sum(tiers[side][inside].sum(axis=0) for side in tiers)
        usd = np.add.reduceat(np.asarray(usd, dtype=float)[:end], starts)
        parts.append(pd.DataFrame({"low": edges[:-1], "high": edges[1:], "band": name, "rank": rank, "usd": usd}))
    bars = pd.concat(parts, ignore_index=True)
    bars["range"] = [
        f"{price(a, places)} to {price(b, places)}" for a, b in zip(bars["low"], bars["high"], strict=True)
    ]
    bars["dollars"] = [money(value) for value in bars["usd"]]
    above = np.add.reduceat(tiers["short"].sum(axis=0)[:end], starts)
    below = np.add.reduceat(tiers["long"].sum(axis=0)[:end], starts)
    sums = pd.concat(
        [
            pd.DataFrame({"at": np.append(last, edges[1:][edges[1:] > last]), "side": "Shorts above"}),
            pd.DataFrame({"at": np.append(edges[:-1][edges[:-1] < last], last), "side": "Longs below"}),
        ],
        ignore_index=True,
    )
    up = np.append(0.0, np.cumsum(above[edges[1:] > last]))
    down = np.append(np.cumsum(below[edges[:-1] < last][::-1])[::-1], 0.0)
    sums["usd"] = np.concatenate([up, down])
    sums["dollars"] = [money(value) for value in sums["usd"]]
    sums["where"] = [price(value, places) for value in sums["at"]]
    return {
        "bars": bars[bars["usd"] > 0],
        "sums": sums,
        "price": pd.DataFrame({"price": [last], "label": [price(last, places)]}),
    }


@cache
def spec(bands: tuple[str, ...], height: int = 520) -> dict[str, Any]:
    """Return the map's Vega-Lite specification, whose data are `datasets`."""
    cost = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=False),
        axis=alt.Axis(grid=False, labelColor=FAINT, format=",~r", labelOverlap=True),
    )
    dollars = alt.Axis(grid=True, gridOpacity=0.15, labelColor=FAINT, labelExpr=_dollars())
    words = alt.Legend(orient="top", title=None, columns=expr("width < 500 ? 2 : 6"))
    bars = (
        alt.Chart(alt.NamedData(name="bars"))
        .mark_rect(strokeWidth=0)
        .transform_stack(stack="usd", groupby=["low"], sort=[alt.SortField("rank")], as_=["from", "to"])
        .encode(
            cost,
            alt.X2("high:Q"),
            alt.Y("from:Q", title="Estimated USD at that price", axis=dollars),
            alt.Y2("to:Q"),
            alt.Color("band:N", scale=alt.Scale(domain=list(bands), range=list(SHADES[: len(bands)])), legend=words),
            tooltip=[
                alt.Tooltip("range:N", title="Price"),
                alt.Tooltip("band:N", title="Leverage"),
                alt.Tooltip("dollars:N", title="Estimate"),
            ],
        )
    )
    sums = (
        alt.Chart(alt.NamedData(name="sums"))
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            alt.X("at:Q"),
            alt.Y(
                "usd:Q",
                title="Added up from the price",
                axis=alt.Axis(orient="right", grid=False, labelColor=FAINT, labelExpr=_dollars()),
            ),
            alt.Stroke(
                "side:N", scale=alt.Scale(domain=["Longs below", "Shorts above"], range=[DOWN, UP]), legend=words
            ),
            tooltip=[
                alt.Tooltip("where:N", title="To"),
                alt.Tooltip("side:N", title="Side"),
                alt.Tooltip("dollars:N", title="Added up"),
            ],
        )
    )
    now = alt.Chart(alt.NamedData(name="price"))
    line = now.mark_rule(strokeDash=[4, 3], color=INK, tooltip=None).encode(alt.X("price:Q"))
    label = now.mark_text(align="left", dx=6, color=ACCENT, fontWeight="bold", tooltip=None)
    chart = alt.layer(
        alt.layer(bars, line, label.encode(alt.X("price:Q"), alt.YValue(8), alt.Text("label:N"))), sums
    ).resolve_scale(y="independent", color="independent")
    built: dict[str, Any] = chart.properties(height=height).configure_view(stroke=None).to_dict()
    return built


def _dollars() -> str:
    return "replace(replace(format(datum.value, '$.3~s'), 'G', 'B'), 'k', 'K')"
