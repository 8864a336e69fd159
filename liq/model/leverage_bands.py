"""Bands of leverage that can be counted or left out; turning one off re-weighs a map and estimates nothing anew."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from liq.model.heatmap import Heatmap

BANDS = {
    "1-5x": (0, 5),
    "6-10x": (5, 10),
    "11-25x": (10, 25),
    "26-50x": (25, 50),
    "51-100x": (50, 100),
    "101x+": (100, 1e9),
}
"""Leverage chips: name, and the leverages above the first and up to the second number."""


def select_bands(heatmap: Heatmap, bands: Collection[str]) -> Heatmap:
    """Return the estimate with only these bands of leverage counted."""
    if len(bands) == len(BANDS):
        return heatmap
    tiers = heatmap.tiers
    counted = np.any([(tiers > low) & (tiers <= high) for low, high in map(BANDS.__getitem__, bands)], axis=0)
    return heatmap.reweigh(np.where(counted, heatmap.weights, 0.0))
