"""Bars that lie some seconds off, twice, in no order or with holes are the bars that a person would see in them."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.errors import DateOrderError, InputError
from liq.sources.files.market_file import read_liquidations, read_market
from liq.sources.files.times import on_bars, shared_phase, spacing
from tests.sources.files.test_kinds import klines, named
from tests.sources.files.test_market_file import BTC, buffer, real, recording

LENGTHS = ["1min", "3min", "5min", "15min", "1h", "4h", "8h", "1D"]


@pytest.fixture(scope="module")
def plain():
    return read_market(buffer(recording(8)), lookback="1d")


def moved(frame: pd.DataFrame, milliseconds) -> pd.DataFrame:
    return frame.assign(open_time_ms=frame["open_time_ms"] + milliseconds)


RNG = np.random.default_rng(1)
CHANGES = {
    "14 s late": (lambda f: moved(f, 14_000), "Times up to 14 s off the bars of 5 min are put on them: 2,304 rows."),
    "14 s late in part": (lambda f: moved(f, (f.index % 8 == 3) * 14_000), "put on them: 288 rows."),
    "one row late": (lambda f: moved(f, (f.index == 3) * 500), "Times up to 500 ms off the bars of 5 min"),
    "around their bars": (lambda f: moved(f, RNG.integers(-14_000, 14_001, len(f))), "Times up to 14 s off"),
    "twice, 1 ms apart": (lambda f: pd.concat([f, moved(f, 1)]).sort_values("open_time_ms"), "2,304 repeated rows"),
    "three times": (lambda f: pd.concat([f, moved(f, 1), moved(f, 900)]), "4,608 repeated rows"),
    "shuffled": (lambda f: f.sample(frac=1, random_state=1), "Rows were in no order and are sorted by time."),
    "newest first": (lambda f: f.iloc[::-1], "Rows were newest first."),
    "stamped as they close": (
        lambda f: moved(f, 299_999),
        "Times are the last moments of bars of 5 min; the bars' opens are used.",
    ),
    "days of a spreadsheet": (
        lambda f: f.assign(date=(f["open_time_ms"] / 86.4e6 + 25_569).round(5)).drop(columns="open_time_ms"),
        "times in days since 1899-12-30, as spreadsheets count",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_bars_come_out_and_it_is_said(plain, change):
    change, sentence = CHANGES[change]
    market = read_market(buffer(change(recording(8))), lookback="1d")
    pd.testing.assert_frame_equal(market.candles, plain.candles, check_index_type=False)
    pd.testing.assert_series_equal(market.open_interest, plain.open_interest, check_index_type=False)
    assert sentence in market.notes[0]
    assert not any("lacks" in note for note in market.notes)
    assert "put on them" not in plain.notes[0]


def test_bars_that_fall_on_one_time_and_differ_are_refused():
    frame = recording(8)
    with pytest.raises(InputError, match="repeats a time in row 1: 2026-01-05 00:00"):
        read_market(buffer(pd.concat([frame, moved(frame, 1).assign(volume=7.0)])))


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ([1000], "The file lacks a bar from 2026-01-08 11:20 UTC (5 min)."),
        (range(1000, 1030), "The file lacks 30 bars in 1 place, from 2026-01-08 11:20 UTC (2.5 h)."),
        ([1000, 1001, 1500], "lacks 3 bars in 2 places, most of them from 2026-01-08 11:20 UTC (10 min)."),
    ],
)
def test_gaps_are_counted_as_a_person_counts(missing, sentence):
    notes = read_market(buffer(recording(8).drop(index=missing)), lookback="1d").notes
    assert any(sentence in note for note in notes)


def test_a_step_that_lacks_no_bar_is_no_gap():
    frame = recording(8)
    notes = read_market(buffer(moved(frame, (frame.index % 100 == 3) * 120_000)), lookback="1d").notes
    assert not any("lacks" in note for note in notes)


@pytest.mark.parametrize("shift", [57_600_000, 19_800_000, 4 * 86_400_000 + 3_600_000])
def test_days_that_open_at_another_hour_are_shown_there(shift):
    frame = moved(recording(200, minutes=1440), shift)
    market = read_market(buffer(frame), lookback="3M")
    assert market.times[-1].value // 10**6 == frame["open_time_ms"].iloc[-1]
    assert not any("lacks" in note or "put on" in note for note in market.notes)


def test_months_are_bars_of_their_own():
    frame = recording(40, minutes=1440)
    months = pd.date_range("2022-01-01", periods=len(frame), freq="MS")
    market = read_market(buffer(frame.assign(open_time_ms=months.as_unit("ms").asi8)), lookback="6M")
    assert [time.tz_localize(None) for time in market.times] == list(months[-len(market.times) :])
    assert len(market.times) > 5


def metrics(frame: pd.DataFrame, late: np.ndarray) -> io.BytesIO:
    times = pd.to_datetime(frame["time"] + 300_000, unit="ms") + pd.to_timedelta(late, unit="s")
    written = {"create_time": times.dt.strftime("%Y-%m-%d %H:%M:%S"), "sum_open_interest": frame["interest"]}
    return named(pd.DataFrame(written).to_csv(index=False), "BTCUSDT-metrics.csv")


def test_readings_some_seconds_late_are_of_their_bar():
    frame = recording(8).rename(columns={"open_time_ms": "time", "open_interest": "interest"})
    late = np.where(RNG.random(len(frame)) < 0.14, RNG.integers(1, 9, len(frame)), 0)
    bars = named(klines(frame).to_csv(index=False), "BTCUSDT-5m.csv")
    market = read_market([bars, metrics(frame, late)], lookback="1d")
    assert market.open_interest.tolist()[-288:] == frame["interest"].tolist()[-288:]
    assert market.open_interest.notna().all()
    assert f"Times up to 8 s off every 5 min are put on it: {(late > 0).sum()} rows." in market.notes[0]
    twice = pd.concat([frame, frame.tail(1).assign(interest=5.0)])
    with pytest.raises(InputError, match=r"metrics\.csv repeats a time: 2026-01-13 00:00"):
        read_market([bars, metrics(twice, np.append(late * 0, 3))])


def test_single_liquidations_stay_where_they_are():
    first = 1_767_571_200_000_000
    times = [first + 10**6 * second for second in (58, 61, 119, 3599)]
    frame = pd.DataFrame({"timestamp": times, "local_timestamp": times, "side": "sell", "price": 10.0, "amount": 1.0})
    got = read_liquidations(named(frame.to_csv(index=False), "liquidations.csv"))
    assert got["long"].tolist()[:3] == [10.0, 20.0, 0.0]


def dated(frame: pd.DataFrame, pattern: str) -> io.BytesIO:
    times = pd.to_datetime(frame["open_time_ms"], unit="ms").dt.strftime(pattern)
    return buffer(frame.assign(date=times).drop(columns="open_time_ms"), f"btcusdt {len(frame)}.csv")


def test_a_file_of_a_set_is_read_in_the_order_that_its_others_decide(plain):
    frame = recording(12)
    days = [frame[:288], frame[288 : 8 * 288], frame[8 * 288 :]]  # the last has the 13th
    market = read_market([dated(part, "%d.%m.%Y %H:%M") for part in days], lookback="1d")
    reference = read_market(buffer(frame), lookback="1d")
    pd.testing.assert_frame_equal(market.candles, reference.candles, check_index_type=False)
    with pytest.raises(DateOrderError):
        read_market([dated(days[0], "%d.%m.%Y %H:%M"), dated(days[2], "%d/%m/%Y %H:%M")])
    disagree = [dated(days[0], "%d.%m.%Y %H:%M"), dated(days[2], "%d.%m.%Y %H:%M"), dated(days[2], "%m.%d.%Y %H:%M")]
    with pytest.raises(DateOrderError):
        read_market(disagree)
    chosen = read_market(dated(frame[: 8 * 288], "%d.%m.%Y %H:%M"), lookback="1d", dates="day-first")
    pd.testing.assert_frame_equal(chosen.candles, plain.candles, check_index_type=False)
    assert "times in dates written day first, UTC" in chosen.notes[0]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(LENGTHS),
    st.integers(10, 300),
    st.integers(0, 10_000),
    st.floats(0, 0.99),
    st.sampled_from(["one shift", "each its own", "some"]),
    st.integers(1, 3),
)
def test_times_near_their_bars_are_put_on_them(length, count, seed, size, how, copies):
    rng = np.random.default_rng(seed)
    bars = pd.date_range("2026-01-05", periods=count, freq=length, tz="UTC").as_unit("us")
    bars = bars[np.sort(rng.permutation(count)[: max(8, int(0.9 * count))])]  # and holes
    most = min(0.1 * pd.Timedelta(length).total_seconds(), 30) * size * 1e6 / 2
    off = (
        np.full(len(bars), rng.choice([-1, 1]) * most) if how == "one shift" else rng.uniform(-most, most, len(bars))
    )
    off = off * (rng.random(len(bars)) < 0.3) if how == "some" else off
    times = bars + pd.to_timedelta(np.round(off), unit="us")
    times = pd.DatetimeIndex(np.concatenate([times + pd.Timedelta(milliseconds=n) for n in range(copies)]))
    times = times.tz_localize("UTC") if times.tz is None else times
    assert spacing(times) == pd.Timedelta(length)
    put, _ = on_bars(times, bars=False)
    assert set(put) == set(bars)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["3min", "4min", "7min", "10min", "45min", "90min", "1h", "4h", "1D", "7D"]),
    st.integers(0, 10_000),
)
def test_bars_of_any_length_and_phase_stay(length, phase):
    first = pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(minutes=phase)
    bars = pd.date_range(first, periods=30, freq=length)
    put, said = on_bars(bars)
    assert (put == bars).all()
    assert said == []
    assert spacing(bars) == pd.Timedelta(length)
    assert (first - shared_phase(bars, pd.Timedelta(length))).value % pd.Timedelta(length).value == 0


@real
@pytest.mark.parametrize("pattern", ["%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%b %d, %Y %H:%M"])
def test_a_real_recording_is_the_same_however_its_dates_are_written(pattern):
    frame = pd.read_csv(BTC)
    market = read_market(dated(frame, pattern), lookback="7d")
    pd.testing.assert_frame_equal(market.candles, read_market(BTC, lookback="7d").candles, check_index_type=False)
