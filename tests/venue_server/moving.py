"""Accounts that move: they open, add margin, close, or are liquidated when the price comes to their level.

All of it is a formula of the account's number and of time, so what an account holds, and when it was liquidated, is
known at any moment, before and after. An account lives in cycles; in each it opens one BTC position.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tests.venue_server import formula
from tests.venue_server.formula import MINUTE

CYCLE = 100 * MINUTE
"""Milliseconds from one opening of an account to its next, on average."""

SAMPLE = 7_500
"""Milliseconds between two prices of the path that a candle of a minute is made from, see `formula.candles`."""

WICK = 0.0004
"""How far a candle's extremes lie beyond that path; the mark price that liquidates goes as far."""


class Clock(NamedTuple):
    """A venue's clock: at `began` (the real time, s) it showed `first` (ms) and has since run `pace` times as fast,
    until it shows the real time."""

    began: float
    first: int
    pace: float

    def now(self) -> int:
        """Return the venue's time, UTC ms."""
        real = time.time()
        return min(self.first + int((real - self.began) * 1000 * self.pace), int(real * 1000))


class Life(NamedTuple):
    """One position from its opening to its end.

    side : 1 long, -1 short; levels : liquidation prices before and after margin was added; opened, added, ended : UTC
    ms; liquidated : whether it ended by force, at its level.
    """

    number: int
    side: int
    coins: float
    entry: float
    leverage: int
    margin: str
    levels: tuple[float, float]
    opened: int
    added: int
    ended: int
    liquidated: bool

    def level(self, at: int) -> float:
        """Return the liquidation price at a time."""
        return self.levels[at >= self.added]

    def is_open(self, at: int) -> bool:
        """Return whether it is held at a time."""
        return self.opened <= at < self.ended


@lru_cache(100_000)
def life(number: int, cycle: int) -> Life:
    """Return the position that an account opens in one of its cycles."""
    rng = np.random.default_rng((number, cycle))
    begin = cycle * CYCLE + int(np.random.default_rng(number).random() * CYCLE)
    opened = begin + int(rng.uniform(0.0, 0.3) * CYCLE)
    closed = begin + int(rng.uniform(0.4, 0.98) * CYCLE)
    adds = rng.random() < 0.4
    added = opened + int(rng.uniform(0.1, 0.6) * (closed - opened)) if adds else closed
    side, leverage = (1, -1)[rng.integers(2)], int(rng.choice([5, 10, 20, 40]))
    entry = round(float(formula.price("hyperliquid", "BTC", opened)), 1)
    apart = float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))
    levels = tuple(round(entry * (1 - side * apart * factor), 4) for factor in (1.0, 1.8))
    moments = np.arange(-(-opened // SAMPLE), closed // SAMPLE + 1) * SAMPLE
    mark = formula.price("hyperliquid", "BTC", moments) * (1 - side * WICK)
    reached = np.flatnonzero(side * mark <= side * np.where(moments >= added, levels[1], levels[0]))
    ended = int(moments[reached[0]]) if len(reached) else closed
    margin = "isolated" if rng.random() < 0.3 else "cross"
    coins = round(float(rng.lognormal(0.0, 1.0)), 4) + 0.001
    return Life(number, side, coins, entry, leverage, margin, levels, opened, added, ended, bool(len(reached)))


def held(number: int, at: int) -> Life | None:
    """Return the position that an account holds at a time (UTC ms), or None."""
    now = at // CYCLE
    return next((one for cycle in (now, now - 1) if (one := life(number, cycle)).is_open(at)), None)


def liquidated(numbers: range, since: int, until: int) -> list[Life]:
    """Return the positions that were liquidated in [since, until), UTC ms."""
    cycles = range(since // CYCLE - 1, until // CYCLE + 1)
    lives = (life(number, cycle) for number in numbers for cycle in cycles)
    return [one for one in lives if one.liquidated and since <= one.ended < until]
