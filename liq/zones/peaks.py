"""Peaks of a profile of dollars over price, and where each ends: by prominence, not by a fixed gap."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from liq.model.heatmap import DUST

SMOOTHING = 1e-3
"""Standard deviation, in log price, of the kernel that smooths a profile before peaks are found. A width in price
and not in buckets, so that the drawn step does not decide what is a peak."""

PROMINENCE = 0.15
"""A peak is one of its own if the valley to its neighbour falls this far below the lower of the two peaks."""

EDGE = 0.75
"""A peak ends where the smoothed profile falls below this share of its height, or in the valley to its neighbour."""


class Peak(NamedTuple):
    """A contiguous run of cells, first to last inclusive, and the cell where the smoothed profile is highest."""

    first: int
    last: int
    top: int


def peaks(edges: np.ndarray, usd: np.ndarray) -> list[Peak]:
    """Return the peaks of a profile, USD (B,) on ascending edges (B + 1,), by ascending price; none overlap.

    The profile is smoothed over log price, its maxima are joined across every valley that is too shallow
    (PROMINENCE), and each that is left ends where it is too low (EDGE).

    >>> edges = np.exp(np.linspace(0.0, 0.02, 41))
    >>> usd = np.where((np.arange(40) == 10) | (np.arange(40) == 30), 1e6, 0.0)
    >>> [peak.top for peak in peaks(edges, usd)]
    [10, 30]
    """
    if not usd.sum() > DUST:
        return []
    heights = smooth(edges, usd)
    padded = np.concatenate([[-1.0], heights, [-1.0]])
    tops = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:]) & (heights > 0)).tolist()
    valleys = [int(a + np.argmin(heights[a:b])) for a, b in pairwise(tops)]
    # The shallowest valley first: joining two peaks changes the depth of the valleys beside them, so the order
    # matters, and only this one does not depend on the direction in which the profile is read.
    while len(tops) > 1:
        depth = 1 - heights[valleys] / np.minimum(heights[tops[:-1]], heights[tops[1:]])
        pair = int(np.argmin(depth))
        if depth[pair] >= PROMINENCE:
            break
        tops.pop(pair if heights[tops[pair]] < heights[tops[pair + 1]] else pair + 1)
        valleys.pop(pair)
    # a valley's own cell goes to the neighbour that is higher beside it
    bounds = [0, *(v + int(heights[v - 1] > heights[v + 1]) for v in valleys), len(usd)]
    return [_cut(heights, usd, top, *ends) for top, ends in zip(tops, pairwise(bounds), strict=True)]


def smooth(edges: np.ndarray, usd: np.ndarray) -> np.ndarray:
    """Return a profile, USD (B,), as a density smoothed by a Gaussian, USD per unit of log price (B,).

    >>> edges = np.exp(np.linspace(0.0, 0.02, 41))
    >>> bool(np.allclose(smooth(edges, np.full(40, 5.0)), 5.0 / 0.0005))
    True
    """
    log = np.log(edges)
    middle, width, count = (log[1:] + log[:-1]) / 2, np.diff(log), len(usd)
    reach = min(int(np.ceil(4 * SMOOTHING / width.min())), count - 1)
    smoothed_usd, smoothed_width = np.zeros(count), np.zeros(count)
    for shift in range(-reach, reach + 1):
        target = slice(max(0, -shift), count - max(0, shift))
        neighbour = slice(max(0, shift), count + min(0, shift))
        kernel = np.exp(-0.5 * ((middle[neighbour] - middle[target]) / SMOOTHING) ** 2)
        smoothed_usd[target] += kernel * usd[neighbour]
        smoothed_width[target] += kernel * width[neighbour]
    return smoothed_usd / smoothed_width


def _cut(heights: np.ndarray, usd: np.ndarray, top: int, start: int, stop: int) -> Peak:
    """Return the cells around a top, inside start to stop, that are high enough; empty cells at the ends are cut."""
    too_low = heights < EDGE * heights[top]
    left, right = np.flatnonzero(too_low[start:top]), np.flatnonzero(too_low[top:stop])
    first = start + int(left[-1]) + 1 if len(left) else start
    last = top + int(right[0]) - 1 if len(right) else stop - 1
    occupied = np.flatnonzero(usd[first : last + 1] > DUST)
    if not len(occupied):
        return Peak(top, top, top)
    first, last = first + int(occupied[0]), first + int(occupied[-1])
    return Peak(first, last, min(max(top, first), last))
