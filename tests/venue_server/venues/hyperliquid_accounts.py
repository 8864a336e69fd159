"""Hyperliquid's accounts: the leaderboard and what every account holds, as formulas of its number."""

from __future__ import annotations

from typing import Any

from tests.venue_server import formula
from tests.venue_server.wire import Answer, Knobs, now_ms


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
    if knobs.account_fails and number % knobs.account_fails == 0:
        return 500, None
    positions = []
    if number % 15 == 1:
        positions.append(_position("BTC", number, knobs))
    if number % 30 == 1:
        positions.append(_position("ETH", number + 7, knobs))
    if number % 50 == 1:
        positions.append(_position("BTC", number, knobs, name="xyz:TSLA"))
    if number % 97 == 1:
        positions.append({"type": "oneWay", "position": {"coin": "BTC", "szi": "0.0", "entryPx": None}})
    return 200, {
        "marginSummary": {"accountValue": "-12.5" if number % 11 == 1 else "1000.0", "totalMarginUsed": "-3.0"},
        "assetPositions": positions,
        "withdrawable": "0.0",
        "time": now_ms(),
    }


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
