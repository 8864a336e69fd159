"""Gate's wire formats, limits and order of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, settlements, text

GATE_SIZE = {"BTC": 0.0001, "ETH": 0.01, "SOL": 1.0, "DOGE": 10.0, "WIF": 1.0}


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for api.gateio.ws; volume and open interest count contracts, times are seconds."""
    now, venue = now_ms(), "gate"
    path = path.removeprefix("api/v4/futures/usdt/")
    if path == "contracts":
        return 200, [*map(_contract, COINS), {**_contract("OLD"), "status": "delisting"}]
    if path == "tickers" and "contract" not in query:
        return 200, [_ticker(coin, now, mode) for coin in COINS]
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
        return 200, _stats(coin, times, step, now, mode)
    if path == "funding_rate":
        until = min(int(query.get("to", now // 1000)) * 1000, now)
        rows = settlements(venue, coin, 8, int(query.get("from", 0)) * 1000, until, mode)
        return 200, [{"t": t // 1000, "r": str(rate)} for t, rate in rows[::-1][: int(query.get("limit", 100))]]
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
    if path == "order_book":
        bids, asks = formula.order_book("gate", coin, now, GATE_SIZE[coin])
        rows = [[{"p": str(p), "s": round(amount)} for p, amount in side] for side in (asks, bids)]
        return 200, {"id": 1, "current": now / 1000, "update": now / 1000, "asks": rows[0], "bids": rows[1]}
    if path == "tickers":
        return 200, [_ticker(coin, now, mode)]
    return 404, {"label": "NOT_FOUND", "message": path}


def _stats(coin: str, times: np.ndarray, step: int, now: int, mode: str | None) -> list[dict[str, Any]]:
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


def _contract(coin: str) -> dict[str, Any]:
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


def _ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
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
