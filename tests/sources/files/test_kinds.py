"""Every kind of file gives the same map of the same bars, whatever wrote it, in whatever order and encoding."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from liq.errors import InputError
from liq.sources.files.kind import read_content
from liq.sources.files.market_file import read_liquidations, read_market
from liq.sources.files.table import read_tables

FIRST = 1_767_571_200_000
BAR = 300_000
COUNT = 1200


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    """Bars with columns time (ms), open to volume, interest; prices with one decimal."""
    step = np.arange(COUNT + 1)
    price = np.round(50_000 + 900 * np.sin(step / 70) + 5 * np.sin(step * 1.7), 1)
    return pd.DataFrame(
        {
            "time": FIRST + step[:-1] * BAR,
            "open": price[:-1],
            "high": np.maximum(price[:-1], price[1:]) + 3.5,
            "low": np.minimum(price[:-1], price[1:]) - 3.5,
            "close": price[1:],
            "volume": 10.25 + step[:-1] % 7,
            "interest": 90_000.0 + step[:-1] % 50,
        }
    )


def named(content: bytes | str, name: str) -> io.BytesIO:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    file.name = name
    return file


def klines(bars: pd.DataFrame) -> pd.DataFrame:
    """Return bars as the Binance archive has them."""
    return pd.DataFrame(
        {
            "open_time": bars["time"],
            **{name: bars[name] for name in ("open", "high", "low", "close", "volume")},
            "close_time": bars["time"] + BAR - 1,
            "quote_volume": bars["volume"] * bars["close"],
            "count": 7,
            "taker_buy_volume": bars["volume"] / 2,
            "taker_buy_quote_volume": bars["volume"] * bars["close"] / 2,
            "ignore": 0,
        }
    )


def zipped(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "-") + ".csv", content)
    return packed.getvalue()


def metrics(bars: pd.DataFrame) -> str:
    """Return open interest as the archive's daily metrics have it: read when a bar closes."""
    times = pd.to_datetime(bars["time"] + BAR, unit="ms").dt.strftime("%Y-%m-%d %H:%M:%S")
    frame = pd.DataFrame({"create_time": times, "symbol": "BTCUSDT", "sum_open_interest": bars["interest"]})
    return frame.assign(sum_open_interest_value=1.0, count_long_short_ratio=1.1).to_csv(index=False)


def plain(bars: pd.DataFrame) -> pd.DataFrame:
    return bars[["time", "open", "high", "low", "close", "volume"]]


def written(bars: pd.DataFrame, times: pd.Series, name: str, **more) -> str:
    return plain(bars).assign(time=times).rename(columns={"time": name}).to_csv(index=False, **more)


def feather(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_feather(buffer)
    return buffer.getvalue()


def cryptodatadownload(bars: pd.DataFrame) -> str:
    frame = bars.iloc[::-1]
    dated = pd.to_datetime(frame["time"], unit="ms").dt.strftime("%Y-%m-%d %H:%M:%S")
    columns = {"unix": frame["time"], "date": dated, "symbol": "BTCUSDT"}
    prices = {name: frame[name] for name in ("open", "high", "low", "close")}
    volumes = {"Volume BTC": frame["volume"], "Volume USDT": frame["volume"] * frame["close"], "tradecount": 5}
    return "https://www.CryptoDataDownload.com\n" + pd.DataFrame({**columns, **prices, **volumes}).to_csv(index=False)


def tradingview(bars: pd.DataFrame) -> str:
    frame = plain(bars).assign(time=bars["time"] // 1000).rename(columns={"volume": "Volume"})
    return frame.assign(**{"Plot": 1.5, "RSI-based MA": np.nan}).to_csv(index=False)


SHAPES = {
    "klines": lambda b: named(klines(b).to_csv(index=False), "BTCUSDT-5m-2026-01.csv"),
    "klines without a header": lambda b: named(klines(b).to_csv(index=False, header=False), "BTCUSDT-5m-2026-01.csv"),
    "klines in microseconds": lambda b: named(
        klines(b).assign(open_time=b["time"] * 1000).to_csv(index=False, header=False), "BTCUSDT-5m-2026-01.csv"
    ),
    "klines as they are downloaded": lambda b: named(
        zipped(BTCUSDT__5m=klines(b).to_csv(index=False)), "BTCUSDT-5m-2026-01.zip"
    ),
    "TradingView": lambda b: named(tradingview(b), "BINANCE_BTCUSDT.P, 5.csv"),
    "TradingView, ISO with offset": lambda b: named(
        written(
            b,
            pd.to_datetime(b["time"], unit="ms", utc=True)
            .dt.tz_convert("Europe/Berlin")
            .map(lambda t: t.isoformat()),
            "time",
        ),
        "BINANCE_BTCUSDT.P, 5.csv",
    ),
    "freqtrade JSON": lambda b: named(json.dumps(plain(b).values.tolist()), "BTC_USDT_USDT-5m-futures.json"),
    "freqtrade feather": lambda b: named(
        feather(
            plain(b).assign(time=pd.to_datetime(b["time"], unit="ms", utc=True)).rename(columns={"time": "date"})
        ),
        "BTC_USDT_USDT-5m-futures.feather",
    ),
    "pandas to_csv with a date index": lambda b: named(
        plain(b).set_index(pd.to_datetime(b["time"], unit="ms", utc=True)).drop(columns="time").to_csv(),
        "btcusdt.csv",
    ),
    "pandas to_csv without a name": lambda b: named(
        plain(b)
        .set_index(pd.DatetimeIndex(pd.to_datetime(b["time"], unit="ms")).rename(None))
        .drop(columns="time")
        .to_csv(),
        "btcusdt.csv",
    ),
    "CryptoDataDownload": lambda b: named(cryptodatadownload(b), "Binance_BTCUSDT_2026_minute.csv"),
    "nanoseconds": lambda b: named(written(b, b["time"] * 10**6, "timestamp"), "BTCUSDT.csv"),
    "semicolons and decimal commas": lambda b: named(
        written(b, b["time"], "timestamp", sep=";", decimal=","), "BTCUSDT.csv"
    ),
    "thousands separators": lambda b: named(
        plain(b)
        .assign(**{n: b[n].map("{:,.1f}".format) for n in ("open", "high", "low", "close")})
        .to_csv(index=False),
        "BTCUSDT.csv",
    ),
    "UTF-16": lambda b: named(written(b, b["time"], "time").encode("utf-16"), "BTCUSDT.csv"),
    "a byte-order mark": lambda b: named(b"\xef\xbb\xbf" + written(b, b["time"], "time").encode(), "BTCUSDT.csv"),
    "Latin-1": lambda b: named(
        plain(b).assign(note="Übersicht").to_csv(index=False).encode("latin-1"), "BTCUSDT.csv"
    ),
    "gzip": lambda b: named(gzip.compress(written(b, b["time"], "time").encode()), "BTCUSDT.csv.gz"),
    "a repeated last row": lambda b: named(
        written(pd.concat([b, b.tail(1)]), pd.concat([b, b.tail(1)])["time"], "time"), "BTCUSDT.csv"
    ),
    "newest first": lambda b: named(written(b.iloc[::-1], b["time"].iloc[::-1], "time"), "BTCUSDT.csv"),
    "tabs": lambda b: named(written(b, b["time"], "time", sep="\t"), "BTCUSDT.csv"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_bars_give_the_same_map(bars, shape):
    reference = read_market(SHAPES["klines"](bars), lookback="1d")
    market = read_market(SHAPES[shape](bars), lookback="1d")
    assert market.symbol == "BTC/USDT:USDT"
    pd.testing.assert_frame_equal(market.candles, reference.candles, check_index_type=False)
    ours, theirs = liq.estimate(market, columns=50), liq.estimate(reference, columns=50)
    np.testing.assert_array_equal(ours.long, theirs.long)
    np.testing.assert_array_equal(ours.short, theirs.short)
    assert market.notes[0].startswith("Read as ")


def test_a_folder_of_klines_and_metrics_has_open_interest(bars, tmp_path):
    half = COUNT // 2
    (tmp_path / "BTCUSDT-5m-2026-01-05.csv").write_text(klines(bars[:half]).to_csv(index=False), encoding="utf-8")
    (tmp_path / "BTCUSDT-5m-2026-01-07.zip").write_bytes(zipped(b=klines(bars[half - 1 :]).to_csv(index=False)))
    (tmp_path / "BTCUSDT-metrics-2026-01-05.csv").write_text(metrics(bars), encoding="utf-8")
    market = read_market(tmp_path, lookback="12h")
    assert market.symbol == "BTC/USDT:USDT"
    fine = market.open_interest[-10:]
    assert fine.tolist() == bars["interest"].tail(10).tolist()
    assert "(2 files)" in market.notes[0]
    assert "Binance metrics" in market.notes[0]
    several = [named(klines(bars).to_csv(index=False), "BTCUSDT-5m.csv"), named(metrics(bars), "BTCUSDT-metrics.csv")]
    assert read_market(several, lookback="12h").open_interest[-10:].tolist() == fine.tolist()


def test_a_cut_off_last_line_is_dropped_and_said(bars):
    text = written(bars, bars["time"], "time")
    market = read_market(named(text[: text.rindex(",") - 3], "BTCUSDT.csv"), lookback="1d")
    assert "cut off" in market.notes[0]
    assert market.candles["close"].iloc[-1] == bars["close"].iloc[-2]


def test_without_volume_open_interest_must_be_there(bars):
    without = bars.drop(columns="volume").rename(columns={"interest": "open_interest"})
    market = read_market(named(without.to_csv(index=False), "BINANCE_BTCUSDT.P, 5.csv"), lookback="1d")
    assert any("no volume" in note for note in market.notes)
    assert liq.estimate(market, columns=1).long.sum() > 0
    bare = without.drop(columns="open_interest")
    with pytest.raises(InputError, match="lacks a volume, without which"):
        read_market(named(bare.to_csv(index=False), "BINANCE_BTCUSDT.P, 5.csv"))


HOURS = [FIRST + 3_600_000 * hour for hour in range(50)]
LIQUIDATIONS = {
    "Coinalyze, seconds": lambda: pd.DataFrame({"t": [t // 1000 for t in HOURS], "l": 5.0, "s": 2.0}),
    "Coinglass": lambda: pd.DataFrame({"time": HOURS, "longVolUsd": 5.0, "shortVolUsd": 2.0}),
    "Coinglass, later names": lambda: pd.DataFrame(
        {"time": HOURS, "aggregated_long_liquidation_usd": 5.0, "aggregated_short_liquidation_usd": 2.0}
    ),
    "coins with a price": lambda: pd.DataFrame(
        {"time": HOURS, "long_liquidations": 0.5, "short_liquidations": 0.2, "price": 10.0}
    ),
    "dates": lambda: pd.DataFrame({"date": pd.to_datetime(HOURS, unit="ms").astype(str), "long": 5.0, "short": 2.0}),
}


@pytest.mark.parametrize("shape", LIQUIDATIONS)
def test_liquidations_by_the_hour_are_read(shape):
    frame = LIQUIDATIONS[shape]()
    for content, name in ((frame.to_csv(index=False), "liq.csv"), (frame.to_json(orient="records"), "liq.json")):
        got = read_liquidations(named(content, name))
        assert got["long"].tolist() == [5.0] * 50
        assert got["short"].tolist() == [2.0] * 50
        assert got.index[0] == pd.Timestamp(FIRST, unit="ms", tz="UTC")


def test_single_liquidations_are_summed_to_bars():
    times = [FIRST * 1000 + 10**6 * second for second in (1, 2, 61, 3600)]
    frame = pd.DataFrame(
        {"exchange": "binance-futures", "symbol": "BTCUSDT", "timestamp": times, "local_timestamp": times}
    )
    tardis = frame.assign(id="", side=["sell", "buy", "sell", "sell"], price=100.0, amount=[1.0, 2.0, 3.0, 4.0])
    got = read_liquidations(named(tardis.to_csv(index=False), "binance-futures_liquidations_2026-01-05_BTCUSDT.csv"))
    hourly = got.resample("1h").sum()
    assert hourly["long"].tolist() == [400.0, 400.0]
    assert hourly["short"].tolist() == [200.0, 0.0]
    orders = pd.DataFrame({"symbol": "BTCUSDT", "side": ["SELL", "BUY", "SELL", "SELL"], "order_type": "LIMIT"})
    orders = orders.assign(
        time_in_force="IOC", original_quantity=[1.0, 2.0, 3.0, 4.0], price=99.0, average_price=100.0
    )
    orders = orders.assign(order_status="FILLED", last_fill_quantity=0.1, time=[t // 1000 for t in times])
    again = read_liquidations(named(orders.to_csv(index=False), "BTCUSDT-liquidationSnapshot-2026-01-05.csv"))
    pd.testing.assert_frame_equal(again, got, check_index_type=False, check_freq=False)


def test_an_unknown_layout_names_its_columns_and_the_nearest_kind():
    with pytest.raises(InputError, match=r"it has the columns alpha, beta.*nearest kind") as caught:
        read_market(named("alpha,beta\n1,2\n", "x.csv"))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="holds open interest, but no candles"):
        read_market(named("create_time,symbol,sum_open_interest\n2026-01-05 00:00:00,BTCUSDT,5\n", "m.csv"))
    with pytest.raises(InputError, match="no liquidations"):
        read_liquidations(named("time,open,high,low,close,volume\n1767571200,1,2,1,2,5\n", "c.csv"))


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(["time", "open", "high", "low", "close", "volume"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    st.booleans(),
)
def test_order_delimiter_and_encoding_do_not_matter(bars, order, delimiter, encoding, newest_first):
    frame = plain(bars)[order]
    frame = frame.iloc[::-1] if newest_first else frame
    text = frame.to_csv(index=False, sep=delimiter).encode(encoding)
    (table,) = read_tables(named(text, "BTCUSDT.csv"))
    content = read_content(table)
    assert content.candles["close"].tolist() == bars["close"].tolist()
