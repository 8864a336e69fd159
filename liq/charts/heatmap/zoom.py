"""Zoom and pan that survive a refresh: the zoomed range is kept apart from the data.

Vega-Lite keeps the zoomed ranges of an interval bound to the scales twice: in signals named after the parameter and
the axis' field, and in a store that the scales read. Streamlit empties the store whenever any of the chart's data
change. So the scales read the signals instead. A zoom stays until a double click, as long as the new data have
anything in its range: another market's chart is fitted. No document promises the signals' names, so they are named
here only, and a browser test checks them.
"""

from __future__ import annotations

import altair as alt
from altair import ExprRef, expr

from liq.charts.colors import ACCENT
from liq.charts.heatmap.data import GOES_TO

NAME = "zoom"

FIELDS = {"x": "start", "y": "low"}
"""Fields of the dataset `frame` on the two axes; Vega-Lite names the signals after them."""

_ENDS = {"x": ("start", "end"), "y": ("low", "high")}
_X, _Y = (f"{NAME}_{field}" for field in FIELDS.values())
FRAME = "data('frame')[0]"
"""Vega expression: the chart's one-row dataset of what it shows."""


def zoom_param() -> alt.Parameter:
    """Return the parameter of zoom and pan, to be added after every other.

    Ctrl or Cmd with the wheel, or a pinch, zooms; the plain wheel scrolls the page. Drag pans, double click fits.

    >>> zoom_param().name
    'zoom'
    """
    pan = "[pointerdown[!event.shiftKey], window:pointerup] > window:pointermove!"
    return alt.selection_interval(
        name=NAME, bind="scales", zoom="wheel![event.ctrlKey || event.metaKey]", translate=pan
    )


def goes_to_param() -> alt.Parameter:
    """Return the parameter of the line "if price goes to", which a drag with Shift held draws; the page reads it.

    >>> goes_to_param().name
    'goes_to'
    """
    return alt.selection_interval(
        name=GOES_TO,
        encodings=["y"],
        on="[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!",
        zoom=False,
        translate=False,
        mark=alt.BrushConfig(fill=ACCENT, fillOpacity=0.05, stroke=ACCENT, strokeOpacity=0.2),
    )


def zoomed_domain(channel: str) -> ExprRef:
    """Return an expression for the range of an axis, "x" or "y": the zoomed range, else null for the fitted one.

    >>> "zoom_start" in repr(zoomed_domain("x"))
    True
    """
    inside = " && ".join(
        f"{signal}[0] < {FRAME}.{high} && {signal}[1] > {FRAME}.{low}"
        for signal, (low, high) in zip((_X, _Y), _ENDS.values(), strict=True)
    )
    return expr(f"{_X} && {_Y} && {FRAME} && {inside} ? {_X if channel == 'x' else _Y} : null")
