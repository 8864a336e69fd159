"""The part of a heatmap that is drawn: which prices matter, in how many rows, on an even time axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.formatting import epoch_milliseconds
from liq.model.heatmap import Heatmap

ROWS = 280
"""Most price rows of the picture: two pixels each on a chart of common height."""

COLUMNS = 720
"""Most bars that get a column each; where there are more, each column shows the last of several."""

HALF = 300
"""Most columns then: some pixels wide each, and the view still travels in as many bytes as any other."""

HELD = 0.5
"""Share of each side's standing dollars that the fitted range reaches out to hold."""

SPANS, LEAST = 1.5, 0.04
"""The fitted range goes no further beyond the candles than this many times their own range, or this log price, so
that candles stay readable in a window in which little happened."""

MARGIN = 0.006
"""Log price left free beyond the highest and lowest candle, at least."""

NICE = np.array([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])


@dataclass(frozen=True, eq=False)
class Window:
    """Hold what is drawn of a heatmap.

    start, step : milliseconds since 1970 UTC of the first column's left edge, and of one column.
    edges : (R + 1,) ascending prices, equal ratios; long, short : (C, R) USD, at least one column.
    top : USD at which the colours end, chosen so that refreshing one market does not move it.
    """

    start: float
    step: float
    edges: np.ndarray
    long: np.ndarray
    short: np.ndarray
    top: float

    @property
    def total(self) -> np.ndarray:
        """USD of both sides (C, R)."""
        return self.long + self.short

    @property
    def end(self) -> float:
        """Milliseconds since 1970 UTC of the last column's right edge."""
        return self.start + self.step * len(self.long)


def window(heatmap: Heatmap, whole: bool = False, like: Heatmap | None = None) -> Window:
    """Return the drawn part of a heatmap: the prices that matter, or with `whole` all of them.

    like : heatmap whose prices and colours are taken over, so that turning tiers off dims the picture
        instead of rescaling it. Rows are sums of whole buckets; a bar that the source left out repeats
        the column before it, as nothing is known to have changed. With more bars than COLUMNS, a column
    is several bars wide and shows what stood at the end of the last of them.
    """
    like = heatmap if like is None else like
    first, last, size = _rows(like, whole)
    start, step, _ = _columns(heatmap)
    drawn = drawn_matrix(heatmap, whole, like)
    long, short = drawn(heatmap.long), drawn(heatmap.short)
    total = long + short if like is heatmap else drawn(like.long) + drawn(like.short)
    return Window(start, step, heatmap.edges[first : last + 1 : size], long, short, color_top(total))


def drawn_matrix(heatmap: Heatmap, whole: bool, like: Heatmap) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns photographs (T, B) of a heatmap into what is drawn of them (C, R), see `window`."""
    first, last, size = _rows(like, whole)
    _, _, columns = _columns(heatmap)

    def drawn(matrix: np.ndarray) -> np.ndarray:
        return matrix[:, first:last].reshape(len(matrix), -1, size).sum(axis=2)[columns]

    return drawn


def column_closes(heatmap: Heatmap) -> np.ndarray:
    """Return the price at the end of each drawn column (C,)."""
    close: np.ndarray = heatmap.market.candles["close"].reindex(heatmap.times).to_numpy()
    return close[_columns(heatmap)[2]]


def _rows(like: Heatmap, whole: bool) -> tuple[int, int, int]:
    """Return the first bucket that is drawn, the one past the last, and how many make a row."""
    first, last = (0, len(like.edges) - 1) if whole else _fit(like)
    size = -(-(last - first) // ROWS)  # ceiling
    count = -(-(last - first) // size)
    # whole groups only: the range grows by the few buckets that the last group lacks, or loses them
    first = max(0, min(first, len(like.edges) - 1 - count * size))
    count = min(count, (len(like.edges) - 1 - first) // size)
    return first, first + count * size, size


def standing_rows(heatmap: Heatmap, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return longs and shorts that stand at the heatmap's last bar, in the window's rows: USD, (R,) each."""
    starts = np.searchsorted(heatmap.edges, window.edges)
    long, short = (np.add.reduceat(side[-1][: starts[-1]], starts[:-1]) for side in (heatmap.long, heatmap.short))
    return long, short


def color_top(total: np.ndarray) -> float:
    """Return the USD at which the colours end: the 99.5th percentile of cells that hold any, rounded up."""
    held = total[total > 0]
    if not len(held):
        return 1.0
    value = float(np.quantile(held, 0.995))
    scale = 10.0 ** np.floor(np.log10(value))
    return float(NICE[np.searchsorted(NICE, value / scale - 1e-9)] * scale)


def _fit(heatmap: Heatmap) -> tuple[int, int]:
    """Return the buckets (first, past the last) that hold the candles and most of what stands on each side."""
    candles = heatmap.market.visible
    low, high = float(candles["low"].min()) * (1 - MARGIN), float(candles["high"].max()) * (1 + MARGIN)
    beyond = np.exp(max(LEAST, SPANS * np.log(high / low)))
    lowest, highest = low / beyond, high * beyond
    for side in (heatmap.long[-1], heatmap.short[-1]):
        if side.sum() > 0:
            share = np.cumsum(side) / side.sum()
            below, above = (1 - HELD, 1.0) if side is heatmap.long[-1] else (0.0, HELD)
            reach = heatmap.edges[np.searchsorted(share, [below, min(above, share[-1])])]
            low, high = min(low, float(reach[0])), max(high, float(reach[1]))
    first, last = np.searchsorted(heatmap.edges, [max(low, lowest), min(high, highest)])
    return max(0, int(first) - 1), min(len(heatmap.edges) - 1, max(int(last), int(first) + 1))


def _columns(heatmap: Heatmap) -> tuple[float, float, np.ndarray]:
    """Return start and step in milliseconds, and for every even column the photograph that it shows."""
    times = epoch_milliseconds(pd.DatetimeIndex(heatmap.times))
    bar = heatmap.market.bar.total_seconds() * 1000
    step = float(np.median(np.diff(times))) if len(times) > 1 else bar
    count = round((times[-1] - times[0]) / step) + 1
    every = (
        -(-count // HALF) if count > COLUMNS else 1
    )  # ceiling; columns end with the last bar, so the first may reach before the window
    ends = times[0] + step * (np.arange(count - 1, -1, -every)[::-1] + 0.5)
    start = times[0] + step * (count - every * len(ends))
    return float(start), step * every, np.searchsorted(times, ends) - 1
