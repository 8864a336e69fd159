"""Which band of leverage dominates each drawn cell."""

from __future__ import annotations

import numpy as np

from liq.charts.heatmap.window import drawn_matrix
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS


def dominant_bands(heatmap: Heatmap, whole: bool = False, like: Heatmap | None = None) -> np.ndarray:
    """Return by drawn cell the band of leverage with the most dollars, int8 (C, R).

    Bands count from one in the order of `liq.model.leverage_bands.BANDS`; zero where nothing stands. Arguments as for
    `liq.charts.heatmap.window.window`.
    """
    drawn = drawn_matrix(heatmap, whole, heatmap if like is None else like)
    most: np.ndarray | None = None
    for number, (low, high) in enumerate(BANDS.values(), start=1):
        counted = (heatmap.tiers > low) & (heatmap.tiers <= high) & (heatmap.weights > 0)
        if not counted.any():
            continue
        long, short = heatmap.photographed(np.where(counted, heatmap.weights, 0.0))
        usd = drawn(long + short)
        if most is None:
            most, band = np.zeros_like(usd), np.zeros(usd.shape, np.int8)
        band[usd > most] = number
        most = np.maximum(most, usd)
    assert most is not None  # some weight is above zero
    return band
