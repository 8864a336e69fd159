"""Bring an estimate and what really happened onto the same bars, and the sums that compare them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market
from liq.market_checks import check_liquidations

FLOOR = 10_000.0
"""USD per hour and side below which dollars are not told apart: a few small positions, and the feeds' own gaps."""

CALM = 1e-3
"""Added to a bar's excursion before its logarithm is taken, so that a bar without one stays finite."""

FILLING = 6
"""One part in so many of the earlier bars is left out of every fit: the book is still filling up."""


class AlignedBars(NamedTuple):
    """The bars that an estimate and realised liquidations share.

    times : (N,) open times; hours : length of one; rows : (n,) which shared bar each candle falls into, -1 for
    none; names : what is compared, ("long", "short"), or ("total",) where the source does not tell sides apart;
    realised : (N, S) USD of each; excursion : (N, 2) log distance from the open to the low (what takes longs)
    and to the high; volume : (N,) coins.
    """

    times: pd.DatetimeIndex
    hours: float
    rows: np.ndarray
    names: tuple[str, ...]
    realised: np.ndarray
    excursion: np.ndarray
    volume: np.ndarray

    def add_up(self, values: np.ndarray) -> np.ndarray:
        """Sum a per-candle array (n,) or (n, K) over the shared bars, (N,) or (N, K)."""
        inside = self.rows >= 0
        total = np.zeros((len(self.times), *values.shape[1:]))
        np.add.at(total, self.rows[inside], values[inside])
        return total

    def add_up_sides(self, long: np.ndarray, short: np.ndarray) -> np.ndarray:
        """Sum both sides' per-candle arrays (n,) or (n, K) to what is compared, (N, S) or (N, S, K)."""
        sides = np.stack([self.add_up(long), self.add_up(short)], axis=1)
        return sides if self.names == SIDES else sides.sum(axis=1, keepdims=True)


def align(market: Market, liquidations: pd.DataFrame) -> AlignedBars:
    """Return the bars on which the market's candles and the realised liquidations can be compared.

    The coarser of the two sets the resolution, coarse warm-up candles included. A bar counts only if both
    cover all of it: a bar in which nobody was listening (missing or NaN) is left out, not taken for zero, and so
    is one that is still forming. Where no bar tells sides apart, their ``total`` is what is compared. Raises
    InputError if no bar is left.
    """
    liquidations = check_liquidations(liquidations)
    starts, lengths = _seconds(market.times), 3600 * market.hours()
    heard, spans = _seconds(liquidations.index), lengths
    if not np.array_equal(starts, heard):
        spans = np.full(len(heard), float(np.median(np.diff(heard))) if len(heard) > 1 else 3600.0)
    # A hole in the candles looks like one long bar; a handful of them must not set the resolution.
    usual = (float(np.quantile(values, 0.95, method="lower")) for values in (lengths, spans))
    coarse, fine = usual
    length = max(coarse, fine)
    base = (heard[0] if fine >= coarse else starts[0]) % length
    first = np.floor((min(starts[0], heard[0]) - base) / length)
    names: tuple[str, ...] = SIDES
    if "total" in liquidations and not liquidations[list(SIDES)].notna().all(axis=1).any():
        names = ("total",)
    known = liquidations[list(names)].notna().all(axis=1).to_numpy()
    rows = _bin(starts, lengths, base, length) - first
    if market.forming:
        rows[-1] = -np.inf
    real_rows = np.where(known, _bin(heard, spans, base, length) - first, -1)
    rows, real_rows = (np.where(part >= 0, part, -1).astype(np.int64) for part in (rows, real_rows))
    count = int(max(rows.max(), real_rows.max())) + 1
    whole = np.ones(count, bool)
    for part, covers in ((rows, lengths), (real_rows, spans)):
        whole &= np.bincount(part[part >= 0], covers[part >= 0], count) >= length - 1
    if not whole.any():
        raise InputError("liquidations and candles share no bar that both cover in full.")
    number = np.append(np.where(whole, np.cumsum(whole) - 1, -1), -1)
    rows, real_rows = number[rows], number[real_rows]
    used = real_rows >= 0
    realised = np.zeros((int(whole.sum()), len(names)))
    np.add.at(realised, real_rows[used], liquidations[list(names)].to_numpy()[used])
    excursion, volume = _moves(market, rows)
    times = pd.to_datetime(base + (first + np.flatnonzero(whole)) * length, unit="s", utc=True)
    return AlignedBars(pd.DatetimeIndex(times), length / 3600, rows, names, realised, excursion, volume)


def _bin(starts: np.ndarray, lengths: np.ndarray, base: float, length: float) -> np.ndarray:
    """Return the number of the bar of `length` that each span lies wholly inside; minus infinity for none."""
    number = np.floor((starts - base) / length)
    return np.where(starts + lengths <= base + (number + 1) * length + 1, number, -np.inf)


def _moves(market: Market, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each shared bar's excursion (N, 2) and volume (N,)."""
    used = rows >= 0
    candles = market.candles[used].groupby(rows[used])
    first, low, high = candles["open"].first(), candles["low"].min(), candles["high"].max()
    excursion = np.log(np.stack([first / low, high / first], axis=1))
    return excursion, candles["volume"].sum().to_numpy()


def _seconds(index: pd.Index) -> np.ndarray:
    return pd.DatetimeIndex(index).as_unit("ms").asi8 / 1000.0


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


def baseline_columns(bars: AlignedBars) -> np.ndarray:
    """Return the honest rival's regressors (N, S, 3): a constant, log excursion and log volume, per side.

    Range and volume alone, no model of positions. The range is the side's own excursion from the bar's open,
    which makes a stronger rival than high over low. Where only the total is known, both excursions are given,
    (N, 1, 4).
    """
    n, count = bars.realised.shape
    reach = np.log(bars.excursion + CALM)
    volume = np.repeat(np.log(np.maximum(bars.volume, 1e-12))[:, None], count, axis=1)
    ranges = [reach] if bars.names == SIDES else [reach[:, :1], reach[:, 1:]]
    return np.stack([np.ones((n, count)), *ranges, volume], axis=2)


def regress(columns: np.ndarray, target: np.ndarray, fit: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Fit least squares on the bars `fit` and return the prediction on the bars `score`, sides as given."""
    width = columns.shape[-1]
    solution = np.linalg.lstsq(columns[fit].reshape(-1, width), target[fit].ravel(), rcond=None)[0]
    return columns[score] @ solution
