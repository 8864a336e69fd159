"""The crosshair: the signals through which a chart knows the pointer's position.

Two invisible one-axis brushes follow the pointer; Vega-Lite names their pixel ends `across_x[1]` and
`down_y[1]`. No document promises those names, so they are used here only and a browser test checks them. One
two-axis brush instead fails in the browser's console when the pointer moves exactly along an axis.
"""

from __future__ import annotations

import altair as alt

ON = "isArray(across_x) && isArray(down_y) && across_x[1] > 0 && down_y[1] > 0"
"""Vega expression: whether the pointer is over the chart; by position, since every mark restarts the brush."""

X, Y = "across_x[1]", "down_y[1]"
TIME, PRICE = f"+invert('x', {X})", f"invert('y', {Y})"

ONE = "data('pointer')[0]"
"""Vega expression: the chart's one-row dataset of constants, which a column would repeat on every row."""

COLUMN = f"floor(({TIME} - {ONE}.start) / {ONE}.step)"
ROW = f"floor((log({PRICE}) - {ONE}.bottom) / {ONE}.height)"
"""The cell under the pointer; the price axis is logarithmic, so rows are of equal height."""


def crosshair_params() -> list[alt.Parameter]:
    """Return the parameters of the crosshair, to be added before the one that zooms.

    >>> [param.name for param in crosshair_params()]
    ['across', 'down']
    """
    brush = alt.BrushConfig(fillOpacity=0, strokeOpacity=0)
    return [
        alt.selection_interval(
            name=name,
            encodings=[channel],  # type: ignore[list-item]
            on="[pointerover, pointerout] > pointermove",
            clear="pointerout",
            zoom=False,
            translate=False,
            mark=brush,
        )
        for name, channel in (("across", "x"), ("down", "y"))
    ]
