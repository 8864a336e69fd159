"""Context of a market beside its map: funding rates, and what takers bought less what they sold."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from cachetools import TTLCache

from liq.errors import SourceError
from liq.market import Market, as_utc
from liq.sources import failover, market_cache
from liq.sources.single_flight import single_flight
from liq.sources.titles import source_title
from liq.sources.venues import client, endpoints
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.pagination import PageOf, Pages, wait
from liq.sources.venues.request import bar_milliseconds
from liq.sources.venues.table import VENUES

SECONDS = 120
"""Seconds for which a series is cached."""

LARGEST_RATE = 0.1
"""Funding rates beyond this a settlement are left out: venues cap theirs at 0.02 to 0.04."""

PAGES = 24
"""Maximum number of requests for one series, the newest."""

HOUR = 3_600_000
"""Milliseconds of an hour."""

BARS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
"""Bars of the lookbacks."""


class ContextSeries(NamedTuple):
    """Hold a series that stands beside the map.

    values : of UTC times: of a funding rate its settlement, of a bar its open; source : the venue; time : when it was
    read (UTC).
    """

    values: pd.Series
    source: str
    time: pd.Timestamp


def funding_rates(market: Market) -> ContextSeries:
    """Return the funding rates of a market's window, fractions a settlement; of several venues the first's.

    Raises SourceError.

    >>> from liq.sources.simulation.market import simulate
    >>> funding_rates(simulate("BTC", "12h", now="2026-09-01"))
    Traceback (most recent call last):
    liq.errors.SourceError: No funding rates: the simulated market has none.
    """
    return _series(market, "funding rates", _funding)


def taker_delta(market: Market) -> ContextSeries:
    """Return USD that takers bought less what they sold by bar, where a venue's candles carry it.

    Raises SourceError.

    >>> from liq.sources.simulation.market import simulate
    >>> taker_delta(simulate("BTC", "12h", now="2026-09-01"))
    Traceback (most recent call last):
    liq.errors.SourceError: No taker volume: the simulated market has none.
    """
    return _series(market, "taker volume", _taker)


def _series(market: Market, name: str, read: Callable[..., ContextSeries]) -> ContextSeries:
    """Return a series of the first of a market's venues that has it; raise SourceError with the last reason."""
    titles = {"simulated": "the simulated market", "file": "a file"}
    reason = f"{titles.get(market.source, source_title(market.source))} has none"
    start, end = (as_utc(moment, "moment").value // 1_000_000 for moment in (market.start, market.as_of))
    length = int(market.bar.total_seconds() * 1000)
    for part in market.parts or (market,):
        if part.source not in VENUES:
            continue
        try:
            # a window moves with every bar: what is asked for begins on a whole day, so that it is cached
            return read(part.source, part.symbol, start // (24 * HOUR) * 24 * HOUR, end, length, client.gateway())
        except VenueFailure as failure:
            reason = f"{VENUES[part.source].title} {failure.reason}"
    raise SourceError(f"No {name}: {reason}.")


def _key(name: str, symbol: str, start: int, end: int, length: int, gateway: str) -> tuple[object, ...]:
    return name, symbol, start, length, gateway


@single_flight(TTLCache(64, ttl=SECONDS), key=_key, failure=VenueFailure)
def _funding(name: str, symbol: str, start: int, end: int, length: int, gateway: str) -> ContextSeries:
    """Return a venue's funding rates; raise VenueFailure."""
    connection, contract = client.connect(name), market_cache.listed_contract(name, symbol, failover.short_budget())

    def page_of(since: int, count: int) -> list[tuple[int, float]]:
        until = since + count * connection.venue.funding_hours * HOUR
        return endpoints.funding_rates(connection, failover.short_budget(), contract, since, until, count)

    step, size = connection.venue.funding_hours * HOUR, connection.venue.funding_page
    return _checked(name, page_of, start, end, step, size, largest=LARGEST_RATE)


@single_flight(TTLCache(64, ttl=SECONDS), key=_key, failure=VenueFailure)
def _taker(name: str, symbol: str, start: int, end: int, length: int, gateway: str) -> ContextSeries:
    """Return what takers bought less what they sold in each bar of a venue; raise VenueFailure."""
    connection = client.connect(name)
    if not connection.venue.taker_volume:
        raise VenueFailure("does not state in its candles what takers bought")
    contract = market_cache.listed_contract(name, symbol, failover.short_budget())
    bar = next(bar for bar in BARS if bar_milliseconds(bar) == length)

    def page_of(since: int, count: int) -> list[tuple[int, float]]:
        return endpoints.taker_delta(connection, failover.short_budget(), contract, bar, since, count)

    return _checked(name, page_of, start, end, length, connection.venue.candle_page)


def _checked(
    name: str, page_of: PageOf, start: int, end: int, step: int, size: int, largest: float = np.inf
) -> ContextSeries:
    """Return the rows of a time range as a series, without those that cannot be; raise VenueFailure for none."""
    now = market_cache.utc_now()
    rows = Pages(wait, page_of, start, max(end, start + step), step=step, size=size, calls=PAGES).rows()
    table = pd.DataFrame([row[:2] for row in rows], columns=["time", "value"], dtype=float)
    is_possible = table["time"].between(start, end) & np.isfinite(table["value"]) & (table["value"].abs() <= largest)
    table = table[is_possible].drop_duplicates("time", keep="last").sort_values("time")
    if table.empty:
        raise VenueFailure("sent none for this window")
    index = pd.DatetimeIndex(pd.to_datetime(table["time"].astype("int64"), unit="ms", utc=True))
    return ContextSeries(pd.Series(table["value"].to_numpy(), index), name, now)
