"""Candles as venues, tools and brokers write them are the same bars to the last bit."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from liq.sources.files.joined import contents
from tests.sources.files.test_kinds import BAR, bars, feather, klines, named, plain

__all__ = ["bars"]  # the fixture

CANDLES = ["open", "high", "low", "close", "volume"]


def texts(frame: pd.DataFrame) -> list[list[str]]:
    """Return rows as venues write them: every number as text."""
    return [[f"{value:g}" if value % 1 == 0 and value < 1e6 else repr(value) for value in row] for row in rows(frame)]


def rows(frame: pd.DataFrame) -> list[list[float]]:
    return [list(row) for row in zip(*(frame[name].tolist() for name in frame.columns), strict=True)]


def dollars(b: pd.DataFrame) -> pd.Series:
    """Return the dollars traded in bars, at a price between low and high that is not the mean."""
    return b["volume"] * (0.3 * b["low"] + 0.7 * b["high"])


def mean(b: pd.DataFrame) -> pd.Series:
    return (b["open"] + b["high"] + b["low"] + b["close"]) / 4


def dated(b: pd.DataFrame, form: str) -> pd.Series:
    return pd.to_datetime(b["time"], unit="ms").dt.strftime(form)


def columns(b: pd.DataFrame, order: str, **more: pd.Series) -> pd.DataFrame:
    """Return columns in the order of their letters: t, o, h, l, c, v, q for dollars, and others by name."""
    letters = {"t": b["time"], "o": b["open"], "h": b["high"], "l": b["low"], "c": b["close"], "v": b["volume"]}
    known = {**letters, "s": b["time"] // 1000, "q": dollars(b), **more}
    return pd.DataFrame({place: known[name] for place, name in enumerate(order.split())})


def objects(b: pd.DataFrame, **names: str) -> list[dict[str, object]]:
    """Return rows as objects, numbers as text but for the time."""
    frame = pd.DataFrame({theirs: b.get(ours, ours) for theirs, ours in names.items()})
    return [
        {key: value if isinstance(value, (int, str)) else repr(value) for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def metatrader(b: pd.DataFrame, volume: bool) -> str:
    frame = pd.DataFrame({"<DATE>": dated(b, "%Y.%m.%d"), "<TIME>": dated(b, "%H:%M:%S")})
    for name in CANDLES[:4]:
        frame[f"<{name.upper()}>"] = b[name]
    ticks = np.arange(len(b)) % 9 + 1 if volume else b["volume"]
    return frame.assign(**{"<TICKVOL>": ticks, "<VOL>": b["volume"] if volume else 0, "<SPREAD>": 10}).to_csv(
        index=False, sep="\t"
    )


NO_HEADER = {"index": False, "header": False}
OHLCV = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume"}
OKX_KEYS = "t o h l c contracts v q one"

VENUES = {
    "MetaTrader 4": lambda b: pd.concat(
        [dated(b, "%Y.%m.%d"), dated(b, "%H:%M"), b[CANDLES]], axis=1).to_csv(**NO_HEADER),
    "MetaTrader 5": lambda b: metatrader(b, volume=True),
    "MetaTrader 5 of a broker without volume": lambda b: metatrader(b, volume=False),
    "Finam": lambda b: pd.DataFrame(
        {"<TICKER>": "BTC", "<PER>": 5, "<DATE>": dated(b, "%Y%m%d"), "<TIME>": dated(b, "%H%M%S")}
        | {f"<{name.upper()}>": b[name] for name in CANDLES[:4]} | {"<VOL>": b["volume"]}
    ).to_csv(index=False, sep=";"),
    "date and time in two columns": lambda b: pd.DataFrame(
        {"Date": dated(b, "%Y-%m-%d"), "Time": dated(b, "%H:%M"), **{name.title(): b[name] for name in CANDLES}}
    ).to_csv(index=False),
    "JSON lines of objects": lambda b: plain(b).to_json(orient="records", lines=True, double_precision=15),
    "JSON lines of lists": lambda b: "\n".join(json.dumps(row) for row in rows(plain(b))),
    "TradingView's data feed": lambda b: json.dumps(
        {"s": "ok", **{key: columns(b, "s o h l c v")[place].tolist() for place, key in enumerate("tohlcv")}}
    ),
    "Deribit": lambda b: json.dumps(
        {
            "jsonrpc": "2.0",
            "result": {
                **{name: b[name].tolist() for name in CANDLES},
                "cost": dollars(b).tolist(), "ticks": b["time"].tolist(), "status": "ok",
            },
        }
    ),
    "Hyperliquid": lambda b: json.dumps(
        objects(b.assign(end=b["time"] + BAR - 1), t="time", T="end", s="BTC", i="5m", o="open", c="close", h="high",
                l="low", v="volume", n="7")
    ),
    "Kraken": lambda b: json.dumps(
        {"result": {"XXBTZUSD": texts(columns(b, "s o h l c mean v n", mean=mean(b), n=b["time"] // BAR)),
                                 "last": 5}}
    ),
    "Kraken's CSV": lambda b: columns(b, "s o h l c v n", n=b["time"] // BAR % 977).to_csv(**NO_HEADER),
    "Gate spot": lambda b: json.dumps(
        [[*row, "true"] for row in texts(columns(b, "s q c h l o v"))]
    ),
    "OKX spot": lambda b: json.dumps(
        {"code": "0", "data": texts(columns(b, "t o h l c v q q one", one=b["time"] * 0 + 1))}
    ),
    "OKX swap": lambda b: json.dumps(
        {"code": "0", "data": texts(columns(b, OKX_KEYS, contracts=b["volume"] * 100, one=b["time"] * 0 + 1))[::-1]}
    ),
    "OKX inverse swap": lambda b: json.dumps(
        {"code": "0", "data": texts(columns(b, OKX_KEYS, contracts=dollars(b) / 100, one=b["time"] * 0 + 1))[::-1]}
    ),
    "Bybit": lambda b: json.dumps(
        {"retCode": 0, "result": {"symbol": "BTCUSDT", "list": texts(columns(b, "t o h l c v q"))[::-1]}}
    ),
    "Bybit inverse": lambda b: json.dumps(
        {"retCode": 0, "result": {"symbol": "BTCUSD", "list": texts(columns(b, "t o h l c q v"))[::-1]}}
    ),
    "Bitget spot": lambda b: json.dumps({"code": "00000", "data": texts(columns(b, "t o h l c v q q"))}),
    "KuCoin": lambda b: json.dumps({"code": "200000", "data": texts(columns(b, "s o c h l v q"))[::-1]}),
    "MEXC spot": lambda b: json.dumps(rows(columns(b, "t o h l c v end q", end=b["time"] + BAR))),
    "ccxt": lambda b: json.dumps(rows(columns(b, "t o h l c v"))),
    "Bitfinex": lambda b: json.dumps(rows(columns(b, "t o c h l v"))[::-1]),
    "Coinbase": lambda b: json.dumps(rows(columns(b, "s l h o c v"))[::-1]),
    "Binance COIN-M klines": lambda b: klines(b).assign(
        volume=dollars(b) / 100, quote_volume=b["volume"]
    ).to_csv(index=False),
    "python-binance": lambda b: klines(b).set_axis(
        ["Open time", "Open", "High", "Low", "Close", "Volume", "Close time", "Quote asset volume",
         "Number of trades", "Taker buy base asset volume", "Taker buy quote asset volume", "Ignore"], axis=1
    ).to_csv(index=False),
    "HTX": lambda b: json.dumps(
        {"ch": "market.btcusdt.kline.5min", "status": "ok", "data": json.loads(
            pd.DataFrame({"id": b["time"] // 1000, "open": b["open"], "close": b["close"], "low": b["low"],
                          "high": b["high"], "amount": b["volume"], "vol": dollars(b), "count": 5}
                         ).to_json(orient="records", double_precision=15))[::-1]}
    ),
    "HTX swap": lambda b: pd.DataFrame(
        {"id": b["time"] // 1000, "open": b["open"], "close": b["close"], "low": b["low"], "high": b["high"],
         "amount": b["volume"], "vol": b["volume"] * 1000, "count": 5}
    ).to_csv(index=False),
    "Kraken futures": lambda b: json.dumps({"candles": objects(b, time="time", **OHLCV), "more_candles": False}),
    "CryptoCompare": lambda b: json.dumps(
        {"Response": "Success", "Data": {"Aggregated": False, "Data": objects(
            b.assign(s=b["time"] // 1000, q=dollars(b)), time="s", high="high", low="low", open="open",
            volumefrom="volume", volumeto="q", close="close")}}
    ),
    "dYdX": lambda b: json.dumps(
        {"candles": objects(b.assign(start=dated(b, "%Y-%m-%dT%H:%M:%S.000Z"), q=dollars(b)), startedAt="start",
                            ticker="BTC-USD", resolution="5MINS", low="low", high="high", open="open", close="close",
                            baseTokenVolume="volume", usdVolume="q")}
    ),
    "Coinalyze": lambda b: json.dumps(
        [{"symbol": "BTCUSDT_PERP.A", "history": json.loads(pd.DataFrame(
            {"t": b["time"] // 1000, "o": b["open"], "h": b["high"], "l": b["low"], "c": b["close"], "v": b["volume"],
             "bv": b["volume"] / 2, "tx": 7, "btx": 3}).to_json(orient="records", double_precision=15))}]
    ),
    "investing.com": lambda b: pd.DataFrame(
        {"Date": dated(b, "%Y-%m-%d %H:%M"), "Price": b["close"].map("{:,.1f}".format),
         "Open": b["open"].map("{:,.1f}".format), "High": b["high"].map("{:,.1f}".format),
         "Low": b["low"].map("{:,.1f}".format), "Vol.": "-", "Change %": "0.12%"}
    ).assign(**{"Vol.": (b["volume"] / 1000).map("{:.5f}K".format)}).to_csv(index=False, quoting=1),
    "Yahoo": lambda b: pd.DataFrame(
        {"Date": dated(b, "%Y-%m-%d %H:%M:%S+00:00"), **{name.title(): b[name] for name in CANDLES[:4]},
         "Adj Close": b["close"], "Volume": b["volume"]}
    ).to_csv(index=False),
    "Dukascopy": lambda b: pd.DataFrame(
        {"Gmt time": dated(b, "%Y-%m-%d %H:%M:%S.000"), **{name.title(): b[name] for name in CANDLES}}
    ).to_csv(index=False),
    "only a close time": lambda b: klines(b).drop(columns="open_time").to_csv(index=False),
    "only an exact close time": lambda b: plain(b).assign(time=b["time"] + BAR).rename(
        columns={"time": "Close time"}
    ).to_csv(index=False),
    "dollar signs and units": lambda b: pd.DataFrame(
        {"Timestamp (UTC)": dated(b, "%Y-%m-%d %H:%M:%S"), "Open": b["open"].map("${:,.2f}".format),
         "High": b["high"].map("{:,.2f} USDT".format), "Low": b["low"].map("US$ {:,.2f}".format),
         "Close": b["close"].map("{:.1f}USDT".format), "Volume": b["volume"].map("{} BTC".format)}
    ).to_csv(index=False),
    "an index without a name in Parquet": lambda b: parquet(plain(b).set_index(
        pd.DatetimeIndex(pd.to_datetime(b["time"], unit="ms", utc=True)).rename(None)).drop(columns="time")),
    "a named index in Parquet": lambda b: parquet(plain(b).set_index(
        pd.to_datetime(b["time"], unit="ms", utc=True).rename("Open time")).drop(columns="time")),
    "pandas without names of columns": lambda b: pd.DataFrame(plain(b).to_numpy()).to_csv(),
    "Bitstamp": lambda b: json.dumps(
        {"data": {"pair": "BTC/USD", "ohlc": objects(b.assign(s=(b["time"] // 1000).astype(str)), timestamp="s",
                                                     **OHLCV)}}
    ),
    "Excel's line on the delimiter": lambda b: "sep=;\n" + plain(b).to_csv(index=False, sep=";"),
    "old Mac line ends": lambda b: plain(b).to_csv(index=False, lineterminator="\r"),
    "UTF-16 without a mark": lambda b: plain(b).to_csv(index=False).encode("utf-16-be"),
    "UTF-32": lambda b: plain(b).to_csv(index=False).encode("utf-32"),
    "a feather with dates": lambda b: feather(
        plain(b).assign(time=pd.to_datetime(b["time"], unit="ms").dt.as_unit("ms"))
    ),
    **{
        f"pandas' JSON, {orient}": lambda b, orient=orient: plain(b).set_index(
            pd.to_datetime(b["time"], unit="ms")
        ).drop(columns="time").to_json(
            orient=orient, double_precision=15, date_format="iso" if orient == "table" else "epoch"
        )
        for orient in ("columns", "index", "split", "table")
    },
    **{
        f"pandas' JSON without an index, {orient}": lambda b, orient=orient: plain(b).to_json(
            orient=orient, double_precision=15
        )
        for orient in ("columns", "index", "split", "table", "records", "values")
    },
}  # fmt: skip


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("venue", VENUES)
def test_a_venues_candles_are_the_same_bars(bars, venue):
    (content,) = contents(named(VENUES[venue](bars), "candles"))
    assert content.candles is not None, content.kind
    assert content.candles.index.tolist() == pd.to_datetime(bars["time"], unit="ms", utc=True).tolist()
    for name in CANDLES:
        got, meant = content.candles[name].to_numpy(), bars[name].to_numpy()
        assert np.array_equal(got, meant), (venue, name, got[:3], meant[:3])
