"""Fetch one perpetual on one venue as a Market: the first time in full, afterwards only the newest bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from liq.market import Market, Origin
from liq.market_quality import checked_open_interest, quality_sentences
from liq.sources import disk_cache
from liq.sources.venues import endpoints, sanity
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.interest_requests import pages_to_request, request_open_interest
from liq.sources.venues.open_interest import attach_open_interest, refresh_open_interest
from liq.sources.venues.pagination import PageOf, Pages, Rows
from liq.sources.venues.request import (
    FetchRequest,
    TimeRanges,
    bar_milliseconds,
    kept_on_disk,
    time_ranges,
    to_timestamp,
)
from liq.sources.venues.table import CALLS

SETTLE_MS = 5_000
"""Milliseconds after a bar's end in which a venue may still change it."""

TIERS_SECONDS = 86_400
"""Seconds for which margin tiers are kept on disk; venues announce a change days before."""


def calls_expected(request: FetchRequest) -> int:
    """Return how many calls the first fetch takes, for a progress bar."""
    venue, ranges = request.connection.venue, time_ranges(request.lookback, request.now)
    pages = _pages(ranges.end - ranges.fine_start, request.lookback.bar, venue.candle_page)
    pages += _pages(ranges.fine_start - ranges.warm, request.lookback.warmup_bar, venue.candle_page)
    for period, since, until in pages_to_request(request, ranges):
        n_pages = min(_pages(until - since, period, venue.interest_pages[0]), venue.interest_calls.get(period, CALLS))
        pages += n_pages * (2 if venue.liquidations == "analytics" else 1)
    return pages + (venue.interest == "present") + venue.interest_of_coin + (venue.brackets == "tiers")


def _pages(length: int, bar: str, size: int) -> int:
    """Return how many pages of a size a time range has."""
    return -(-length // (bar_milliseconds(bar) * size))


def fetch_market(request: FetchRequest) -> Market:
    """Return the market in full; raise VenueFailure when its candles cannot be fetched.

    Open interest, liquidations and brackets are left out, with a note, where the venue does not give them.
    """
    ranges, dropped, venue = time_ranges(request.lookback, request.now), Counter[str](), request.connection.venue
    fine_pages = _candle_pages(request, request.lookback.bar, ranges.fine_start, ranges.end)
    interest = request_open_interest(request, ranges)
    coarse_pages = _candle_pages(request, request.lookback.warmup_bar, ranges.warm, ranges.fine_start)
    tiers = request.submit(_margin_tiers, request)
    fine = _candles(request, fine_pages.rows(), request.lookback.bar, dropped)
    coarse_rows = coarse_pages.rows()
    coarse = _candles(request, coarse_rows, request.lookback.warmup_bar, dropped) if coarse_rows else pd.DataFrame()
    market = _market(request, _join(coarse, fine), ranges)
    if request.on_candles is not None and not interest.is_there():
        request.on_candles(market)
    market, missing = attach_open_interest(market, request, interest, dropped)
    try:
        scale = request.contract.size * float(market.candles["close"].iloc[-1]) if venue.tiers_in_contracts else 1.0
        if brackets := sanity.margin_brackets(tiers.result(), scale):
            market = replace(
                market, brackets=brackets, origins={**market.origins, "brackets": Origin(venue.name, request.now)}
            )
    except VenueFailure as failure:
        missing.append(f"Margin brackets are the package's own: {venue.title} {failure.reason}.")
    return _checked(market, request, ranges, dropped, missing)


def refresh_market(market: Market, request: FetchRequest) -> Market:
    """Return the market with its newest bars fetched again: at most two calls, candles and the older of the other
    inputs.

    A window that moved past its anchors, or a pause longer than one page, is fetched in full instead.
    """
    venue, bar = request.connection.venue, bar_milliseconds(request.lookback.bar)
    ranges, fetched = time_ranges(request.lookback, request.now), market.origins["candles"].as_of
    ranges_before = time_ranges(request.lookback, fetched)
    since = max(ranges.fine_start, (fetched.value // 1_000_000 - SETTLE_MS) // bar * bar)
    if (ranges_before.warm, ranges_before.fine_start) != (ranges.warm, ranges.fine_start) or (
        ranges.end - since
    ) // bar > venue.candle_page:
        return fetch_market(request)
    dropped: Counter[str] = Counter()
    rows = _candle_pages(request, request.lookback.bar, since, ranges.end).rows()
    tail = _candles(request, rows, request.lookback.bar, dropped)
    older = market.candles[market.candles.index < tail.index[0]]
    sanity.check_continuity(older, tail)
    candles = _join(older, tail)
    refreshed = replace(
        _market(request, candles, ranges),
        open_interest=None if market.open_interest is None else market.open_interest.reindex(candles.index),
        liquidations=market.liquidations,
        brackets=market.brackets,
        origins={**market.origins, "candles": Origin(venue.name, request.now)},
    )
    refreshed, missing = refresh_open_interest(refreshed, request, ranges, dropped)
    missing += [note for note in market.notes if note.startswith(("Margin brackets", "Open interest before"))]
    return _checked(refreshed, request, ranges, dropped, missing)


def _checked(
    market: Market, request: FetchRequest, ranges: TimeRanges, dropped: Counter[str], missing: list[str]
) -> Market:
    """Return the market with its data-quality notes, and without open interest that cannot be true."""
    bar, start = request.lookback.bar_length, to_timestamp(ranges.start)
    interest, odd = checked_open_interest(market.open_interest)
    quality = sanity.quality_notes(dropped, market.candles, bar, start)
    quality += quality_sentences(market.visible, bar, market.as_of, request.now)
    return replace(market, open_interest=interest, notes=(*quality, *odd, *missing))


def _candle_pages(request: FetchRequest, bar: str, since: int, until: int) -> Pages:
    """Request the candles of a time range; finished bars of the warm-up are kept on disk."""
    connection, contract, length = request.connection, request.contract, bar_milliseconds(bar)

    def page_of(start: int, count: int) -> Rows:
        request.step(f"{connection.venue.title} candles")
        return endpoints.candles(connection, request.budget, contract, bar, start, count)

    pages: PageOf = page_of
    if bar == request.lookback.warmup_bar:
        pages = kept_on_disk(page_of, request, f"candles/{bar}", length, width=6)
    return Pages(request.submit, pages, since, until, step=length, size=connection.venue.candle_page)


def _margin_tiers(request: FetchRequest) -> list[endpoints.Tier]:
    """Return the contract's margin tiers, from disk while younger than TIERS_SECONDS; raise VenueFailure."""
    connection, is_request = request.connection, request.connection.venue.brackets == "tiers"
    key = ("tiers", connection.venue.name, connection.gateway_url, request.contract.symbol)
    saved = disk_cache.read_rows(key, 4) if is_request else None
    if saved is not None:
        return [tuple(map(float, row)) for row in saved]  # type: ignore[misc]
    if is_request:
        request.step(f"{connection.venue.title} margin tiers")
    tiers = endpoints.margin_tiers(connection, request.budget, request.contract)
    if is_request and tiers:
        disk_cache.write(key, tiers, TIERS_SECONDS)
    return tiers


def _candles(request: FetchRequest, rows: Sequence[Sequence[Any]], bar: str, dropped: Counter[str]) -> pd.DataFrame:
    """Return cleaned candles."""
    now = request.now.value // 1_000_000
    return sanity.clean_candles(rows, bar_milliseconds(bar), now, dropped, "candles")


def _join(older: pd.DataFrame, newer: pd.DataFrame) -> pd.DataFrame:
    """Return older candles followed by newer ones, without overlap."""
    return pd.concat([older[older.index < newer.index[0]], newer]) if len(older) else newer


def _market(request: FetchRequest, candles: pd.DataFrame, ranges: TimeRanges) -> Market:
    """Return the candles as a Market; raise VenueFailure where they end before the visible window."""
    coin, newest = request.contract.symbol.split("/")[0], candles.index[-1]
    if newest < to_timestamp(ranges.start):
        raise VenueFailure(f"has no candles of {coin} since {newest:%Y-%m-%d %H:%M} UTC")
    return Market(
        symbol=request.contract.symbol,
        source=request.connection.venue.name,
        candles=candles[candles.index >= to_timestamp(ranges.warm)],
        start=to_timestamp(ranges.start),
        as_of=max(request.now, newest),
        bar=request.lookback.bar_length,
        tick=request.contract.tick,
        origins={"candles": Origin(request.connection.venue.name, request.now)},
    )
