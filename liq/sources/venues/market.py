"""Fetch one perpetual on one venue as a Market: the first time in full, afterwards only the newest bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from liq.market import Market, Origin
from liq.market_quality import checked_open_interest, quality_sentences
from liq.sources.venues import endpoints, sanity
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.margin_tiers import margin_brackets
from liq.sources.venues.open_interest import attach_open_interest, pages_to_request, refresh_open_interest
from liq.sources.venues.pagination import fetch_pages
from liq.sources.venues.request import FetchRequest, TimeRanges, bar_milliseconds, time_ranges, to_timestamp
from liq.sources.venues.table import CALLS

SETTLE_MS = 5_000
"""Milliseconds after a bar's end in which a venue may still change it."""


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
    ranges, dropped = time_ranges(request.lookback, request.now), Counter[str]()
    fine = _candles(request, request.lookback.bar, ranges.fine_start, ranges.end, dropped)
    coarse = _candles(
        request, request.lookback.warmup_bar, ranges.warm, ranges.fine_start, dropped, may_be_empty=True
    )
    market, missing = attach_open_interest(_market(request, _join(coarse, fine), ranges), request, ranges, dropped)
    venue = request.connection.venue
    try:
        if venue.brackets == "tiers":
            request.step(f"{venue.title} margin tiers")
        brackets = margin_brackets(
            request.connection, request.contract, float(market.candles["close"].iloc[-1]), request.budget
        )
        if brackets:
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
    tail = _candles(request, request.lookback.bar, since, ranges.end, dropped)
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


def _candles(
    request: FetchRequest, bar: str, since: int, until: int, dropped: Counter[str], *, may_be_empty: bool = False
) -> pd.DataFrame:
    """Return cleaned candles of a time range, page by page."""
    connection, bar_ms = request.connection, bar_milliseconds(bar)

    def page_of(start: int, count: int) -> Sequence[Sequence[Any]]:
        request.step(f"{connection.venue.title} candles")
        return endpoints.candles(connection, request.budget, request.contract, bar, start, count)

    rows = fetch_pages(page_of, since, until, bar_ms, connection.venue.candle_page)
    if may_be_empty and not rows:
        return pd.DataFrame()
    return sanity.clean_candles(rows, bar_ms, request.now.value // 1_000_000, dropped, "candles")


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
