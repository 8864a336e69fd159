"""Liquidation prices of real positions in snapshots: when each stands, when price reaches it, and sums over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import SIDES, Market, epoch
from liq.model.grid import lattice
from liq.model.snapshots import SnapshotTimes, first_reached
from liq.positions import Positions

MAX_LEVERAGE = 125.0
"""Effective leverage of a level nearer to its entry than any venue's highest tier, or on its wrong side, as a cross
account's may be."""

CENTS = 100.0
"""Dollars are summed in whole cents: whole numbers add up and cancel without rounding."""


class Levels(NamedTuple):
    """Liquidation prices of positions in snapshots, one a position and snapshot; arrays (N,).

    row : of `Positions.rows`; short : whether it is a short; price; usd : coins at that price; leverage : effective,
    entry over the distance from entry to the price; first, end : photographed bars from which to before which it
    stands; swept : the bar in which price reached it, the number of bars where none did in its snapshot's time.
    """

    row: np.ndarray
    short: np.ndarray
    price: np.ndarray
    usd: np.ndarray
    leverage: np.ndarray
    first: np.ndarray
    end: np.ndarray
    swept: np.ndarray

    def only(self, chosen: np.ndarray) -> Levels:
        """Return the chosen ones, a mask or rows."""
        return Levels(*(column[chosen] for column in self))


def photographs(levels: Levels, edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what stands at each of `count` photographed bars, USD (T, B), longs and shorts.

    >>> one = np.array([0])
    >>> levels = Levels(one, one > 0, one + 1.5, one + 9.0, one + 5.0, one, one + 2, one)
    >>> photographs(levels, np.array([1.0, 2.0]), 3)[0].ravel().tolist()
    [9.0, 9.0, 0.0]
    """
    buckets = len(edges) - 1
    bucket, cents = bucket_of(levels.price, edges), np.rint(levels.usd * CENTS)
    sides = []
    for mine in (~levels.short, levels.short):
        began = np.bincount(levels.first[mine] * buckets + bucket[mine], cents[mine], (count + 1) * buckets)
        ended = np.bincount(levels.end[mine] * buckets + bucket[mine], cents[mine], (count + 1) * buckets)
        sides.append(np.cumsum((began - ended).reshape(count + 1, buckets)[:count], axis=0) / CENTS)
    return sides[0], sides[1]


def swept_by_bar(levels: Levels, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Return USD whose level price reached in each bar, columns ``long short``.

    >>> one = np.array([0])
    >>> levels = Levels(one, one > 0, one + 1.5, one + 9.0, one + 5.0, one, one + 2, one)
    >>> swept_by_bar(levels, pd.date_range("2026-01-01", periods=2, freq="1h"))["long"].tolist()
    [9.0, 0.0]
    """
    n = len(index)
    taken = levels.only(levels.swept < n)
    sums = {
        side: np.bincount(taken.swept[mine], taken.usd[mine], n)
        for side, mine in zip(SIDES, (~taken.short, taken.short), strict=True)
    }
    return pd.DataFrame(sums, index=index)


def bucket_of(price: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the bucket of each price, which lies inside the edges.

    >>> bucket_of(np.array([1.5, 2.0]), np.array([1.0, 2.0, 4.0])).tolist()
    [0, 1]
    """
    even = lattice(edges)
    if even is None:
        return np.clip(np.searchsorted(edges, price, side="right") - 1, 0, len(edges) - 2)
    bottom, step = even
    return np.clip(np.floor((np.log(price) - bottom) / step), 0, len(edges) - 2).astype(np.int64)


def levels_in(
    market: Market, positions: Positions, times: SnapshotTimes, photos: np.ndarray, edges: np.ndarray
) -> Levels:
    """Return the levels inside the edges of every snapshot that holds for a bar of the market.

    times : see `liq.model.snapshots.snapshot_times`; photos : rows of the photographed bars.

    >>> from liq.model.grid import drawn_edges, photo_bars
    >>> from liq.model.snapshots import snapshot_times
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> positions = simulated_positions(market)
    >>> times = snapshot_times(market, positions)
    >>> levels = levels_in(market, positions, times, photo_bars(market, None), drawn_edges(market))
    >>> bool((levels.end >= levels.first).all())
    True
    """
    rows = positions.rows
    level = rows["liquidation_price"].to_numpy()
    row = np.flatnonzero((level >= edges[0]) & (level < edges[-1]))
    row = row[np.isin(times.of_row[row], np.flatnonzero(times.last > times.first))]
    row = row[(rows["coin"] == market.base).to_numpy()[row]]
    snapshot, price = times.of_row[row], level[row]
    short = (rows["side"] == "short").to_numpy()[row]
    entry = rows["entry"].to_numpy()[row]
    answered = epoch(rows["answered"].iloc[row], "ms")
    start = np.searchsorted(times.opens, answered)
    during = np.append(times.ends, 0)[start - 1] > answered  # whether the bar before was under way
    swept = _first_sweep(market, price, short, start, during, times.until[snapshot])
    first, last = (np.searchsorted(photos, bar[snapshot]) for bar in (times.first, times.last))
    end = np.minimum(last, np.searchsorted(photos, swept))
    # what price reached between an answer and its snapshot, or while the account was asked, never stood in this one
    swept = np.where(swept >= times.begins[snapshot], swept, len(market.candles))
    with np.errstate(divide="ignore"):
        distance = np.where(short, price - entry, entry - price) / entry
        leverage = np.where(distance > 0, np.minimum(1 / distance, MAX_LEVERAGE), MAX_LEVERAGE)
    levels = Levels(row, short, price, rows["coins"].to_numpy()[row] * price, leverage, first, end, swept)
    return levels.only((end > first) | (swept < len(market.candles)))


def _first_sweep(
    market: Market, price: np.ndarray, short: np.ndarray, start: np.ndarray, during: np.ndarray, until: np.ndarray
) -> np.ndarray:
    """Return the bar in which price first reached each level; the number of bars where none before `until` did.

    start : the first bar that opened after the level was known; during : whether it became known during the bar
    before, of which only the close counts.
    """
    n = len(market.candles)
    swept = np.full(len(price), n)
    close = market.candles["close"].to_numpy()
    for mine, name, sign in ((~short, "low", 1.0), (short, "high", -1.0)):
        extreme = sign * market.candles[name].to_numpy()
        # most levels lie where price never came: they need no search
        near = np.flatnonzero(mine & (sign * price >= extreme.min()))
        level, begin, stop = sign * price[near], start[near], np.maximum(until[near], start[near])
        found = first_reached(extreme, level, begin, stop)
        found = np.where(found < stop, found, n)
        before = np.maximum(begin - 1, 0)
        passed = during[near] & (sign * close[before] <= level)
        swept[near] = np.where(passed, before, found)
    return swept
