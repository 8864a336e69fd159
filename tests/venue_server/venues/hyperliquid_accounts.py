"""Hyperliquid's accounts: the leaderboard and what every account holds, as formulas of its number.

The book stands still, unless the knobs have a clock: then every second account trades BTC, as
`tests.venue_server.moving` says, and every other one of these holds ETH besides, so that each pass asks it.
"""

from __future__ import annotations

from typing import Any

from tests.venue_server import formula, moving
from tests.venue_server.moving import Life
from tests.venue_server.wire import Answer, Knobs, now_ms

TRADES = 2
"""One account in so many trades BTC in a book that moves."""


def address(number: int) -> str:
    """Return an account's address."""
    return f"0x{number * 2_654_435_761 % 2**160:040x}"


def number_of(address: str) -> int:
    """Return an account's number."""
    return int(address, 16) * pow(2_654_435_761, -1, 2**160) % 2**160


def leaderboard(knobs: Knobs) -> Answer:
    """Answer for the statistics host: every account but the last tenth, which only the stream of trades names."""
    count = knobs.accounts - knobs.accounts // 10
    rows = [
        {
            "ethAddress": address(number),
            "accountValue": str(1e7 / (1 + number)),
            "windowPerformances": [["day", {"pnl": "1.5", "roi": "0.01", "vlm": "1000.0"}]],
            "prize": 0,
            "displayName": None,
        }
        for number in range(count)
    ]
    return 200, {"leaderboardRows": rows[::-1]}


def state(user: str, knobs: Knobs) -> Answer:
    """Answer `clearinghouseState`: one account in fifteen holds BTC, one in thirty ETH, some another dex's coin."""
    number = number_of(user)
    if number in knobs.accounts_silent or (knobs.account_fails and number % knobs.account_fails == 0):
        return 500, None
    now = knobs.now()
    positions = _still(number, knobs) if knobs.clock is None else _moving(number, now, knobs)
    return 200, {
        "marginSummary": {"accountValue": "-12.5" if number % 11 == 1 else "1000.0", "totalMarginUsed": "-3.0"},
        "assetPositions": positions,
        "withdrawable": "0.0",
        "time": now,
    }


def _still(number: int, knobs: Knobs) -> list[dict[str, Any]]:
    """Return the positions of an account that never changes, unless a knob says so."""
    positions = []
    if number % 15 == 1:
        positions.append(_position("BTC", number, knobs))
    if number % 30 == 1:
        positions.append(_position("ETH", number + 7, knobs))
    if number % 50 == 1:
        positions.append(_position("BTC", number, knobs, name="xyz:TSLA"))
    if number % 97 == 1:
        positions.append({"type": "oneWay", "position": {"coin": "BTC", "szi": "0.0", "entryPx": None}})
    return positions


def book(knobs: Knobs, at: int | None = None) -> list[Life]:
    """Return the truth: what every account that trades holds at a time (UTC ms), default now."""
    moment = knobs.now() if at is None else at
    lives = (moving.held(number, moment) for number in range(0, knobs.accounts, TRADES))
    return [one for one in lives if one is not None]


def _moving(number: int, now: int, knobs: Knobs) -> list[dict[str, Any]]:
    """Return what an account holds at a time in a book that moves, and note that it was asked."""
    knobs.answered.append((now, number))
    positions = []
    if number % (2 * TRADES) == 0:
        positions.append(_position("ETH", number, knobs))
    one = moving.held(number, now) if number % TRADES == 0 else None
    if one is not None:
        mark = float(formula.price("hyperliquid", "BTC", now))
        stated = {
            "coin": "BTC",
            "szi": f"{one.side * one.coins:.4f}",
            "leverage": {"type": one.margin, "value": one.leverage},
            "entryPx": f"{one.entry:.1f}",
            "positionValue": f"{one.coins * mark:.2f}",
            "unrealizedPnl": f"{one.side * one.coins * (mark - one.entry):.2f}",
            "returnOnEquity": "0.0",
            "liquidationPx": f"{one.level(now):.4f}",
            "marginUsed": f"{one.coins * one.entry / one.leverage:.2f}",
            "maxLeverage": 40,
            "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
        }
        positions.append({"type": "oneWay", "position": stated})
    return positions


def _position(coin: str, number: int, knobs: Knobs, name: str = "") -> dict[str, Any]:
    """Return one position; a fifth has no liquidation price, four fifths are cross."""
    side = 1 if number // 15 % 2 else -1
    entry = float(formula.price("hyperliquid", coin, 1_769_000_000_000)) * (1 + 0.001 * (number % 37 - 18))
    leverage = (3, 5, 10, 20, 40)[number % 5]
    size = side * (1 + number % 13) * 0.5 * (2 if knobs.accounts_changed and number % 4 == 1 else 1)
    level = None if number % 5 == 3 else entry * (1 - side * 0.9 / leverage)
    return {
        "type": "oneWay",
        "position": {
            "coin": name or coin,
            "szi": f"{size:.4f}",
            "leverage": {"type": "isolated" if number % 5 == 1 else "cross", "value": leverage},
            "entryPx": f"{entry:.1f}",
            "positionValue": f"{abs(size) * entry:.2f}",
            "unrealizedPnl": "-1.0",
            "returnOnEquity": "-0.01",
            "liquidationPx": None if level is None else f"{level:.4f}",
            "marginUsed": "-5.0" if number % 41 == 1 else "10.0",
            "maxLeverage": 40,
            "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
        },
    }


def trade(coin: str, buyer: int, seller: int) -> dict[str, Any]:
    """Return the message of one trade, which names both accounts."""
    row = {
        "coin": coin,
        "side": "B",
        "px": f"{float(formula.price('hyperliquid', coin, now_ms())):.1f}",
        "sz": "0.01",
        "time": now_ms(),
        "hash": "0x" + "0" * 64,
        "tid": buyer * 1000 + seller,
        "users": [address(buyer), address(seller)],
    }
    return {"channel": "trades", "data": [row]}
