"""The drawn part of a heatmap: which prices, in how many rows, on an even time axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from liq.formatting import epoch_milliseconds
from liq.model.heatmap import Heatmap
from liq.zones.relief import relief, usual_dollars

MAX_ROWS = 280
"""Maximum number of price rows: two pixels each on a chart of common height."""

PAGE_ROWS = 160
"""Maximum number of price rows on the page: with more, a rerun would send more than 150 KB in the long timeframes."""

MAX_COLUMNS = 720
"""Maximum number of bars with a column each; where there are more, each column shows the last of several."""

MAX_GROUPED_COLUMNS = 300
"""Maximum number of columns then: some pixels wide each, so that the view has as many bytes as any other."""

HELD_SHARE = 0.5
"""Share of each side's standing dollars that the fitted range includes."""

MAX_RANGES, MIN_RANGE = 1.5, 0.04
"""Maximum extent of the fitted range beyond the candles, as a multiple of the candles' own range, or this log price,
so that candles stay readable in a window in which little happened."""

MARGIN = 0.006
"""Minimum log price left free beyond the highest and lowest candle."""

NICE = np.array([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])
"""First digits of the colour top."""


@dataclass(frozen=True, eq=False)
class Window:
    """Hold the drawn part of a heatmap.

    start, step : milliseconds since 1970 UTC of the first column's left edge, and of one column.
    edges : (R + 1,) ascending prices, equal ratios; long, short : (C, R) USD, at least one column.
    top : USD at which the colours end, chosen so that refreshing one market does not change it.
    known : (C,) whether anything is known of each column, None for all of them.
    """

    start: float
    step: float
    edges: np.ndarray
    long: np.ndarray
    short: np.ndarray
    top: float
    known: np.ndarray | None = None

    @property
    def total(self) -> np.ndarray:
        """USD of both sides (C, R)."""
        return self.long + self.short

    @property
    def end(self) -> float:
        """Milliseconds since 1970 UTC of the last column's right edge."""
        return self.start + self.step * len(self.long)


def window(heatmap: Heatmap, whole: bool = False, like: Heatmap | None = None, max_rows: int = MAX_ROWS) -> Window:
    """Return the drawn part of a heatmap: the prices that matter, or with `whole` all of them.

    like : heatmap whose prices and colours are used, so that turning tiers off dims the picture instead of rescaling
    it. Rows, at most `max_rows`, are sums of whole buckets; a bar that the source left out repeats the column before
    it. With more bars than MAX_COLUMNS, a column is several bars wide and shows what stood at the end of the last of
    them.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> drawn = window(liq.estimate(simulate("BTC", "12h", now="2026-09-01")))
    >>> drawn.long.shape == (720, len(drawn.edges) - 1)
    True
    """
    like = heatmap if like is None else like
    first, last, size = _rows(like, whole, max_rows)
    start, step, columns = _columns(heatmap)
    drawn = drawn_matrix(heatmap, whole, like, max_rows)
    long, short = drawn(heatmap.long), drawn(heatmap.short)
    total = long + short if like is heatmap else drawn(like.long) + drawn(like.short)
    known = None if heatmap.known.all() else heatmap.known[columns]
    return Window(start, step, heatmap.edges[first : last + 1 : size], long, short, color_top(total), known)


def drawn_matrix(
    heatmap: Heatmap, whole: bool, like: Heatmap, max_rows: int = MAX_ROWS
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that turns photographs (T, B) of a heatmap into drawn cells (C, R), see `window`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> to_cells = drawn_matrix(heatmap, whole=False, like=heatmap)
    >>> bool(np.array_equal(to_cells(heatmap.long), window(heatmap).long))
    True
    """
    first, last, size = _rows(like, whole, max_rows)
    _, _, columns = _columns(heatmap)

    def drawn(matrix: np.ndarray) -> np.ndarray:
        return matrix[:, first:last].reshape(len(matrix), -1, size).sum(axis=2)[columns]

    return drawn


def column_closes(heatmap: Heatmap) -> np.ndarray:
    """Return the price at the end of each drawn column (C,).

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> len(column_closes(liq.estimate(simulate("BTC", "12h", now="2026-09-01"))))
    720
    """
    close: np.ndarray = heatmap.market.candles["close"].reindex(heatmap.times).to_numpy()
    return close[_columns(heatmap)[2]]


def _rows(like: Heatmap, whole: bool, max_rows: int) -> tuple[int, int, int]:
    """Return the first drawn bucket, the one past the last, and the number of buckets in a row."""
    first, last = (0, len(like.edges) - 1) if whole else _fit(like)
    size = -(-(last - first) // max_rows)  # ceiling
    count = -(-(last - first) // size)
    # whole groups only: the range grows by the few buckets that the last group lacks, or loses them
    first = max(0, min(first, len(like.edges) - 1 - count * size))
    count = min(count, (len(like.edges) - 1 - first) // size)
    return first, first + count * size, size


def standing_rows(heatmap: Heatmap, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return longs and shorts that stand at the heatmap's last bar, in the window's rows: USD, (R,) each.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> drawn = window(heatmap)
    >>> bool(np.allclose(standing_rows(heatmap, drawn)[0], drawn.long[-1]))
    True
    """
    starts = np.searchsorted(heatmap.edges, window.edges)
    long, short = (np.add.reduceat(side[-1][: starts[-1]], starts[:-1]) for side in (heatmap.long, heatmap.short))
    return long, short


def color_top(total: np.ndarray) -> float:
    """Return the USD at which the colours end: the 99.5th percentile of cells that hold any, rounded up to NICE
    digits.

    >>> color_top(np.array([0.0, 1.3e6]))
    1500000.0
    """
    nonzero = total[total > 0]
    if not len(nonzero):
        return 1.0
    value = float(np.quantile(nonzero, 0.995))
    scale = 10.0 ** np.floor(np.log10(value))
    return float(NICE[np.searchsorted(NICE, value / scale - 1e-9)] * scale)


def _fit(heatmap: Heatmap) -> tuple[int, int]:
    """Return the buckets (first, past the last) that hold the candles and most of what stands on each side."""
    candles = heatmap.market.visible
    low, high = float(candles["low"].min()) * (1 - MARGIN), float(candles["high"].max()) * (1 + MARGIN)
    max_factor = np.exp(max(MIN_RANGE, MAX_RANGES * np.log(high / low)))
    lowest, highest = low / max_factor, high * max_factor
    for side in (heatmap.long[-1], heatmap.short[-1]):
        if side.sum() > 0:
            share = np.cumsum(side) / side.sum()
            below, above = (1 - HELD_SHARE, 1.0) if side is heatmap.long[-1] else (0.0, HELD_SHARE)
            held_range = heatmap.edges[np.searchsorted(share, [below, min(above, share[-1])])]
            low, high = min(low, float(held_range[0])), max(high, float(held_range[1]))
    first, last = np.searchsorted(heatmap.edges, [max(low, lowest), min(high, highest)])
    return max(0, int(first) - 1), min(len(heatmap.edges) - 1, max(int(last), int(first) + 1))


def _columns(heatmap: Heatmap) -> tuple[float, float, np.ndarray]:
    """Return start and step in milliseconds, and for every even column the photograph that it shows."""
    times = epoch_milliseconds(pd.DatetimeIndex(heatmap.times))
    bar = heatmap.market.bar.total_seconds() * 1000
    step = float(np.median(np.diff(times))) if len(times) > 1 else bar
    count = round((times[-1] - times[0]) / step) + 1
    every, last = grouped_columns(count, MAX_GROUPED_COLUMNS if count > MAX_COLUMNS else count)
    start = times[0] + step * (count - every * len(last))
    return float(start), step * every, np.searchsorted(times, times[0] + step * (last + 0.5)) - 1


def grouped_columns(count: int, max_columns: int) -> tuple[int, np.ndarray]:
    """Return how many of `count` columns make one, and the last of each, for at most so many columns.

    The last group ends with the last column, so the first may reach before the first column.

    >>> grouped_columns(10, 4)
    (3, array([0, 3, 6, 9]))
    """
    size = -(-count // max_columns)  # ceiling
    return size, np.arange(count - 1, -1, -size)[::-1]


def thin_columns(window: Window, max_columns: int) -> Window:
    """Return a window in at most so many columns: several become one, which shows what stood at its end.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> drawn = globals()["window"](liq.estimate(simulate("BTC", "12h", now="2026-09-01")))
    >>> len(thin_columns(drawn, 100).long)
    90
    """
    count = len(window.long)
    size, last = grouped_columns(count, max_columns)
    start = window.start + window.step * (count - size * len(last))
    known = None if window.known is None else window.known[last]
    long, short = window.long[last], window.short[last]
    return replace(window, start=start, step=window.step * size, long=long, short=short, known=known)


def usual_by_side(window: Window, closes: np.ndarray, n_columns: int | None = None) -> dict[str, np.ndarray]:
    """Return by side the dollars that are usual at each distance in rows, see `liq.zones.relief`.

    closes : see `column_closes`; n_columns : how many columns are looked at, the first ones; None is all.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> sorted(usual_by_side(window(heatmap), column_closes(heatmap)))
    ['long', 'short']
    """
    known = slice(n_columns) if window.known is None else np.flatnonzero(window.known[:n_columns])
    nearest = rows_below(window, closes)[known]
    return {
        side: usual_dollars(matrix[known], nearest, side)
        for side, matrix in (("long", window.long), ("short", window.short))
    }


def relief_cells(window: Window, closes: np.ndarray, usual: dict[str, np.ndarray]) -> np.ndarray:
    """Return each cell's dollars as multiples of what is usual at its distance (C, R), see `usual_by_side`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> drawn, closes = window(heatmap), column_closes(heatmap)
    >>> relief_cells(drawn, closes, usual_by_side(drawn, closes)).shape == drawn.long.shape
    True
    """
    nearest = rows_below(window, closes)
    return relief(window.long, nearest, "long", usual["long"]) + relief(
        window.short, nearest, "short", usual["short"]
    )


def rows_below(window: Window, closes: np.ndarray) -> np.ndarray:
    """Return how many rows lie below the price at the end of each column (C,).

    >>> none = np.zeros((1, 2))
    >>> rows_below(Window(0.0, 1.0, np.array([1.0, 2.0, 4.0]), none, none, 1.0), np.array([2.0]))
    array([1])
    """
    return np.searchsorted(np.sqrt(window.edges[:-1] * window.edges[1:]), closes)
