"""One fetch in the making: who is asked, for what, until when; and the times it spans."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from liq.market import Lookback, bar_length
from liq.sources.venues.client import Connection, Contract
from liq.sources.venues.failures import RetryBudget


class FetchRequest(NamedTuple):
    """A fetch of one contract over one lookback as of `now`; `step` is told what is asked, once a call."""

    connection: Connection
    contract: Contract
    lookback: Lookback
    now: pd.Timestamp
    budget: RetryBudget
    step: Callable[[str], None]


class TimeRanges(NamedTuple):
    """Where things begin and end, UTC ms: the warm-up, the fine bars, the visible window, the forming bar's end."""

    warm: int
    fine_start: int
    start: int
    end: int


def time_ranges(lookback: Lookback, now: pd.Timestamp) -> TimeRanges:
    """Return the span of a lookback that ends with the bar forming at `now`.

    The first candle anchors the price lattice, so the warm-up begins at midnight UTC and stays there all day.
    The fine bars begin at midnight before the window too (at a multiple of 4 h for 1 m bars, where a whole
    day more would cost a call), a boundary of the coarse bars, so that neither gap nor overlap is possible.
    """
    bar = lookback.bar_length
    end = now.floor(bar) + bar
    start = end - lookback.window
    fine_start = start.floor("4h" if bar < pd.Timedelta(minutes=5) else "1D")
    warm = (fine_start - lookback.warmup).floor("1D")
    return TimeRanges(*(time.value // 1_000_000 for time in (warm, fine_start, start, end)))


def bar_milliseconds(bar: str) -> int:
    """Return the length of a bar such as ``"5m"`` in ms."""
    return bar_length(bar).value // 1_000_000


def to_timestamp(time: int) -> pd.Timestamp:
    """Return UTC ms as a timestamp."""
    return pd.Timestamp(time, unit="ms", tz="UTC")
