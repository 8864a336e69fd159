"""Times in files: numbers since 1970, days as spreadsheets count, or dates; and the bars that they lie on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute as compute

from liq.errors import InputError, shown
from liq.market_checks import MAX_TIME
from liq.sources.files.dates import DATE_ORDERS as DATE_ORDERS
from liq.sources.files.dates import Texts, parse_dates
from liq.sources.files.instants import instants

RANGE = (pd.Timestamp("2009-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC"))

UNITS = (("s", 1.2e9, 4.2e9), ("ms", 1.2e12, 4.2e12), ("us", 1.2e15, 4.2e15), ("ns", 1.2e18, 4.2e18))
"""Unit of a number of that size: RANGE in each. Between them lie dates written as one number, such as 20260118."""

WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

COMPACT = ((2e7, 2.1e7, 1_000_000), (2e11, 2.1e11, 100), (2e13, 2.1e13, 1))
"""Dates as one number of 8, 12 or 14 digits: from, to, and the factor that makes it 14: year to second."""

DAYS = (36526.0, 73051.0)
"""Days of 2000 to 2099 as spreadsheets count them: since 1899-12-30."""

SHORTENED_DIGITS = 6
"""Significant digits that a spreadsheet leaves of a number it shows as 1.76723E+12: steps of three hours."""

NEAR_SHARE, NEAR_MOST = 0.1, pd.Timedelta(seconds=30)
"""How far off its bar a time may be to be put on it: a tenth of the bar, so that no bar is mistaken for the next, and
at most 30 seconds: recorders ask within seconds, and Binance's archive stamps readings up to some seconds late."""

SHARED = 0.5
"""Minimum share of the rows that lie on bars, or near them, for the bars to be known."""

REPEATED = 0.3
"""Minimum share of the steps that lead to another bar where every bar is repeated at once: twice is a half."""

LAST_MOMENTS = (1_000_000_000, 1_000_000, 1_000, 1)
"""Nanoseconds before the next bar at which exports stamp a bar's close, such as 23:59:59.999."""


def parse_times(column: pd.Series, label: str, name: str, dates: str = "") -> tuple[pd.DatetimeIndex, str]:
    """Return times in UTC and what they were written as; raise InputError naming the first value that is none.

    Text without an offset is taken as UTC. label : the column, name : the file, for the sentence, in which the index
    of the column numbers the rows. dates : the one of DATE_ORDERS that the user chose for dates that can be read in
    several, or "": then a column whose order nothing in it decides raises DateOrderError.

    >>> parse_times(pd.Series([1767225600]), "time", "mine.csv")[1]
    'seconds since 1970'
    >>> parse_times(pd.Series(["31.12.2025 23:55", "01.01.2026 00:00"]), "time", "mine.csv")[0][1]
    Timestamp('2026-01-01 00:00:00+0000', tz='UTC')
    """
    label = shown(label)
    if dates and dates not in DATE_ORDERS:
        raise InputError(f"dates must be one of {', '.join(DATE_ORDERS)}, not {str(dates)[:MAX_TIME]!r}.")
    if column.dtype.kind == "M":
        times = pd.DatetimeIndex(column)
        aware = times.tz is not None
        return _checked(times.tz_convert("UTC") if aware else times.tz_localize("UTC"), column, label, name), "dates"
    texts = None
    if column.dtype.kind not in "iuf":
        texts, is_number = _texts(column, label, name)
    if texts is None or is_number.sum() >= max(1, len(column) // 2):
        column = column if texts is None else pd.Series(texts.to_pandas()).set_axis(column.index)
        times, words = _from_numbers(column, label, name)
        return _checked(times, column, label, name), words
    moments, order = parse_dates(Texts(texts, label, name, column.index), dates)
    order_words = f" written {order.replace('-', ' ')}" if order else ""
    words = f"dates{order_words}, UTC where they name no offset"
    return _checked(pd.DatetimeIndex(moments).tz_localize("UTC"), column, label, name), words


def decided_order(words: str) -> str:
    """Return the order of dates that a column was read in, of `parse_times`'s words, or "".

    >>> decided_order("dates written day first, UTC where they name no offset")
    'day-first'
    """
    return next((order for order in DATE_ORDERS if f"written {order.replace('-', ' ')}" in words), "")


def spacing(times: pd.DatetimeIndex) -> pd.Timedelta:
    """Return the length of a bar: the most common time between two rows, the shorter of two, to the minute or second.

    Lengths within NEAR of a whole minute (below 54 s: second) count as that, so that times some seconds off their
    bars make no lengths of their own; rows repeated within that are none. 0 where all times are one.

    >>> spacing(pd.date_range("2026-01-01", periods=3, freq="5min"))
    Timedelta('0 days 00:05:00')
    """
    steps = np.diff(np.sort(times.as_unit("ns").asi8)).astype(float)
    steps = steps[steps > 0]
    if not len(steps):
        return pd.Timedelta(0)
    unit = np.where(steps >= 54e9, 60e9, 1e9)
    whole = np.round(steps / unit) * unit
    steps = np.where((whole > 0) & (np.abs(steps - whole) <= _near(whole)), whole, steps)
    bar, _ = _most_common(steps)
    longer = steps[_near(steps) >= bar]
    while len(longer) >= REPEATED * len(steps) and _most_common(longer)[1] >= SHARED:
        bar, _ = _most_common(longer)
        longer = steps[_near(steps) >= bar]
    return pd.Timedelta(bar, unit="ns")


def on_bars(times: pd.DatetimeIndex, bars: bool = True) -> tuple[pd.DatetimeIndex, list[str]]:
    """Return times with those that are some seconds off their bar put on it, and sentences on these and on others.

    Bars open at multiples of their length since 1970, or as long after as most rows say to the nanosecond, such as
    days that open at 16:00. Times are left where neither holds for SHARED of them. Those that all lie at one of
    LAST_MOMENTS before the next bar are closes, and become their bars' opens. bars : whether times are opens of bars,
    instead of moments of readings.

    >>> times = pd.DatetimeIndex(["2026-01-01 00:00", "2026-01-01 00:05:03", "2026-01-01 00:10"], tz="UTC")
    >>> on_bars(times)[1]
    ['Times up to 3 s off the bars of 5 min are put on them: 1 row.']
    """
    length = spacing(times).value
    if length <= 0:
        return times, []
    moments = times.as_unit("ns").asi8
    near = _near(np.array(float(length)))
    last_moments = [one for one in LAST_MOMENTS if one <= near]
    if bars and np.isin(length - moments % length, last_moments).mean() > 0.9:
        opens = pd.DatetimeIndex((moments // length * length).astype("datetime64[ns]")).tz_localize("UTC")
        said = f"Times are the last moments of bars of {duration_text(length)}; the bars' opens are used."
        return opens.as_unit(times.unit), [said]
    phase = 0
    if (np.abs(_off(moments, length, phase)) <= near).mean() <= SHARED:
        phase, share = _most_common(moments % length)
        if share < SHARED and length >= 300_000_000_000:  # jitter around another minute than zero
            phase = _most_common(np.round(moments % length / 60e9).astype(np.int64))[0] * 60_000_000_000
        if (np.abs(_off(moments, length, phase)) <= near).mean() < SHARED:
            return times, []
    off = _off(moments, length, phase)
    moved = (off != 0) & (np.abs(off) <= near)
    far, bar, notes = np.abs(off) > near, duration_text(length), list[str]()
    if bars and far.any():
        first = times[int(np.argmax(far))]
        notes.append(f"Rows between the bars of {bar}, summed into these: {far.sum():,}, the first at {first}.")
    if not moved.any():
        return times, notes
    put = pd.DatetimeIndex((moments - np.where(moved, off, 0)).astype("datetime64[ns]")).tz_localize("UTC")
    most = duration_text(int(np.abs(off[moved]).max()))
    grid = "the bars of {} are put on them" if bars else "every {} are put on it"
    grid = grid.format(bar)
    rows = f"{int(moved.sum()):,} {'row' if moved.sum() == 1 else 'rows'}"
    return put.as_unit(times.unit), [*notes, f"Times up to {most} off {grid}: {rows}."]


def shared_phase(times: pd.DatetimeIndex, length: pd.Timedelta) -> pd.Timedelta:
    """Return how long after a multiple of their length since 1970 the bars open, 0 where most do not agree.

    >>> shared_phase(pd.date_range("2026-01-01 16:00", periods=3, freq="1D"), pd.Timedelta(days=1))
    Timedelta('0 days 16:00:00')
    """
    phase, share = _most_common(times.as_unit("ns").asi8 % length.value)
    return pd.Timedelta(phase if share > SHARED else 0, unit="ns")


def duration_text(nanoseconds: float) -> str:
    """Return a length of time in words.

    >>> duration_text(90e9), duration_text(3.6e12), duration_text(3e6)
    ('90 s', '1 h', '3 ms')
    """
    seconds = nanoseconds / 1e9
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60 or (seconds < 300 and seconds % 60):
        return f"{seconds:.3g} s"
    minutes = seconds / 60
    if minutes < 60:
        return f"{minutes:.3g} min"
    return f"{minutes / 60:.3g} h" if minutes < 2 * 1440 else f"{minutes / 1440:.3g} days"


def _near(lengths: np.ndarray) -> np.ndarray:
    """Return how far off bars of these lengths a time may be, ns."""
    return np.minimum(NEAR_SHARE * lengths, float(NEAR_MOST.value))


def _off(moments: np.ndarray, length: int, phase: int) -> np.ndarray:
    """Return how long after (or before, negative) the nearest open each moment lies, ns."""
    after = (moments - phase) % length
    return np.where(after > length // 2, after - length, after)


def _most_common(values: np.ndarray) -> tuple[int, float]:
    """Return the most common value and its share."""
    ordered = np.sort(values)  # numpy's unique takes seconds where all of a million are distinct
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(starts, len(ordered)))
    return int(ordered[starts[np.argmax(counts)]]), float(counts.max() / len(ordered))


def _texts(column: pd.Series, label: str, name: str) -> tuple[Any, np.ndarray]:
    """Return trimmed texts (Arrow), and whether each is a number; raise InputError where one is too long."""
    array = pyarrow.array(column.astype("str"), type=pyarrow.string(), from_pandas=True)
    if isinstance(array, pyarrow.ChunkedArray):
        array = array.combine_chunks()
    array = compute.utf8_trim_whitespace(array)
    lengths = compute.fill_null(compute.utf8_length(array), 0).to_numpy(zero_copy_only=False)
    if (lengths > MAX_TIME).any():
        row = int(np.argmax(lengths > MAX_TIME))
        value, length = shown(array[row].as_py(), MAX_TIME), int(lengths[row])
        raise InputError(
            f"{name} has {value} in column {label!r}, row {column.index[row]}, which is not a time: it has "
            f"{length:,} characters, a time at most {MAX_TIME}."
        )
    is_number = compute.match_substring_regex(array, r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
    return array, np.asarray(compute.fill_null(is_number, False).to_numpy(zero_copy_only=False))


def _from_numbers(column: pd.Series, label: str, name: str) -> tuple[pd.DatetimeIndex, str]:
    """Return the times of numbers and what they are; raise InputError."""
    exact = pd.to_numeric(column, errors="coerce")
    numbers = exact.to_numpy(dtype=float, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    middle = float(np.median(known)) if len(known) else np.nan
    unit = next((unit for unit, low, high in UNITS if low <= middle < high), None)
    factor = next((factor for low, high, factor in COMPACT if low <= middle < high), None)
    bad = ~np.isfinite(numbers)
    if bad.any() or (unit is None and factor is None and not DAYS[0] <= middle < DAYS[1]):
        raise InputError(_sentence(column, bad if bad.any() else ~bad, label, name))
    if unit is None:
        return (_compact(numbers, factor), _DATE_WORDS) if factor else (_spreadsheet_days(numbers), _DAY_WORDS)
    is_whole = exact.dtype.kind in "iu"
    if not is_whole:
        _refuse_shortened(numbers, label, name)
    if unit == "s" or not is_whole:
        factors = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
        micros = np.round(np.clip(numbers * factors[unit], -9e18, 9e18)).astype(np.int64)
        moments = micros.astype("datetime64[us]")
    else:
        moments = exact.to_numpy().astype(np.int64).astype(f"datetime64[{unit}]")
    return pd.DatetimeIndex(moments).tz_localize("UTC"), f"{WORDS[unit]} since 1970"


_DATE_WORDS = "dates, UTC where they name no offset"
_DAY_WORDS = "days since 1899-12-30, as spreadsheets count"


def _compact(numbers: np.ndarray, factor: int) -> pd.DatetimeIndex:
    """Return the times of dates written as one number, NaT where it is none."""
    whole = np.where((numbers == np.round(numbers)) & (numbers > 0) & (numbers < 1e15), numbers, 0).astype(np.int64)
    whole *= factor
    date = (whole // 10**10, whole // 10**8 % 100, whole // 10**6 % 100)
    clock = (whole // 10**4 % 100, whole // 100 % 100, whole % 100, np.zeros_like(whole))
    return pd.DatetimeIndex(instants(date, clock)).tz_localize("UTC")


def _spreadsheet_days(days: np.ndarray) -> pd.DatetimeIndex:
    """Return the times of days since 1899-12-30: to the second where that explains them, else to the millisecond.

    A file holds as many decimals as the sheet showed, often five, which is 0.9 s.
    """
    days = np.clip(days, 0, 1e6)
    places = next((n for n in range(10) if np.allclose(days, np.round(days, n), rtol=0, atol=1e-10)), 10)
    seconds = (days - 25569) * 86_400
    off = np.abs(seconds - np.round(seconds)).max()
    unit, factor = ("s", 1) if off <= 43_200 * 10.0**-places + 5e-4 else ("ms", 1000)
    moments = np.round(seconds * factor).astype(np.int64).astype(f"datetime64[{unit}]")
    return pd.DatetimeIndex(moments).tz_localize("UTC")


def _refuse_shortened(numbers: np.ndarray, label: str, name: str) -> None:
    """Raise InputError where all numbers have few significant digits, as a spreadsheet shows long ones."""
    step = 10.0 ** (np.floor(np.log10(np.abs(numbers).max())) + 1 - SHORTENED_DIGITS)
    if len(numbers) < 2 or not (numbers % step == 0).all():
        return
    distinct = len(np.unique(numbers))
    if distinct > 2 or distinct < len(numbers):
        raise InputError(
            f"{name} has times in column {label!r} that a spreadsheet shortened, such as {numbers[0]:.5E}: format "
            "the column as a number without decimals and export again."
        )


def _checked(times: pd.DatetimeIndex, column: pd.Series, label: str, name: str) -> pd.DatetimeIndex:
    """Return the times; raise InputError naming the first that is missing or outside RANGE."""
    bad = np.asarray(times.isna() | ~((times >= RANGE[0]) & (times < RANGE[1])))
    if bad.any():
        raise InputError(_sentence(column, bad, label, name))
    return times


def _sentence(column: pd.Series, bad: np.ndarray, label: str, name: str) -> str:
    row = int(np.argmax(bad))
    return (
        f"{name} has {shown(column.iloc[row])} in column {label!r}, row {column.index[row]}, which is not a time: "
        "seconds, milliseconds, microseconds or nanoseconds since 1970, or a date."
    )
