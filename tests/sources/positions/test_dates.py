"""Times of positions are read by the column, as those of candles are, and bounded."""

from __future__ import annotations

import io

import pandas as pd
import pytest

import liq
from liq.errors import DateOrderError, InputError
from liq.sources.positions.reader import read_positions

SIDES = ("long", "short")
HEAD = "time,coin,side,coins,entry,liquidation_price,leverage,margin,account,answered\n"


def table(times: list[str], answered: list[str] | None = None) -> io.BytesIO:
    """Return a file of two positions a snapshot."""
    answered = answered or [""] * len(times)
    rows = [f"{t},BTC,{side},1,8,7,10,cross,a1,{a}" for t, a in zip(times, answered, strict=True) for side in SIDES]
    file = io.BytesIO((HEAD + "\n".join(rows) + "\n").encode())
    file.name = "mine.csv"
    return file


def test_day_first_snapshots_are_read_day_first():
    days = [f"{day:02}.12.2025 06:00" for day in range(1, 12)]
    positions = read_positions(table(days))
    assert list(positions.times) == list(pd.date_range("2025-12-01 06:00", periods=11, tz="UTC"))


def test_an_open_order_is_asked_and_the_answer_is_taken():
    with pytest.raises(DateOrderError, match=r"column 'time' that can be read day first \(2025-12-01 06:00"):
        read_positions(table(["01.12.2025 06:00"]))
    for dates, month in (("day-first", 12), ("month-first", 1)):
        file = table(["01.12.2025 06:00"], ["01.12.2025 05:59"])
        rows = liq.read_positions(file, dates=dates).rows
        assert rows["time"].dt.month.unique().tolist() == [month]
        assert (rows["time"] - rows["answered"]).unique().tolist() == [pd.Timedelta(minutes=1)]


def test_answered_is_read_in_the_order_that_the_snapshots_decide():
    positions = read_positions(table(["13.01.2026 06:00", "02.02.2026 06:00"], ["", "02.02.2026 05:00"]))
    assert positions.rows["answered"].dt.month.tolist() == [1, 1, 2, 2]
    assert positions.rows["answered"].dt.hour.tolist() == [6, 6, 5, 5]
    with pytest.raises(InputError, match="has soon in column 'answered', row 2"):
        read_positions(table(["13.01.2026 06:00", "02.02.2026 06:00"], ["", "soon"]))


def test_seconds_since_1970_are_seconds():
    assert read_positions(table(["1767571200"])).times[0] == pd.Timestamp("2026-01-05", tz="UTC")


@pytest.mark.parametrize("megabytes", [1, 4, 8])
@pytest.mark.parametrize("letter", ["a", "9"])
def test_long_cells_are_refused_before_anything_parses_them(megabytes, letter):
    cell = letter * (megabytes * 1_000_000)
    with pytest.raises(InputError, match="characters"):
        read_positions(table([cell]))
    with pytest.raises(InputError, match="characters"):
        read_positions(table(["2026-01-05"], [cell]))
    scan = io.BytesIO(f"#ts,{cell},px,1\naddr,size,entry,liq,lev,margin\n0xa,1,1,1,1,cross\n".encode())
    with pytest.raises(InputError, match=r"first line of .* characters"):
        read_positions(scan)
    scan = io.BytesIO(f"#ts,{cell[:800]},px,1\naddr,size,entry,liq,lev,margin\n0xa,1,1,1,1,cross\n".encode())
    with pytest.raises(InputError, match=r"ts must be a time.* of 800 characters"):
        read_positions(scan)
