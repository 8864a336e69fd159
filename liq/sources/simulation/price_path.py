"""The price of the simulated market before liquidations move it: minutes on an absolute grid of days.

Every random number belongs to a calendar day and to nothing else, so any range of days gives the same minutes,
whichever day it begins with.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

DAY = 1440
"""Minutes in a day."""

EPOCH = 16436
"""Day number (since 1970) of 2015-01-01, from which day levels are summed."""

_BLOCK = 512  # days whose daily draws share one generator, so that ten years cost a few of them
_REVERSION = 1 - 0.5 ** (
    1 / 75
)  # half of a deviation from the base price is gone in 75 days, so that years stay plausible
_SPREAD = 0.40  # standard deviation of log daily volatility; BTC's Dec 2025 - Jan 2026 days: 0.45 with intraday noise
_MEMORY = 0.85  # day-to-day autocorrelation of log volatility
_CRASH_MINUTES = 540  # a crash and its rebound fit into the day they begin on


class Ticker(NamedTuple):
    """A coin of the simulated market: base price, tick, lot (coins), daily volatility, open interest (coins)."""

    price: float
    tick: float
    lot: float
    volatility: float
    open_interest: float


class Regime(NamedTuple):
    """A market regime: volatility multiple, drift in daily volatilities, crashes a day, median crash (log)."""

    volatility: float
    drift: float
    crashes: float
    crash: float


REGIMES: Mapping[str, Regime] = MappingProxyType(
    {
        "calm": Regime(0.9, 0.15, 1 / 45, 0.03),
        "trending": Regime(1.0, 0.35, 1 / 45, 0.03),
        "crash": Regime(1.2, 0.1, 1 / 8, 0.05),
    }
)
"""Assumptions, not measurements; calm is set so that BTC's daily volatility is near 2 %, as it was on the
Binance perpetual in December 2025 and January 2026 (2.0 % close to close)."""

_HOURS = np.array(
    [
        *(0.99, 0.95, 0.95, 0.81, 0.71, 0.68, 0.71, 0.66, 0.80, 0.76, 0.67, 0.65),
        *(0.71, 0.89, 1.65, 1.90, 1.60, 1.43, 1.24, 1.22, 1.14, 0.93, 1.03, 0.95),
    ]
)
"""Mean absolute 5-minute return by UTC hour over its mean, BTC and ETH on Binance, 2025-12 to 2026-01."""


class PricePath(NamedTuple):
    """Minutes of whole days: the first day, log price at each minute's end and extremes, and its activity.

    first : day number since 1970; before : log price at the first minute's start; close, high, low : log
    prices (n,); activity : trading intensity, mean near 1 (n,).
    """

    first: int
    before: float
    close: np.ndarray
    high: np.ndarray
    low: np.ndarray
    activity: np.ndarray


def seed_key(coin: str, seed: int, regime: str) -> tuple[int, ...]:
    """Return the integers that seed every generator of one market.

    >>> len(seed_key("BTC", 0, "calm"))
    3
    """
    return (zlib.crc32(coin.encode()), seed, list(REGIMES).index(regime))


def price_path(ticker: Ticker, regime: str, seeds: tuple[int, ...], first: int, last: int) -> PricePath:
    """Return the minutes of days `first` to `last` (inclusive), the same for any range that holds them.

    >>> ticker = Ticker(68_000.0, 0.1, 0.001, 0.022, 90_000.0)
    >>> two_days = price_path(ticker, "calm", seed_key("BTC", 0, "calm"), 20_000, 20_001)
    >>> second = price_path(ticker, "calm", seed_key("BTC", 0, "calm"), 20_001, 20_001)
    >>> bool(np.allclose(two_days.close[DAY:], second.close, rtol=0, atol=1e-9))
    True
    """
    regime_values = REGIMES[regime]
    days = _days(ticker, regime_values, seeds, last)
    count = last - first + 1
    normal = np.empty((count, 3, DAY), dtype=np.float32)
    uniform = np.empty((count, 2, DAY), dtype=np.float32)
    knots = np.empty((count + 2, 24))  # the days on either side too, for the bursts that cross midnight
    for row, day in enumerate(range(first - 1, last + 2)):
        rng = np.random.default_rng((*seeds, 1, day))
        knots[row] = rng.standard_normal(24)
        if 0 < row <= count:
            normal[row - 1] = rng.standard_normal((3, DAY), dtype=np.float32)
            uniform[row - 1] = rng.random((2, DAY), dtype=np.float32)
    shape = _shape(knots)
    close, high, low = np.empty((count, DAY)), np.empty((count, DAY)), np.empty((count, DAY))
    activity = np.empty((count, DAY))
    for row, day in enumerate(range(first, last + 1)):
        row_of_day = day - EPOCH
        start, end, scale = days.level[row_of_day], days.level[row_of_day + 1], days.volatility[row_of_day]
        crash_path, crash_lift = _crash(days.crash[row_of_day], int(days.minute[row_of_day]))
        spread = shape[row] * crash_lift
        variance = scale**2 * spread**2 / (spread**2).sum()
        # A little excess kurtosis within the minute scale; the rest of it comes from the volatility itself.
        random_walk = np.cumsum(np.sqrt(variance) * normal[row, 0] * np.exp(0.25 * normal[row, 1] - 0.0625))
        clock = np.cumsum(variance)
        clock /= clock[-1]
        line = start + random_walk - clock * random_walk[-1] + clock * (end - start - crash_path[-1]) + crash_path
        minute_open = np.concatenate(([start], line[:-1]))
        # The extremes of a Brownian bridge between two minute ends, drawn by inverting their distribution.
        squared = (line - minute_open) ** 2
        excess = -2.0 * variance * np.log(1.0 - uniform[row])
        close[row] = line
        high[row] = (minute_open + line + np.sqrt(squared + excess[0])) / 2
        low[row] = (minute_open + line - np.sqrt(squared + excess[1])) / 2
        usual_range = ticker.volatility * np.sqrt(1.6 / DAY)  # about the mean range of a minute
        activity[row] = 0.25 + ((high[row] - low[row]) / usual_range) * np.exp(0.35 * normal[row, 2] - 0.06)
    return PricePath(
        first, float(days.level[first - EPOCH]), close.ravel(), high.ravel(), low.ravel(), activity.ravel()
    )


class _Days(NamedTuple):
    """Days since EPOCH: log price at each day's open (D+1), volatility, crash size (log) and its minute."""

    level: np.ndarray
    volatility: np.ndarray
    crash: np.ndarray
    minute: np.ndarray


def _days(ticker: Ticker, regime_values: Regime, seeds: tuple[int, ...], last: int) -> _Days:
    """Return level, volatility and crash of every day from EPOCH to the last."""
    blocks = (last - EPOCH) // _BLOCK + 1
    rngs = [np.random.default_rng((*seeds, 0, block)) for block in range(blocks)]
    normal = np.concatenate([rng.standard_normal((_BLOCK, 4)) for rng in rngs])
    uniform = np.concatenate([rng.random((_BLOCK, 3)) for rng in rngs])
    crashed = uniform[:, 0] < regime_values.crashes
    # A crash raises the volatility of the days after it.
    noise = _SPREAD * np.sqrt(1 - _MEMORY**2) * normal[:, 0] + 0.45 * crashed
    log_volatility = _filtered(noise - 0.45 * regime_values.crashes, _MEMORY) - _SPREAD**2
    volatility = ticker.volatility * regime_values.volatility * np.exp(log_volatility)
    relative_volatility = ticker.volatility / 0.022  # a coin that moves more also crashes further
    size = (
        -np.where(uniform[:, 1] < 0.8, 1.0, -0.6)
        * regime_values.crash
        * relative_volatility
        * np.exp(0.45 * normal[:, 1])
    )
    crash = np.where(crashed, size, 0.0)
    drift = regime_values.drift * volatility * _filtered(normal[:, 2] * np.sqrt(1 - 0.94**2), 0.94)
    mean_crash = -0.68 * regime_values.crashes * regime_values.crash * relative_volatility * 1.107 * 0.7
    moves = volatility * normal[:, 3] + drift + 0.7 * crash - mean_crash
    level = np.log(ticker.price) + np.concatenate(([0.0], _filtered(moves, 1 - _REVERSION)))
    minute = (uniform[:, 2] * (DAY - _CRASH_MINUTES)).astype(int)
    return _Days(level, volatility, crash, minute)


def _crash(size: float, minute: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a day's crash as a log path (net 0.7 of its depth) and its lift of the volatility around it."""
    if size == 0.0:
        return np.zeros(DAY), np.ones(DAY)
    minutes_after = np.arange(DAY) - minute
    fall = np.clip(minutes_after / 75.0, 0.0, 1.0) ** 1.5
    rebound = 0.3 * np.clip((minutes_after - 90) / (_CRASH_MINUTES - 90), 0.0, 1.0) ** 0.6
    lift = 1.0 + np.where(minutes_after >= 0, 2.0 * np.exp(-np.maximum(minutes_after, 0) / 200.0), 0.0)
    return size * (fall - rebound), lift


def _shape(knots: np.ndarray) -> np.ndarray:
    """Return each minute's volatility, (days - 2, 1440), without the first and last day: the hour's level, and
    bursts."""
    total = knots.shape[0] * 24
    # A moving average over three hours: bursts outlast an hour, and yet a day depends only on the day before it and
    # not on where the path begins, as an autoregression would.
    flat = knots.ravel()
    bursts = flat.copy()
    bursts[1:] += 0.7 * flat[:-1]
    bursts[2:] += 0.45 * flat[:-2]
    minutes = np.arange(24 * 60, (total - 24) * 60) / 60.0
    log_shape = 0.32 * np.interp(minutes, np.arange(total) + 0.5, bursts)
    hours = np.concatenate((_HOURS[-1:], _HOURS, _HOURS[:1]))
    season = np.interp(np.arange(DAY) / 60.0, np.arange(-1, 25) + 0.5, hours)
    shape: np.ndarray = np.exp(log_shape).reshape(-1, DAY) * season
    return shape


def _filtered(values: np.ndarray, keep: float) -> np.ndarray:
    """Return y with y[i] = keep * y[i-1] + values[i], from zero."""
    out = np.empty(len(values))
    value_now = 0.0
    for row, value in enumerate(values.tolist()):
        value_now = keep * value_now + value
        out[row] = value_now
    return out
