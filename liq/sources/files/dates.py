r"""Dates in text: a column's one format and the order of its numbers, found from the whole column.

A format is a regular expression in RE2, whose work grows with the length of the text alone; names of months are
English whatever the machine speaks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute

from liq.errors import DateOrderError, InputError
from liq.sources.files.instants import BLOCK, instants

DATE_ORDERS = ("day-first", "month-first", "year-first")
"""Orders in which a date's numbers may be written."""

DENSE = 0.5
"""Minimum share of the days from first to last that have rows, for an order to be taken as it covers them."""

SPARSE = 0.25
"""Share of days below which every other order has to stay: read wrongly, a run of days is one day of each month."""

MIN_DAYS = 3
"""Minimum number of days for that: two days in a row may as well be one day of two months."""

SIGNS = {"-": 0, ".": 1, "/": 2}

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_GAP = r"[ \x{a0}\x{202f}]"  # browsers write a narrow space before AM and PM
_ZONE = rf"(?:{_GAP}?(?:Z|UTC|GMT))?"
_CLOCK = (
    rf"(?:(?:T|,|,?{_GAP}{{1,2}})(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})"
    rf"(?::(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}}))?)?(?:{_GAP}?(?P<half>[AP])\.?M\.?)?"
    rf"{_ZONE}(?:{_GAP}?(?P<offset>[+-]\d{{2}}(?::?\d{{2}})?))?)?{_ZONE}$"
)
_COMPACT_CLOCK = (
    rf"(?:(?:T|{_GAP})?(?P<hour>\d{{2}}):?(?P<minute>\d{{2}})(?::?(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}}))?)?"
    rf"(?P<half>){_ZONE}(?:{_GAP}?(?P<offset>[+-]\d{{2}}(?::?\d{{2}})?))?)?{_ZONE}$"
)
_WEEKDAY = rf"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?{_GAP})?"
_NAME = rf"(?P<month>{'|'.join(MONTHS)})[a-z]{{0,6}}\.?"
_DAY, _YEAR = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<year>\d{4}|\d{2})"
_BETWEEN = rf"(?:[-./,]{_GAP}?|{_GAP}{{1,2}})"

FORMATS = {
    "numbers": r"(?i)^(?P<a>\d{4}|\d{1,2})(?P<sign>[-./])(?P<b>\d{1,2})(?P<sign2>[-./])(?P<c>\d{4}|\d{1,2})" + _CLOCK,
    "compact": r"(?i)^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + _COMPACT_CLOCK,
    "day, name, year": rf"(?i)^{_WEEKDAY}{_DAY}{_BETWEEN}{_NAME}{_BETWEEN}{_YEAR}" + _CLOCK,
    "name, day, year": rf"(?i)^{_WEEKDAY}{_NAME}{_BETWEEN}{_DAY}{_BETWEEN}{_YEAR}" + _CLOCK,
    "year, name, day": rf"(?i)^(?P<year>\d{{4}}){_BETWEEN}{_NAME}{_BETWEEN}{_DAY}" + _CLOCK,
}
"""Formats, each for a whole column. A month's name leaves one order: a number of two digits after it is the year."""

_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+]00:?00)?)?$"


class Texts(NamedTuple):
    """A column: an Arrow array of texts, trimmed, of bounded length; its name, the file's, and its rows' numbers."""

    array: Any
    label: str
    name: str
    rows: pd.Index


class _Reading(NamedTuple):
    """One order's times (datetime64, UTC, NaT where it gives none) and its days as they are written."""

    times: np.ndarray
    days: np.ndarray


def parse_dates(texts: Texts, dates: str) -> tuple[np.ndarray, str]:
    """Return times (datetime64, UTC, NaT where a text is none) and the order that was decided on, or "".

    dates : one of DATE_ORDERS or "", for a column that leaves its order open. Raises InputError for a column in two
    formats, DateOrderError for one whose order nothing decides.

    >>> cells = ["31.12.2025 23:55", "01.01.2026 00:00"]
    >>> parse_dates(Texts(pa.array(cells), "date", "mine.csv", pd.RangeIndex(2)), "")[1]
    'day-first'
    """
    if _all(compute.match_substring_regex(texts.array, _ISO)):  # the usual case, five times as fast
        return np.concatenate([_iso_times(block) for block in _blocks(texts.array)]), ""
    fields = _fields(texts)
    if "a" not in fields:
        return _reading(fields, fields["year"], fields["month"], fields["day"], fields["year_length"]).times, ""
    readings = _readings(fields)
    whole = {order: one for order, one in readings.items() if not np.isnat(one.times).any()}
    if not whole:
        wrong = {order: np.isnat(one.times) for order, one in readings.items()}
        best = max(wrong, key=lambda order: _first(wrong[order]))
        row = _first(wrong[best])
        for flags in wrong.values():
            if not flags[row]:  # the other order reads this row, and not an earlier one
                raise InputError(_two_formats(texts, row, _first(flags)))
        return readings[best].times, ""
    if len(whole) == 1:
        order, one = next(iter(whole.items()))
        return one.times, order if len(readings) > 1 else ""
    different: dict[str, _Reading] = {}
    for order, one in whole.items():
        if not any(np.array_equal(one.times, other.times) for other in different.values()):
            different[order] = one
    if len(different) == 1:  # day and month are one number throughout
        return next(iter(whole.values())).times, ""
    chosen = _dense(different) or (dates if dates in whole else "")
    if not chosen:
        periods = {order: _period(one.times) for order, one in whole.items()}
        raise DateOrderError(_question(periods, texts), periods)
    return whole[chosen].times, chosen


def _fields(texts: Texts) -> dict[str, np.ndarray]:
    """Return the parts of the texts in their one format, as numbers; raise InputError where there are two formats."""
    of_row = np.full(len(texts.array), -1, np.int8)
    for number, pattern in enumerate(FORMATS.values()):
        if (of_row < 0).any():
            found = _bools(compute.match_substring_regex(texts.array, pattern))
            of_row = np.where((of_row < 0) & found, np.int8(number), of_row)
    matched = of_row >= 0
    _one_format(of_row, texts, matched)
    pattern = list(FORMATS.values())[max(0, int(of_row.max()))]
    blocks = [_parts(block, pattern) for block in _blocks(texts.array)]
    fields = {part: np.concatenate([block.pop(part) for block in blocks]) for part in list(blocks[0])}
    fields["good"] &= matched
    if "layout" in fields:
        _one_format(fields.pop("layout"), texts, matched)
    with_clock, named = fields.pop("with_clock"), fields.pop("named")
    kind = np.where(with_clock, fields.pop("twelve"), np.int8(-1))  # a date without a clock is midnight in either
    _one_format(kind, texts, matched & with_clock)
    if (fields["offset"] != 0).any():
        _one_format(named, texts, matched & with_clock)
    return fields


def _parts(array: Any, pattern: str) -> dict[str, np.ndarray]:
    """Return the parts of a block of texts in a format as numbers, and what has to be alike in all blocks."""
    parts = compute.extract_regex(array, pattern)
    raw = {part.name: compute.fill_null(parts.field(row), "") for row, part in enumerate(parts.type)}
    fields = {part: _integers(raw[part]) for part in raw if part in ("a", "b", "c", "year", "day", "hour", "minute")}
    fields["second"] = _integers(raw["second"])
    fields["nanosecond"] = _integers(compute.utf8_rpad(raw["fraction"], 9, "0"))
    fields["month"] = _months(raw["month"]) if "month" in raw else np.zeros(len(array), np.int16)
    for part in ("a", "c", "year"):
        if part in raw:
            fields[f"{part}_length"] = compute.utf8_length(raw[part]).to_numpy(zero_copy_only=False).astype(np.int8)
    half = compute.utf8_upper(raw["half"])
    after, twelve = _bools(compute.equal(half, "P")), _bools(compute.not_equal(half, ""))
    fields["twelve"], fields["with_clock"] = twelve, _bools(compute.not_equal(raw["hour"], ""))
    fields["good"] = ~twelve | ((fields["hour"] >= 1) & (fields["hour"] <= 12))
    if "sign" in raw:
        fields["good"] &= _bools(compute.equal(raw["sign"], raw["sign2"]))
        fields["good"] &= (fields["a_length"] < 4) | (fields["c_length"] < 4)
        sign = np.select([_bools(compute.equal(raw["sign"], one)) for one in SIGNS], list(SIGNS.values()), 0)
        year = np.where(fields["a_length"] == 4, 1, 0) + np.where(fields["c_length"] == 4, 2, 0)
        fields["layout"] = (sign * 4 + year).astype(np.int8)
    fields["hour"] = np.where(twelve, fields["hour"] % 12 + 12 * after, fields["hour"]).astype(np.int16)
    fields["offset"], good = _offsets(raw["offset"])
    fields["good"] &= good
    fields["named"] = _bools(compute.not_equal(raw["offset"], ""))
    fields["named"] |= _bools(compute.match_substring_regex(array, "(?i)(?:Z|UTC|GMT)$"))
    return fields


def _blocks(array: Any) -> list[Any]:
    """Return an Arrow array in slices of BLOCK rows, at least one."""
    return [array.slice(start, BLOCK) for start in range(0, max(len(array), 1), BLOCK)]


def _iso_times(block: Any) -> np.ndarray:
    """Return the times (datetime64, UTC) of a block of texts in ISO 8601."""
    times = pd.to_datetime(block.to_pandas(), format="ISO8601", errors="coerce", utc=True)
    return np.asarray(times.dt.tz_localize(None).to_numpy())


def _readings(fields: dict[str, np.ndarray]) -> dict[str, _Reading]:
    """Return the times that each order gives which the lengths of the numbers allow."""
    a, b, c = fields["a"], fields["b"], fields["c"]
    readings = {}
    four = fields["a_length"].max() == 4, fields["c_length"].max() == 4
    if not four[0]:
        readings["day-first"] = _reading(fields, c, b, a, fields["c_length"])
        readings["month-first"] = _reading(fields, c, a, b, fields["c_length"])
    if not four[1] or four[0]:
        readings["year-first"] = _reading(fields, a, b, c, fields["a_length"])
    return readings


def _reading(
    fields: dict[str, np.ndarray], year: np.ndarray, month: np.ndarray, day: np.ndarray, year_length: np.ndarray
) -> _Reading:
    """Return the times of fields whose date is given; a year has two digits or four."""
    year = np.where(year_length == 2, year + 2000, year)
    clock = (fields["hour"], fields["minute"], fields["second"], fields["nanosecond"])
    times = instants((year, month, day), clock)
    times[~fields["good"] | (year_length == 1)] = np.datetime64("NaT")
    return _Reading(times - fields["offset"].astype("timedelta64[m]"), times.astype("datetime64[D]"))


def _dense(readings: dict[str, _Reading]) -> str:
    """Return the one order in which the rows cover their days, or "" where it may be another.

    Bars of a month open on its first, which is one day after the other where day and month are exchanged.
    """
    days = {order: np.unique(one.days) for order, one in readings.items()}
    share = {order: len(own) / (int((own[-1] - own[0]).astype(int)) + 1) for order, own in days.items()}
    best = max(share, key=lambda order: share[order])
    others = [order for order in share if order != best]
    monthly = any((days[order] == days[order].astype("datetime64[M]")).all() for order in others)
    dense = share[best] >= DENSE and len(days[best]) >= MIN_DAYS
    return best if dense and not monthly and all(share[order] < SPARSE for order in others) else ""


def _months(part: Any) -> np.ndarray:
    """Return months 1 to 12 of numbers or of English names."""
    names = compute.index_in(compute.utf8_lower(part), pa.array(MONTHS))
    named = compute.fill_null(names, -1).to_numpy(zero_copy_only=False) + 1
    return named if (named > 0).any() else _integers(part)


def _offsets(part: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets from UTC in minutes, and whether each is one: at most 14 hours."""
    digits = compute.replace_substring(compute.utf8_slice_codeunits(part, 1), ":", "")
    value = _integers(compute.utf8_rpad(digits, 4, "0"))
    minutes = value // 100 * 60 + value % 100
    sign = np.where(_bools(compute.starts_with(part, "-")), -1, 1)
    return (sign * minutes).astype(np.int16), (minutes <= 14 * 60) & (value % 100 < 60)


def _integers(part: Any) -> np.ndarray:
    """Return texts of digits as integers, an empty one as 0."""
    filled = compute.if_else(compute.equal(part, ""), "0", part)
    numbers = compute.cast(filled, pa.int32()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers if len(numbers) and numbers.max() > 9999 else numbers.astype(np.int16))


def _one_format(kind: np.ndarray, texts: Texts, which: np.ndarray) -> None:
    """Raise InputError where rows, of those that count, differ in kind."""
    if not which.any():
        return
    first = _first(which)
    other = which & (kind != kind[first])
    if other.any():
        raise InputError(_two_formats(texts, _first(other), first))


def _two_formats(texts: Texts, row: int, first: int) -> str:
    return (
        f"{texts.name} has times in two formats in column {texts.label!r}: {texts.array[first]} in row "
        f"{texts.rows[first]}, {texts.array[row]} in row {texts.rows[row]}; write all of them alike."
    )


def _question(periods: dict[str, tuple[str, str]], texts: Texts) -> str:
    said = [f"{order.replace('-', ' ')} ({first} to {last})" for order, (first, last) in periods.items()]
    listed = f"{', '.join(said[:-1])} or {said[-1]}"
    return f"{texts.name} has dates in column {texts.label!r} that can be read {listed}: say which."


def _period(times: np.ndarray) -> tuple[str, str]:
    first, last = (pd.Timestamp(moment) for moment in (times.min(), times.max()))
    return f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"


def _bools(values: Any) -> np.ndarray:
    return np.asarray(compute.fill_null(values, False).to_numpy(zero_copy_only=False))


def _all(values: Any) -> bool:
    return bool(_bools(values).all())


def _first(flags: np.ndarray) -> int:
    """Return the first row that is flagged, the number of rows where none is."""
    return int(np.argmax(flags)) if flags.any() else len(flags)
