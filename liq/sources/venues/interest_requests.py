"""Requests for a perpetual's open interest and realised liquidations, all that is known beforehand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from liq.sources.venues import endpoints
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.pagination import PageOf, Pages, Rows
from liq.sources.venues.request import FetchRequest, TimeRanges, bar_milliseconds, kept_on_disk
from liq.sources.venues.table import CALLS

Page = tuple[str, int, int]
"""A period, and the time range to request, UTC ms."""


def pages_to_request(request: FetchRequest, ranges: TimeRanges) -> list[Page]:
    """Return the pages of open interest to request, newest first; one page where both kinds of bar share a period."""
    periods, reach = request.connection.venue.interest_periods, request.connection.venue.interest_reach
    fine, coarse = periods.get(request.lookback.bar), periods.get(request.lookback.warmup_bar)
    earliest = ranges.warm if reach is None else max(ranges.warm, ranges.end - reach.value // 1_000_000)
    pages: list[Page] = []
    if fine is not None:
        pages.append((fine, earliest if fine == coarse else max(ranges.fine_start, earliest), ranges.end))
    if coarse is not None and coarse != fine:
        pages.append((coarse, earliest, ranges.fine_start))
    return [page for page in pages if page[1] < page[2]]


class History(NamedTuple):
    """A period's requested history: its length and end, ms, and its pages."""

    period: str
    length: int
    start: int
    end: int
    pages: Pages


class Requested(NamedTuple):
    """Requests for open interest and liquidations that are under way; what a venue does not have is None or empty."""

    history: list[History]
    present: Future[float] | None = None
    coin: Future[list[tuple[int, float]]] | None = None
    totals: tuple[Future[list[tuple[int, float]]], ...] = ()

    def is_there(self) -> bool:
        """Return whether every request is answered."""
        answers = [self.present, self.coin, *self.totals]
        return all(history.pages.are_there() for history in self.history) and all(
            answer is None or answer.done() for answer in answers
        )


def request_open_interest(request: FetchRequest, ranges: TimeRanges) -> Requested:
    """Start every request for open interest and liquidations whose time range is known beforehand."""
    venue, pages = request.connection.venue, pages_to_request(request, ranges)
    if venue.interest == "present":
        return Requested([], present=request.submit(present_interest, request))
    history = request_history(request, pages)
    coin = None
    if venue.interest_of_coin and history:
        last = history[-1]
        limit = venue.interest_calls.get(last.period, CALLS) * venue.interest_pages[0] * last.length
        if last.end - limit > last.start + last.length:  # the contract's own history cannot reach as far
            coin = request.submit(coin_total, request, last.period, pages[-1][1])
    has_totals = venue.liquidations == "analytics"
    totals = tuple(request.submit(liquidation_totals, request, *page) for page in pages if has_totals)
    return Requested(history, coin=coin, totals=totals)


def request_history(request: FetchRequest, pages: list[Page]) -> list[History]:
    """Start the requests for open interest, newest first."""
    venue, requested, known_from = request.connection.venue, list[History](), 0
    for period, since, until in pages:
        length = bar_milliseconds(period)
        # where the finer period runs out of calls, the coarser one goes on up to what is known
        start, end = since // length * length, -(-max(until, known_from) // length) * length
        calls = venue.interest_calls.get(period, CALLS)
        history = history_pages(request, period, start, end, venue.interest_pages[0], calls)
        requested.append(History(period, length, start, end, history))
        known_from = max(start, end - calls * venue.interest_pages[0] * length)
    return requested


def history_pages(request: FetchRequest, period: str, start: int, end: int, size: int, calls: int) -> Pages:
    """Start the requests for open interest in one time range."""
    venue = request.connection.venue
    reader = endpoints.open_interest_history if venue.interest == "history" else endpoints.open_interest_analytics

    def page_of(since: int, count: int) -> Rows:
        request.step(f"{venue.title} open interest")
        return reader(request.connection, request.budget, request.contract, period, since, count)

    length = bar_milliseconds(period)
    pages: PageOf = page_of
    if period == venue.interest_periods.get(request.lookback.warmup_bar):
        pages = kept_on_disk(page_of, request, f"interest/{period}", length, width=5)
    return Pages(request.submit, pages, start, end, step=length, size=size, calls=calls)


def history_rows(request: FetchRequest, history: History) -> list[Sequence[Any]]:
    """Return a period's rows; where a venue declines a page size, the next smaller one is requested."""
    venue, pages = request.connection.venue, history.pages
    for size in venue.interest_pages[1:]:
        try:
            return pages.rows()
        except VenueFailure as failure:
            if failure.passing or failure.blocked:
                raise
        calls = venue.interest_calls.get(history.period, CALLS)
        pages = history_pages(request, history.period, history.start, history.end, size, calls)
    return pages.rows()


def liquidation_totals(request: FetchRequest, period: str, since: int, until: int) -> list[tuple[int, float]]:
    """Return Kraken Futures' liquidations of a time range; raise VenueFailure."""
    request.step(f"{request.connection.venue.title} liquidations")
    count = -(-(until - since) // bar_milliseconds(period))
    return endpoints.analytics(
        request.connection, request.budget, request.contract, "liquidation-volume", period, since, count
    )


def coin_total(request: FetchRequest, period: str, since: int) -> list[tuple[int, float]]:
    """Return the open interest of all of a coin's contracts; raise VenueFailure."""
    request.step(f"{request.connection.venue.title} open interest")
    return endpoints.coin_open_interest(request.connection, request.budget, request.contract, period, since)


def present_interest(request: FetchRequest) -> float:
    """Return the present open interest in coins; raise VenueFailure."""
    request.step(f"{request.connection.venue.title} open interest")
    return endpoints.ticker(request.connection, request.budget, request.contract)["interest"]
