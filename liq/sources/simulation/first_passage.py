"""First-passage times of a price path, used to liquidate simulated positions."""

from __future__ import annotations

import numpy as np


class FirstPassage:
    """Lowest low and highest high of every span of 1, 2, 4 ... minutes of a price path.

    low, high : the minutes' extremes; longest : the maximum length of a query; first : the number of the first of
    these minutes, where they are a part of a path.

    >>> path = FirstPassage(np.array([9.0, 8.0, 5.0, 7.0]), np.array([10.0, 9.0, 8.0, 8.0]), longest=4)
    >>> path.first_exit(np.array([0]), np.array([3]), lower=np.array([6.0]), upper=np.array([11.0]))
    (array([2]), array([ True]))
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, longest: int, first: int = 0) -> None:
        self.first = first
        self.low, self.high = [low], [high]
        for step in range(1, min(longest, len(low)).bit_length()):
            half = 1 << (step - 1)
            self.low.append(np.minimum(self.low[-1][:-half], self.low[-1][half:]))
            self.high.append(np.maximum(self.high[-1][:-half], self.high[-1][half:]))

    def first_exit(
        self, after: np.ndarray, until: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's first minute in (after, until] with low <= lower or high >= upper, else `until`, and
        whether there was one.
        """
        # A binary descent for all rows at once: from the longest span down, a row moves on by a span that it does not
        # leave the corridor in. After the shortest one it stands on its first exit, or on its end.
        order, counts, minute, stop = self._by_span(after, until)
        lower, upper = lower[order], upper[order]
        for step in range(len(self.low) - 1, -1, -1):
            rows = slice(0, counts[step])
            start = minute[rows]
            inside = self.low[step].take(start, mode="clip") > lower[rows]
            inside &= self.high[step].take(start, mode="clip") < upper[rows]
            inside &= start + (1 << step) <= stop[rows]
            start += inside.astype(np.int64) << step
        ended, hit = np.empty(len(minute), until.dtype), np.empty(len(minute), dtype=bool)
        hit[order] = minute < stop
        ended[order] = minute + self.first
        return np.where(hit, ended, until), hit

    def leaves(self, after: np.ndarray, until: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Return whether each row has a minute in (after, until] with low <= lower or high >= upper."""
        order, counts, minute, stop = self._by_span(after, until)
        lower, upper = lower[order], upper[order]
        has_left = np.zeros(len(minute), dtype=bool)
        for step, (begin, end) in enumerate(zip([*counts[1:], 0], counts, strict=True)):
            rows = slice(begin, end)  # two spans of this length cover each row's
            for start in (minute[rows], stop[rows] - (1 << step)):
                has_left[rows] |= (self.low[step][start] <= lower[rows]) | (self.high[step][start] >= upper[rows])
        result = np.empty_like(has_left)
        result[order] = has_left
        return result

    def _by_span(self, after: np.ndarray, until: np.ndarray) -> tuple[np.ndarray, list[int], np.ndarray, np.ndarray]:
        """Return the rows' order from the longest span down, by powers of two; for each power how many are at least
        that long; and in that order where each span begins and stops, counted from `first`."""
        span = np.maximum(until.astype(np.int64) - after, 0)
        power = np.frexp(span)[1].astype(np.int8)  # span < 2 ** size
        order = np.argsort(-power, kind="stable")
        counts = [int(np.count_nonzero(power > step)) for step in range(len(self.low))]
        minute = after[order].astype(np.int64) + (1 - self.first)
        return order, counts, minute, minute + span[order]
