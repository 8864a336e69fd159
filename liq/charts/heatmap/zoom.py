"""Zoom and pan that outlive a refresh: where the chart looks, kept apart from what it shows.

Vega-Lite keeps the zoomed ranges of an interval bound to the scales twice: in signals named after the parameter and
the axis' field, and in a store that the scales read. Streamlit empties the store whenever any of the chart's data
change. So the scales are told to read the signals. They stay until a double click, and are followed as long as what
is drawn has anything to show there: another market's chart is fitted. No document promises the signals' names, so
they live here, and a browser test watches them.
"""

from __future__ import annotations

import altair as alt
from altair import ExprRef, expr

NAME = "zoom"
FIELDS = {"x": "start", "y": "low"}
"""The fields of the dataset `frame` that the two axes are made of; Vega-Lite names the signals after them."""

_ENDS = {"x": ("start", "end"), "y": ("low", "high")}
_X, _Y = (f"{NAME}_{field}" for field in FIELDS.values())
_FRAME = "data('frame')[0]"


def zoom_param() -> alt.Parameter:
    """Return the parameter of zoom and pan, to be added after every other.

    Ctrl or Cmd with the wheel, or a pinch, zooms; the plain wheel stays the page's. Drag pans, double click refits.
    """
    return alt.selection_interval(name=NAME, bind="scales", zoom="wheel![event.ctrlKey || event.metaKey]")


def zoomed_domain(channel: str) -> ExprRef:
    """Return what overrides the fitted range of an axis, "x" or "y", while zoomed: the range looked at, else null."""
    inside = " && ".join(
        f"{signal}[0] < {_FRAME}.{high} && {signal}[1] > {_FRAME}.{low}"
        for signal, (low, high) in zip((_X, _Y), _ENDS.values(), strict=True)
    )
    return expr(f"{_X} && {_Y} && {_FRAME} && {inside} ? {_X if channel == 'x' else _Y} : null")
