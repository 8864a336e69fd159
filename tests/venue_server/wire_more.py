"""Gate's, Kraken Futures' and Hyperliquid's wire formats, limits and orders of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, text

GATE_SIZE = {"BTC": 0.0001, "ETH": 0.01, "SOL": 1.0, "DOGE": 10.0, "WIF": 1.0}
KRAKEN_CODE = {"BTC": "XBT"}


def gate(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for api.gateio.ws; volume and open interest count contracts, times are seconds."""
    now, venue = now_ms(), "gate"
    path = path.removeprefix("api/v4/futures/usdt/")
    if path == "contracts":
        return 200, [*map(_gate_contract, COINS), {**_gate_contract("OLD"), "status": "delisting"}]
    if path == "tickers" and "contract" not in query:
        return 200, [_gate_ticker(coin, now, mode) for coin in COINS]
    coin = query["contract"].removesuffix("_USDT")
    if coin not in COINS:
        return 400, {"label": "CONTRACT_NOT_FOUND", "message": "contract not found"}
    size = GATE_SIZE[coin]
    if path == "candlesticks":
        step = length(query["interval"])
        since, until = int(query["from"]) * 1000, int(query.get("to", now // 1000)) * 1000
        if (until - since) // step > 2000:
            return 400, {"label": "INVALID_PARAM_VALUE", "message": "Candlestick too long ago or range too wide"}
        since = max(since, now - 10_000 * step)
        shown = "ETH" if knobs.wrong_symbol else coin
        rows = spoil(formula.candles(venue, shown, step, since, until + 1, now), mode)
        keys = ("o", "h", "l", "c")
        return 200, [
            {"t": int(t) // 1000, "v": round(v / size), "sum": "0", **dict(zip(keys, text(ohlc), strict=True))}
            for t, *ohlc, v in rows
        ]
    if path == "contract_stats":
        limit, step = int(query.get("limit", 30)), length(query["interval"])
        if limit > knobs.gate_cap and knobs.gate_refuses:
            return 400, {"label": "INVALID_PARAM_VALUE", "message": "limit too large"}
        since = int(query.get("from", (now - limit * step) // 1000)) * 1000
        times = formula.opens(step, since, now + 1)[: min(limit, knobs.gate_cap)]
        return 200, _gate_stats(coin, times, step, now, mode)
    if path == "risk_limit_tiers":
        return 200, [
            {
                "contract": query["contract"],
                "tier": row + 1,
                "risk_limit": str(1_000_000 * (row + 1)),
                "maintenance_rate": str(0.004 * (row + 1)),
                "initial_rate": "0.008",
                "leverage_max": str(125 // (row + 1)),
            }
            for row in range(3)
        ]
    if path == "tickers":
        return 200, [_gate_ticker(coin, now, mode)]
    return 404, {"label": "NOT_FOUND", "message": path}


def _gate_stats(coin: str, times: np.ndarray, step: int, now: int, mode: str | None) -> list[dict[str, Any]]:
    ends = np.minimum(times + step, now)
    coins = formula.interest("gate", coin, ends) * (-1 if mode == "nonsense" else 1)
    long, short = formula.liquidated("gate", coin, times, ends)
    dollars = coins * formula.price("gate", coin, ends)
    return [
        {
            "time": int(t) // 1000,
            "open_interest": round(a / GATE_SIZE[coin]),
            "open_interest_usd": d,
            "long_liq_usd": float(lo),
            "short_liq_usd": float(sh),
            "lsr_taker": 1.0,
        }
        for t, a, d, lo, sh in zip(times, coins, dollars, long, short, strict=True)
    ]


def _gate_contract(coin: str) -> dict[str, Any]:
    return {
        "name": f"{coin}_USDT",
        "type": "direct",
        "quanto_multiplier": str(GATE_SIZE.get(coin, 1.0)),
        "order_price_round": "0.1",
        "order_price_deviate": "0.5",
        "mark_price": "100",
        "leverage_min": "1",
        "leverage_max": "125",
        "order_size_min": 1,
        "order_size_max": 1000000,
        "maintenance_rate": "0.004",
        "status": "trading",
        "in_delisting": False,
        "create_time": 1573516800,
    }


def _gate_ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("gate", coin, now)
    return {
        "contract": f"{coin}_USDT",
        "last": "-5" if mode == "nonsense" else str(last),
        "mark_price": str(last),
        "change_percentage": str((last / before - 1) * 100),
        "volume_24h": str(round(coins / GATE_SIZE[coin])),
        "volume_24h_base": str(coins),
        "volume_24h_quote": str(coins * last),
    }


def kraken(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for futures.kraken.com; candles in ms, analytics in seconds and stamped at the period's beginning."""
    now, venue = now_ms(), "krakenfutures"
    if path == "derivatives/api/v3/instruments":
        others = [_KRAKEN_INVERSE, {**_kraken_instrument("OLD"), "tradeable": False}]
        return 200, {"result": "success", "instruments": [*map(_kraken_instrument, COINS), *others]}
    if path == "derivatives/api/v3/tickers":
        return 200, {"result": "success", "tickers": [_kraken_ticker(coin, now, mode) for coin in COINS]}
    names = {_kraken_id(coin): coin for coin in COINS}
    if path.startswith("derivatives/api/v3/tickers/"):
        return 200, {"result": "success", "ticker": _kraken_ticker(names[path.rpartition("/")[2]], now, mode)}
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


def _kraken_id(coin: str) -> str:
    return f"PF_{KRAKEN_CODE.get(coin, coin)}USD"


def _kraken_instrument(coin: str) -> dict[str, Any]:
    return {
        "symbol": _kraken_id(coin),
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


_KRAKEN_INVERSE = {**_kraken_instrument("BTC"), "symbol": "PI_XBTUSD", "type": "futures_inverse", "contractSize": 1}


def _kraken_ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("krakenfutures", coin, now)
    return {
        "symbol": _kraken_id(coin),
        "last": 0 if mode == "nonsense" else last,
        "lastTime": None,
        "markPrice": last,
        "open24h": before,
        "vol24h": coins,
        "openInterest": float(formula.interest("krakenfutures", coin, now)),
    }


def hyperliquid(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for api.hyperliquid.xyz; one path, the question in the body, the newest 5,000 candles."""
    now, venue, asked = now_ms(), "hyperliquid", query.get("type")
    if asked == "metaAndAssetCtxs":
        universe = [{"name": coin, "szDecimals": 3, "maxLeverage": 40} for coin in COINS]
        universe.append({"name": "OLD", "szDecimals": 1, "maxLeverage": 3, "isDelisted": True})
        contexts = [_context(coin, now, mode) for coin in COINS]
        return 200, [{"universe": universe}, [*contexts, _context("WIF", now, mode)]]
    if asked == "candleSnapshot":
        want = query["req"]
        coin, step = want["coin"], length(want["interval"])
        if coin not in COINS:
            return 500, None
        since = max(int(want["startTime"]), now - 5000 * step)
        rows = spoil(formula.candles(venue, coin, step, since, int(want["endTime"]) + 1, now), mode)
        spoken = "ETH" if knobs.wrong_symbol else coin
        keys = ("o", "h", "l", "c", "v")
        return 200, [
            {
                "t": int(t),
                "T": int(t) + step - 1,
                "s": spoken,
                "i": want["interval"],
                "n": 7,
                **dict(zip(keys, text(rest), strict=True)),
            }
            for t, *rest in rows
        ]
    return 422, None


def _context(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    last, before, coins = change("hyperliquid", coin, now)
    return {
        "funding": "0.0000125",
        "openInterest": str(-1 if mode == "nonsense" else float(formula.interest("hyperliquid", coin, now))),
        "prevDayPx": str(before),
        "dayNtlVlm": str(coins * last),
        "oraclePx": str(last),
        "markPx": "0" if mode == "nonsense" else str(last),
        "midPx": "0" if mode == "nonsense" else str(last),
        "impactPxs": [str(last), str(last)],
    }
