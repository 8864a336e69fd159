"""Bring an estimate and what really happened onto the same bars, and the sums that compare them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market, check_liquidations

FLOOR = 10_000.0
"""USD per hour and side below which dollars are not told apart: a few small positions, and the feeds' own gaps."""

CALM = 1e-3
"""Added to a bar's excursion before its logarithm is taken, so that a bar without one stays finite."""

FILLING = 6
"""One part in so many of the earlier bars is left out of every fit: the book is still filling up."""


class Bars(NamedTuple):
    """The bars that an estimate and realised liquidations share.

    times : (N,) open times; hours : length of one; rows : (n,) which shared bar each candle falls into, -1 for
    none; realised : (N, 2) USD long and short; excursion : (N, 2) log distance from the open to the low (what
    takes longs) and to the high; volume : (N,) coins.
    """

    times: pd.DatetimeIndex
    hours: float
    rows: np.ndarray
    realised: np.ndarray
    excursion: np.ndarray
    volume: np.ndarray

    def add_up(self, values: np.ndarray) -> np.ndarray:
        """Sum a per-candle array (n,) or (n, K) over the shared bars, (N,) or (N, K)."""
        inside = self.rows >= 0
        total = np.zeros((len(self.times), *values.shape[1:]))
        np.add.at(total, self.rows[inside], values[inside])
        return total


def align(market: Market, liquidations: pd.DataFrame) -> Bars:
    """Return the bars on which the market's candles and the realised liquidations can be compared.

    The coarser of the two sets the resolution. A bar counts only if both cover all of it: a bar in which
    nobody was listening (missing or NaN) is left out, not taken for zero. Raises InputError if none is left.
    """
    liquidations = check_liquidations(liquidations)
    starts, ends = _spans(market.candles.index, market.hours())
    spacing = np.diff(_seconds(liquidations.index))
    length = float(np.median(spacing)) if len(spacing) else 3600.0
    real_starts = _seconds(liquidations.index)
    known = liquidations.notna().all(axis=1).to_numpy()
    coarse = float(np.median(ends - starts)) > length
    if coarse:
        bin_starts, bin_ends = starts, ends
    else:
        bin_starts, bin_ends = real_starts, real_starts + length
    rows, covered = _fall(starts, ends, bin_starts, bin_ends)
    real_rows, heard = _fall(real_starts, real_starts + length, bin_starts, bin_ends, known)
    whole = (covered >= bin_ends - bin_starts - 1) & (heard >= bin_ends - bin_starts - 1)
    if not whole.any():
        raise InputError("liquidations and candles share no bar that both cover in full.")
    number = np.where(whole, np.cumsum(whole) - 1, -1)
    rows = np.where(rows >= 0, number[rows], -1)
    real_rows = np.where(real_rows >= 0, number[real_rows], -1)
    count = int(whole.sum())
    realised = np.zeros((count, 2))
    used = real_rows >= 0
    np.add.at(realised, real_rows[used], liquidations[list(SIDES)].to_numpy()[used])
    excursion, volume = _moves(market, rows, count)
    times = pd.to_datetime(bin_starts[whole], unit="s", utc=True)
    hours = float(np.median((bin_ends - bin_starts)[whole])) / 3600
    return Bars(times, hours, rows, realised, excursion, volume)


def _moves(market: Market, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each shared bar's excursion (N, 2) and volume (N,)."""
    used = rows >= 0
    candles = market.candles[used].groupby(rows[used])
    first, low, high = candles["open"].first(), candles["low"].min(), candles["high"].max()
    excursion = np.log(np.stack([first / low, high / first], axis=1))
    return excursion, candles["volume"].sum().to_numpy()


def _seconds(index: pd.Index) -> np.ndarray:
    return pd.DatetimeIndex(index).as_unit("ms").asi8 / 1000.0


def _spans(index: pd.Index, hours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = _seconds(index)
    return starts, starts + hours * 3600


def _fall(
    starts: np.ndarray,
    ends: np.ndarray,
    bin_starts: np.ndarray,
    bin_ends: np.ndarray,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which bin each span lies wholly inside, -1 for none, and the seconds covered of every bin."""
    rows = np.searchsorted(bin_starts, starts, side="right") - 1
    inside = (rows >= 0) & (ends <= bin_ends[rows] + 1)
    if known is not None:
        inside &= known
    rows = np.where(inside, rows, -1)
    return rows, np.bincount(rows[inside], (ends - starts)[inside], len(bin_starts))


def log_dollars(usd: np.ndarray, floor: float) -> np.ndarray:
    """Return log10 of USD plus the floor (USD), so that what lies far below it makes no difference."""
    return np.log10(usd + floor)


def r_squared(actual: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of variance explained, as printed: nothing is rescaled; NaN where nothing varies.

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    1.0
    """
    spread = float(((actual - actual.mean()) ** 2).sum())
    return 1.0 - float(((actual - predicted) ** 2).sum()) / spread if spread > 0 else float("nan")


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Return the rank correlation, ties sharing their mean rank; NaN where one of them does not vary.

    >>> spearman(np.array([1.0, 2.0, 9.0]), np.array([10.0, 20.0, 30.0]))
    1.0
    """
    ranks = pd.DataFrame({"a": a, "b": b}).rank().to_numpy()
    ranks = ranks - ranks.mean(axis=0)
    size = float(np.sqrt((ranks**2).sum(axis=0).prod()))
    return float((ranks[:, 0] * ranks[:, 1]).sum()) / size if size > 0 else float("nan")


def baseline_columns(bars: Bars) -> np.ndarray:
    """Return the honest rival's regressors (N, 2, 3): a constant, log excursion and log volume, per side.

    Range and volume alone, no model of positions. The range is the side's own excursion from the bar's open,
    which makes a stronger rival than high over low.
    """
    n = len(bars.times)
    volume = np.log(np.maximum(bars.volume, 1e-12))
    columns = np.stack(
        [np.ones((n, 2)), np.log(bars.excursion + CALM), np.repeat(volume[:, None], 2, axis=1)], axis=2
    )
    return columns


def regress(columns: np.ndarray, target: np.ndarray, fit: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Fit least squares on the bars `fit` and return the prediction on the bars `score`, (S, 2)."""
    width = columns.shape[-1]
    solution = np.linalg.lstsq(columns[fit].reshape(-1, width), target[fit].ravel(), rcond=None)[0]
    return columns[score] @ solution
