"""Binance USD-M's wire formats, limits and order of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS, DAY
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, settlements, stamps, text


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for fapi.binance.com."""
    now, venue = now_ms(), "binanceusdm"
    if path == "fapi/v1/exchangeInfo":
        return 200, {
            "timezone": "UTC",
            "serverTime": now,
            "symbols": [*map(_symbol, COINS), *_OTHERS],
        }
    if path == "fapi/v1/time":
        return 200, {"serverTime": now}
    if path == "fapi/v1/ticker/24hr" and "symbol" not in query:
        return 200, [_ticker(coin, now, mode) for coin in COINS]
    coin = query["symbol"].removesuffix("USDT")
    if coin not in COINS:
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    if path == "fapi/v1/klines":
        step, limit = length(query["interval"]), min(int(query.get("limit", 500)), 1500)
        since = int(query.get("startTime", now - limit * step))
        shown = "ETH" if knobs.wrong_symbol else coin
        rows = formula.candles(venue, shown, step, since, int(query.get("endTime", now)) + 1, now)[:limit]
        return 200, [
            [int(t), *text([o, h, lo, c, v]), int(t) + step - 1, str(v * c), 9, *_taker(coin, t, v, c), "0"]
            for t, o, h, lo, c, v in spoil(rows, mode)
        ]
    if path == "fapi/v1/fundingRate":
        limit = min(int(query.get("limit", 100)), 1000)
        until = min(int(query.get("endTime", now)), now)
        rows = settlements(venue, coin, 8, int(query.get("startTime", 0)), until, mode)[:limit]
        names = ("fundingTime", "fundingRate", "symbol")
        return 200, [dict(zip(names, (t, str(rate), query["symbol"]), strict=True)) for t, rate in rows]
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
    if path == "fapi/v1/depth":
        bids, asks = formula.order_book(venue, coin, now)
        return 200, {"lastUpdateId": 1, "E": now, "T": now, "bids": [*map(text, bids)], "asks": [*map(text, asks)]}
    if path == "fapi/v1/ticker/24hr":
        return 200, _ticker(coin, now, mode)
    return 404, {"code": -1, "msg": f"no path {path}"}


def _taker(coin: str, time: float, coins: float, price: float) -> list[str]:
    """Return what takers bought in a bar, coins and dollars."""
    bought = coins * float(formula.taker_share("binanceusdm", coin, np.array(time)))
    return [str(bought), str(bought * price)]


def _symbol(coin: str) -> dict[str, Any]:
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


_OTHERS = [
    {**_symbol("OLD"), "status": "SETTLING"},
    {
        **_symbol("BTC"),
        "symbol": "BTCUSDT_261225",
        "contractType": "CURRENT_QUARTER",
        "deliveryDate": 1798185600000,
    },
    {**_symbol("BTC"), "symbol": "BTCUSDC", "pair": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"},
]


def _ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
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
