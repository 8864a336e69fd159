"""Binance USD-M's, Bybit's and OKX's wire formats, limits and orders of rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS, DAY, MINUTE

Answer = tuple[int, Any]

STEPS = {"m": MINUTE, "h": 60 * MINUTE, "d": DAY}
OKX_SIZE = {"BTC": 0.01, "ETH": 0.1, "SOL": 1.0, "DOGE": 1000.0, "WIF": 1.0}
OKX_KEPT = {"5m": 3, "1H": 5, "1D": 100}
"""Days of open interest per instrument, as a third party saw it."""


@dataclass
class Knobs:
    """What the tests may turn: Gate's cap on contract_stats and whether it refuses above, OKX's retention."""

    gate_cap: int = 1000
    gate_refuses: bool = True
    okx_kept: dict[str, int] | None = None
    wrong_symbol: bool = False


def now_ms() -> int:
    """Return the present."""
    return int(time.time() * 1000)


def length(name: str) -> int:
    """Return a bar's length in ms from names such as 5m, 1H, 1Dutc, 5min."""
    name = name.lower().removesuffix("utc").replace("min", "m")
    return int(name[:-1]) * STEPS[name[-1]]


def text(values: np.ndarray) -> list[str]:
    """Return numbers as venues send them."""
    return [repr(round(float(value), 8)) if np.isfinite(value) else "NaN" for value in values]


def stamps(step: int, since: int, until: int) -> np.ndarray:
    """Return the multiples of a period in [since, until]."""
    return formula.opens(step, since, until + 1)


def change(venue: str, coin: str, now: int) -> tuple[float, float, float]:
    """Return price now, price a day ago, coins traded in between."""
    day = formula.volume(venue, coin, np.array([now - DAY]), np.array([now]))[0]
    return float(formula.price(venue, coin, now)), float(formula.price(venue, coin, now - DAY)), float(day)


def binance(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for fapi.binance.com."""
    now, venue = now_ms(), "binanceusdm"
    if path == "fapi/v1/exchangeInfo":
        return 200, {
            "timezone": "UTC",
            "serverTime": now,
            "symbols": [*map(_binance_symbol, COINS), *_BINANCE_OTHERS],
        }
    if path == "fapi/v1/time":
        return 200, {"serverTime": now}
    if path == "fapi/v1/ticker/24hr" and "symbol" not in query:
        return 200, [_binance_ticker(coin, now, mode) for coin in COINS]
    coin = query["symbol"].removesuffix("USDT")
    if coin not in COINS:
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    if path == "fapi/v1/klines":
        step, limit = length(query["interval"]), min(int(query.get("limit", 500)), 1500)
        since = int(query.get("startTime", now - limit * step))
        shown = "ETH" if knobs.wrong_symbol else coin
        rows = formula.candles(venue, shown, step, since, int(query.get("endTime", now)) + 1, now)[:limit]
        return 200, [
            [int(t), *text([o, h, lo, c, v]), int(t) + step - 1, "0", 9, "0", "0", "0"]
            for t, o, h, lo, c, v in spoil(rows, mode)
        ]
    if path == "futures/data/openInterestHist":
        step, limit = length(query["period"]), min(int(query.get("limit", 30)), 500)
        since = int(query.get("startTime", now - limit * step))
        if since < now - 30 * DAY:
            return 400, {"code": -1130, "msg": "parameter 'startTime' is invalid."}
        times = stamps(step, since, min(int(query.get("endTime", now)), now))[:limit]
        coins = formula.interest(venue, coin, times) * (-1 if mode == "nonsense" else 1)
        dollars = coins * formula.price(venue, coin, times)
        keys = ("symbol", "sumOpenInterest", "sumOpenInterestValue", "timestamp")
        name = query["symbol"]
        return 200, [
            dict(zip(keys, (name, *text([a, d]), int(t)), strict=True))
            for a, d, t in zip(coins, dollars, times, strict=True)
        ]
    if path == "fapi/v1/ticker/24hr":
        return 200, _binance_ticker(coin, now, mode)
    return 404, {"code": -1, "msg": f"no path {path}"}


def _binance_symbol(coin: str) -> dict[str, Any]:
    return {
        "symbol": f"{coin}USDT",
        "pair": f"{coin}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "baseAsset": coin,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "0.1", "maxPrice": "1000000"}],
    }


_BINANCE_OTHERS = [
    {**_binance_symbol("OLD"), "status": "SETTLING"},
    {
        **_binance_symbol("BTC"),
        "symbol": "BTCUSDT_261225",
        "contractType": "CURRENT_QUARTER",
        "deliveryDate": 1798185600000,
    },
    {**_binance_symbol("BTC"), "symbol": "BTCUSDC", "pair": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"},
]


def _binance_ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("binanceusdm", coin, now)
    last = -1.0 if mode == "nonsense" else last
    return {
        "symbol": f"{coin}USDT",
        "lastPrice": str(last),
        "openPrice": str(before),
        "priceChangePercent": str((last / before - 1) * 100),
        "volume": str(coins),
        "quoteVolume": str(coins * last),
        "openTime": now - DAY,
        "closeTime": now,
    }


def okx(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for www.okx.com; rows come newest first, `after` and `before` are exclusive bounds."""
    now = now_ms()
    answer = _okx(path.removeprefix("api/v5/"), query, mode, knobs, now)
    if answer is None:
        return 200, {"code": "51001", "data": [], "msg": "Instrument ID doesn't exist"}
    return 200, {"code": "0", "data": answer, "msg": ""}


def _okx(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs, now: int) -> list[Any] | None:
    venue = "okx"
    if path == "public/time":
        return [{"ts": str(now)}]
    if path == "public/instruments":
        return [*map(_okx_instrument, COINS), {**_okx_instrument("OLD"), "state": "suspend"}, _OKX_INVERSE]
    if path == "market/tickers":
        return [_okx_ticker(coin, now, mode) for coin in COINS]
    coin = (query.get("instId") or query.get("instFamily") or query["ccy"]).split("-")[0]
    if coin not in COINS:
        return None
    if path in ("market/candles", "market/history-candles"):
        step, limit = length(query["bar"]), min(int(query.get("limit", 100)), 300)
        since, until = int(query.get("before", 0)) + 1, int(query.get("after", now + 1))
        if path == "market/candles":
            since = max(since, now - 1440 * step)
        shown = "ETH" if knobs.wrong_symbol else coin
        rows = formula.candles(venue, shown, step, max(since, until - 3000 * step), until, now)
        rows = spoil(rows, mode)[::-1][:limit]
        size = OKX_SIZE[coin]
        return [
            [str(int(t)), *text([o, h, lo, c, v / size, v, v * c]), "1" if t + step <= now else "0"]
            for t, o, h, lo, c, v in rows
        ]
    if path == "rubik/stat/contracts/open-interest-history":
        step, limit = length(query["period"]), min(int(query.get("limit", 100)), 100)
        kept = (knobs.okx_kept or OKX_KEPT)[query["period"]]
        since = max(int(query.get("begin", 0)) + 1, now - kept * DAY)
        times = stamps(step, since, min(int(query.get("end", now)) - 1, now))[::-1][:limit]
        coins = formula.interest(venue, coin, times) * (-1 if mode == "nonsense" else 1)
        dollars = coins * formula.price(venue, coin, times)
        return [
            [str(int(t)), *text([a / OKX_SIZE[coin], a, d])] for t, a, d in zip(times, coins, dollars, strict=True)
        ]
    if path == "rubik/stat/contracts/open-interest-volume":
        step = length(query["period"])
        since = max(int(query.get("begin", 0)), now - {"5m": 2, "1H": 30, "1D": 180}[query["period"]] * DAY)
        times = stamps(step, since, min(int(query.get("end", now)), now))[::-1]
        dollars = 1.8 * formula.interest(venue, coin, times) * formula.price(venue, coin, times)
        return [[str(int(t)), d, "0"] for t, d in zip(times, text(dollars), strict=True)]
    if path == "market/ticker":
        return [_okx_ticker(coin, now, mode)]
    if path == "public/position-tiers":
        edges = [0, 1000, 5000, 20000]
        return [
            {
                "instFamily": f"{coin}-USDT",
                "tier": str(row + 1),
                "minSz": str(edges[row]),
                "maxSz": str(edges[row + 1]),
                "mmr": str(0.004 * (row + 1)),
                "imr": "0.01",
                "maxLever": str(100 // (row + 1)),
            }
            for row in range(3)
        ]
    return []


def _okx_instrument(coin: str) -> dict[str, Any]:
    return {
        "instId": f"{coin}-USDT-SWAP",
        "instType": "SWAP",
        "instFamily": f"{coin}-USDT",
        "uly": f"{coin}-USDT",
        "ctVal": str(OKX_SIZE.get(coin, 1.0)),
        "ctValCcy": coin,
        "ctType": "linear",
        "settleCcy": "USDT",
        "state": "live",
        "tickSz": "0.1",
        "lotSz": "1",
        "minSz": "1",
        "lever": "100",
        "listTime": "1573557408000",
    }


_OKX_INVERSE = {
    **_okx_instrument("BTC"),
    "instId": "BTC-USD-SWAP",
    "instFamily": "BTC-USD",
    "uly": "BTC-USD",
    "ctVal": "100",
    "ctType": "inverse",
    "settleCcy": "BTC",
}


def _okx_ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("okx", coin, now)
    return {
        "instType": "SWAP",
        "instId": f"{coin}-USDT-SWAP",
        "last": str(0 if mode == "nonsense" else last),
        "open24h": str(before),
        "vol24h": str(coins / OKX_SIZE[coin]),
        "volCcy24h": str(coins),
        "ts": str(now),
    }


def bybit(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for api.bybit.com; rows come newest first, every number a string."""
    now, venue = now_ms(), "bybit"
    path = path.removeprefix("v5/market/")
    if path == "time":
        return _bybit({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}, now)
    if path == "instruments-info":
        rows = [] if query.get("status") == "PreLaunch" else [*map(_bybit_instrument, COINS), *_BYBIT_OTHERS]
        return _bybit({"category": "linear", "list": rows, "nextPageCursor": ""}, now)
    if path == "tickers" and "symbol" not in query:
        return _bybit({"category": "linear", "list": [_bybit_ticker(coin, now, mode) for coin in COINS]}, now)
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
        return _bybit({"category": "linear", "symbol": symbol, "list": listed}, now)
    if path == "open-interest":
        step, limit = length(query["intervalTime"]), min(int(query.get("limit", 50)), 200)
        since, until = int(query.get("startTime", 0)), min(int(query.get("endTime", now)), now)
        times = stamps(step, max(since, until - 5000 * step), until)[::-1][:limit]
        coins = formula.interest(venue, coin, times) * (-1 if mode == "nonsense" else 1)
        rows = [
            {"openInterest": amount, "timestamp": str(int(t))} for amount, t in zip(text(coins), times, strict=True)
        ]
        return _bybit({"category": "linear", "symbol": query["symbol"], "list": rows, "nextPageCursor": ""}, now)
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
        return _bybit({"category": "linear", "list": rows}, now)
    if path == "tickers":
        return _bybit({"category": "linear", "list": [_bybit_ticker(coin, now, mode)]}, now)
    return 404, {}


def _bybit(result: dict[str, Any], now: int) -> Answer:
    return 200, {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}


def _bybit_instrument(coin: str) -> dict[str, Any]:
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


_BYBIT_OTHERS = [{**_bybit_instrument("OLD"), "status": "Closed"}]


def _bybit_ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
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
