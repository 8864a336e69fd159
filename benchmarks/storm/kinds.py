"""The kinds of files that are corrupted: the layout and the header of each."""

from __future__ import annotations

from benchmarks.storm.layouts import Layout

OHLCV = ("open", "high", "low", "close", "volume")
SAME = {name: name for name in OHLCV}
KLINES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
FULL = "%Y-%m-%d %H:%M:%S"
BY_LETTER = {name: name[0] for name in OHLCV}
SIX = dict(zip(OHLCV, "12345", strict=True))


def _layout(name: str, file: str, time: str | tuple[str, ...], unit: str, ours: dict[str, str], **more) -> Layout:
    return Layout(
        name, file, more.pop("task", "candles"), (time,) if isinstance(time, str) else time, unit, ours, **more
    )


ALL = {**SAME, "open_interest": "open_interest", "long": "long", "short": "short"}
EVENTS = {"side": "side", "price": "price", "coins": "amount"}
ORDERS = {"side": "side", "price": "average_price", "coins": "original_quantity"}
HELD = {
    **{"coin": "coin", "side": "side", "coins": "coins", "entry": "entry"},
    **{"liquidation_price": "liquidation_price", "leverage": "leverage", "margin": "margin"},
}
SCANNED = {"coins": "size", "entry": "entry", "liquidation_price": "liq", "leverage": "lev", "margin": "margin"}
COINBASE = dict(zip(("low", "high", "open", "close", "volume"), "12345", strict=True))
CDD = {name: name.capitalize() for name in OHLCV[:4]} | {"volume": "Volume BTC"}
TV = SAME | {"volume": "Volume"}
MT5 = {name: f"<{name.upper()}>" for name in OHLCV[:4]} | {"volume": "<VOL>"}

LAYOUTS: dict[str, tuple[Layout, tuple[str, ...]]] = {
    layout.name: (layout, header)
    for layout, header in (
        (_layout("recording", "btcusdt_1h.csv", "open_time_ms", "ms", ALL), ("open_time_ms", *ALL)),
        (_layout("Binance klines", "BTCUSDT-1h-2026-01.csv", "open_time", "ms", SAME), KLINES),
        (_layout("klines without header", "BTCUSDT-1h-2026-01.csv", "open_time", "us", SAME, headed=False), KLINES),
        (
            _layout("TradingView", "BINANCE_BTCUSDT.P, 60.csv", "time", "s", TV),
            ("time", *OHLCV[:4], "Volume", "RSI", "note"),
        ),
        (
            _layout("TradingView, ISO", "BINANCE_BTCUSDT.P, 60.csv", "time", "%Y-%m-%dT%H:%M:%SZ", TV),
            ("time", *OHLCV[:4], "Volume", "RSI"),
        ),
        (
            _layout("freqtrade JSON", "BTC_USDT_USDT-1h-futures.json", "0", "ms", SIX, form="lists"),
            tuple("012345"),
        ),
        (_layout("pandas to_csv", "btcusdt.csv", "", FULL, SAME), ("", *OHLCV)),
        (_layout("semicolons", "btcusdt.csv", "date", FULL, SAME, delimiter=";"), ("date", *OHLCV)),
        (_layout("tabs", "btcusdt.tsv", "timestamp", "ns", SAME, delimiter="\t"), ("timestamp", *OHLCV)),
        (
            _layout(
                "CryptoDataDownload",
                "Binance_BTCUSDT_1h.csv",
                "Unix",
                "ms",
                CDD,
                newest_first=True,
                around=("https://www.CryptoDataDownload.com\n", ""),
            ),
            ("Unix", "Date", "Symbol", "Open", "High", "Low", "Close", "Volume BTC", "Volume USDT", "tradecount"),
        ),
        (
            _layout("MetaTrader 5", "BTCUSD_H1.csv", ("<DATE>", "<TIME>"), "%Y.%m.%d %H:%M:%S", MT5, delimiter="\t"),
            ("<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>", "<VOL>", "<SPREAD>"),
        ),
        (
            _layout(
                "MetaTrader 4",
                "BTCUSD60.csv",
                ("0", "1"),
                "%Y.%m.%d %H:%M",
                dict(zip(OHLCV, "23456", strict=True)),
                headed=False,
            ),
            tuple("0123456"),
        ),
        (_layout("JSON lines", "btcusdt.jsonl", "time", "ms", SAME, form="jsonl"), ("time", *OHLCV)),
        (_layout("to_json records", "btcusdt.json", "date", "ms", SAME, form="records"), ("date", *OHLCV)),
        (_layout("to_json columns", "btcusdt.json", "date", "ms", SAME, form="columns"), ("date", *OHLCV)),
        (_layout("to_json index", "btcusdt.json", "date", "ms", SAME, form="index"), ("date", *OHLCV)),
        (_layout("to_json split", "btcusdt.json", "date", "ms", SAME, form="split"), ("date", *OHLCV)),
        (
            _layout(
                "OKX",
                "BTC-USDT-SWAP.json",
                "0",
                "ms",
                SIX | {"volume": "6"},
                form="lists",
                quoted=True,
                newest_first=True,
                around=('{"code":"0","msg":"","data":', "}"),
            ),
            tuple("012345678"),
        ),
        (
            _layout(
                "Bybit",
                "BTCUSDT.json",
                "0",
                "ms",
                SIX,
                form="lists",
                quoted=True,
                newest_first=True,
                around=('{"retCode":0,"result":{"symbol":"BTCUSDT","category":"linear","list":', '},"time":1}'),
            ),
            tuple("0123456"),
        ),
        (
            _layout("Gate", "BTC_USDT.json", "t", "s", {name: name[0] for name in OHLCV[:4]}, form="records"),
            ("t", "v", "c", "h", "l", "o", "sum"),
        ),
        (
            _layout("Hyperliquid", "BTC_1h.json", "t", "ms", BY_LETTER, form="records"),
            ("t", "T", "s", "i", "o", "c", "h", "l", "v", "n"),
        ),
        (
            _layout(
                "KuCoin", "XBTUSDTM.json", "0", "ms", SIX, form="lists", around=('{"code":"200000","data":', "}")
            ),
            tuple("012345"),
        ),
        (
            _layout(
                "TradingView feed",
                "btcusdt_udf.json",
                "t",
                "s",
                BY_LETTER,
                form="arrays",
                around=('{"s":"ok",', "}"),
            ),
            tuple("tohlcv"),
        ),
        (
            _layout(
                "HTX",
                "btcusdt_htx.json",
                "id",
                "s",
                SAME | {"volume": "amount"},
                form="records",
                around=('{"ch": "market.btcusdt.kline.60min", "status": "ok", "data": ', "}"),
            ),
            ("id", "open", "close", "low", "high", "amount", "vol", "count"),
        ),
        (
            _layout(
                "dYdX",
                "btcusdt_dydx.json",
                "startedAt",
                "%Y-%m-%dT%H:%M:%S.000Z",
                SAME | {"volume": "baseTokenVolume"},
                form="records",
                quoted=True,
                around=('{"candles": ', "}"),
            ),
            ("startedAt", "ticker", "low", "high", "open", "close", "baseTokenVolume", "usdVolume"),
        ),
        (
            _layout(
                "CryptoCompare",
                "btcusdt_cc.json",
                "time",
                "s",
                SAME | {"volume": "volumefrom"},
                form="records",
                around=('{"Response": "Success", "Data": {"Aggregated": false, "Data": ', "}}"),
            ),
            ("time", "high", "low", "open", "volumefrom", "volumeto", "close"),
        ),
        (
            _layout(
                "BitMEX",
                "btcusdt_bitmex.json",
                "timestamp",
                "%Y-%m-%dT%H:%M:%S.000Z",
                SAME | {"volume": "homeNotional"},
                form="records",
                after=1,
            ),
            ("timestamp", "symbol", "open", "high", "low", "close", "homeNotional", "foreignNotional"),
        ),
        (
            _layout("Coinbase", "btcusdt_coinbase.json", "0", "s", COINBASE, form="lists", newest_first=True),
            tuple("012345"),
        ),
        (
            _layout(
                "Binance metrics",
                "BTCUSDT-metrics-2026-01-05.csv",
                "create_time",
                FULL,
                {"open_interest": "sum_open_interest"},
                task="interest",
                after=1,
            ),
            ("create_time", "symbol", "sum_open_interest", "sum_open_interest_value"),
        ),
        (
            _layout("Coinalyze interest", "coinalyze_oi.csv", "t", "s", {"open_interest": "c"}, task="interest"),
            ("t", "o", "h", "l", "c"),
        ),
        (
            _layout(
                "Coinglass",
                "coinglass.csv",
                "time",
                "ms",
                {"long": "longVolUsd", "short": "shortVolUsd"},
                task="liquidations",
            ),
            ("time", "longVolUsd", "shortVolUsd"),
        ),
        (
            _layout(
                "Coinalyze liquidations",
                "liq.json",
                "t",
                "s",
                {"long": "l", "short": "s"},
                task="liquidations",
                form="records",
            ),
            ("t", "l", "s"),
        ),
        (
            _layout(
                "tardis",
                "binance-futures_liquidations_2026-01-05_BTCUSDT.csv",
                "timestamp",
                "us",
                EVENTS,
                task="events",
            ),
            ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"),
        ),
        (
            _layout(
                "Binance orders", "BTCUSDT-liquidationSnapshot-2026-01-05.csv", "time", "ms", ORDERS, task="events"
            ),
            (
                "symbol",
                "side",
                "order_type",
                "time_in_force",
                "original_quantity",
                "price",
                "average_price",
                "order_status",
                "last_fill_quantity",
                "time",
            ),
        ),
        (
            _layout("positions", "positions.csv", "time", "%Y-%m-%dT%H:%M:%SZ", HELD, task="positions"),
            ("time", *HELD, "account"),
        ),
        (
            _layout(
                "scan",
                "scan.csv",
                (),
                "",
                SCANNED,
                task="positions",
                around=("#ts,2026-01-31T00:00:00Z,px,80000,mode,full,scanned,9,btc_positions,1,elapsed_s,2\n", ""),
            ),
            ("addr", "size", "entry", "liq", "lev", "margin", "pnl", "acct_value"),
        ),
    )
}
"""Layout and header of each kind."""
