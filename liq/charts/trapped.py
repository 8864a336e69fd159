"""Trapped positions as drawn: dollars by the price they were opened at, under water or not, and shares by price."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from liq.charts.colors import DOWN, FAINT, INK, UP
from liq.charts.panel import dark_panel
from liq.formatting import decimals, money, whole_percent
from liq.formatting import price as price_text
from liq.market import SIDES
from liq.validation.positions.trapped import GROUPS, Trapped

PANELS = (*GROUPS, "shares")

HEIGHTS = {"others": 210, "largest": 150, "shares": 150}
"""Heights in pixels; the first has the legend."""

WIDTH = 52
"""Width in pixels of the axes of dollars and shares."""

TITLES = {"others": "All other accounts", "largest": "Ten largest accounts"}

NAMES = {"long": "Longs", "short": "Shorts"}

COLOURS = alt.Scale(domain=list(NAMES.values()), range=[DOWN, UP])

EXTENT: dict[str, Any] = {"minExtent": WIDTH, "maxExtent": WIDTH}

DOLLARS = "replace(replace(format(abs(datum.value), '$.3~s'), 'G', 'B'), 'k', 'K')"
"""Label of a dollar axis on which shorts lie below zero."""


def datasets(found: Trapped, tick: float = 0.0) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name: `others` and `largest` (USD by entry), `shares` (by price), and `price`.

    Shorts are drawn downwards, so their USD are negative. tick : of the market's price.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> from liq.validation.positions.trapped import trapped
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> sorted(datasets(trapped(simulated_positions(market), "BTC", market.price)))
    ['largest', 'others', 'price', 'shares']
    """
    places = decimals(found.price, tick)
    table = found.table
    bars = table.assign(
        usd=table["usd"].where(table["side"] == SIDES[0], -table["usd"]),
        name=table["side"].map(NAMES),
        words=[
            f"{money(usd)} of {side}s opened at {price_text(low, places)} to {price_text(high, places)}, "
            f"{'under water' if under else 'in profit'}"
            for usd, side, low, high, under in zip(
                *(table[name].tolist() for name in ("usd", "side", "low", "high", "under_water")), strict=True
            )
        ],
    )
    curve = found.curve
    shares = pd.concat(
        [
            pd.DataFrame(
                {
                    "at": curve["price"],
                    "share": curve[side],
                    "name": NAMES[side],
                    "words": [
                        f"at {price_text(at, places)}: {whole_percent(share)} of {side}s under water"
                        for at, share in zip(curve["price"], curve[side], strict=True)
                    ],
                }
            )
            for side in SIDES
        ],
        ignore_index=True,
    )
    return {
        **{group: bars[bars["group"] == group].drop(columns=["side", "group"]) for group in GROUPS},
        "shares": shares.dropna(subset="share"),
        "price": pd.DataFrame(
            {
                "price": [found.price],
                "from": [float(curve["price"].iloc[0])],
                "to": [float(curve["price"].iloc[-1])],
                "zero": [0.0],
                "label": [price_text(found.price, places)],
            }
        ),
    }


@cache
def spec(panel: str) -> dict[str, Any]:
    """Return the Vega-Lite specification of one of PANELS, whose data are `datasets`.

    They are charts of their own, since Streamlit stretches no others to the page; their axes of dollars are of one
    width, so that prices lie under each other.

    >>> spec("shares")["height"]
    150
    """
    chart = _shares() if panel == "shares" else _dollars_by_entry(panel)
    result: dict[str, Any] = chart.properties(height=HEIGHTS[panel]).configure_view(stroke=None).to_dict()
    return dark_panel(result)


def _price_axis(field: str, labels: bool) -> alt.X:
    """Return the axis of prices, which only the lowest panel labels."""
    axis = alt.Axis(grid=False, labels=labels, ticks=labels, labelColor=FAINT, format=",~r", labelOverlap=True)
    return alt.X(field, title=None, scale=alt.Scale(zero=False, nice=False), axis=axis)


def _dollars_by_entry(group: str) -> Any:
    """Return the panel of one group of accounts."""
    axis = alt.Axis(grid=True, gridOpacity=0.15, labelColor=FAINT, labelExpr=DOLLARS, tickCount=3, **EXTENT)
    is_first = group == GROUPS[0]
    key = alt.Legend(orient="top", title=None) if is_first else None
    bars = (
        alt.Chart(alt.NamedData(name=group))
        .mark_rect(strokeWidth=0)
        .encode(
            _price_axis("low:Q", labels=False),
            alt.X2("high:Q"),
            alt.Y("usd:Q", title=TITLES[group], axis=axis),
            alt.Y2Datum(0),
            alt.Color("name:N", scale=COLOURS, legend=key),
            alt.OpacityValue(0.35, condition={"test": "datum.under_water", "value": 1.0}),
            tooltip=alt.Tooltip("words:N", title=" "),
        )
    )
    # an empty group still has the axis of the others
    room = alt.Chart(alt.NamedData(name="price")).mark_point(opacity=0, tooltip=None)
    ends = [room.encode(_price_axis(f"{end}:Q", labels=False), alt.Y("zero:Q")) for end in ("from", "to")]
    return alt.layer(bars, *ends, _here(is_first))


def _shares() -> Any:
    """Return the panel of the share of each side that would be under water at a price."""
    axis = alt.Axis(grid=True, gridOpacity=0.15, labelColor=FAINT, format=".0%", values=[0, 0.5, 1], **EXTENT)
    lines = (
        alt.Chart(alt.NamedData(name="shares"))
        .mark_line(strokeWidth=2, interpolate="step-after", tooltip=None)
        .encode(
            _price_axis("at:Q", labels=True),
            alt.Y("share:Q", title="Under water there", axis=axis, scale=alt.Scale(domain=[0, 1])),
            alt.Color("name:N", scale=COLOURS, legend=None),
        )
    )
    touch = (
        alt.Chart(alt.NamedData(name="shares"))
        .mark_rule(opacity=0, strokeWidth=6)
        .encode(alt.X("at:Q"), tooltip=alt.Tooltip("words:N", title=" "))
    )
    return alt.layer(lines, touch, _here(named=False))


def _here(named: bool) -> Any:
    """Return the line at the present price, and its number where `named`."""
    price = alt.Chart(alt.NamedData(name="price"))
    line = price.mark_rule(strokeDash=[4, 3], color=INK, tooltip=None).encode(alt.X("price:Q"))
    if not named:
        return line
    words = price.mark_text(align="left", baseline="bottom", dx=4, color=INK, fontWeight="bold", tooltip=None)
    return alt.layer(line, words.encode(alt.X("price:Q"), alt.YValue(-3), alt.Text("label:N")))
