"""When a price path first leaves a corridor: the arithmetic under the fate of every simulated position."""

from __future__ import annotations

import numpy as np


class FirstPassage:
    """Lowest low and highest high of every stretch of 1, 2, 4 ... minutes of a price path.

    low, high : the minutes' extremes; longest : the most minutes that anybody will ask for at once; first : the
    number of the first of these minutes, where they are a part of a path.
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
        """Return each row's first minute in (after, until] with low <= lower or high >= upper, else `until`,
        and whether there was one; the clear stretch before it is put together from the longest part down."""
        order, counts, at, stop = self._by_span(after, until)
        lower, upper = lower[order], upper[order]
        for step in range(len(self.low) - 1, -1, -1):
            rows = slice(0, counts[step])
            here = at[rows]
            clear = self.low[step].take(here, mode="clip") > lower[rows]
            clear &= self.high[step].take(here, mode="clip") < upper[rows]
            clear &= here + (1 << step) <= stop[rows]
            here += clear.astype(np.int64) << step
        ended, hit = np.empty(len(at), until.dtype), np.empty(len(at), dtype=bool)
        hit[order] = at < stop
        ended[order] = at + self.first
        return np.where(hit, ended, until), hit

    def leaves(self, after: np.ndarray, until: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Return whether each row has a minute in (after, until] with low <= lower or high >= upper."""
        order, counts, at, stop = self._by_span(after, until)
        lower, upper = lower[order], upper[order]
        left = np.zeros(len(at), dtype=bool)
        for step, (begin, end) in enumerate(zip([*counts[1:], 0], counts, strict=True)):
            rows = slice(begin, end)  # two stretches of this length cover theirs
            for place in (at[rows], stop[rows] - (1 << step)):
                left[rows] |= (self.low[step][place] <= lower[rows]) | (self.high[step][place] >= upper[rows])
        result = np.empty_like(left)
        result[order] = left
        return result

    def _by_span(self, after: np.ndarray, until: np.ndarray) -> tuple[np.ndarray, list[int], np.ndarray, np.ndarray]:
        """Return the rows' order from the longest span down, by powers of two; for each power how many are at least
        that long; and in that order where each span begins and stops, counted from `first`."""
        span = np.maximum(until.astype(np.int64) - after, 0)
        size = np.frexp(span)[1].astype(np.int8)  # span < 2 ** size
        order = np.argsort(-size, kind="stable")
        counts = [int(np.count_nonzero(size > step)) for step in range(len(self.low))]
        at = after[order].astype(np.int64) + (1 - self.first)
        return order, counts, at, at + span[order]
