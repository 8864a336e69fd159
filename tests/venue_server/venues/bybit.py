"""Bybit's wire formats, limits and order of rows."""

from __future__ import annotations

from typing import Any

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS, MINUTE
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, settlements, stamps, text


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for api.bybit.com; rows come newest first, every number a string."""
    now, venue = now_ms(), "bybit"
    path = path.removeprefix("v5/market/")
    if path == "time":
        return _result({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}, now)
    if path == "instruments-info":
        rows = [] if query.get("status") == "PreLaunch" else [*map(_instrument, COINS), *_OTHERS]
        return _result({"category": "linear", "list": rows, "nextPageCursor": ""}, now)
    if path == "tickers" and "symbol" not in query:
        return _result({"category": "linear", "list": [_ticker(coin, now, mode) for coin in COINS]}, now)
    coin = query["symbol"].removesuffix("USDT")
    if coin not in COINS:
        return 200, {"retCode": 10001, "retMsg": "params error: symbol invalid", "result": {}}
    if path == "kline":
        minutes = {"D": 1440}.get(query["interval"]) or int(query["interval"])
        step, limit = minutes * MINUTE, min(int(query.get("limit", 200)), 1000)
        since = int(query.get("start", now - limit * step))
        until = min(int(query.get("end", since + limit * step - 1)), since + limit * step - 1)
        rows = spoil(formula.candles(venue, coin, step, since, until + 1, now), mode)[::-1]
        symbol = "ETHUSDT" if knobs.wrong_symbol else query["symbol"]
        listed = [[str(int(t)), *text([o, h, lo, c, v, v * c])] for t, o, h, lo, c, v in rows]
        return _result({"category": "linear", "symbol": symbol, "list": listed}, now)
    if path == "open-interest":
        step, limit = length(query["intervalTime"]), min(int(query.get("limit", 50)), 200)
        since, until = int(query.get("startTime", 0)), min(int(query.get("endTime", now)), now)
        times = stamps(step, max(since, until - 5000 * step), until)[::-1][:limit]
        coins = formula.interest(venue, coin, times) * (-1 if mode == "nonsense" else 1)
        rows = [
            {"openInterest": amount, "timestamp": str(int(t))} for amount, t in zip(text(coins), times, strict=True)
        ]
        return _result({"category": "linear", "symbol": query["symbol"], "list": rows, "nextPageCursor": ""}, now)
    if path == "funding/history":
        rows = settlements(venue, coin, 8, int(query["startTime"]), min(int(query["endTime"]), now), mode)
        limit = min(int(query.get("limit", 200)), 200)
        names = ("fundingRateTimestamp", "fundingRate", "symbol")
        listed = [dict(zip(names, (str(t), str(rate), query["symbol"]), strict=True)) for t, rate in rows]
        return _result({"category": "linear", "list": listed[::-1][:limit]}, now)
    if path == "risk-limit":
        rows = [
            {
                "id": row + 1,
                "symbol": query["symbol"],
                "riskLimitValue": str(2_000_000 * (row + 1)),
                "maintenanceMargin": str(0.005 * (row + 1)),
                "initialMargin": "0.01",
                "maxLeverage": str(100 / (row + 1)),
            }
            for row in range(3)
        ]
        return _result({"category": "linear", "list": rows}, now)
    if path == "orderbook":
        bids, asks = formula.order_book("bybit", coin, now)
        book = {"s": query["symbol"], "b": [*map(text, bids)], "a": [*map(text, asks)], "ts": now, "u": 1, "seq": 1}
        return _result(book, now)
    if path == "tickers":
        return _result({"category": "linear", "list": [_ticker(coin, now, mode)]}, now)
    return 404, {}


def _result(result: dict[str, Any], now: int) -> Answer:
    return 200, {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}


def _instrument(coin: str) -> dict[str, Any]:
    return {
        "symbol": f"{coin}USDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": coin,
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00"},
        "priceFilter": {"tickSize": "0.10"},
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001"},
    }


_OTHERS = [{**_instrument("OLD"), "status": "Closed"}]


def _ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("bybit", coin, now)
    return {
        "symbol": f"{coin}USDT",
        "lastPrice": "nan" if mode == "nonsense" else str(last),
        "prevPrice24h": str(before),
        "price24hPcnt": str(last / before - 1),
        "volume24h": str(coins),
        "turnover24h": str(coins * last),
        "openInterest": str(float(formula.interest("bybit", coin, now))),
        "openInterestValue": str(float(formula.interest("bybit", coin, now)) * last),
    }
