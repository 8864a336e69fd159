"""Accounts of Hyperliquid: where their addresses come from, and what one account holds."""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from liq.errors import InputError
from liq.sources.venues.client import Connection, behind_gateway, call, gateway, stream_exchange
from liq.sources.venues.failures import RetryBudget, VenueFailure

SOURCES = ("hyperliquid",)
"""Venues that state every account's positions without a key."""

LEADERBOARD = "https://stats-data.hyperliquid.xyz/Mainnet/leaderboard"
"""The venue's public leaderboard: some 44,900 accounts in one answer."""

ADDRESS = re.compile(r"0x[0-9a-f]{40}")

MAX_ADDRESSES = 500_000
"""Maximum number of addresses kept in memory, some 60 MB."""


class Position(NamedTuple):
    """One position of an account: coin, side, coins, entry, liquidation price (None where none), leverage, margin."""

    coin: str
    side: str
    coins: float
    entry: float
    liquidation_price: float | None
    leverage: float
    margin: str


def leaderboard(connection: Connection, budget: RetryBudget) -> list[str]:
    """Return the addresses on the venue's leaderboard, largest accounts first; raise VenueFailure."""
    url = behind_gateway(gateway(), LEADERBOARD) if gateway() else LEADERBOARD

    def load(exchange: Any) -> list[str]:
        answer = exchange.fetch(url)
        rows = answer.get("leaderboardRows") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise VenueFailure("sent a leaderboard that cannot be read", passing=True)
        rows = [row for row in rows if isinstance(row, dict)]
        rows.sort(key=lambda row: -_number(row.get("accountValue"), 0.0))
        return list(addresses(str(row.get("ethAddress")) for row in rows))

    return call(connection, budget, load)


def addresses(lines: Iterator[str] | list[str]) -> Iterator[str]:
    """Yield the addresses in lines of text, each once, in lower case.

    >>> list(addresses(["name,0x" + "A" * 40, "nothing here"]))[0][:6]
    '0xaaaa'
    """
    seen = set()
    for line in lines:
        for address in ADDRESS.findall(line.lower()):
            if address not in seen:
                seen.add(address)
                yield address


def addresses_in_file(path: str) -> list[str]:
    """Return the addresses in a text file, whatever else is in it; raise InputError where there are none.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.txt"
    ...     _ = path.write_text("mine: 0x" + "Ab" * 20, encoding="utf-8")
    ...     len(addresses_in_file(str(path)))
    1
    """
    try:
        with open(path, "rb") as start:
            is_utf16 = start.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # PowerShell's > writes it
        with open(path, encoding="utf-16" if is_utf16 else "utf-8", errors="replace") as file:
            found = list(addresses(file))
    except OSError as error:
        raise InputError(f"{Path(path).name} cannot be read: {error.strerror or error}.") from None
    if not found:
        raise InputError(f"{Path(path).name} names no address: 0x and forty hexadecimal digits.")
    return found[:MAX_ADDRESSES]


async def watch_accounts(name: str, symbol: str, found: Callable[[str], None]) -> None:
    """Call `found` with the address of every account that trades a symbol, until cancelled. Raises what ccxt raises.

    Hyperliquid names both accounts, buyer and seller, of every public trade.
    """
    exchange = stream_exchange(name, newUpdates=True)
    try:
        while True:
            for trade in await exchange.watch_trades(symbol):
                for address in addresses([str(user) for user in trade["info"].get("users") or ()]):
                    found(address)
    finally:
        with suppress(Exception):  # a connection that is gone may complain about being closed
            await asyncio.wait_for(exchange.close(), 5)


def held(connection: Connection, address: str, budget: RetryBudget) -> list[Position]:
    """Return what an account holds, empty where it holds nothing; raise VenueFailure where it was not answered."""
    return call(
        connection,
        budget,
        lambda exchange: parse_state(exchange.publicPostInfo({"type": "clearinghouseState", "user": address})),
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
    size, price = _number(entry.get("szi"), 0.0), _number(entry.get("entryPx"), 0.0)
    leverage, margin = _number(entry["leverage"].get("value"), 0.0), str(entry["leverage"].get("type"))
    if not entry.get("coin") or size == 0 or price <= 0 or leverage <= 0 or margin not in ("cross", "isolated"):
        return None
    level = _number(entry.get("liquidationPx"), 0.0)
    side = "long" if size > 0 else "short"
    return Position(str(entry["coin"]), side, abs(size), price, level if level > 0 else None, leverage, margin)


def open_interest(connection: Connection, budget: RetryBudget) -> dict[str, float]:
    """Return the venue's open interest by coin, coins on one side; raise VenueFailure."""

    def load(exchange: Any) -> dict[str, float]:
        answer = exchange.publicPostInfo({"type": "metaAndAssetCtxs"})
        try:
            names = [row["name"] for row in answer[0]["universe"]]
            return {
                name: _number(context["openInterest"], 0.0) for name, context in zip(names, answer[1], strict=False)
            }
        except (KeyError, IndexError, TypeError):
            raise VenueFailure("sent a list of markets that cannot be read", passing=True) from None

    return {coin: coins for coin, coins in call(connection, budget, load).items() if coins > 0}


def _number(value: Any, otherwise: float) -> float:
    """Return a number out of the venue's text, or `otherwise` where it is none or not finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return otherwise
    return number if abs(number) < 1e15 else otherwise
