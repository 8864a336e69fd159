"""Times in files: seconds, milliseconds, microseconds or nanoseconds since 1970, or text in ISO 8601."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.errors import InputError

UNITS = (("s", 1e9, 1e11), ("ms", 1e12, 1e14), ("us", 1e15, 1e17), ("ns", 1e18, 1e20))
"""Unit of a number of that size, for times from 2001 to 2100 or so."""

WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

DATE_ORDERS = ("day-first", "month-first", "year-first")
"""Orders in which a date's numbers may be written."""

RANGE = (pd.Timestamp("2009-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC"))


def parse_times(column: pd.Series, label: str, name: str, dates: str = "") -> tuple[pd.DatetimeIndex, str]:
    """Return times in UTC and what they were written as; raise InputError naming the first value that is none.

    Text without an offset is taken as UTC. label : the column, name : the file, for the sentence. dates : the one of
    DATE_ORDERS that the user chose for dates that can be read in several, or "".

    >>> parse_times(pd.Series([1767225600]), "time", "mine.csv")[1]
    'seconds since 1970'
    """
    if column.dtype.kind == "M":
        times = pd.DatetimeIndex(column)
        aware = times.tz is not None
        return _checked(times.tz_convert("UTC") if aware else times.tz_localize("UTC"), column, label, name), "dates"
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    if len(known) >= max(1, len(numbers) // 2):
        unit = next((unit for unit, low, high in UNITS if low <= np.median(known) < high), None)
        if unit is not None:
            exact = pd.to_numeric(column, errors="coerce")
            bad = ~np.isfinite(numbers)
            if bad.any():
                raise InputError(_sentence(column, bad, label, name))
            if unit == "s" or exact.dtype.kind != "i":
                factor = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}[unit]
                times = pd.DatetimeIndex(
                    pd.to_datetime(np.round(numbers * factor).astype(np.int64), unit="us", utc=True)
                )
            else:
                times = pd.DatetimeIndex(exact.to_numpy().astype(f"datetime64[{unit}]")).tz_localize("UTC")
            return _checked(times, column, label, name), f"{WORDS[unit]} since 1970"
        raise InputError(_sentence(column, ~np.isfinite(numbers) | True, label, name))
    try:
        parsed = pd.to_datetime(column.astype("string").str.strip(), utc=True, errors="coerce", format="mixed")
    except (ValueError, TypeError, OverflowError):
        raise InputError(_sentence(column, np.ones(len(column), bool), label, name)) from None
    return _checked(pd.DatetimeIndex(parsed), column, label, name), "dates, UTC where they name no offset"


def _checked(times: pd.DatetimeIndex, column: pd.Series, label: str, name: str) -> pd.DatetimeIndex:
    """Return the times; raise InputError naming the first that is missing or outside RANGE."""
    bad = np.asarray(times.isna() | ~((times >= RANGE[0]) & (times < RANGE[1])))
    if bad.any():
        raise InputError(_sentence(column, bad, label, name))
    return times


def _sentence(column: pd.Series, bad: np.ndarray, label: str, name: str) -> str:
    row = int(np.argmax(bad))
    return (
        f"{name} has {column.iloc[row]!s:.40} in column {label!r}, row {row}, which is not a time: seconds, "
        "milliseconds, microseconds or nanoseconds since 1970, or a date."
    )
