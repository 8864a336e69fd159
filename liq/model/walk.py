"""The walk over a market's legs as levels, and the sums over them: swept by bar, standing by photograph."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np

from liq.market import SIDES
from liq.model.flow import Flow
from liq.model.levels import Entries

DUST = 1e-6
"""USD below which a bucket counts as empty; what rounding leaves of a bucket that was swept."""

CHUNK = 2_000_000
"""Number of levels summed at once, to bound memory."""

BLOCK = 4096
"""Number of entries handled at once, so that intermediate arrays stay in the processor's cache."""


class Walk(NamedTuple):
    """Result of walking the candles, for both sides: everything that re-weighing the tiers needs.

    bar : (S,) bar of each leg; entries : where each leg opened; flow : what it opened and what survived; photos :
    (T,) photographed bars; reached : by side, the leg that swept each level, int32 (E, K), S where none did;
    factor : by side, liquidation price over entry price (K,).
    """

    bar: np.ndarray
    entries: Entries
    flow: Flow
    photos: np.ndarray
    reached: dict[str, np.ndarray]
    factor: dict[str, np.ndarray]

    @property
    def last_legs(self) -> np.ndarray:
        """Last leg of each bar, (n,)."""
        return np.flatnonzero(np.diff(self.bar, append=self.bar[-1] + 1))


def swept_by_leg(walk: Walk, notional: np.ndarray, paces: np.ndarray, weights: np.ndarray, side: str) -> np.ndarray:
    """Return USD swept per leg, (S,).

    notional : (E,) USD opened at each entry before the tiers' weights; paces, weights : (K,); side : long or short.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> swept = swept_by_leg(heatmap.walk, heatmap.notional, heatmap.paces, heatmap.weights, "long")
    >>> bool(np.array_equal(np.bincount(heatmap.walk.bar, swept), heatmap.swept["long"]))
    True
    """
    entries, log_survival = walk.entries, walk.flow.log_survival
    chosen = np.flatnonzero(weights)
    # A sweep takes what has survived up to the leg before it, so survival is read one leg earlier. Survival between
    # two legs is a product over the legs between; as a difference of cumulative logs it is one subtraction, and
    # a book that decays for years underflows to zero instead of to NaN.
    n, log_survival_before = len(log_survival), np.concatenate([[0.0], log_survival])
    total = np.zeros(n + 1)
    step = max(1, CHUNK // max(1, len(chosen)))
    for first in range(0, len(entries.leg), step):
        part = slice(first, first + step)
        reached = walk.reached[side][part]
        reached = reached if len(chosen) == len(weights) else reached[:, chosen]
        usd = log_survival_before[reached]
        usd -= log_survival[entries.leg[part]][:, None]
        if (paces != 1).any():
            usd *= paces[chosen]
        np.exp(usd, out=usd)
        usd *= weights[chosen]
        usd *= notional[part, None]
        total += np.bincount(reached.ravel(), usd.ravel(), n + 1)
    return total[:n]


def photographed(
    walk: Walk,
    notional: np.ndarray,
    paces: np.ndarray,
    weights: np.ndarray,
    bucket_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what stands at each photographed bar, USD (T, B), longs and shorts.

    Arguments as for `swept_by_leg`; bucket_of : the bucket of the levels at given entries and factors; count :
    buckets.

    A level adds its dollars at the first photo after it opened and takes away what is left of them at the first photo
    after its sweep. These changes are summed by photo, side, pace and bucket; what stands is then carried from photo
    to photo, each pace with its own survival. So the cost is one pass over the levels, not one per photo.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=3)
    >>> count = len(heatmap.edges) - 1
    >>> long, _ = photographed(
    ...     heatmap.walk, heatmap.notional, heatmap.paces, heatmap.weights, heatmap.bucket_of, count
    ... )
    >>> bool(np.array_equal(long, heatmap.long))
    True
    """
    entries, photos, log = walk.entries, walk.last_legs[walk.photos], walk.flow.log_survival
    n_photos = len(photos)
    # the first photo at or after each leg
    photo_of_leg = np.searchsorted(photos, np.arange(len(log) + 1)).astype(np.int32)
    log_at_photo = np.append(log[photos], -np.inf)  # after the last shot nothing matters
    groups = list(product(SIDES, np.unique(paces)))
    width = len(groups) * count
    change: np.ndarray | None = None
    places: list[np.ndarray] = []
    moves: list[np.ndarray] = []
    for first in range(0, len(entries.leg), BLOCK):
        part = slice(first, first + BLOCK)
        leg = entries.leg[part]
        first_photo = photo_of_leg[leg]
        for number, (side, pace) in enumerate(groups):
            chosen = np.flatnonzero((paces == pace) & (weights > 0))
            swept_photo = photo_of_leg[walk.reached[side][part][:, chosen]]
            level = np.flatnonzero(swept_photo > first_photo[:, None])
            row = level // len(chosen)
            tier = level - row * len(chosen)
            swept_photo = swept_photo.ravel()[level]
            bucket = bucket_of(row + first, walk.factor[side][chosen][tier])
            inside = (bucket >= 0) & (bucket < count)
            if not inside.all():
                row, tier, bucket, swept_photo = (level[inside] for level in (row, tier, bucket, swept_photo))
            bucket += number * count
            usd = notional[part][row] * weights[chosen][tier]
            places += [
                (first_photo.astype(np.int64) * width)[row] + bucket,
                swept_photo * np.int64(width) + bucket,
            ]
            moves.append(usd * np.exp(pace * (log_at_photo[first_photo] - log[leg]))[row])
            moves.append(-usd * np.exp((pace * log_at_photo)[swept_photo] - (pace * log[leg])[row]))
        if first + BLOCK >= len(entries.leg) or sum(map(len, places)) > CHUNK:
            moved: np.ndarray = np.bincount(np.concatenate(places), np.concatenate(moves), (n_photos + 1) * width)
            moved = moved.astype(float, copy=False)  # without a single level NumPy counts in integers
            change = moved if change is None else change + moved
            places, moves = [], []
    assert change is not None  # there is at least one entry a leg
    book = change.reshape(n_photos + 1, len(groups), count)[:n_photos]
    kept = np.exp(np.diff(log[photos])[:, None, None] * np.array([[pace] for _, pace in groups]))
    carried = np.empty((len(groups), count))
    for photo in range(1, n_photos):
        np.multiply(book[photo - 1], kept[photo - 1], out=carried)
        book[photo] += carried
    sides = []
    for side in SIDES:
        total = reduce(np.add, [book[:, number] for number, (of, _) in enumerate(groups) if of == side])
        sides.append(total * (total >= DUST))
    return sides[0], sides[1]
