"""Relief: how much more stands at a price than is usual at that distance from it, on this market.

Dollars grow with distance, because levels near the price are swept again and again; in one scale the far ones hide
the near ones. The usual dollars of a distance are the median over the window's moments of which anything is known, by
side; where so few levels stand that no median is above zero, as with the positions of some accounts, their mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from liq.model.heatmap import Heatmap
from liq.zones.ranking import SIDES, buckets_in_range, check_price, top_zones

SMOOTHED = 2
"""Rows on either side whose usual dollars are smoothed with a row's own, by their median."""

MOST = 1e6
"""Maximum multiple: a usual of next to nothing would make it infinite."""

LEAST = 0.25
"""Share of the typical usual dollars below which a distance has no usual of its own: nothing ever stands there."""

MIN_SHARE = 0.01
"""Minimum share of its side's dollars of a zone that is ranked by relief: a multiple of little is little."""

ALL = 200
"""Number of zones a side that are compared: all there are."""


def usual_dollars(usd: np.ndarray, nearest: np.ndarray, side: str) -> np.ndarray:
    """Return the usual dollars by distance from price, (R,), NaN where a distance was never seen.

    usd : (T, R) dollars of one side by moment and price row, rows of equal ratios; nearest : (T,) number of rows
    below the price at each moment; side : "short" counts rows upwards from there, "long" downwards.

    >>> usd = np.array([[0.0, 0.0, 2.0, 4.0], [0.0, 2.0, 4.0, 6.0], [0.0, 0.0, 2.0, 4.0]])
    >>> usual_dollars(usd, np.array([2, 1, 2]), "short")
    array([ 2.,  4.,  6., nan])
    """
    count = usd.shape[1]
    steps = np.arange(count)
    rows = nearest[:, None] + steps if side == "short" else nearest[:, None] - 1 - steps
    seen = (rows >= 0) & (rows < count)
    by_distance = np.where(seen, np.take_along_axis(usd, np.clip(rows, 0, count - 1), axis=1), np.nan)
    known = by_distance[:, seen.any(axis=0)]  # distances are known from the nearest on, without a gap
    smooth = np.full(count, np.nan)
    if known.size:
        smooth[: known.shape[1]] = _smoothed(np.nanmedian(known, axis=0), np.median)
        if not (smooth[: known.shape[1]] > 0).any():
            smooth[: known.shape[1]] = _smoothed(np.nanmean(known, axis=0), np.mean)
    return smooth


def _smoothed(usual: np.ndarray, middle: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Return usual dollars by distance, each the median or the mean of its own and those of its neighbours."""
    last, smooth = len(usual) - 1, usual.copy()
    for row in range(1, last):
        reach = min(SMOOTHED, row, last - row)
        smooth[row] = middle(usual[row - reach : row + reach + 1])
    return smooth


def relief(usd: np.ndarray, nearest: np.ndarray, side: str, usual: np.ndarray) -> np.ndarray:
    """Return dollars as multiples of what is usual at their distance, the shape of `usd`; 0 where nothing stands.

    usual : see `usual_dollars`. Where it is next to nothing, LEAST of the typical usual takes its place.

    >>> usd = np.array([[0.0, 0.0, 2.0, 8.0]])
    >>> relief(usd, np.array([2]), "short", np.array([2.0, 4.0, 6.0, np.nan]))
    array([[0., 0., 1., 2.]])
    """
    count = usd.shape[1]
    floored = floored_usual(usual)
    rows = np.arange(count)
    steps = rows - nearest[:, None] if side == "short" else nearest[:, None] - 1 - rows
    own_side = steps >= 0
    expected = floored[np.clip(steps, 0, count - 1)]
    with np.errstate(over="ignore"):
        multiples = np.minimum(usd / np.where(expected > 0, expected, 1.0), MOST)
    return np.where(own_side & (expected > 0), multiples, 0.0)


def floored_usual(usual: np.ndarray) -> np.ndarray:
    """Return the usual dollars with the last known one beyond the known distances, and none under LEAST.

    >>> floored_usual(np.array([0.0, 4.0, np.nan]))
    array([1., 4., 4.])
    """
    known = usual[np.isfinite(usual)]
    if not len(known) or not (known > 0).any():
        return np.zeros(len(usual))
    filled = np.where(np.isfinite(usual), usual, known[-1])
    return np.maximum(filled, LEAST * float(np.median(known[known > 0])))


def zones_by_relief(heatmap: Heatmap, price: float | None = None, n: int = 10) -> pd.DataFrame:
    """Return `liq.top_zones` ranked by relief instead of dollars, with a column `relief` more.

    relief : dollars of the zone as a multiple of what is usual in as many buckets at that distance from price, over
    the heatmap's moments. Zones of less than MIN_SHARE of their side are left out. Raises InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> bool((zones_by_relief(heatmap)["relief"] > 0).all())
    True
    """
    zones = top_zones(heatmap, price, n=ALL)
    zones = zones[zones["share"] >= MIN_SHARE]
    zones = zones.assign(relief=zone_relief(heatmap, zones, price))
    kept = [side.nlargest(n, "relief") for _, side in zones.groupby("side", sort=False)]
    return pd.concat(kept, ignore_index=True) if kept else zones


def zone_relief(heatmap: Heatmap, zones: pd.DataFrame, price: float | None = None) -> np.ndarray:
    """Return the relief of zones (`liq.top_zones`), see `zones_by_relief`; NaN where nothing is usual.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> zones = liq.top_zones(heatmap)
    >>> len(zone_relief(heatmap, zones)) == len(zones)
    True
    """
    middle = np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:])
    closes = heatmap.market.candles["close"].reindex(heatmap.times).to_numpy()
    nearest, now = np.searchsorted(middle, closes), int(np.searchsorted(middle, check_price(heatmap, price)))
    known = heatmap.known
    usual = {
        side: floored_usual(usual_dollars(getattr(heatmap, side)[known], nearest[known], side))
        for side in SIDES.values()
    }
    found = []
    for side, low, high, usd in zones[["side", "low", "high", "usd"]].itertuples(index=False, name=None):
        part = buckets_in_range(heatmap, low, high)
        buckets = np.arange(part.start, part.stop)
        steps = buckets - now if side == "above" else now - 1 - buckets
        expected = usual[SIDES[side]][steps[steps >= 0]].sum()
        found.append(usd / expected if expected > 0 else np.nan)
    return np.array(found, dtype=float)
