"""Leverage bands that can be counted or left out."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

BANDS = {
    "1-5x": (0, 5),
    "6-10x": (5, 10),
    "11-25x": (10, 25),
    "26-50x": (25, 50),
    "51-100x": (50, 100),
    "101x+": (100, 1e9),
}
"""Leverage chips: name, and the leverages above the first and up to the second number."""


def in_bands(leverage: np.ndarray, bands: Collection[str]) -> np.ndarray:
    """Return whether each leverage lies in one of these bands, names of BANDS.

    >>> in_bands(np.array([2.0, 75.0]), ["1-5x", "6-10x"]).tolist()
    [True, False]
    """
    inside = [(leverage > low) & (leverage <= high) for low, high in map(BANDS.__getitem__, bands)]
    return np.any(inside, axis=0) if inside else np.zeros(leverage.shape, dtype=bool)


def band_names(leverage: np.ndarray) -> np.ndarray:
    """Return the name of the band that each leverage lies in.

    >>> band_names(np.array([2.0, 75.0])).tolist()
    ['1-5x', '51-100x']
    """
    names = list(BANDS)
    highs = np.array([high for _, high in BANDS.values()])
    return np.array(names)[np.minimum(np.searchsorted(highs, leverage), len(names) - 1)]
