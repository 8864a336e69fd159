"""A fetch request (venue, contract, lookback, deadline) and the time ranges it covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from liq.market import Lookback, bar_length
from liq.sources.venues.client import Connection, Contract
from liq.sources.venues.failures import RetryBudget


class FetchRequest(NamedTuple):
    """A fetch of one contract over one lookback as of `now`.

    step : called with a description before each request, for the progress bar.
    """

    connection: Connection
    contract: Contract
    lookback: Lookback
    now: pd.Timestamp
    budget: RetryBudget
    step: Callable[[str], None]


class TimeRanges(NamedTuple):
    """Limits of a request, UTC ms: start of the warm-up, of the fine bars, of the visible window; end of the forming
    bar."""

    warm: int
    fine_start: int
    start: int
    end: int


def time_ranges(lookback: Lookback, now: pd.Timestamp) -> TimeRanges:
    """Return the time ranges of a lookback that ends with the bar forming at `now`.

    The first candle anchors the price lattice, so the warm-up begins at midnight UTC and stays there all day.
    The fine bars begin at midnight before the window too (at a multiple of 4 h for 1 m bars, where a whole
    day more would cost a call), a boundary of the coarse bars, so that neither gap nor overlap is possible.

    >>> from liq.market import lookback
    >>> ranges = time_ranges(lookback("1d"), pd.Timestamp("2026-09-01 12:34", tz="UTC"))
    >>> to_timestamp(ranges.end)
    Timestamp('2026-09-01 12:35:00+0000', tz='UTC')
    """
    bar = lookback.bar_length
    end = now.floor(bar) + bar
    start = end - lookback.window
    fine_start = start.floor("4h" if bar < pd.Timedelta(minutes=5) else "1D")
    warm = (fine_start - lookback.warmup).floor("1D")
    return TimeRanges(*(time.value // 1_000_000 for time in (warm, fine_start, start, end)))


def bar_milliseconds(bar: str) -> int:
    """Return the length of a bar such as ``"5m"`` in ms.

    >>> bar_milliseconds("5m")
    300000
    """
    return bar_length(bar).value // 1_000_000


def to_timestamp(time: int) -> pd.Timestamp:
    """Return UTC ms as a timestamp.

    >>> to_timestamp(0)
    Timestamp('1970-01-01 00:00:00+0000', tz='UTC')
    """
    return pd.Timestamp(time, unit="ms", tz="UTC")
