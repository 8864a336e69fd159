"""The recorder's files: whole at every moment, each liquidation once, and what was not listened to is not zero."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.errors import InputError
from liq.sources.recorder import storage as room
from liq.sources.recorder.messages import parse_rows
from liq.sources.recorder.reader import _covered
from liq.sources.recorder.storage import ALL, DAY, Liquidation, LiquidationStore, ListeningSpan, by_day, open_store

NOON = 20_000 * DAY + DAY // 2


def liquidations(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "liquidations")


def spans_in(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "listening")


def row_at(time: int, price: float = 10.0, side: str = "long", symbol: str = "BTC/USDT:USDT") -> Liquidation:
    return Liquidation(time, symbol, side, price, 2.0, 2 * price)


rows = st.builds(
    row_at,
    time=st.integers(NOON - DAY, NOON + DAY),
    price=st.sampled_from([1.0, 2.0, 3.5]),
    side=st.sampled_from(["long", "short"]),
    symbol=st.sampled_from(["BTC/USDT:USDT", "ETH/USDT:USDT"]),
)
spans = st.tuples(st.integers(0, 3000), st.integers(1, 900), st.sampled_from([ALL, "BTC/USDT:USDT"])).map(
    lambda span: ListeningSpan(
        NOON + DAY // 2 - 1500 + span[0],
        NOON + DAY // 2 - 1500 + span[0] + span[1],
        span[2],
    )
)


@settings(max_examples=25, deadline=None)
@given(st.lists(rows, max_size=30), st.data())
def test_repeated_messages_are_written_once_in_any_order_and_batches(tmp_path_factory, messages, data):
    folder = tmp_path_factory.mktemp("store")
    again = data.draw(st.permutations(messages + messages[:7]))
    cut = data.draw(st.integers(0, len(again)))
    for part in (again[:cut], again[cut:]):
        with open_store(folder) as store:
            for row in part:
                store.add("okx", row)
            store.flush()
            store.settle()
            for row in part[:3]:
                store.add("okx", row)
    distinct = {row[:5] for row in messages}
    assert (folder / "journal").read_text(encoding="utf-8") == ""
    if not messages:
        assert not (folder / "liquidations").exists()
        return
    read_rows = liquidations(folder)
    assert len(read_rows) == len(distinct)
    times = pd.DatetimeIndex(read_rows["time"]).as_unit("ms").asi8
    assert (
        set(zip(times, read_rows["symbol"], read_rows["side"], read_rows["price"], read_rows["coins"], strict=True))
        == distinct
    )
    assert list(read_rows.columns) == ["time", "symbol", "side", "price", "coins", "usd", "venue"]
    for path in (folder / "liquidations" / "venue=okx").iterdir():
        day = pd.read_parquet(path)["time"]
        assert set(day.dt.strftime("%Y-%m-%d")) == {path.stem}
        assert day.is_monotonic_increasing


@settings(max_examples=25, deadline=None)
@given(st.lists(spans, min_size=1, max_size=12), st.data())
def test_recorded_spans_are_the_union_of_all_spans(tmp_path_factory, noted, data):
    folder = tmp_path_factory.mktemp("store")
    cut = data.draw(st.integers(0, len(noted)))
    for part in (noted[:cut], noted[cut:]):
        with open_store(folder) as store:
            for span in part:
                store.add_span("bybit", span)
    read_rows = spans_in(folder)
    for name in (ALL, "BTC/USDT:USDT"):
        mine = read_rows[read_rows["symbol"] == name]
        since, until = (pd.DatetimeIndex(mine[column]).as_unit("ms").asi8 for column in ("since", "until"))
        recorded_at = {ms for a, b in zip(since, until, strict=True) for ms in range(a, b)}
        assert recorded_at == {ms for span in noted if span.symbol == name for ms in range(span.since, span.until)}
        assert sum(until - since) == len(recorded_at), "spans overlap"
        assert (since // DAY == (until - 1) // DAY).all(), "a stretch goes past midnight"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=8),
    st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
def test_a_bar_counts_only_if_all_of_it_was_recorded(noted, lengths):
    ends = np.cumsum(lengths)
    starts = ends - lengths
    frame = pd.DataFrame([(a, a + length) for a, length in noted], columns=["since", "until"])
    recorded_at = {at for a, length in noted for at in range(a, a + length)}
    expected = [all(at in recorded_at for at in range(a, b)) for a, b in zip(starts, ends, strict=True)]
    assert _covered(frame, starts, ends).tolist() == expected


def test_cut_at_midnight():
    pieces = list(by_day(ListeningSpan(3 * DAY - 5, 5 * DAY + 7, ALL)))
    assert [(piece.since, piece.until) for piece in pieces] == [
        (3 * DAY - 5, 3 * DAY),
        (3 * DAY, 4 * DAY),
        (4 * DAY, 5 * DAY),
        (5 * DAY, 5 * DAY + 7),
    ]


def test_a_journal_cut_off_anywhere_is_read_as_far_as_it_goes(tmp_path):
    written = [row_at(NOON + row) for row in range(5)]
    journal = "".join(json.dumps(["okx", *row]) + "\n" for row in written)
    for length in range(0, len(journal), 17):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "journal").write_text(journal[:length], encoding="utf-8")
        with open_store(folder):
            pass
        whole = journal[:length].count("\n") + (journal[length - 1 : length + 1] == "]\n")
        assert (len(liquidations(folder)) if (folder / "liquidations").exists() else 0) == whole


def test_killed_between_any_two_steps_of_compacting_nothing_is_lost_or_doubled(tmp_path, monkeypatch):
    """Every rename is a moment at which the process may end; whoever comes next finishes the work."""
    for stop in range(1, 5):
        folder, expected_rows = tmp_path / str(stop), []
        real = os.replace

        def replace(source, target, stop=stop, expected_rows=expected_rows, real=real):
            expected_rows.append(target)
            if len(expected_rows) == stop:
                raise KeyboardInterrupt  # a kill as far as this process can go on after one
            real(source, target)

        folder.mkdir()
        with open(folder / "journal", "a+", encoding="utf-8") as journal:
            store = LiquidationStore(folder, journal)
            for day in (0, 1):
                store.add("okx", row_at(NOON + day * DAY))
            store.add_span("okx", ListeningSpan(NOON, NOON + DAY, ALL))
            store.flush()
            monkeypatch.setattr(os, "replace", replace)
            with pytest.raises(KeyboardInterrupt):
                store.settle()
            monkeypatch.setattr(os, "replace", real)
        if (folder / "listening").exists() and list((folder / "listening").glob("*/[0-9]*")):
            assert len(liquidations(folder)) == 2, "claimed before it was kept"
        with open_store(folder):
            pass
        assert len(liquidations(folder)) == 2
        spans = spans_in(folder)
        assert (spans["until"] - spans["since"]).sum() == pd.Timedelta(days=1)
        assert not list(folder.rglob("_*"))


def test_a_damaged_day_is_put_aside_and_not_counted_as_zero(tmp_path):
    with open_store(tmp_path) as store:
        store.add("okx", row_at(NOON))
        store.add_span("okx", ListeningSpan(NOON, NOON + 1000, ALL))
    (path,) = (tmp_path / "liquidations" / "venue=okx").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with open_store(tmp_path) as store:
        store.add("okx", row_at(NOON + 5))
        store.add_span("okx", ListeningSpan(NOON + 3000, NOON + 4000, ALL))
    assert pd.DatetimeIndex(liquidations(tmp_path)["time"]).as_unit("ms").asi8.tolist() == [NOON + 5]
    assert pd.DatetimeIndex(spans_in(tmp_path)["since"]).as_unit("ms").asi8.tolist() == [NOON + 3000]
    assert len(list(tmp_path.rglob("_unreadable-*"))) == 2


def test_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MAX_PENDING", 10)
    with open_store(tmp_path) as store:
        for row in range(25):
            store.add("okx", row_at(NOON + row))
            store.flush()
            assert store.pending <= 11
        for row in range(1000):
            store.add_span("okx", ListeningSpan(NOON + row, NOON + row + 1, ALL))
        assert len(store.spans["okx"]) == 1


def test_one_folder_has_one_recorder(tmp_path):
    with open_store(tmp_path), pytest.raises(InputError, match="another recorder"), open_store(tmp_path):
        pass
    with open_store(tmp_path):
        pass
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"), open_store(tmp_path / "file" / "folder"):
        pass


BINANCE = {"s": "BTCUSDT", "S": "SELL", "ap": "100", "p": "99", "z": "2", "l": "1", "q": "2", "T": NOON}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"ap": "-100"}, "no price"),
        ({"ap": "NaN"}, "no price"),
        ({"ap": "Infinity"}, "no price"),
        ({"ap": None}, "could not be read"),
        ({"ap": "abc"}, "could not be read"),
        ({"z": "0"}, "no price or no size"),
        ({"z": "1e12"}, "too large"),
        ({"S": "HOLD"}, "no side"),
        ({"S": ["SELL"]}, "could not be read"),
        ({"T": NOON + 3_600_000}, "another time"),
        ({"T": NOON - 2 * DAY}, "another time"),
        ({"T": None}, "could not be read"),
        ({"T": "1e400"}, "could not be read"),
    ],
)
def test_nonsense_is_refused_with_its_reason(change, reason):
    row = {"symbol": "BTC/USDT:USDT", "info": {**BINANCE, **change}}
    (read_rows,) = parse_rows("binanceusdm", row, {"BTC/USDT:USDT": 1.0}, NOON)
    if reason is None:
        assert read_rows == Liquidation(NOON, "BTC/USDT:USDT", "long", 100.0, 2.0, 200.0)
    else:
        assert isinstance(read_rows, str)
        assert reason in read_rows
    assert list(parse_rows("binanceusdm", {**row, "symbol": "ETH/USDT:USDT"}, {"BTC/USDT:USDT": 1.0}, NOON)) == []
    assert list(parse_rows("okx", {**row, "info": None}, {"BTC/USDT:USDT": 1.0}, NOON)) == ["could not be read"]
