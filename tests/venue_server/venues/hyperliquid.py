"""Hyperliquid's wire formats, limits and order of rows."""

from __future__ import annotations

import time
from typing import Any

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS
from tests.venue_server.venues import hyperliquid_accounts
from tests.venue_server.wire import Answer, Knobs, change, length, settlements, text


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for api.hyperliquid.xyz; one path, the question in the body, the newest 5,000 candles."""
    now, venue, asked = knobs.now(), "hyperliquid", query.get("type")
    if path == "Mainnet/leaderboard":
        return hyperliquid_accounts.leaderboard(knobs)
    if asked == "clearinghouseState":
        knobs.weights.append((time.monotonic(), 2))
        knobs.asked.append(query["user"])
        return hyperliquid_accounts.state(query["user"], knobs)
    if asked == "metaAndAssetCtxs":
        universe = [{"name": coin, "szDecimals": 3, "maxLeverage": 40} for coin in COINS]
        universe.append({"name": "OLD", "szDecimals": 1, "maxLeverage": 3, "isDelisted": True})
        contexts = [_context(coin, now, mode) for coin in COINS]
        return 200, [{"universe": universe}, [*contexts, _context("WIF", now, mode)]]
    if asked == "l2Book":
        sides = formula.order_book(venue, query["coin"], now)
        rows = [[{"px": str(p), "sz": str(amount), "n": 1} for p, amount in side[:20]] for side in sides]
        return 200, {"coin": query["coin"], "time": now, "levels": rows}
    if asked == "fundingHistory":
        until = min(int(query.get("endTime", now)), now)
        rows = settlements(venue, query["coin"], 1, int(query["startTime"]), until, mode)[:500]
        return 200, [{"coin": query["coin"], "fundingRate": str(rate), "time": t} for t, rate in rows]
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
