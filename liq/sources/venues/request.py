"""A fetch request (venue, contract, lookback, deadline) and the time ranges it covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from liq.market import Lookback, Market, bar_length
from liq.sources import disk_cache
from liq.sources.venues.client import Connection, Contract
from liq.sources.venues.failures import RetryBudget
from liq.sources.venues.pagination import PageOf, Rows, Submit, wait

FINISHED_MS = 3_600_000
"""Milliseconds after a bar's end from which a venue does not change it any more."""

WARMUP_SECONDS = 2 * 86_400
"""Seconds for which finished warm-up bars are kept on disk; the time range that is requested moves every day."""


class FetchRequest(NamedTuple):
    """A fetch of one contract over one lookback as of `now`.

    step : called with a description before each request, for the progress bar, in the thread of the request.
    submit : starts a request beside the others, such as the bound method of an executor. on_candles : called with the
    market of the candles alone where these are there before the rest.
    """

    connection: Connection
    contract: Contract
    lookback: Lookback
    now: pd.Timestamp
    budget: RetryBudget
    step: Callable[[str], None]
    submit: Submit = wait
    on_candles: Callable[[Market], None] | None = None


def kept_on_disk(page_of: PageOf, request: FetchRequest, series: str, length: int, width: int) -> PageOf:
    """Return the pages' function such that full pages of finished bars are read from disk and written there.

    series : its name; length : ms between rows; width : columns of a row.
    """
    connection = request.connection
    place = (connection.venue.name, connection.gateway_url, request.contract.symbol, series)
    finished = request.now.value // 1_000_000 - FINISHED_MS

    def kept(since: int, count: int) -> Rows:
        is_finished = since + count * length < finished
        saved = disk_cache.read_rows((*place, since, count), width) if is_finished else None
        if saved is not None:
            return saved
        rows = page_of(since, count)
        if is_finished and len(rows) == count:
            disk_cache.write((*place, since, count), [list(row) for row in rows], WARMUP_SECONDS)
        return rows

    return kept


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
