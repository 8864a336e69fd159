"""Times as files write them: what was written comes back, or a question does; never other times."""

from __future__ import annotations

import pickle
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.errors import DateOrderError, InputError
from liq.market import as_utc
from liq.market_checks import MAX_TIME, utc_times
from liq.sources.files.dates import DATE_ORDERS
from liq.sources.files.times import parse_times

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
FULL = ["January", "February", "March", "April", "May", "June", "July"]
FULL += ["August", "September", "October", "November", "December"]


def numbers(order: str, sign: str, year: int, padded: bool):
    """Return a function that writes a date in numbers."""

    def written(t: datetime) -> str:
        day, month = (f"{t.day:02}", f"{t.month:02}") if padded else (str(t.day), str(t.month))
        parts = {"day-first": [day, month], "month-first": [month, day], "year-first": [month, day]}[order]
        short = str(t.year)[-year:]
        return sign.join([short, *parts] if order == "year-first" else [*parts, short])

    return written


DATES = {
    "05 Jan 2026": lambda t: f"{t.day:02} {MONTHS[t.month - 1]} {t.year}",
    "5-Jan-26": lambda t: f"{t.day}-{MONTHS[t.month - 1]}-{t.year % 100:02}",
    "Jan 5, 2026": lambda t: f"{MONTHS[t.month - 1]} {t.day}, {t.year}",
    "January 05 2026": lambda t: f"{FULL[t.month - 1]} {t.day:02} {t.year}",
    "2026-JAN-05": lambda t: f"{t.year}-{MONTHS[t.month - 1].upper()}-{t.day:02}",
    "20260105": lambda t: f"{t:%Y%m%d}",
}
CLOCKS = {
    "00:05": lambda t: f"{t:%H:%M}",
    "0:05": lambda t: f"{t.hour}:{t:%M}",
    "00:05:00": lambda t: f"{t:%H:%M:%S}",
    "00:05:00.000": lambda t: f"{t:%H:%M:%S}.000",
    "12:05 AM": lambda t: f"{(t.hour + 11) % 12 + 1}:{t:%M} {'AM' if t.hour < 12 else 'PM'}",
    "12:05:00\u202fam": lambda t: f"{(t.hour + 11) % 12 + 1}:{t:%M:%S}\u202f{'am' if t.hour < 12 else 'pm'}",
    "000500": lambda t: f"{t:%H%M%S}",
}
ENDS = ("", " UTC", " GMT", "Z", "+00:00", " +0000", "+00")

RUNS = st.builds(
    lambda first, count, freq: pd.date_range(first, periods=count, freq=freq),
    st.datetimes(datetime(2010, 1, 1), datetime(2060, 1, 1)).map(lambda t: pd.Timestamp(t).normalize()),
    st.integers(1, 400),
    st.sampled_from(["1min", "5min", "15min", "1h", "4h", "8h", "1D", "7D", "MS"]),
)


@st.composite
def columns(draw) -> tuple[list[str], pd.DatetimeIndex, str]:
    """Return a column as a file may have it, its times, and the order of its date or ""."""
    times = draw(RUNS).as_unit("s")
    rows = np.arange(len(times))
    arranged = draw(st.sampled_from(["oldest first", "newest first", "in no order", "with holes"]))
    if arranged == "newest first":
        rows = rows[::-1]
    elif arranged != "oldest first":
        rng = np.random.default_rng(draw(st.integers(0, 9)))
        rows = rng.permutation(rows) if arranged == "in no order" else rows[rng.random(len(rows)) < 0.7]
        rows = rows if len(rows) else np.arange(1)
    times = times[rows]
    order = draw(st.sampled_from(["", *DATE_ORDERS]))
    if order:
        sign, year = draw(st.sampled_from("./-")), draw(st.sampled_from([2, 4]))
        date = numbers(order, sign, year, draw(st.booleans()))
    else:
        date = DATES[draw(st.sampled_from(sorted(DATES)))]
    between = draw(st.sampled_from([" ", "T", ", "])) if date is not DATES["20260105"] else " "
    whole_days = bool((times == times.normalize()).all())
    if whole_days and draw(st.booleans()):
        return [date(t) for t in times.to_pydatetime()], times, order
    name = draw(st.sampled_from(sorted(CLOCKS)))
    if (name == "000500") != (date is DATES["20260105"]):
        name = "00:05"
    end = draw(st.sampled_from(ENDS))
    return [date(t) + between + CLOCKS[name](t) + end for t in times.to_pydatetime()], times, order


@settings(max_examples=200, deadline=None)
@given(columns())
def test_what_was_written_comes_back_or_is_asked(column):
    cells, times, order = column
    truth = times.tz_localize("UTC")
    readings: dict[str, tuple[str, str]] = {}
    try:
        parsed, words = parse_times(pd.Series(cells), "date", "mine.csv")
    except DateOrderError as question:
        readings = question.readings
        parsed, words = parse_times(pd.Series(cells), "date", "mine.csv", order)
    if readings:
        assert readings[order] == (f"{truth.min():%Y-%m-%d %H:%M}", f"{truth.max():%Y-%m-%d %H:%M}")
        assert len(readings) > 1
    assert (parsed == truth).all()
    assert not order or "written" not in words or f"written {order.replace('-', ' ')}" in words
    if not readings:  # what the column decides, no choice changes
        for chosen in DATE_ORDERS:
            assert (parse_times(pd.Series(cells), "date", "mine.csv", chosen)[0] == truth).all()


@settings(max_examples=100, deadline=None)
@given(RUNS, st.sampled_from(["s", "ms", "us", "ns", "days", "five decimals", "8", "12", "14"]), st.booleans())
def test_numbers_come_back_exactly(times, unit, as_text):
    nanoseconds = times.as_unit("ns").asi8
    if unit in ("days", "five decimals"):
        column = pd.Series(nanoseconds / 86_400e9 + 25_569).round(5 if unit == "five decimals" else 15)
    elif unit.isdigit():
        times = times.normalize() if unit == "8" else times
        column = pd.Series(times.strftime("%Y%m%d%H%M%S").str[: int(unit)]).astype("int64")
    else:
        column = pd.Series(nanoseconds // {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[unit])
    parsed, _ = parse_times(column.astype(str) if as_text else column, "t", "mine.csv")
    assert (parsed == times.tz_localize("UTC")).all()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2026-01-05T00:00:00+01:00", "2026-01-05T01:30:00.5+0200"], ["2026-01-04 23:00", "2026-01-04 23:30:00.5"]),
        (["2026-01-05 00:00:00.123456789+05:30"], ["2026-01-04 18:30:00.123456789"]),
        (["18.01.2026 02:40 -01"], ["2026-01-18 03:40"]),
        (
            ["2026-01-05", "2026-01-05 00:05", "2026-01-05T00:10:00Z"],
            ["2026-01-05", "2026-01-05 00:05", "2026-01-05 00:10"],
        ),
        (["18.01.2026", "18.01.2026 00:05"], ["2026-01-18", "2026-01-18 00:05"]),
        (["Sun, 18 Jan 2026 00:00:00 GMT"], ["2026-01-18"]),
        (["20260118T024000Z"], ["2026-01-18 02:40"]),
        (["20260118 02:40"], ["2026-01-18 02:40"]),
        (["2026-01-18 02:40:00 UTC+01:00"], ["2026-01-18 01:40"]),
        (["5/5/2026", "6/6/2026"], ["2026-05-05", "2026-06-06"]),
    ],
)
def test_particular_texts(cells, expected):
    parsed, _ = parse_times(pd.Series(cells), "t", "mine.csv")
    assert [time.tz_localize(None) for time in parsed] == [pd.Timestamp(text) for text in expected]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            ["05.01.2026", "06.01.2026", "2026-01-07"],
            r"two formats in column 't': 05.01.2026 in row 0, 2026-01-07 in row 2",
        ),
        (
            ["2026-01-05", "06.01.2026", "07.01.2026"],
            r"two formats in column 't': 2026-01-05 in row 0, 06.01.2026 in row 1",
        ),
        (["05.01.2026", "06/01/2026"], r"05.01.2026 in row 0, 06/01/2026 in row 1"),
        (["05.01.26", "06.01.2026"], r"two formats"),
        (["1/5/2026 1:00 AM", "1/5/2026 13:00"], r"two formats"),
        (
            ["02/01/2026", "13/01/2026", "01/14/2026"],
            r"13/01/2026 in row 1, 01/14/2026 in row 2; write all of them alike",
        ),
        (["2026-01-05 00:00+01:00", "2026-01-05 00:05"], r"two formats"),
        (["13.01.2026", "soon", "01.01.2026"], r"has soon in column 't', row 1, which is not a time"),
        (["2026-02-28", "2026-02-30"], r"has 2026-02-30 in column 't', row 1"),
        (["13/13/2026"], r"row 0, which is not a time"),
        (["2026-01-18 13:00 PM"], r"row 0, which is not a time"),
        (["2026-01-18 24:00"], r"row 0, which is not a time"),
        (["2026-01-18T00:00+15:00"], r"row 0, which is not a time"),
        (["1776-07-04"], r"row 0, which is not a time"),
        (["now"], r"row 0, which is not a time"),
        (["2026-01-05", None], r"row 1, which is not a time"),
        ([1767225600, 1767225900, "x"], r"has x in column 't', row 2"),
        ([20261318], r"row 0, which is not a time"),
        ([100, 200], r"row 0, which is not a time"),
        ([20990101000000, 10**15, 20990102000000], r"row 1, which is not a time"),
        (
            ["1.76723E+12", "1.76723E+12", "1.76724E+12"],
            r"spreadsheet shortened, such as 1.76723E\+12: format the column",
        ),
        ([1.76723e12, 1.76724e12, 1.76725e12], r"a number without decimals and export again\.$"),
    ],
)
def test_what_is_no_time_is_one_sentence(cells, sentence):
    with pytest.raises(InputError, match=sentence) as raised:
        parse_times(pd.Series(cells, dtype=object), "t", "mine.csv")
    assert str(raised.value).endswith(".")


def written(order: str, first: str, periods: int, freq: str) -> pd.Series:
    pattern = {"day-first": "%d.%m.%Y %H:%M", "month-first": "%m.%d.%Y %H:%M"}[order]
    return pd.Series(pd.date_range(first, periods=periods, freq=freq).strftime(pattern))


@pytest.mark.parametrize("order", ["day-first", "month-first"])
@pytest.mark.parametrize(
    ("first", "periods", "freq", "is_decided"),
    [
        ("2025-12-01", 11 * 288, "5min", True),  # read wrongly, whole days on the 12th of eleven months
        ("2025-12-03", 5, "1D", True),
        ("2026-01-10", 4 * 288, "5min", True),  # the 13th
        ("2026-01-01", 11 * 288, "5min", False),  # whole days on the 1st of months: what tardis.dev gives away
        ("2026-01-01", 12, "1D", False),  # bars of months
        ("2025-01-01", 12, "MS", False),
        ("2025-12-03", 288, "5min", False),  # one day
        ("2025-12-03", 2 * 288, "5min", False),  # two days
    ],
)
def test_days_decide_the_order_or_it_is_asked(order, first, periods, freq, is_decided):
    truth = pd.date_range(first, periods=periods, freq=freq, tz="UTC")
    column = written(order, first, periods, freq)
    if is_decided:
        parsed, words = parse_times(column, "date", "mine.csv")
        assert (parsed == truth).all()
        assert words == f"dates written {order.replace('-', ' ')}, UTC where they name no offset"
        other = next(one for one in DATE_ORDERS if one != order)
        assert (parse_times(column, "date", "mine.csv", other)[0] == truth).all()
        return
    with pytest.raises(
        DateOrderError, match=r"column 'date' that can be read day first \(.*\) or month first"
    ) as asked:
        parse_times(column, "date", "mine.csv")
    assert set(asked.value.readings) == {"day-first", "month-first"}
    assert pickle.loads(pickle.dumps(asked.value)).readings == asked.value.readings
    assert (parse_times(column, "date", "mine.csv", order)[0] == truth).all()
    with pytest.raises(DateOrderError):
        parse_times(column, "date", "mine.csv", "year-first")


def test_an_order_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="must be one of day-first, month-first, year-first, not 'us'"):
        parse_times(pd.Series([1767225600]), "t", "mine.csv", "us")


@pytest.mark.parametrize("megabytes", [1, 4, 8])
@pytest.mark.parametrize("letter", ["a", "9", "1 ", "-", ":"])
def test_a_long_cell_is_refused_before_anything_parses_it(monkeypatch, megabytes, letter):
    monkeypatch.setattr(pd, "to_datetime", None)
    monkeypatch.setattr(pd, "to_numeric", None)
    cell = "2026" + letter * (megabytes * 1_000_000 // len(letter)) + "x"
    with pytest.raises(InputError, match=r"row 1, which is not a time: it has [\d,]+ characters") as raised:
        parse_times(pd.Series(["2026-01-05", cell]), "t", "mine.csv")
    assert len(str(raised.value)) < 200
    with pytest.raises(InputError, match="positions: time cannot be read in row 1"):
        utc_times(pd.Series(["2026-01-05", cell], dtype=object), "positions: time")
    with pytest.raises(InputError, match="as_of must be a time") as raised:
        as_utc(cell, "as_of")
    assert len(str(raised.value)) < 200


def test_a_moment_whose_order_is_open_is_refused():
    with pytest.raises(InputError, match="moment must be a time such as 2026-01-31 12:00, not '01/12/2025'"):
        as_utc("01/12/2025", "moment")
    assert as_utc("2026-01-31T12:00:00.123456789+00:00", "moment").hour == 12
    assert len("2026-01-31T12:00:00.123456789+00:00") < MAX_TIME
