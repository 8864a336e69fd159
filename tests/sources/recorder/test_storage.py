"""The recorder's files: whole at every moment, each liquidation once, and what was not listened to is not zero."""

from __future__ import annotations

import json
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


def listening(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "listening")


def one(time: int, price: float = 10.0, side: str = "long", symbol: str = "BTC/USDT:USDT") -> Liquidation:
    return Liquidation(time, symbol, side, price, 2.0, 2 * price)


rows = st.builds(
    one,
    time=st.integers(NOON - DAY, NOON + DAY),
    price=st.sampled_from([1.0, 2.0, 3.5]),
    side=st.sampled_from(["long", "short"]),
    symbol=st.sampled_from(["BTC/USDT:USDT", "ETH/USDT:USDT"]),
)
spans = st.tuples(st.integers(0, 3000), st.integers(1, 900), st.sampled_from([ALL, "BTC/USDT:USDT"])).map(
    lambda told: ListeningSpan(NOON + DAY // 2 - 1500 + told[0], NOON + DAY // 2 - 1500 + told[0] + told[1], told[2])
)


@settings(max_examples=25, deadline=None)
@given(st.lists(rows, max_size=30), st.data())
def test_what_is_told_twice_is_written_once_in_whatever_order_and_portions(tmp_path_factory, told, data):
    folder = tmp_path_factory.mktemp("store")
    again = data.draw(st.permutations(told + told[:7]))
    cut = data.draw(st.integers(0, len(again)))
    for part in (again[:cut], again[cut:]):
        with open_store(folder) as store:
            for row in part:
                store.add("okx", row)
            store.flush()
            store.settle()
            for row in part[:3]:
                store.add("okx", row)
    distinct = {row[:5] for row in told}
    assert (folder / "journal").read_text() == ""
    if not told:
        assert not (folder / "liquidations").exists()
        return
    found = liquidations(folder)
    assert len(found) == len(distinct)
    times = pd.DatetimeIndex(found["time"]).as_unit("ms").asi8
    assert set(zip(times, found["symbol"], found["side"], found["price"], found["coins"], strict=True)) == distinct
    assert list(found.columns) == ["time", "symbol", "side", "price", "coins", "usd", "venue"]
    for path in (folder / "liquidations" / "venue=okx").iterdir():
        day = pd.read_parquet(path)["time"]
        assert set(day.dt.strftime("%Y-%m-%d")) == {path.stem}
        assert day.is_monotonic_increasing


@settings(max_examples=25, deadline=None)
@given(st.lists(spans, min_size=1, max_size=12), st.data())
def test_listening_is_the_union_of_what_was_noted(tmp_path_factory, noted, data):
    folder = tmp_path_factory.mktemp("store")
    cut = data.draw(st.integers(0, len(noted)))
    for part in (noted[:cut], noted[cut:]):
        with open_store(folder) as store:
            for span in part:
                store.add_span("bybit", span)
    found = listening(folder)
    for name in (ALL, "BTC/USDT:USDT"):
        mine = found[found["symbol"] == name]
        since, until = (pd.DatetimeIndex(mine[column]).as_unit("ms").asi8 for column in ("since", "until"))
        heard = {ms for a, b in zip(since, until, strict=True) for ms in range(a, b)}
        assert heard == {ms for span in noted if span.symbol == name for ms in range(span.since, span.until)}
        assert sum(until - since) == len(heard), "stretches overlap"
        assert (since // DAY == (until - 1) // DAY).all(), "a stretch goes past midnight"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=8),
    st.lists(st.integers(1, 12), min_size=1, max_size=8),
)
def test_a_bar_counts_only_if_all_of_it_was_listened_to(noted, lengths):
    ends = np.cumsum(lengths)
    starts = ends - lengths
    frame = pd.DataFrame([(a, a + length) for a, length in noted], columns=["since", "until"])
    heard = {at for a, length in noted for at in range(a, a + length)}
    expected = [all(at in heard for at in range(a, b)) for a, b in zip(starts, ends, strict=True)]
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
    written = [one(NOON + row) for row in range(5)]
    journal = "".join(json.dumps(["okx", *row]) + "\n" for row in written)
    for length in range(0, len(journal), 17):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "journal").write_text(journal[:length])
        with open_store(folder):
            pass
        whole = journal[:length].count("\n") + (journal[length - 1 : length + 1] == "]\n")
        assert (len(liquidations(folder)) if (folder / "liquidations").exists() else 0) == whole


def test_killed_between_any_two_steps_of_settling_nothing_is_lost_or_doubled(tmp_path, monkeypatch):
    """Every rename is a moment at which the process may end; whoever comes next finishes the work."""
    for stop in range(1, 5):
        folder, made = tmp_path / str(stop), []
        real = room.os.replace

        def replace(source, target, stop=stop, made=made, real=real):
            made.append(target)
            if len(made) == stop:
                raise KeyboardInterrupt  # a kill as far as this process can go on after one
            real(source, target)

        folder.mkdir()
        with open(folder / "journal", "a+", encoding="utf-8") as journal:
            store = LiquidationStore(folder, journal)
            for day in (0, 1):
                store.add("okx", one(NOON + day * DAY))
            store.add_span("okx", ListeningSpan(NOON, NOON + DAY, ALL))
            store.flush()
            monkeypatch.setattr(room.os, "replace", replace)
            with pytest.raises(KeyboardInterrupt):
                store.settle()
            monkeypatch.setattr(room.os, "replace", real)
        if (folder / "listening").exists() and list((folder / "listening").glob("*/[0-9]*")):
            assert len(liquidations(folder)) == 2, "claimed before it was kept"
        with open_store(folder):
            pass
        assert len(liquidations(folder)) == 2
        spans = listening(folder)
        assert (spans["until"] - spans["since"]).sum() == pd.Timedelta(days=1)
        assert not list(folder.rglob("_*"))


def test_a_damaged_day_is_put_aside_and_nobody_calls_it_quiet(tmp_path):
    with open_store(tmp_path) as store:
        store.add("okx", one(NOON))
        store.add_span("okx", ListeningSpan(NOON, NOON + 1000, ALL))
    (path,) = (tmp_path / "liquidations" / "venue=okx").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with open_store(tmp_path) as store:
        store.add("okx", one(NOON + 5))
        store.add_span("okx", ListeningSpan(NOON + 3000, NOON + 4000, ALL))
    assert pd.DatetimeIndex(liquidations(tmp_path)["time"]).as_unit("ms").asi8.tolist() == [NOON + 5]
    assert pd.DatetimeIndex(listening(tmp_path)["since"]).as_unit("ms").asi8.tolist() == [NOON + 3000]
    assert len(list(tmp_path.rglob("_unreadable-*"))) == 2


def test_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MAX_PENDING", 10)
    with open_store(tmp_path) as store:
        for row in range(25):
            store.add("okx", one(NOON + row))
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
    (tmp_path / "file").write_text("")
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
    (found,) = parse_rows("binanceusdm", row, {"BTC/USDT:USDT": 1.0}, NOON)
    if reason is None:
        assert found == Liquidation(NOON, "BTC/USDT:USDT", "long", 100.0, 2.0, 200.0)
    else:
        assert isinstance(found, str)
        assert reason in found
    assert list(parse_rows("binanceusdm", {**row, "symbol": "ETH/USDT:USDT"}, {"BTC/USDT:USDT": 1.0}, NOON)) == []
    assert list(parse_rows("okx", {**row, "info": None}, {"BTC/USDT:USDT": 1.0}, NOON)) == ["could not be read"]
