"""Leverage bands that can be counted or left out; a change re-weighs a heatmap and estimates nothing anew."""

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
    """Return the heatmap with only these leverage bands counted.

    bands : names of BANDS; all of them return the heatmap itself.

    >>> from liq.model.estimate import estimate
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> far = select_bands(heatmap, ["1-5x", "6-10x"])
    >>> bool(far.long.sum() < heatmap.long.sum())
    True
    """
    if len(bands) == len(BANDS):
        return heatmap
    tiers = heatmap.tiers
    counted = np.any([(tiers > low) & (tiers <= high) for low, high in map(BANDS.__getitem__, bands)], axis=0)
    return heatmap.reweigh(np.where(counted, heatmap.weights, 0.0))


def band_names(leverage: np.ndarray) -> np.ndarray:
    """Return the name of the band that each leverage lies in.

    >>> band_names(np.array([2.0, 75.0])).tolist()
    ['1-5x', '51-100x']
    """
    names = list(BANDS)
    highs = np.array([high for _, high in BANDS.values()])
    return np.array(names)[np.minimum(np.searchsorted(highs, leverage), len(names) - 1)]
