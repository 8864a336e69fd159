"""Moments out of numbers: year, month, day, hour, minute, second and nanosecond, many at once."""

from __future__ import annotations

import numpy as np

YEARS = (2009, 2099)
"""First and last year of a market's data: Bitcoin's first block is of 2009."""

BLOCK = 100_000
"""Rows that are taken apart at once; their parts take ten times as much memory as the times that come of them."""


def instants(date: tuple[np.ndarray, ...], clock: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return datetime64 of dates (year, month, day) and clocks (hour, minute, second, nanosecond); NaT for no such.

    >>> instants((np.array([2026]), np.array([2]), np.array([30])), (np.zeros(1, int),) * 4)
    array(['NaT'], dtype='datetime64[us]')
    """
    unit = "ns" if (clock[3] % 1000).any() else "us"
    times = np.empty(len(date[0]), f"datetime64[{unit}]")
    for start in range(0, len(times), BLOCK):
        rows = slice(start, start + BLOCK)
        times[rows] = _instants(*(part[rows].astype(np.int32) for part in (*date, *clock)))
    return times


def _instants(
    year: np.ndarray,
    month: np.ndarray,
    day: np.ndarray,
    hour: np.ndarray,
    minute: np.ndarray,
    second: np.ndarray,
    nanosecond: np.ndarray,
) -> np.ndarray:
    """Return datetime64 of a block of dates and clocks; NaT for no such."""
    good = (year >= YEARS[0]) & (year <= YEARS[1]) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= days.astype("datetime64[M]") == months
    seconds = days.astype("datetime64[s]").astype(np.int64) + np.where(good, hour * 3600 + minute * 60 + second, 0)
    if (nanosecond % 1000).any():
        times = (seconds * 1_000_000_000 + nanosecond).astype("datetime64[ns]")
    else:
        times = (seconds * 1_000_000 + nanosecond // 1000).astype("datetime64[us]")
    times[~good] = np.datetime64("NaT")
    return times
