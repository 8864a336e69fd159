"""Where a profile of dollars over price peaks, and how far each peak reaches: prominence, not a fixed gap."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from liq.model.heatmap import DUST

SMOOTHING = 1e-3
"""Standard deviation, in log price, of the kernel a profile is smoothed with before peaks are looked for. A width
in price and not in buckets, so that the drawn step does not decide what is a peak."""

PROMINENCE = 0.15
"""A peak is one of its own if the valley to its neighbour falls this far below the lower of the two peaks."""

EDGE = 0.75
"""A peak ends where the smoothed profile falls below this share of its height, or in the valley to its neighbour."""


class Peak(NamedTuple):
    """A contiguous stretch of cells, first to last inclusive, and the cell where the smoothed profile is highest."""

    first: int
    last: int
    top: int


def peaks(edges: np.ndarray, usd: np.ndarray) -> list[Peak]:
    """Return the peaks of a profile, USD (B,) on ascending edges (B + 1,), by ascending price; none overlap.

    The profile is smoothed over log price, its maxima joined across every valley that is too shallow
    (PROMINENCE), and each that is left cut off where it ends (EDGE).
    """
    if not usd.sum() > DUST:
        return []
    heights = smooth(edges, usd)
    padded = np.concatenate([[-1.0], heights, [-1.0]])
    tops = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:]) & (heights > 0)).tolist()
    valleys = [int(a + np.argmin(heights[a:b])) for a, b in pairwise(tops)]
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
    """Return a profile, USD (B,), as a density smoothed by a Gaussian, USD per unit of log price (B,)."""
    log = np.log(edges)
    middle, width, count = (log[1:] + log[:-1]) / 2, np.diff(log), len(usd)
    reach = min(int(np.ceil(4 * SMOOTHING / width.min())), count - 1)
    mass, weight = np.zeros(count), np.zeros(count)
    for shift in range(-reach, reach + 1):
        here = slice(max(0, -shift), count - max(0, shift))
        there = slice(max(0, shift), count + min(0, shift))
        near = np.exp(-0.5 * ((middle[there] - middle[here]) / SMOOTHING) ** 2)
        mass[here] += near * usd[there]
        weight[here] += near * width[there]
    return mass / weight


def _cut(heights: np.ndarray, usd: np.ndarray, top: int, start: int, stop: int) -> Peak:
    """Return the stretch around a top, inside start to stop, that is high enough, without empty cells at its ends."""
    low = heights < EDGE * heights[top]
    left, right = np.flatnonzero(low[start:top]), np.flatnonzero(low[top:stop])
    first = start + int(left[-1]) + 1 if len(left) else start
    last = top + int(right[0]) - 1 if len(right) else stop - 1
    held = np.flatnonzero(usd[first : last + 1] > DUST)
    if not len(held):
        return Peak(top, top, top)
    first, last = first + int(held[0]), first + int(held[-1])
    return Peak(first, last, min(max(top, first), last))
