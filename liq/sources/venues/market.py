"""One perpetual on one venue as a Market: the first time in full, afterwards only its tail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from liq.market import Market, Origin
from liq.sources.venues import endpoints, sanity
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.margin_tiers import margin_brackets
from liq.sources.venues.open_interest import attach_open_interest, pages_to_request, refresh_open_interest
from liq.sources.venues.pagination import fetch_pages
from liq.sources.venues.request import FetchRequest, TimeRanges, bar_milliseconds, time_ranges, to_timestamp
from liq.sources.venues.table import CALLS

LATE = 5_000
"""Milliseconds after a bar's end in which a venue may still be writing it."""


def calls_expected(errand: FetchRequest) -> int:
    """Return how many calls the first fetch should take, for a progress bar."""
    venue, at = errand.connection.venue, time_ranges(errand.lookback, errand.now)
    pages = _pages(at.end - at.fine_start, errand.lookback.bar, venue.candle_page)
    pages += _pages(at.fine_start - at.warm, errand.lookback.warmup_bar, venue.candle_page)
    for period, since, until in pages_to_request(errand, at):
        asked = min(_pages(until - since, period, venue.interest_pages[0]), venue.interest_calls.get(period, CALLS))
        pages += asked * (2 if venue.liquidations == "analytics" else 1)
    return pages + (venue.interest == "present") + venue.interest_of_coin + (venue.brackets == "tiers")


def _pages(length: int, bar: str, size: int) -> int:
    return -(-length // (bar_milliseconds(bar) * size))


def fetch_market(errand: FetchRequest) -> Market:
    """Return the market in full; raise VenueFailure when its candles cannot be had.

    Open interest, liquidations and brackets are left out, with a note, where the venue does not give them.
    """
    at, dropped = time_ranges(errand.lookback, errand.now), Counter[str]()
    fine = _candles(errand, errand.lookback.bar, at.fine_start, at.end, dropped)
    coarse = _candles(errand, errand.lookback.warmup_bar, at.warm, at.fine_start, dropped, may_be_empty=True)
    market, lost = attach_open_interest(_market(errand, _joined(coarse, fine), at), errand, at, dropped)
    venue = errand.connection.venue
    try:
        if venue.brackets == "tiers":
            errand.step(f"{venue.title} margin tiers")
        steps = margin_brackets(
            errand.connection, errand.contract, float(market.candles["close"].iloc[-1]), errand.budget
        )
        if steps:
            market = replace(
                market, brackets=steps, origins={**market.origins, "brackets": Origin(venue.name, errand.now)}
            )
    except VenueFailure as failure:
        lost.append(f"Margin brackets are the package's own: {venue.title} {failure.reason}.")
    quality = sanity.quality_notes(dropped, market.candles, errand.lookback.bar_length, to_timestamp(at.start))
    return replace(market, notes=(*quality, *lost))


def refresh_market(held: Market, errand: FetchRequest) -> Market:
    """Return `held` with its tail asked again: at most two calls, candles and the stalest of the rest.

    A window that moved past its anchors, or a pause longer than one page, is fetched in full instead.
    """
    venue, bar = errand.connection.venue, bar_milliseconds(errand.lookback.bar)
    at, then = time_ranges(errand.lookback, errand.now), held.origins["candles"].as_of
    before = time_ranges(errand.lookback, then)
    since = max(at.fine_start, (then.value // 1_000_000 - LATE) // bar * bar)
    if (before.warm, before.fine_start) != (at.warm, at.fine_start) or (at.end - since) // bar > venue.candle_page:
        return fetch_market(errand)
    dropped: Counter[str] = Counter()
    tail = _candles(errand, errand.lookback.bar, since, at.end, dropped)
    kept = held.candles[held.candles.index < tail.index[0]]
    sanity.check_continuity(kept, tail)
    candles = _joined(kept, tail)
    market = replace(
        _market(errand, candles, at),
        open_interest=None if held.open_interest is None else held.open_interest.reindex(candles.index),
        liquidations=held.liquidations,
        brackets=held.brackets,
        origins={**held.origins, "candles": Origin(venue.name, errand.now)},
    )
    market, lost = refresh_open_interest(market, errand, at, dropped)
    lost += [note for note in held.notes if note.startswith(("Margin brackets", "Open interest before"))]
    quality = sanity.quality_notes(dropped, candles, errand.lookback.bar_length, to_timestamp(at.start))
    return replace(market, notes=(*quality, *lost))


def _candles(
    errand: FetchRequest, bar: str, since: int, until: int, dropped: Counter[str], *, may_be_empty: bool = False
) -> pd.DataFrame:
    connection, step = errand.connection, bar_milliseconds(bar)

    def page_of(start: int, count: int) -> Sequence[Sequence[Any]]:
        errand.step(f"{connection.venue.title} candles")
        return endpoints.candles(connection, errand.budget, errand.contract, bar, start, count)

    rows = fetch_pages(page_of, since, until, step, connection.venue.candle_page)
    if may_be_empty and not rows:
        return pd.DataFrame()
    return sanity.clean_candles(rows, step, errand.now.value // 1_000_000, dropped, "candles")


def _joined(older: pd.DataFrame, newer: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([older[older.index < newer.index[0]], newer]) if len(older) else newer


def _market(errand: FetchRequest, candles: pd.DataFrame, at: TimeRanges) -> Market:
    coin, newest = errand.contract.symbol.split("/")[0], candles.index[-1]
    if newest < to_timestamp(at.start):
        raise VenueFailure(f"has no candles of {coin} since {newest:%Y-%m-%d %H:%M} UTC")
    return Market(
        symbol=errand.contract.symbol,
        source=errand.connection.venue.name,
        candles=candles[candles.index >= to_timestamp(at.warm)],
        start=to_timestamp(at.start),
        as_of=max(errand.now, newest),
        bar=errand.lookback.bar_length,
        tick=errand.contract.tick,
        origins={"candles": Origin(errand.connection.venue.name, errand.now)},
    )
