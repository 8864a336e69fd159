"""Which snapshots a publication keeps, and which file each is in."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from liq.sources.positions.index import QUARTER_DAYS, grouped, kept_times

START = pd.Timestamp("2026-03-01", tz="UTC")

times = st.lists(
    st.integers(0, 150 * 86_400).map(lambda seconds: START + pd.Timedelta(seconds=seconds)), min_size=1, max_size=80
)
"""Times within five months; most of them apart, since they are drawn from all seconds."""

runs = st.builds(
    lambda begin, minutes, count: list(
        pd.date_range(START + pd.Timedelta(minutes=begin), periods=count, freq=f"{minutes}min")
    ),
    st.integers(0, 10_000),
    st.integers(7, 600),
    st.integers(1, 600),
)
"""Times of a collector that runs for a while."""


@given(times | runs)
def test_what_is_kept_is_bounded_and_has_the_newest(drawn):
    kept = kept_times(drawn)
    newest = max(drawn)
    assert kept == sorted(set(kept))
    assert kept[-1] == newest
    assert set(kept) <= set(drawn)
    assert all(newest - time < pd.Timedelta(days=QUARTER_DAYS + 1) for time in kept)
    week = [time for time in kept if newest - time <= pd.Timedelta(days=7)]
    assert len({time.floor("h") for time in week}) == len(week)
    assert {time.floor("h") for time in week} == {
        time.floor("h") for time in drawn if newest - time <= pd.Timedelta(days=7)
    }, "an hour of the week that has a snapshot keeps one"
    before = [time for time in kept if newest.normalize() - time > pd.Timedelta(days=7)]
    assert len({time.normalize() for time in before}) == len(before)
    month = {time.normalize() for time in drawn if newest - time < pd.Timedelta(days=80)}
    assert month <= {time.normalize() for time in kept}, "and so does a day of the quarter"


@given(times | runs, times)
def test_keeping_again_changes_nothing_and_so_does_keeping_along_the_way(drawn, more):
    once = kept_times(drawn)
    assert kept_times(once) == once
    later = [time for time in more if time > max(drawn)]
    assert kept_times([*once, *later]) == kept_times([*drawn, *later])


@given(times | runs)
def test_every_snapshot_is_in_one_file_and_few_files_hold_a_quarter(drawn):
    kept = kept_times(drawn)
    groups = grouped(kept)
    assert sorted(time for members in groups.values() for time in members) == kept
    assert len(groups) <= 24 + 7 + QUARTER_DAYS // 7 + 1


def test_a_quarter_of_hours_is_some_forty_files():
    kept = kept_times(pd.date_range(END := pd.Timestamp("2026-06-30 23:00", tz="UTC"), periods=24 * 120, freq="-1h"))
    assert END - kept[0] <= pd.Timedelta(days=QUARTER_DAYS + 1)
    assert len(grouped(kept)) <= 44
