"""Layers of the context panels: bars on the heatmap's time axis, their words, and the value under the pointer."""

from __future__ import annotations

from typing import Any

import altair as alt
from altair import expr

from liq.charts.colors import DOWN, FAINT, GROUND, INK, UP
from liq.charts.heatmap.strips.context import COLUMNS, PANEL, STEPS
from liq.charts.heatmap.strips.timed_bars import ONE, timed_bars
from liq.charts.marks import named_data

KEYS = ("c1", "c2", "c3")
"""Columns of the candles that may hold a panel's values."""


def panel_layers() -> list[alt.Chart]:
    """Return ground, bars and words of the panels, in pixels, so that they stay while prices are panned.

    >>> len(panel_layers())
    3
    """
    rows = named_data("panels")
    ground = rows.mark_rect(color=GROUND, strokeWidth=0, tooltip=None, clip=True)
    bars = _values().mark_rect(strokeWidth=0, opacity=0.8, tooltip=None, clip=True)
    color = alt.ColorValue(
        UP,
        condition=[
            {"test": f"datum.zero < datum.top + {PANEL * 0.9} && datum.value < 0", "value": DOWN},
            {"test": f"datum.zero >= datum.top + {PANEL * 0.9}", "value": FAINT},
        ],
    )
    words = rows.mark_text(align="left", baseline="top", dx=6, dy=2, color=FAINT, fontSize=10, tooltip=None)
    return [
        ground.encode(
            alt.XValue(0),
            alt.X2Value(expr("width")),
            alt.YValue(expr("height * datum.top")),
            alt.Y2Value(expr(f"height * (datum.top + (datum.reach > 0 ? {PANEL} : 0))")),  # none: a hidden row
        ),
        bars.encode(
            alt.X("a:T"),
            alt.X2("b:T"),
            alt.YValue(expr("height * datum.zero")),
            alt.Y2Value(expr(f"height * (datum.zero - datum.reach * datum.value / {STEPS})")),
            color,
        ),
        words.encode(alt.XValue(0), alt.YValue(expr("height * datum.top")), alt.Text("words:N")),
    ]


def panel_readout(on: str, time: str, x: str) -> alt.Chart:
    """Return the layer that writes each panel's value at the pointer's bar, beside the crosshair.

    on, time, x : Vega expressions, whether the pointer is over the chart, its time and its pixel.

    >>> panel_readout("true", "0", "0").to_dict(validate=False)["mark"]["type"]
    'text'
    """
    bar = _values().transform_filter(f"{on} && datum.t <= {time} && {time} < datum.t + {ONE}.bar")
    number = f"format(datum.base + datum.span * datum.value / {STEPS}, datum.format)"
    value = f"replace(replace({number}, 'G', 'B'), 'k', 'K') + datum.unit"
    style: dict[str, Any] = {
        "baseline": "bottom",
        "color": INK,
        "fontSize": 11,
        "fontWeight": "bold",
        "tooltip": None,
    }
    side = f"{x} > width * 0.6"
    text = bar.mark_text(align=expr(f"{side} ? 'right' : 'left'"), **style)
    return text.encode(
        alt.XValue(expr(f"{x} + ({side} ? -6 : 6)")),
        alt.YValue(expr(f"height * (datum.top + {PANEL})")),
        alt.TextValue(expr(value)),
    )


def _values() -> alt.Chart:
    """Return a row for each bar and panel in which a value is known, with what `panel_rows` says of the panel."""
    lookup = alt.LookupData(alt.NamedData("panels"), "key", [name for name in COLUMNS if name != "key"])
    return (
        timed_bars("t", "a", "b", where=" || ".join(f"isValid(datum.{key})" for key in KEYS))
        .transform_fold(list(KEYS), as_=["key", "value"])
        .transform_filter("isValid(datum.value)")
        .transform_lookup("key", lookup)
        .transform_filter("isValid(datum.top)")
    )
