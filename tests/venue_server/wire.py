"""What the venues' wire formats have in common: answers, times, numbers as text."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.venue_server import formula
from tests.venue_server.formula import DAY, MINUTE
from tests.venue_server.moving import Clock

Answer = tuple[int, Any]

STEPS = {"m": MINUTE, "h": 60 * MINUTE, "d": DAY}


@dataclass
class Knobs:
    """What the tests may turn.

    Gate's cap on contract_stats and whether it refuses above; OKX's retention; of Hyperliquid's accounts how many
    there are, one in how many fails, which never answer, whether some hold more than before, and times (s) and
    weights of what was asked;
    the accounts that were asked, in order; the clock by which its accounts move, if they do, and what was then
    answered: time (UTC ms) and account; of Binance's archive how many days late it is, parts of the names of files
    that it lacks, and whether its own host answers a listing with a page for people.
    """

    gate_cap: int = 1000
    gate_refuses: bool = True
    okx_kept: dict[str, int] | None = None
    wrong_symbol: bool = False
    accounts: int = 300
    account_fails: int = 0
    accounts_silent: range = range(0)
    accounts_changed: bool = False
    weights: list[tuple[float, int]] = field(default_factory=list)
    archive_days_late: int = 1
    archive_missing: tuple[str, ...] = ()
    listing_is_page: bool = False
    asked: list[str] = field(default_factory=list)
    clock: Clock | None = None
    answered: list[tuple[int, int]] = field(default_factory=list)

    def now(self) -> int:
        """Return Hyperliquid's time, UTC ms."""
        return now_ms() if self.clock is None else self.clock.now()


def now_ms() -> int:
    """Return the present."""
    return int(time.time() * 1000)


def length(name: str) -> int:
    """Return a bar's length in ms from names such as 5m, 1H, 1Dutc, 5min."""
    name = name.lower().removesuffix("utc").replace("min", "m")
    return int(name[:-1]) * STEPS[name[-1]]


def text(values: np.ndarray) -> list[str]:
    """Return numbers as venues send them."""
    return [repr(round(float(value), 8)) if np.isfinite(value) else "NaN" for value in values]


def stamps(step: int, since: int, until: int) -> np.ndarray:
    """Return the multiples of a period in [since, until]."""
    return formula.opens(step, since, until + 1)


def settlements(
    venue: str, coin: str, hours: int, since: int, until: int, mode: str | None
) -> list[tuple[int, float]]:
    """Return funding rates settled in [since, until], oldest first; one impossible a page where rows are spoiled."""
    times = stamps(hours * 60 * MINUTE, since, until)
    rates = formula.funding(venue, coin, times) * (1e9 if mode == "nonsense" else 1)
    if mode == "spoiled" and len(rates):
        rates[0] = np.nan
    return list(zip(times.tolist(), rates.tolist(), strict=True))


def change(venue: str, coin: str, now: int) -> tuple[float, float, float]:
    """Return price now, price a day ago, coins traded in between."""
    day = formula.volume(venue, coin, np.array([now - DAY]), np.array([now]))[0]
    return float(formula.price(venue, coin, now)), float(formula.price(venue, coin, now - DAY)), float(day)
