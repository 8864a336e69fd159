"""The leverage band that dominates each drawn cell."""

from __future__ import annotations

import numpy as np

from liq.charts.heatmap.window import MAX_ROWS, drawn_matrix
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS


def dominant_bands(
    heatmap: Heatmap, whole: bool = False, like: Heatmap | None = None, max_rows: int = MAX_ROWS
) -> np.ndarray:
    """Return by drawn cell the leverage band with the most dollars, int8 (C, R).

    Bands count from one in the order of `liq.model.leverage_bands.BANDS`; zero where nothing stands. Arguments as for
    `liq.charts.heatmap.window.window`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> bands = dominant_bands(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60))
    >>> int(bands.min()) >= 0 and int(bands.max()) <= 6
    True
    """
    drawn = drawn_matrix(heatmap, whole, heatmap if like is None else like, max_rows)
    largest_usd: np.ndarray | None = None
    for number, name in enumerate(BANDS, start=1):
        band_alone = heatmap.photographed_band(name)
        if band_alone is None:
            continue
        usd = drawn(band_alone[0] + band_alone[1])
        if largest_usd is None:
            largest_usd, band = np.zeros_like(usd), np.zeros(usd.shape, np.int8)
        band[usd > largest_usd] = number
        largest_usd = np.maximum(largest_usd, usd)
    return np.zeros(drawn(heatmap.long).shape, np.int8) if largest_usd is None else band
