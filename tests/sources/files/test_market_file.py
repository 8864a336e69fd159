"""A file of the user's own: what is in it comes out, and what is wrong with it is one sentence."""

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liq.errors import InputError
from liq.market import LOOKBACKS
from liq.sources.files import market_file, table
from liq.sources.files.market_file import read_liquidations, read_market

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
BTC = DATA / "btcusdt_binance_5m_2025-12_2026-01.csv.gz"
LIQUIDATIONS = DATA / "btc_liquidations_1h_2025-12_2026-01.csv"
real = pytest.mark.skipif(not BTC.exists(), reason="the recordings are not beside the repository")

FIRST = pd.Timestamp("2026-01-05", tz="UTC")


def recording(days=12.0, minutes=5, liquidations=False):
    """Return a recording in the file's columns: a price that wanders on a sine, every bar distinct."""
    count = int(days * 1440 / minutes)
    step = np.arange(count + 1)
    price = np.round(50_000 + 900 * np.sin(step / 70) + 5 * np.sin(step * 1.7), 1)
    frame = pd.DataFrame(
        {
            "open_time_ms": (FIRST.timestamp() * 1000 + step[:-1] * minutes * 60_000).astype("int64"),
            "open": price[:-1],
            "high": np.maximum(price[:-1], price[1:]) + 3,
            "low": np.minimum(price[:-1], price[1:]) - 3,
            "close": price[1:],
            "volume": 10.0 + step[:-1] % 7,
            "open_interest": 90_000.0 + step[:-1] % 50,
        }
    )
    return frame.assign(long=step[:-1] % 11 * 1e4, short=step[:-1] % 13 * 1e4) if liquidations else frame


def buffer(frame, name="btcusdt_5m.csv"):
    packed = io.BytesIO(frame.to_csv(index=False).encode() if isinstance(frame, pd.DataFrame) else frame)
    packed.name = name
    return packed


@pytest.mark.parametrize("name", ["12h", "1d", "3d", "7d"])
def test_bars_are_the_sums_of_the_files(name):
    frame = recording()
    market = read_market(buffer(frame), lookback=name)
    row = LOOKBACKS[name]
    length = max(row.bar_length, pd.Timedelta(minutes=5))
    assert len(market.visible) == row.window // length
    assert market.bar == length
    assert market.as_of == FIRST + pd.Timedelta(days=12)
    assert not market.forming
    source = frame.set_index(pd.to_datetime(frame.pop("open_time_ms"), unit="ms", utc=True))
    ends = [*market.candles.index[1:], market.as_of]
    for opened, ended in list(zip(market.candles.index, ends, strict=True))[::50]:
        rows = source[(source.index >= opened) & (source.index < ended)]
        bar = market.candles.loc[opened]
        assert (bar["open"], bar["close"]) == (rows["open"].iloc[0], rows["close"].iloc[-1])
        assert (bar["high"], bar["low"]) == (rows["high"].max(), rows["low"].min())
        assert bar["volume"] == pytest.approx(rows["volume"].sum())
        assert market.open_interest[opened] == rows["open_interest"].iloc[-1]
    assert market.candles["volume"].sum() == pytest.approx(source["volume"].sum())
    assert market.tick == 0.1


def test_every_packing_gives_the_same_market(tmp_path):
    frame = recording(liquidations=True)
    plain = read_market(buffer(frame))
    text = frame.to_csv(index=False).encode()
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    path = tmp_path / "btcusdt_5m.csv"
    path.write_bytes(gzip.compress(text))
    others = {
        "gzip by content, though the name says CSV": buffer(gzip.compress(text)),
        "CSV by content, though the name says gzip": buffer(text, "btcusdt.csv.gz"),
        "parquet": buffer(parquet.getvalue(), "btcusdt.parquet"),
        "a path": path,
        "a path in words": str(path),
        "a comma at the end of every line": buffer(text.replace(b"\n", b",\n").replace(b"short,\n", b"short\n", 1)),
        "a byte-order mark and spaced headers": buffer(b"\xef\xbb\xbf" + text.replace(b"close,", b" Close ,", 1)),
    }
    for what, file in others.items():
        market = read_market(file)
        pd.testing.assert_frame_equal(market.candles, plain.candles, obj=what)
        pd.testing.assert_frame_equal(market.liquidations, plain.liquidations, obj=what)
        assert market.symbol == "BTC/USDT:USDT"


@pytest.mark.parametrize(
    ("name", "symbol", "expected"),
    [
        ("btcusdt_binance_5m.csv.gz", None, "BTC/USDT:USDT"),
        ("ETH-USDT.parquet", None, "ETH/USDT:USDT"),
        ("1000pepeusdt.csv", None, "1000PEPE/USDT:USDT"),
        ("my bars.csv", None, "FILE/USDT:USDT"),
        ("my bars.csv", "sol", "SOL/USDT:USDT"),
        ("x.csv", "SOL/USDC:USDC", "SOL/USDC:USDC"),
    ],
)
def test_the_coin_is_read_from_the_name_unless_given(name, symbol, expected):
    assert read_market(buffer(recording(1), name), lookback="12h", symbol=symbol).symbol == expected


def test_coarser_bars_are_kept_and_said():
    market = read_market(buffer(recording(200, minutes=1440)), lookback="3M")
    assert market.bar == pd.Timedelta(days=1)
    assert len(market.visible) == 90
    assert any("bars of 24 h" in note for note in market.notes)


def test_gaps_are_said_and_nothing_is_filled_in():
    frame = recording().drop(index=range(1000, 1030))
    market = read_market(buffer(frame), lookback="7d")
    assert market.candles["volume"].sum() == pytest.approx(frame["volume"].sum())
    (note,) = [note for note in market.notes if "lacks" in note]
    assert "30 bars in 1 place" in note
    assert "2026-01-08 11:20" in note


def test_as_of_shows_nothing_later():
    frame = recording()
    moment = FIRST + pd.Timedelta(days=9, minutes=17)
    early = read_market(buffer(frame), lookback="3d", as_of=moment)
    assert early.as_of == FIRST + pd.Timedelta(days=9, minutes=15)
    assert early.candles["close"].iloc[-1] == frame["close"].iloc[9 * 288 + 2]
    changed = frame.copy()
    changed.loc[9 * 288 + 3 :, ["open", "high", "low", "close"]] *= 2
    pd.testing.assert_frame_equal(early.candles, read_market(buffer(changed), lookback="3d", as_of=moment).candles)


def test_warm_up_and_window_meet_without_a_seam():
    frame = recording()
    market = read_market(buffer(frame), lookback="1d", as_of=FIRST + pd.Timedelta(days=9, minutes=25))
    assert market.start == FIRST + pd.Timedelta(days=8, minutes=25)
    steps = market.candles.index.diff()[1:]
    assert set(steps) == {pd.Timedelta(minutes=5), pd.Timedelta(minutes=15)}
    assert market.candles["volume"].sum() == pytest.approx(frame["volume"].iloc[: 9 * 288 + 5].sum())
    assert len(market.visible) == 288


def test_a_partly_recorded_bar_is_not_counted_as_zero():
    frame = recording(liquidations=True)
    frame.loc[2000, "long"] = np.nan
    frame.loc[2003, "open_interest"] = np.nan  # the last of the three that its bar is made of
    market = read_market(buffer(frame), lookback="7d")
    assert market.liquidations["long"].isna().sum() == 1
    assert list(market.open_interest.index[market.open_interest.isna()]) == [FIRST + pd.Timedelta(minutes=5 * 2001)]
    assert market.liquidations["short"].notna().all()


def test_without_open_interest_it_says_so():
    market = read_market(buffer(recording().drop(columns="open_interest")))
    assert market.open_interest is None
    assert any("no open interest" in note for note in market.notes)


def test_a_short_file_says_what_is_missing():
    assert any("later than a window of 7d" in note for note in read_market(buffer(recording(2)), lookback="7d").notes)
    assert any("before the window" in note for note in read_market(buffer(recording(2)), lookback="1d").notes)


def spoilt(change):
    frame = recording(2).astype(object)
    change(frame)
    return buffer(frame)


def put(row, column, value):
    return lambda frame: frame.__setitem__(column, frame[column].where(frame.index != row, value))


WRONG = {
    "missing column": (lambda: buffer(recording(2).drop(columns="volume")), "lacks the column 'volume'"),
    "no time": (lambda: buffer(recording(2).drop(columns="open_time_ms")), "has no column of times"),
    "text price": (lambda: spoilt(put(7, "close", "abc")), "'close' has 'abc' in row 7"),
    "NaN price": (lambda: spoilt(put(7, "close", np.nan)), "'close' must be positive and finite: row 7"),
    "negative price": (lambda: spoilt(put(7, "low", -1)), "'low' must be positive and finite: row 7"),
    "infinite volume": (lambda: spoilt(put(3, "volume", "inf")), "'volume' must be not negative and finite: row 3"),
    "high below low": (lambda: spoilt(put(5, "high", 1.0)), "'high' is below 'low': row 5"),
    "close outside": (lambda: spoilt(put(5, "close", 99_999.0)), "'close' lies outside low to high: row 5"),
    "text time": (lambda: spoilt(put(4, "open_time_ms", "soon")), "has soon in column 'open_time_ms', row 4"),
    "missing time": (
        lambda: spoilt(put(4, "open_time_ms", np.nan)),
        "row 4, which is not a time: seconds, milliseconds",
    ),
    "bar numbers for times": (
        lambda: buffer(recording(2).assign(open_time_ms=range(576))),
        "row 0, which is not a time: seconds, milliseconds",
    ),
    "one time, two prices": (
        lambda: buffer(recording(2).iloc[[0, 1, 1, 2]].assign(volume=[1.0, 2.0, 3.0, 4.0])),
        "repeats a time in row 2",
    ),
    "negative interest": (lambda: spoilt(put(2, "open_interest", -5)), "open_interest must be .*row 2 has -5"),
    "text interest": (lambda: spoilt(put(2, "open_interest", "x")), "open_interest must be .*row 2 has x"),
    "one bar": (lambda: buffer(recording(2).iloc[:1]), "holds one bar"),
    "header only": (lambda: buffer(recording(2).iloc[:0]), "has no rows"),
    "empty": (lambda: buffer(b""), "is empty"),
    "blank": (lambda: buffer(b"\n\n  \n"), "is empty"),
    "binary": (lambda: buffer(bytes(range(256)) * 40), "neither CSV, CSV.gz nor Parquet"),
    "HTML": (lambda: buffer(b"<html><body>not found</body></html>"), "is a web page"),
    "cut gzip": (
        lambda: buffer(gzip.compress(recording(2).to_csv(index=False).encode())[:-4000]),
        "gzip file that is cut off or damaged",
    ),
    "cut parquet": (lambda: buffer(b"PAR1" + b"x" * 500), "Parquet file that is cut off or damaged"),
    "ragged": (lambda: buffer(recording(2).to_csv(index=False).encode() + b"1,2,3,4,5,6,7,8,9\n"), "neither CSV"),
    "decimal commas": (
        lambda: buffer(recording(2).to_csv(index=False).replace(".", ",").encode()),
        "more values in row 0 than its header",
    ),
    "twice the same column": (
        lambda: buffer(b"open_time_ms,open,high,low,close,Close,volume\n" + b"1767571200000,1,1,1,1,1,1\n" * 2),
        "names the column 'close' twice",
    ),
    "no such file": (lambda: "nowhere/btcusdt.csv", "btcusdt.csv cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_whatever_is_wrong_is_one_sentence(case):
    make, sentence = WRONG[case]
    with pytest.raises(InputError, match=sentence) as raised:
        read_market(make())
    said = str(raised.value)
    assert "\n" not in said
    assert said.endswith(".")


def test_size_is_bounded_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(table, "MAX_BYTES", 50_000)
    monkeypatch.setattr(table, "MAX_ROWS", 400)
    with pytest.raises(InputError, match="larger than"):
        read_market(buffer(recording(12)))
    with pytest.raises(InputError, match="larger than"):
        read_market(buffer(gzip.compress(recording(12).to_csv(index=False).encode())))
    monkeypatch.setattr(table, "MAX_BYTES", 10_000_000)
    with pytest.raises(InputError, match="more than 400 rows"):
        read_market(buffer(recording(12)))
    parquet = io.BytesIO()
    recording(12).to_parquet(parquet)
    with pytest.raises(InputError, match="more than 400"):
        read_market(buffer(parquet.getvalue()))


@pytest.mark.parametrize("value", ["soon", "2020-01-01", pd.NaT])
def test_a_moment_without_bars_is_one_sentence(value):
    with pytest.raises(InputError, match="as_of"):
        read_market(buffer(recording(2)), as_of=value)
    with pytest.raises(InputError, match="lookback must be one of"):
        read_market(buffer(recording(2)), lookback="2d")


def test_liquidations_are_read_and_checked():
    frame = recording(3, minutes=60, liquidations=True)[["open_time_ms", "long", "short"]]
    got = read_liquidations(buffer(frame))
    assert list(got.columns) == ["long", "short"]
    assert got.index[0] == FIRST
    np.testing.assert_array_equal(got["long"], frame["long"])
    with pytest.raises(InputError, match="lacks the column 'short'"):
        read_liquidations(buffer(frame.drop(columns="short")))
    with pytest.raises(InputError, match="'long' must be not negative: row 1"):
        read_liquidations(buffer(frame.assign(long=frame["long"].where(frame.index != 1, -1.0))))


@real
@pytest.mark.parametrize("name", ["7d", "14d", "1M"])
def test_a_real_recording_fills_its_windows(name):
    market = read_market(BTC, lookback=name)
    row = LOOKBACKS[name]
    assert market.symbol == "BTC/USDT:USDT"
    assert len(market.visible) == row.window // row.bar_length
    assert market.as_of == pd.Timestamp("2026-02-01", tz="UTC")
    assert market.price == pytest.approx(78_706.8, abs=0.1)
    assert market.open_interest.between(80_000, 120_000).all()
    assert market.tick == 0.1
    assert not any("lacks" in note for note in market.notes)


@real
def test_real_liquidations_fill_every_hour():
    got = read_liquidations(LIQUIDATIONS)
    assert len(got) == 1488
    assert (got.index.diff()[1:] == pd.Timedelta(hours=1)).all()
    assert market_file.read_market(BTC).candles.index[-1] < got.index[-1] + pd.Timedelta(hours=1)
