"""What the venues' markets did, as formulas of time: any candle or figure can be computed again by a test.

Times are UTC milliseconds. A venue differs from the next by a price basis, a share of volume and of open
interest, so that a mix-up shows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

MINUTE = 60_000
DAY = 1440 * MINUTE


class Coin(NamedTuple):
    """A coin's scale: price in USD, coins traded a minute, coins of open interest."""

    name: str
    price: float
    volume: float
    interest: float


COINS = {
    coin.name: coin
    for coin in (
        Coin("BTC", 60_000.0, 40.0, 80_000.0),
        Coin("ETH", 3_000.0, 600.0, 1_200_000.0),
        Coin("SOL", 150.0, 6_000.0, 6_000_000.0),
        Coin("DOGE", 0.15, 2_000_000.0, 2_000_000_000.0),
        Coin("WIF", 0.4, 90_000.0, 60_000_000.0),
    )
}

SHARE = {
    "binanceusdm": 1.0,
    "bybit": 0.7,
    "okx": 0.5,
    "gate": 0.4,
    "krakenfutures": 0.1,
    "hyperliquid": 0.3,
    "lighter": 0.2,
}
"""A venue's volume and open interest against Binance's."""

BASIS = {name: 1 + 0.0002 * row for row, name in enumerate(SHARE)}
"""A venue's price against Binance's."""


def price(venue: str, coin: str, time: np.ndarray | float) -> np.ndarray:
    """Return the price at times."""
    minutes = np.asarray(time, dtype=float) / MINUTE
    swing = 0.04 * np.sin(minutes / 700) + 0.012 * np.sin(minutes / 67) + 0.003 * np.sin(minutes / 6.1)
    return COINS[coin].price * BASIS[venue] * np.exp(swing)


def interest(venue: str, coin: str, time: np.ndarray | float) -> np.ndarray:
    """Return open interest in coins at times."""
    minutes = np.asarray(time, dtype=float) / MINUTE
    return COINS[coin].interest * SHARE[venue] * (1 + 0.1 * np.sin(minutes / 530) + 0.01 * np.sin(minutes / 23))


def volume(venue: str, coin: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return coins traded between two times."""
    middle = (np.asarray(start, dtype=float) + end) / 2 / MINUTE
    rate = COINS[coin].volume * SHARE[venue] * (1 + 0.5 * np.sin(middle / 311))
    return rate * (np.asarray(end, dtype=float) - start) / MINUTE


def liquidated(venue: str, coin: str, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return USD of longs and of shorts force-closed between two times."""
    dollars = volume(venue, coin, start, end) * price(venue, coin, start) * 0.002
    moved = np.log(price(venue, coin, end) / price(venue, coin, start))
    return dollars * np.exp(-40 * moved), dollars * np.exp(40 * moved)


def funding(venue: str, coin: str, time: np.ndarray) -> np.ndarray:
    """Return funding rates at times."""
    return 1e-4 * BASIS[venue] * np.sin(np.asarray(time, dtype=float) / MINUTE / 4000)


def taker_share(venue: str, coin: str, time: np.ndarray) -> np.ndarray:
    """Return the share of a bar's volume that takers bought."""
    return 0.5 + 0.2 * np.sin(np.asarray(time, dtype=float) / MINUTE / 97)


def order_book(venue: str, coin: str, time: float, size: float = 1.0) -> tuple[list[list[float]], list[list[float]]]:
    """Return bids and asks, nearest first: price and amount, 50 levels of a hundredth of a per cent, a day's 1e-5."""
    middle, amount = float(price(venue, coin, time)), COINS[coin].volume * SHARE[venue] / size
    steps = [1 + 0.0001 * level for level in range(1, 51)]
    return [[middle / step, amount] for step in steps], [[middle * step, amount] for step in steps]


def opens(step: int, since: int, until: int) -> np.ndarray:
    """Return the bar opens in [since, until)."""
    return np.arange(math.ceil(since / step) * step, until, step, dtype=np.int64)


def candles(venue: str, coin: str, step: int, since: int, until: int, now: int) -> np.ndarray:
    """Return candles that open in [since, until) and not after now: rows of time, o, h, l, c, coins."""
    time = opens(step, since, min(until, now + 1))
    end = np.minimum(time + step, now)
    path = price(venue, coin, time + (end - time) * np.linspace(0, 1, 9)[:, None])
    return np.column_stack(
        [
            time,
            path[0],
            path.max(axis=0) * 1.0004,
            path.min(axis=0) * 0.9996,
            path[-1],
            volume(venue, coin, time, end),
        ]
    )
