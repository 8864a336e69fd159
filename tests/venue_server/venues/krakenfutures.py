"""Kraken Futures' wire formats, limits and order of rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS, DAY
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, settlements, text

KRAKEN_CODE = {"BTC": "XBT"}


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for futures.kraken.com; candles in ms, analytics in seconds and stamped at the period's beginning."""
    now, venue = now_ms(), "krakenfutures"
    if path == "derivatives/api/v3/instruments":
        others = [_INVERSE, {**_instrument("OLD"), "tradeable": False}]
        return 200, {"result": "success", "instruments": [*map(_instrument, COINS), *others]}
    if path == "derivatives/api/v3/tickers":
        return 200, {"result": "success", "tickers": [_ticker(coin, now, mode) for coin in COINS]}
    names = {_id(coin): coin for coin in COINS}
    if path.startswith("derivatives/api/v3/tickers/"):
        return 200, {"result": "success", "ticker": _ticker(names[path.rpartition("/")[2]], now, mode)}
    if path == "derivatives/api/v3/orderbook":
        bids, asks = formula.order_book(venue, names[query["symbol"]], now)
        stamp = "2026-01-01T00:00:00.000Z"
        return 200, {"result": "success", "serverTime": stamp, "orderBook": {"bids": bids, "asks": asks}}
    if path.startswith("derivatives/api/v") and path.endswith("historicalfundingrates"):
        rows = settlements(venue, names[query["symbol"]], 1, now - 250 * DAY, now, mode)
        listed = [
            {"timestamp": datetime.fromtimestamp(t / 1000, UTC).isoformat(), "relativeFundingRate": r}
            for t, r in rows
        ]
        return 200, {"result": "success", "rates": listed}
    parts = path.removeprefix("api/charts/v1/").split("/")
    if parts[0] == "trade":
        step, coin = length(parts[2]), names[parts[1]]
        since, until = int(query["from"]) * 1000, int(query["to"]) * 1000
        rows = spoil(formula.candles(venue, coin, step, since, until + 1, now)[:2000], mode)
        keys = ("open", "high", "low", "close", "volume")
        listed = [{"time": int(t), **dict(zip(keys, text(rest), strict=True))} for t, *rest in rows]
        return 200, {"candles": listed, "more_candles": False}
    if parts[0] == "analytics":
        step, coin = int(query["interval"]) * 1000, names[parts[1]]
        times = formula.opens(step, int(query["since"]) * 1000, min(int(query["to"]) * 1000, now) + 1)[:2000]
        ends = np.minimum(times + step, now)
        if parts[2] == "open-interest":
            begin, end = formula.interest(venue, coin, times), formula.interest(venue, coin, ends)
            sign = -1 if mode == "nonsense" else 1
            data = [text(sign * np.array([a, max(a, b), min(a, b), b])) for a, b in zip(begin, end, strict=True)]
        else:
            long, short = formula.liquidated(venue, coin, times, ends)
            data = (long + short).tolist()
        stamps = [int(t) // 1000 for t in times]
        return 200, {"result": {"timestamp": stamps, "more": False, "data": data}, "errors": []}
    return 404, {"result": "error", "error": "notFound"}


def _id(coin: str) -> str:
    return f"PF_{KRAKEN_CODE.get(coin, coin)}USD"


def _instrument(coin: str) -> dict[str, Any]:
    return {
        "symbol": _id(coin),
        "type": "flexible_futures",
        "tickSize": 0.5,
        "contractSize": 1,
        "tradeable": True,
        "contractValueTradePrecision": 4,
        "openingDate": "2022-03-22T15:18:21.000Z",
        "marginLevels": [
            {"numNonContractUnits": 0.0, "initialMargin": 0.02, "maintenanceMargin": 0.01},
            {"numNonContractUnits": 500000.0, "initialMargin": 0.04, "maintenanceMargin": 0.02},
        ],
    }


_INVERSE = {**_instrument("BTC"), "symbol": "PI_XBTUSD", "type": "futures_inverse", "contractSize": 1}


def _ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("krakenfutures", coin, now)
    return {
        "symbol": _id(coin),
        "last": 0 if mode == "nonsense" else last,
        "lastTime": None,
        "markPrice": last,
        "open24h": before,
        "vol24h": coins,
        "openInterest": float(formula.interest("krakenfutures", coin, now)),
    }
