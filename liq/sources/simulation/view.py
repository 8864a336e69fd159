"""What to show of the simulated market: every bar's open, where the visible ones begin, and the time it ends at."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from liq.errors import InputError
from liq.market import Lookback, as_utc, bar_length
from liq.market import lookback as named_lookback
from liq.sources.simulation.price_path import DAY, EPOCH


def checked_now(now: object) -> pd.Timestamp:
    """Return the time to simulate, UTC; raise InputError where it is out of range.

    >>> checked_now("2026-09-01 12:00").hour
    12
    """
    time = pd.Timestamp.now(tz="UTC") if now is None else as_utc(now, "now")
    earliest = pd.Timestamp(EPOCH + 500, unit="D", tz="UTC")
    if not earliest <= time < pd.Timestamp("2200-01-01", tz="UTC"):
        raise InputError(f"now must lie between {earliest:%Y-%m-%d} and 2199, not {now!r}.")
    return time


def minute_of(time: pd.Timestamp) -> int:
    """Return the minute since 1970.

    >>> minute_of(pd.Timestamp("1970-01-02", tz="UTC"))
    1440
    """
    return int(time.timestamp() // 60)


def second_of(time: pd.Timestamp) -> int:
    """Return the second within its minute.

    >>> second_of(pd.Timestamp("2026-09-01 12:34:56", tz="UTC"))
    56
    """
    return int(time.timestamp() % 60)


def day_of(time: pd.Timestamp) -> int:
    """Return the day since 1970.

    >>> day_of(pd.Timestamp("1970-01-02 23:00", tz="UTC"))
    1
    """
    return minute_of(time) // DAY


class View(NamedTuple):
    """What to show of a market: the lookback, the time, every bar's open, and where the visible bars begin."""

    lookback: Lookback
    now: pd.Timestamp
    bars: pd.DatetimeIndex
    start: pd.Timestamp

    @property
    def first_day(self) -> int:
        """Day of the first bar since 1970."""
        return day_of(self.bars[0])

    @property
    def last_day(self) -> int:
        """Day of `now` since 1970."""
        return day_of(self.now)


def view_at(lookback: str, now: object) -> View:
    """Return what to show through a lookback at a time; raise InputError.

    >>> view = view_at("12h", "2026-09-01 12:00")
    >>> str(view.start), view.first_day
    ('2026-09-01 00:00:00+00:00', 20667)
    """
    window, time = named_lookback(lookback), checked_now(now)
    return View(window, time, *_bars(window, time))


def _bars(window: Lookback, now: pd.Timestamp) -> tuple[pd.DatetimeIndex, pd.Timestamp]:
    """Return every bar's open time, warm-up and visible, and where the visible ones begin.

    The warm-up ends in a few bars of the visible length where its own do not meet the window's edge.
    """
    bar, coarse = window.bar_length, bar_length(window.warmup_bar)
    # A bar that opens this very second has traded nothing yet; the one before it is the last.
    last = (now - pd.Timedelta(seconds=1)).floor(bar)
    start = last - (window.window // bar - 1) * bar
    fine_start = start.floor(coarse)
    warm = pd.date_range((fine_start - window.warmup).floor(coarse), fine_start, freq=coarse, inclusive="left")
    return pd.DatetimeIndex(warm.append(pd.date_range(fine_start, last, freq=bar))), start
