"""A column of dates beside a column of times of day is one column of times, as MetaTrader and Finam write them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from liq.sources.files.kinds.column_names import first_of, plain_names
from liq.sources.files.table import Table

NAME = "date and time"
"""Name of the column that both become."""

DATES = ("date", "day", "dtyyyymmdd")

TIMES = ("time", "timeofday", "hour")

TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?(\s?[AaPp][Mm])?")

DATE = re.compile(
    r"(\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4})(.{0,30})"
)
MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0{1,9})?)?")


def with_one_time(table: Table) -> Table:
    """Return a table in which a date and a time of day are one column of text, to be read as a time.

    Columns without names count where they are the first two; those after them move up by one.
    """
    frame = table.frame
    names = plain_names(frame.columns)
    numbered = "0" in frame and "1" in frame
    date, time = ("0", "1") if numbered else (first_of(names, DATES), first_of(names, TIMES))
    if date is None or time is None or date == time:
        return table
    dates, times = _dates(frame[date]), _times(frame[time])
    if dates is None or times is None:
        return table
    together = dates.str.cat(times, sep=" ")
    if not numbered:
        kept = frame.drop(columns=time).rename(columns={date: NAME}).assign(**{NAME: together})
        return table._replace(frame=kept)
    rest = frame.drop(columns=["0", "1"])
    moved = [str(int(name) - 1) if str(name).isdigit() else name for name in rest.columns]
    frame = pd.concat([together.rename("0"), rest.set_axis(moved, axis=1)], axis=1)
    notes = table.notes
    last = pd.to_numeric(rest.iloc[:, 4], errors="coerce") if rest.shape[1] == 5 else None
    if last is not None and len(last) > 1 and (last % 1 == 0).all():
        notes = (*notes, "Volumes are whole numbers: MetaTrader's count ticks, not coins.")
    return table._replace(frame=frame, notes=notes)


def _head(column: pd.Series) -> list[str]:
    return [str(value).strip()[:60] for value in column.iloc[:200].dropna().head(50)]


def _dates(column: pd.Series) -> pd.Series | None:
    """Return a column of dates as text, or None where it is none."""
    if column.dtype.kind == "M":
        days = column.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        if (column.dt.tz_localize(None).to_numpy() != days).any():
            return None
        return pd.Series(np.datetime_as_string(days), column.index, dtype="str")
    if column.dtype.kind == "i":
        if len(column) and column.min() > 19_000_000 and column.max() < 21_010_000:
            text = column.astype("str")
            return text.str[:4].str.cat(text.str[4:6], sep="-").str.cat(text.str[6:], sep="-")
        return None
    if column.dtype.kind in "ufb":
        return None
    head = [DATE.fullmatch(value) for value in _head(column)]
    if not head or not all(one and (not one[2] or MIDNIGHT.fullmatch(one[2])) for one in head):
        return None
    text = column.astype("str").str.strip()
    if any(one and one[2] for one in head):
        text = text.str.replace(r"[ T]00:00(:00(\.0+)?)?$", "", regex=True)
    return text


def _times(column: pd.Series) -> pd.Series | None:
    """Return a column of times of day as text, or None where it is none; numbers are HHMM or HHMMSS."""
    if column.dtype.kind == "i":
        if not len(column) or column.min() < 0 or column.max() > 235_959:
            return None
        digits = 6 if column.max() > 2359 else 4
        text = column.astype("str").str.zfill(digits)
        minutes = text.str[:2].str.cat(text.str[2:4], sep=":")
        return minutes if digits == 4 else minutes.str.cat(text.str[4:], sep=":")
    if column.dtype.kind in "ufbM":
        return None
    head = _head(column)
    if not head or not all(TIME_OF_DAY.fullmatch(value) for value in head):
        return None
    return column.astype("str").str.strip()
