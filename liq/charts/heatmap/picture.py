"""The heat's picture with the ticks of its legend: what the controls of colour change, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.charts.heatmap import image
from liq.charts.heatmap.window import Window, color_top, column_closes, relief_cells
from liq.formatting import money
from liq.model.heatmap import Heatmap

SCALES = ("dollars", "relief")
"""What colours mean: dollars, or multiples of the dollars usual at that distance from price."""

LEGEND = 180
"""Width of the colour ramp in pixels."""


def picture(
    heatmap: Heatmap,
    window: Window,
    *,
    is_small: bool = False,
    threshold: int = 0,
    more_heat: int = 0,
    scale: str = SCALES[0],
    usual: dict[str, np.ndarray] | None = None,
    light: bool = False,
) -> dict[str, pd.DataFrame]:
    """Return the heat image and its legend's ticks.

    is_small : whether colours may lag by some steps, as on the page (`image.small_heat_image`). threshold : per cent
    of visible cells to leave dark; more_heat : 0 to 100, lifts faint cells. scale : one of SCALES; usual : by side
    the dollars usual at each distance (`window.usual_by_side`), which the scale "relief" and the pointer divide by.
    light : whether the picture is for a light page.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> picture(heatmap, window(heatmap))["ticks"]["at"].tolist()
    [0.0, 90.0, 180.0]
    """
    shown, top, in_relief = window.total, window.top, scale == "relief" and usual is not None
    if in_relief and usual is not None:
        shown = relief_cells(window, column_closes(heatmap), usual)
        top = color_top(shown)
    indices = image.color_indices(shown, top, more_heat, image.hidden_below_usd(shown, threshold))
    values = [top * share ** (1 / image.gamma(more_heat)) for share in (0, 0.5, 1)]
    hatched = None if window.known is None else image.hatching(window.known, indices.shape[1])
    draw = image.small_heat_image if is_small else image.heat_image
    url = draw(indices, light, hatched)
    return {
        # by itself: what is on a scale makes Vega work out every mark again when it is replaced
        "picture": pd.DataFrame({"url": [url]}),
        "ticks": pd.DataFrame(
            {
                "at": [0.0, LEGEND / 2, float(LEGEND)],
                "usd": [f"×{value:.3g}" if in_relief else money(value) for value in values],
            }
        ),
    }
