"""A small run of the storm: corrupted files are read rightly, or with a note, or refused in a sentence."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.storm.case import GRID, WEIGHTS, clean_case, made
from benchmarks.storm.kinds import LAYOUTS
from benchmarks.storm.reading import Read, read_case
from benchmarks.storm.run import tried
from benchmarks.storm.verdict import truth_of, verdict

HEAVY = ("wide, deep, large inside", "spreadsheets")
"""Corruptions whose files take seconds to make; the storm itself tries them."""

PER_GROUP = 7


@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_clean_file_of_every_kind_is_read_as_it_is(kind):
    case = clean_case(made(1, 0, "rows", kind))
    read = read_case(case)
    assert (read.error, read.fault) == ("", "")
    assert verdict(case, read, read)[0] == "equal"


@pytest.mark.parametrize("group", [group for group in WEIGHTS if group not in HEAVY])
def test_no_corruption_gives_other_bars_in_silence(group):
    found = [tried(made(7, number, group), bounds=False) for number in range(PER_GROUP)]
    assert [(one.number, one.detail, one.reason) for one in found if one.outcome == "FAULT"] == []


def test_a_case_is_the_same_whenever_it_is_made():
    assert made(3, 11).files == made(3, 11).files
    assert made(3, 11).files != made(3, 12).files


def candles() -> tuple:
    """Return a case whose file is clean, what is read of it, and the bars."""
    case = clean_case(made(1, 0, "rows", "recording"))
    return case, read_case(case), truth_of(case)


@pytest.mark.parametrize("column", ["open", "close", "volume", "open_interest", "long"])
def test_another_value_without_a_note_is_a_fault(column):
    case, read, _ = candles()
    frame = read.frame.copy()
    frame.iloc[3, frame.columns.get_loc(column)] *= 1.001
    assert verdict(case, read._replace(frame=frame), read)[0] == "FAULT"
    note = f"{column.replace('_', ' ').capitalize()} of one bar is another; candles and liquidations are checked."
    assert verdict(case, read._replace(frame=frame, notes=(*read.notes, note)), read)[0] == "said"


@pytest.mark.parametrize("change", ["lost", "shifted", "hole"])
def test_other_bars_without_a_note_are_a_fault(change):
    case, read, _ = candles()
    frame = read.frame
    length = pd.Timedelta(case.clean.bar).value
    frame = {
        "lost": lambda: frame.iloc[:-1],
        "shifted": lambda: frame.set_axis(frame.index + length // 3, axis=0),
        "hole": lambda: frame.drop(frame.index[4]),
    }[change]()
    assert verdict(case, read._replace(frame=frame), read)[0] == "FAULT"


@pytest.mark.parametrize("sentence", ["two\nlines.", "no full stop", "x" * 401 + ".", "an escape \x1b[2J."])
def test_an_error_that_is_no_sentence_is_a_fault(sentence):
    case, read, _ = candles()
    assert verdict(case, Read(error=sentence), read)[0] == "FAULT"
    assert verdict(case, Read(error="One sentence."), read)[0] == "refused"


def test_what_a_row_plainly_says_is_undetectable_and_an_impossible_price_is_not():
    case, read, _ = candles()
    record = case.records[5]
    close = float(record["close"])
    for factor, outcome in ((0.9999, "undetectable"), (50.0, "FAULT")):
        high = max(float(record["high"]), close * factor)
        low = min(float(record["low"]), close * factor)
        changed = {**record, "close": repr(close * factor), "high": repr(high), "low": repr(low)}
        frame = read.frame.copy()
        frame.iloc[5, [frame.columns.get_loc(name) for name in ("close", "high", "low")]] = [
            close * factor,
            high,
            low,
        ]
        case.records = [*case.records[:5], changed, *case.records[6:]]
        assert verdict(case, read._replace(frame=frame), read)[0] == outcome


def test_every_corruption_of_a_grid_changes_it_and_says_how():
    for group in GRID:
        for number in range(3):
            case = made(2, number, group, "recording")
            assert case.detail
