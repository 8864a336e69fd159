"""Accounts found so far, and those that have just traded, which are asked again first."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from liq.sources.positions.accounts import MAX_ADDRESSES
from liq.sources.positions.venues.table import PositionVenue
from liq.sources.venues.client import stream_exchange

SPACING = 5.0
"""Seconds between two requests for one account that goes on trading, times how often it was asked lately: a market
maker trades every second, and would otherwise have the whole limit to itself."""

LATELY = 300.0
"""Seconds after which an account that was not asked again counts as quiet."""

TOO_LATE = 60.0
"""Seconds after which a trade is forgotten where the limit did not suffice; the passes ask the account anyway."""

STREAM_COINS = ("BTC", "ETH")
"""Coins whose trades are followed where none is named: the two most traded."""


@dataclass
class Found:
    """Accounts by USD, the largest first; those that traded since they were asked; and the lock for both.

    A stream's thread adds, the collector reads.
    """

    usd: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When an account first traded since it was asked (s), and for how much."""
    asked: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When an account was last asked because it traded (s), and how often lately."""

    def add(self, account: str, usd: float = 0.0) -> None:
        """Add an account, up to the bound; USD of one that is known count where they are more."""
        with self.lock:
            if account in self.usd or len(self.usd) < MAX_ADDRESSES:
                self.usd[account] = max(usd, self.usd.get(account, 0.0))

    def trade(self, account: str, usd: float, now: float | None = None) -> None:
        """Note that an account traded for so many USD, at a time in seconds, default now."""
        now = time.monotonic() if now is None else now
        self.add(account, usd)
        with self.lock:
            first, before = self.waiting.get(account, (now, 0.0))
            self.waiting[account] = (first, before + usd)

    def due(self, most: int, now: float | None = None) -> list[str]:
        """Return accounts that traded and may be asked again now, the most USD first, and count them as asked.

        >>> found = Found()
        >>> found.trade("a", 5.0, now=0.0)
        >>> found.trade("b", 9.0, now=0.0)
        >>> found.due(1, now=0.0), found.due(9, now=1.0)
        (['b'], ['a'])
        >>> found.trade("a", 5.0, now=2.0)
        >>> found.due(9, now=2.0), found.due(9, now=6.0)
        ([], ['a'])
        """
        now = time.monotonic() if now is None else now
        with self.lock:
            for account in [name for name, (first, _) in self.waiting.items() if now - first > TOO_LATE]:
                del self.waiting[account]
            ready = [name for name in self.waiting if now >= self._earliest(name, now)]
            ready = sorted(ready, key=lambda name: -self.waiting[name][1])[:most]
            for name in ready:
                del self.waiting[name]
                last, count = self.asked.get(name, (-math.inf, 0))
                self.asked[name] = (now, count + 1 if now - last < LATELY else 1)
            if len(self.asked) > MAX_ADDRESSES:
                self.asked.clear()
        return ready

    def _earliest(self, account: str, now: float) -> float:
        """Return when an account that traded may be asked."""
        last, count = self.asked.get(account, (-math.inf, 0))
        return last + SPACING * count if now - last < LATELY else now

    def copy(self) -> list[str]:
        """Return the accounts so far, the largest first."""
        with self.lock:
            return sorted(self.usd, key=lambda name: -self.usd[name])


async def watch_accounts(venue: PositionVenue, symbol: str, traded: Callable[[str, float], None]) -> None:
    """Call `traded` with the accounts and USD of every trade of a symbol until cancelled. Raises what ccxt raises."""
    exchange = stream_exchange(venue.name, newUpdates=True)
    try:
        while True:
            for trade in await exchange.watch_trades(symbol):
                usd = trade.get("cost")
                for account in venue.traders(trade["info"]):
                    traded(account, float(usd) if usd else 0.0)
    finally:
        with suppress(Exception):  # a connection that is gone may complain about being closed
            await asyncio.wait_for(exchange.close(), 5)


def listen(venue: PositionVenue, coins: tuple[str, ...], found: Found, stop: threading.Event) -> threading.Thread:
    """Start a thread that notes the accounts of every trade until stopped; a broken connection is opened again."""

    async def follow(coin: str) -> None:
        wait = 1.0
        while not stop.is_set():
            try:
                await watch_accounts(venue, f"{coin}/USDC:USDC", found.trade)
            except Exception:  # ccxt lets anything out of a broken stream; the passes go on without it
                await asyncio.sleep(wait)
                wait = min(60.0, 2 * wait)

    async def run() -> None:
        tasks = [asyncio.ensure_future(follow(coin)) for coin in coins or STREAM_COINS]
        while not stop.is_set():
            await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True, name="trades")
    thread.start()
    return thread
