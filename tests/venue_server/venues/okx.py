"""OKX's wire formats, limits and order of rows."""

from __future__ import annotations

from typing import Any

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.formula import COINS, DAY
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, settlements, stamps, text

OKX_SIZE = {"BTC": 0.01, "ETH": 0.1, "SOL": 1.0, "DOGE": 1000.0, "WIF": 1.0}

OKX_KEPT = {"5m": 3, "1H": 5, "1D": 100}

"""Days of open interest per instrument, as a third party saw it."""


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for www.okx.com; rows come newest first, `after` and `before` are exclusive bounds."""
    now = now_ms()
    answer = _rows(path.removeprefix("api/v5/"), query, mode, knobs, now)
    if answer is None:
        return 200, {"code": "51001", "data": [], "msg": "Instrument ID doesn't exist"}
    return 200, {"code": "0", "data": answer, "msg": ""}


def _rows(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs, now: int) -> list[Any] | None:
    venue = "okx"
    if path == "public/time":
        return [{"ts": str(now)}]
    if path == "public/instruments":
        return [*map(_instrument, COINS), {**_instrument("OLD"), "state": "suspend"}, _INVERSE]
    if path == "market/tickers":
        return [_ticker(coin, now, mode) for coin in COINS]
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
    if path == "public/funding-rate-history":
        limit, until = min(int(query.get("limit", 100)), 100), min(int(query.get("after", now)) - 1, now)
        rows = settlements(venue, coin, 8, int(query.get("before", 0)) + 1, until, mode)[::-1][:limit]
        names = ("fundingTime", "realizedRate", "instId")
        return [dict(zip(names, (str(t), str(rate), query["instId"]), strict=True)) for t, rate in rows]
    if path == "market/books":
        bids, asks = formula.order_book("okx", coin, now, OKX_SIZE[coin])
        rows = [[[*text(row), "0", "1"] for row in side] for side in (asks, bids)]
        return [{"asks": rows[0], "bids": rows[1], "ts": str(now), "seqId": 1}]
    if path == "market/ticker":
        return [_ticker(coin, now, mode)]
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


def _instrument(coin: str) -> dict[str, Any]:
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


_INVERSE = {
    **_instrument("BTC"),
    "instId": "BTC-USD-SWAP",
    "instFamily": "BTC-USD",
    "uly": "BTC-USD",
    "ctVal": "100",
    "ctType": "inverse",
    "settleCcy": "BTC",
}


def _ticker(coin: str, now: int, mode: str | None) -> dict[str, Any]:
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
