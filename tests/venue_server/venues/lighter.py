"""Lighter's wire formats and limits: markets by number, accounts by number, everything over GET."""

from __future__ import annotations

import time
from typing import Any

from tests.venue_server import formula
from tests.venue_server.faults import spoil
from tests.venue_server.wire import Answer, Knobs, change, length, now_ms, settlements

MARKETS = {"ETH": 0, "BTC": 1, "SOL": 2, "DOGE": 3, "WIF": 4}
"""Numbers of the markets; Ethereum's is 0 at the venue too."""

NAMES = {str(number): coin for coin, number in MARKETS.items()}

FIRST_ACCOUNT = 621_600_001_000
"""The smallest account that holds anything; below it the venue knows none."""

PAGE = 500
"""Candles of one answer."""


def answer(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for mainnet.zklighter.elliot.ai."""
    now, what = now_ms(), path.rpartition("/")[2]
    if what == "orderBookDetails":
        wanted = [NAMES[query["market_id"]]] if "market_id" in query else list(MARKETS)
        old = {**_details("SOL", now, None), "symbol": "OLD", "market_id": 99, "status": "inactive"}
        rows = [_details(coin, now, mode) for coin in wanted] + [old] * (len(wanted) > 1)
        return _ok(order_book_details=rows, spot_order_book_details=[])
    if what == "account":
        knobs.weights.append((time.monotonic(), 1))
        knobs.asked.append(query["value"])
        return account(int(query["value"]), knobs)
    if what not in ("candles", "fundings", "orderBookOrders", "recentTrades") or query.get("market_id") not in NAMES:
        return 400, {"code": 20001, "message": "invalid param"}
    coin = NAMES[query["market_id"]]
    if what == "candles":
        return candles(coin, query, mode, now, knobs)
    if what == "fundings":
        since, until = int(query["start_timestamp"]) * 1000, min(int(query["end_timestamp"]) * 1000, now)
        rates = settlements("lighter", coin, 1, since, until, mode)[-int(query["count_back"]) :]
        rows = [
            {
                "timestamp": moment // 1000,
                "value": "0.1",
                "rate": repr(abs(rate) * 100),
                "direction": "long" if rate >= 0 else "short",
            }
            for moment, rate in rates
        ]
        return _ok(resolution="1h", fundings=rows)
    if what == "orderBookOrders":
        bids, asks = (
            [_order(*row, n) for n, row in enumerate(side)] for side in formula.order_book("lighter", coin, now)
        )
        return _ok(total_asks=len(asks), asks=asks, total_bids=len(bids), bids=bids)
    trades = [trade(coin, FIRST_ACCOUNT + number, FIRST_ACCOUNT + number + 1) for number in range(0, 40, 2)]
    return _ok(trades=trades[: int(query["limit"])])


def candles(coin: str, query: dict[str, Any], mode: str | None, now: int, knobs: Knobs) -> Answer:
    """Answer with candles, the last `count_back` of the time range; without a count there are ten."""
    step = length(query["resolution"])
    since, until = int(query["start_timestamp"]), int(query["end_timestamp"])
    rows = formula.candles("lighter", coin, step, since, until + 1, now)
    rows = spoil(rows[-min(PAGE, int(query.get("count_back") or 0) or 10) :], mode)
    keys = ("o", "h", "l", "c", "v")
    bars = [{"t": int(t), **dict(zip(keys, map(_number, rest), strict=True)), "V": 1.0, "i": 7} for t, *rest in rows]
    return _ok(r=query["resolution"], c=bars)


def _number(value: float) -> float | None:
    return None if value != value else float(value)


def _ok(**content: Any) -> Answer:
    return 200, {"code": 200, **content}


def _details(coin: str, now: int, mode: str | None) -> dict[str, Any]:
    """Return a market's row; its quote multiplier is no size of a contract."""
    last, before, coins = change("lighter", coin, now)
    price = 0 if mode == "nonsense" else last
    return {
        "symbol": coin,
        "market_id": MARKETS[coin],
        "market_type": "perp",
        "status": "active",
        "taker_fee": "0.0000",
        "maker_fee": "0.0000",
        "min_base_amount": "0.0050",
        "min_quote_amount": "10.000000",
        "order_quote_limit": "",
        "supported_size_decimals": 4,
        "supported_price_decimals": 2,
        "size_decimals": 4,
        "price_decimals": 5,
        "quote_multiplier": 10_000,
        "default_initial_margin_fraction": 500,
        "min_initial_margin_fraction": 200,
        "maintenance_margin_fraction": 120,
        "closeout_margin_fraction": 80,
        "last_trade_price": price,
        "daily_base_token_volume": coins,
        "daily_quote_token_volume": coins * last,
        "daily_price_change": 100 * (last / before - 1),
        "open_interest": -1 if mode == "nonsense" else float(formula.interest("lighter", coin, now)),
    }


def _order(price: float, amount: float, number: int) -> dict[str, Any]:
    return {
        "order_index": number,
        "owner_account_index": FIRST_ACCOUNT + 100 + number,
        "initial_base_amount": str(amount),
        "remaining_base_amount": str(amount),
        "price": str(price),
    }


def account(index: int, knobs: Knobs) -> Answer:
    """Answer about an account: one in three holds BTC, one in five ETH, and all have traded SOL once."""
    if index < FIRST_ACCOUNT:
        return 400, {"code": 21100, "message": "account not found"}
    if knobs.account_fails and index % knobs.account_fails == 0:
        return 500, {"code": 500, "message": "internal"}
    rows = [_position("SOL", index, 0.0)]
    if index % 3 == 1:
        rows.append(_position("BTC", index, 0.5 * (1 + index % 7)))
    if index % 5 == 1:
        rows.append(_position("ETH", index, 3.0))
    entry = {"account_index": index, "index": index, "account_type": 0, "collateral": "9100.2", "positions": rows}
    return _ok(total=1, accounts=[entry])


def _position(coin: str, index: int, size: float) -> dict[str, Any]:
    """Return one position; a fifth has no liquidation price, which is "0", and one in four is isolated."""
    side, leverage = 1 if index % 2 else -1, (3, 5, 10, 20, 50)[index % 5]
    entry = float(formula.price("lighter", coin, 1_769_000_000_000)) * (1 + 0.001 * (index % 37 - 18))
    level = 0.0 if index % 5 == 3 or not size else entry * (1 - side * 0.9 / leverage)
    return {
        "market_id": MARKETS[coin],
        "symbol": coin,
        "initial_margin_fraction": f"{100 / leverage:.2f}",
        "sign": side,
        "position": f"{size:.4f}",
        "avg_entry_price": f"{entry:.2f}",
        "position_value": f"{size * entry:.6f}",
        "unrealized_pnl": "1.0",
        "liquidation_price": f"{level:.10f}" if level else "0",
        "margin_mode": int(index % 4 == 0),
        "allocated_margin": "0.000000",
    }


def trade(coin: str, seller: int, buyer: int) -> dict[str, Any]:
    """Return one public trade, which names both accounts."""
    price = float(formula.price("lighter", coin, now_ms()))
    return {
        "trade_id": seller * 1_000_000 + buyer,
        "type": "trade",
        "market_id": MARKETS[coin],
        "size": "0.0100",
        "price": f"{price:.5f}",
        "usd_amount": f"{0.01 * price:.6f}",
        "ask_account_id": seller,
        "bid_account_id": buyer,
        "is_maker_ask": False,
        "timestamp": now_ms(),
    }


def told(coin: str, *trades: dict[str, Any]) -> dict[str, Any]:
    """Return the message of trades on the stream."""
    return {"channel": f"trade:{MARKETS[coin]}", "type": "update/trade", "trades": list(trades), "nonce": 1}
