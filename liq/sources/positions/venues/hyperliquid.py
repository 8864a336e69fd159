"""Accounts of Hyperliquid: its leaderboard, what one account holds, open interest, and whom a trade names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from liq.sources.positions.accounts import Position, addresses, number
from liq.sources.venues.client import Connection, call, read_stream
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.gateway import behind_gateway, gateway

LEADERBOARD = "https://stats-data.hyperliquid.xyz/Mainnet/leaderboard"
"""The venue's public leaderboard: some 44,900 accounts in one answer."""

ROW = re.compile(rb'"ethAddress"\s*:\s*"(0x[0-9a-fA-F]{40})"[^{}\[\]]*?"accountValue"\s*:\s*"?(-?[0-9.eE+-]+)')
"""An account and its value in the leaderboard's text, which is searched as it comes: as objects its 20 MB are 117."""

OVERLAP = 400
"""Bytes of a part of the text that are searched again with the next, so that a row on the seam is found."""


def accounts(connection: Connection, budget: RetryBudget, coins: tuple[str, ...]) -> dict[str, float]:
    """Return the accounts on the venue's leaderboard and their value in USD, of all coins; raise VenueFailure."""
    url = behind_gateway(gateway(), LEADERBOARD) if gateway() else LEADERBOARD
    return read_stream(connection, budget, url, _rows)


def _rows(parts: Iterator[bytes]) -> dict[str, float]:
    """Return accounts and values in the parts of a leaderboard's text; raise VenueFailure where it is none."""
    found, rest, is_leaderboard = dict[str, float](), b"", False
    for part in parts:
        text = rest + part
        is_leaderboard = is_leaderboard or b"leaderboardRows" in text
        for match in ROW.finditer(text):
            found.setdefault(match[1].decode().lower(), max(0.0, number(match[2])))
        rest = text[-OVERLAP:]
    if not is_leaderboard:
        raise VenueFailure("sent a leaderboard that cannot be read", passing=True)
    return found


def held(connection: Connection, account: str, budget: RetryBudget) -> list[Position]:
    """Return what an account holds, empty where it holds nothing; raise VenueFailure where it was not answered."""
    return call(
        connection,
        budget,
        lambda exchange: parse_state(exchange.publicPostInfo({"type": "clearinghouseState", "user": account})),
    )


def parse_state(answer: Any) -> list[Position]:
    """Return the positions in a `clearinghouseState`; raise VenueFailure where it is none.

    A position with an impossible number is left out. A liquidation price that is null, or not a positive number, is
    None: the account cannot be liquidated by that coin alone.

    >>> entry = {"coin": "BTC", "szi": "-0.5", "entryPx": "80000", "liquidationPx": None,
    ...          "leverage": {"type": "cross", "value": 10}}
    >>> parse_state({"assetPositions": [{"position": entry, "type": "oneWay"}]})[0].side
    'short'
    """
    rows = answer.get("assetPositions") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise VenueFailure("sent an account that cannot be read", passing=True)
    return [position for row in rows if (position := _position(row)) is not None]


def _position(row: Any) -> Position | None:
    """Return one position, or None where its numbers are impossible."""
    entry = row.get("position") if isinstance(row, dict) else None
    if not isinstance(entry, dict) or not isinstance(entry.get("leverage"), dict):
        return None
    size, price = number(entry.get("szi")), number(entry.get("entryPx"))
    leverage, margin = number(entry["leverage"].get("value")), str(entry["leverage"].get("type"))
    if not entry.get("coin") or size == 0 or price <= 0 or leverage <= 0 or margin not in ("cross", "isolated"):
        return None
    level = number(entry.get("liquidationPx"))
    side = "long" if size > 0 else "short"
    return Position(str(entry["coin"]), side, abs(size), price, level if level > 0 else None, leverage, margin)


def open_interest(connection: Connection, budget: RetryBudget) -> dict[str, float]:
    """Return the venue's open interest by coin, coins on one side; raise VenueFailure."""

    def load(exchange: Any) -> dict[str, float]:
        answer = exchange.publicPostInfo({"type": "metaAndAssetCtxs"})
        try:
            names = [row["name"] for row in answer[0]["universe"]]
            return {name: number(context["openInterest"]) for name, context in zip(names, answer[1], strict=False)}
        except (KeyError, IndexError, TypeError):
            raise VenueFailure("sent a list of markets that cannot be read", passing=True) from None

    return {coin: coins for coin, coins in call(connection, budget, load).items() if coins > 0}


def traders(trade: Any) -> list[str]:
    """Return the accounts that a public trade names, buyer and seller.

    >>> traders({"users": ["0x" + "A" * 40, "0x" + "b" * 40]})[1][:4]
    '0xbb'
    """
    users = trade.get("users") if isinstance(trade, dict) else None
    return list(addresses(str(user) for user in users or ()))
