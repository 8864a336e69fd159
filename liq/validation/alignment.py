"""Alignment of an estimate with realised liquidations on common bars, and the statistics that compare them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market
from liq.market_checks import check_liquidations

FLOOR = 10_000.0
"""USD per hour and side below which differences do not count: a few small positions, and the feeds' own gaps."""

EXCURSION_OFFSET = 1e-3
"""Added to a bar's excursion before its logarithm is taken, so that a bar without one stays finite."""

FILL_DIVISOR = 6
"""One part in so many of the earlier bars is left out of every fit, while the standing book is incomplete."""


class AlignedBars(NamedTuple):
    """Hold the bars that an estimate and realised liquidations share.

    times : (N,) open times; hours : length of one; rows : (n,) the shared bar that each candle falls into, -1 for
    none; names : what is compared, ("long", "short"), or ("total",) where the source reports no sides;
    realised : (N, S) USD of each; excursion : (N, 2) log distance from the open to the low (which sweeps longs)
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

    The coarser of the two sets the resolution, where both are: coarse warm-up candles count if there are liquidations
    of their time. A bar counts only if both
    cover all of it: a bar that was not recorded (missing or NaN) is left out, not taken for zero, and so
    is one that is still forming. Where no bar has sides, their ``total`` is compared. Raises
    InputError if no bar is left.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> align(market, market.liquidations).names
    ('long', 'short')
    """
    liquidations = check_liquidations(liquidations)
    starts, lengths = _seconds(market.times), 3600 * market.hours()
    real_starts, real_lengths = _seconds(liquidations.index), lengths
    if not np.array_equal(starts, real_starts):
        real_lengths = np.full(
            len(real_starts), float(np.median(np.diff(real_starts))) if len(real_starts) > 1 else 3600.0
        )
    known = (starts + lengths > real_starts[0]) & (starts < real_starts[-1] + real_lengths[-1])
    # A gap in the candles looks like one long bar, since each lasts until the next opens; a handful of gaps must not
    # set the resolution, so the length is a high quantile and not the maximum.
    shared = lengths[known] if known.any() else lengths
    typical = (float(np.quantile(values, 0.95, method="lower")) for values in (shared, real_lengths))
    candle_length, real_length = typical
    length = max(candle_length, real_length)
    base = (real_starts[0] if real_length >= candle_length else starts[0]) % length
    first_bin = np.floor((min(starts[0], real_starts[0]) - base) / length)
    names: tuple[str, ...] = SIDES
    if "total" in liquidations and not liquidations[list(SIDES)].notna().all(axis=1).any():
        names = ("total",)
    is_known = liquidations[list(names)].notna().all(axis=1).to_numpy()
    rows = _bin(starts, lengths, base, length) - first_bin
    if market.forming:
        rows[-1] = -np.inf
    real_rows = np.where(is_known, _bin(real_starts, real_lengths, base, length) - first_bin, -1)
    rows, real_rows = (np.where(part_rows >= 0, part_rows, -1).astype(np.int64) for part_rows in (rows, real_rows))
    count = int(max(rows.max(), real_rows.max())) + 1
    is_whole = np.ones(count, bool)
    for part_rows, part_lengths in ((rows, lengths), (real_rows, real_lengths)):
        is_whole &= np.bincount(part_rows[part_rows >= 0], part_lengths[part_rows >= 0], count) >= length - 1
    if not is_whole.any():
        raise InputError("liquidations and candles share no bar that both cover in full.")
    new_row = np.append(np.where(is_whole, np.cumsum(is_whole) - 1, -1), -1)
    rows, real_rows = new_row[rows], new_row[real_rows]
    is_used = real_rows >= 0
    realised = np.zeros((int(is_whole.sum()), len(names)))
    np.add.at(realised, real_rows[is_used], liquidations[list(names)].to_numpy()[is_used])
    excursion, volume = _moves(market, rows)
    times = pd.to_datetime(base + (first_bin + np.flatnonzero(is_whole)) * length, unit="s", utc=True)
    return AlignedBars(pd.DatetimeIndex(times), length / 3600, rows, names, realised, excursion, volume)


def _bin(starts: np.ndarray, lengths: np.ndarray, base: float, length: float) -> np.ndarray:
    """Return the number of the bar of `length` that each interval lies wholly inside; minus infinity for none."""
    number = np.floor((starts - base) / length)
    return np.where(starts + lengths <= base + (number + 1) * length + 1, number, -np.inf)


def _moves(market: Market, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each shared bar's excursion (N, 2) and volume (N,)."""
    is_used = rows >= 0
    candles = market.candles[is_used].groupby(rows[is_used])
    first, low, high = candles["open"].first(), candles["low"].min(), candles["high"].max()
    excursion = np.log(np.stack([first / low, high / first], axis=1))
    return excursion, candles["volume"].sum().to_numpy()


def _seconds(index: pd.Index) -> np.ndarray:
    """Return times as float seconds since 1970 UTC."""
    return pd.DatetimeIndex(index).as_unit("ms").asi8 / 1000.0


def log_dollars(usd: np.ndarray, floor: float) -> np.ndarray:
    """Return log10 of USD plus the floor (USD), so that amounts far below the floor make no difference.

    >>> log_dollars(np.array([0.0, 990_000.0]), 10_000.0)
    array([4., 6.])
    """
    return np.log10(usd + floor)


def r_squared(actual: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of variance explained, as printed: nothing is rescaled; NaN where nothing varies.

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    1.0
    """
    spread = float(((actual - actual.mean()) ** 2).sum())
    return 1.0 - float(((actual - predicted) ** 2).sum()) / spread if spread > 0 else float("nan")


def drawn_again(count: int, draws: int) -> np.ndarray:
    """Return rows of `count` things for each of so many bootstrap draws, int (draws, count), the same at every call.

    >>> drawn_again(3, 2).shape, (drawn_again(3, 2) == drawn_again(3, 2)).all().item()
    ((2, 3), True)
    """
    return np.random.default_rng(20260131).integers(0, count, (draws, count))


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Return the rank correlation, ties sharing their mean rank; NaN where one of them does not vary.

    >>> spearman(np.array([1.0, 2.0, 9.0]), np.array([10.0, 20.0, 30.0]))
    1.0
    """
    ranks = pd.DataFrame({"a": a, "b": b}).rank().to_numpy()
    ranks = ranks - ranks.mean(axis=0)
    norm = float(np.sqrt((ranks**2).sum(axis=0).prod()))
    return float((ranks[:, 0] * ranks[:, 1]).sum()) / norm if norm > 0 else float("nan")


def baseline_columns(bars: AlignedBars) -> np.ndarray:
    """Return the baseline's regressors (N, S, 3): a constant, log excursion and log volume, per side.

    Range and volume alone, no model of positions. The range is the side's own excursion from the bar's open, a
    stronger baseline than high over low (R² 0.71 against 0.53, docs/method.md). Where only the total is known, both
    excursions are given, (N, 1, 4).

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> baseline_columns(align(market, market.liquidations)).shape[1:]
    (2, 3)
    """
    n, count = bars.realised.shape
    log_excursion = np.log(bars.excursion + EXCURSION_OFFSET)
    volume = np.repeat(np.log(np.maximum(bars.volume, 1e-12))[:, None], count, axis=1)
    ranges = [log_excursion] if bars.names == SIDES else [log_excursion[:, :1], log_excursion[:, 1:]]
    return np.stack([np.ones((n, count)), *ranges, volume], axis=2)


def regress(columns: np.ndarray, target: np.ndarray, fit: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Fit least squares on the bars `fit` and return the prediction on the bars `score`, by side as in `columns`.

    >>> columns = np.stack([np.ones((4, 1)), np.arange(4.0)[:, None]], axis=2)
    >>> target = 1 + 2 * np.arange(4.0)[:, None]
    >>> regress(columns, target, fit=np.arange(3), score=np.array([3])).round(6)
    array([[7.]])
    """
    width = columns.shape[-1]
    solution = np.linalg.lstsq(columns[fit].reshape(-1, width), target[fit].ravel(), rcond=None)[0]
    return columns[score] @ solution
