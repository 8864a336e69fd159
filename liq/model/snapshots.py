"""Which snapshot of real positions holds for which bar, where price reached a level, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.formatting import age, whole_percent
from liq.market import Market, as_utc, epoch
from liq.positions import Positions

MAX_AGE = pd.Timedelta(days=1)
"""Time for which a snapshot holds where none follows it: within a day half of the levels that still stand have moved
by 2 % or more (real BTC, ETH and SOL positions of February 2026, docs/positions.md)."""

MIN_SHARE = 0.2
"""Share of open interest from which real positions are shown unasked: a fifth of them, and nothing else, comes closer
to the true book than the estimate (`python -m benchmarks.observed`)."""

MAX_SHARE = 1.1
"""Share of open interest above which it is wrong, or the positions are: accounts are asked some time apart, so that a
little more than all may be seen."""

MAX_LAG = pd.Timedelta(hours=6)
"""Age of the newest snapshot up to which real positions are shown unasked."""

MIN_COVERED = 0.5
"""Share of the window's bars that snapshots must cover for real positions to be shown unasked."""


class SnapshotTimes(NamedTuple):
    """Which bars of a market each snapshot holds for.

    covered : (n,) whether any does; of_row : (R,) number of the snapshot of each row of positions. By snapshot (K,):
    first, last : bars from which to before which it holds; begins : the first bar that opens at it or later; until :
    the bar before which price is followed, that of the next snapshot included. opens, ends : (n,) of each bar, ms.
    """

    covered: np.ndarray
    of_row: np.ndarray
    first: np.ndarray
    last: np.ndarray
    begins: np.ndarray
    until: np.ndarray
    opens: np.ndarray
    ends: np.ndarray


def snapshot_times(market: Market, positions: Positions) -> SnapshotTimes:
    """Return which bars each snapshot holds for: those that end after it, until the next one, for MAX_AGE at most.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> bool(snapshot_times(market, simulated_positions(market)).covered[-1])
    True
    """
    opens = epoch(market.times, "ms")
    ends = opens + np.rint(market.hours() * 3.6e6).astype(np.int64)
    of = epoch(positions.rows["time"], "ms")
    is_new = np.diff(of, prepend=of[:1] - 1) > 0
    snapshots = of[is_new]
    held = snapshots + int(MAX_AGE.total_seconds() * 1000)
    first = np.searchsorted(ends, snapshots)
    last = np.minimum(np.append(first[1:], len(ends)), np.searchsorted(ends, held, side="right"))
    begins = np.searchsorted(opens, snapshots)
    until = np.minimum(np.append(begins[1:], len(opens)), np.searchsorted(opens, held))
    starts = np.zeros(len(ends) + 1, dtype=np.int64)
    filled = last > first
    np.add.at(starts, first[filled], 1)
    np.add.at(starts, last[filled], -1)
    return SnapshotTimes(
        np.cumsum(starts)[:-1] > 0, np.cumsum(is_new) - 1, first, np.maximum(last, first), begins, until, opens, ends
    )


def first_reached(extreme: np.ndarray, level: np.ndarray, start: np.ndarray, until: np.ndarray) -> np.ndarray:
    """Return the first bar from `start` to before `until` whose low is at or below the level, else `until`.

    extreme : (n,) lows; for highs give everything with the sign turned. level, start, until : (N,).

    >>> first_reached(np.array([5.0, 3.0, 4.0]), np.array([3.5, 2.0]), np.array([0, 0]), np.array([3, 3])).tolist()
    [1, 3]
    """
    # The lowest low of every run of 1, 2, 4, ... bars: from the longest to the shortest, a run that does not reach
    # the level is skipped. So a bar is found in as many steps as the number of bars has binary digits.
    span = int(max((until - start).max(initial=0), 1))
    runs = [extreme]
    while 2 ** len(runs) <= span:
        half = 2 ** (len(runs) - 1)
        runs.append(np.minimum(runs[-1][:-half], runs[-1][half:]))
    at = np.array(start)
    for power in range(len(runs) - 1, -1, -1):
        size, lows = 2**power, runs[power]
        skips = at + size <= until
        skips[skips] = lows[at[skips]] > level[skips]
        at[skips] += size
    return np.minimum(at, until)


def share_seen(market: Market, positions: Positions, moment: pd.Timestamp | None = None) -> float:
    """Return the share of open interest that the snapshot of a moment (default the last) holds; NaN where unknown.

    Open interest is the venue's at the snapshot, or the market's own where it is of the same venue.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> 0 < share_seen(market, simulated_positions(market)) < 1
    True
    """
    stated = positions.share_seen(market.base, moment)
    interest = market.open_interest
    if np.isfinite(stated) or interest is None or positions.source != market.source:
        return stated
    rows = positions.snapshot(market.base, moment)
    known = interest.dropna()
    if not len(rows) or known.empty:
        return float("nan")
    at = int(np.searchsorted(epoch(known.index, "ms"), epoch(rows["time"].iloc[:1], "ms")[0]))
    total = float(known.iloc[max(at - 1, 0)])
    return float(rows["coins"].sum()) / 2 / total if total > 0 else float("nan")


@dataclass(frozen=True)
class Coverage:
    """Hold whether real positions cover a market's window well enough to be shown unasked.

    share : of open interest that the newest snapshot holds, NaN where unknown; lag : its age at the end of the
    window, None where none is of the window; covered : share of the window's bars that a snapshot covers; same_venue.

    >>> Coverage(0.5, pd.Timedelta("1h"), 0.9, True).is_enough
    True
    """

    share: float
    lag: pd.Timedelta | None
    covered: float
    same_venue: bool

    @property
    def lacks(self) -> str:
        """What is missing, as the end of a sentence; empty where nothing is."""
        if self.lag is None:
            return "no snapshot is of this window"
        if not self.same_venue:
            return "they are of another venue than the candles"
        if not np.isfinite(self.share):
            return "their share of open interest is unknown"
        if self.share < MIN_SHARE:
            return f"they are {whole_percent(self.share)} of open interest, under {whole_percent(MIN_SHARE)}"
        if self.share > MAX_SHARE:
            return "they are more than all of open interest, so one of the two is wrong"
        if self.lag > MAX_LAG:
            return f"the newest snapshot is {age(pd.Timestamp(0), pd.Timestamp(0) + self.lag)} old, over 6 hours"
        if self.covered < MIN_COVERED:
            return f"they cover {whole_percent(self.covered)} of this window, under {whole_percent(MIN_COVERED)}"
        return ""

    @property
    def is_enough(self) -> bool:
        """Whether nothing is missing."""
        return not self.lacks


def coverage(market: Market, positions: Positions) -> Coverage:
    """Return how well snapshots of positions cover a market's window.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> coverage(market, simulated_positions(market)).same_venue
    True
    """
    times = snapshot_times(market, positions)
    end = as_utc(market.as_of, "as_of")
    newest = positions.time_before(end + market.bar)
    covered = float(times.covered[market.times >= market.start].mean())
    same_venue = positions.source == market.source and not market.parts
    if newest is None or covered == 0:
        return Coverage(float("nan"), None, covered, same_venue)
    lag = max(end - newest, pd.Timedelta(0))
    return Coverage(share_seen(market, positions, newest), lag, covered, same_venue)
