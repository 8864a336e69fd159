"""Open interest at bar close, and realised liquidations, of one perpetual on one venue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from liq.market import Market, Origin
from liq.sources.venues import endpoints, sanity
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.pagination import fetch_pages
from liq.sources.venues.request import FetchRequest, TimeRanges, bar_milliseconds
from liq.sources.venues.table import CALLS

INTEREST, LIQUIDATIONS = "open interest", "liquidations"
"""Keys of a market's origins, which state when each was last fetched."""

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


def attach_open_interest(
    market: Market, request: FetchRequest, ranges: TimeRanges, dropped: Counter[str]
) -> tuple[Market, list[str]]:
    """Return the market with open interest and liquidations over the whole range, and sentences on what is missing.

    Raises sanity.Mismatch, which contradicts the candles as well.
    """
    venue, missing = request.connection.venue, list[str]()
    try:
        if venue.interest == "present":
            market = _attach_present(market, request)
        else:
            pages = pages_to_request(request, ranges)
            parts = _history(request, pages, market, dropped)
            market = _attach_history(market, request, parts)
            if venue.interest_of_coin:
                market, missing = _attach_coin_total(market, request, pages[-1], parts)
    except sanity.Mismatch:
        raise
    except VenueFailure as failure:
        missing.append(f"Open interest is left out: {venue.title} {failure.reason}.")
    try:
        if venue.liquidations == "analytics":
            market = _attach_totals(market, request, pages_to_request(request, ranges))
    except VenueFailure as failure:
        missing.append(f"Liquidations are left out: {venue.title} {failure.reason}.")
    return market, missing


def refresh_open_interest(
    market: Market, request: FetchRequest, ranges: TimeRanges, dropped: Counter[str]
) -> tuple[Market, list[str]]:
    """Return the market with its newest open interest or liquidations, one call: the input that is older. A gap is
    filled."""
    venue, epoch = request.connection.venue, pd.Timestamp(0, tz="UTC")
    last_fetched = {
        name: market.origins[name].as_of if name in market.origins else epoch for name in (INTEREST, LIQUIDATIONS)
    }
    totals_due = venue.liquidations == "analytics" and last_fetched[LIQUIDATIONS] < last_fetched[INTEREST]
    input_name = LIQUIDATIONS if totals_due else INTEREST
    try:
        if venue.interest == "present":
            return _attach_present(market, request), []
        pages = (
            pages_to_request(request, ranges)
            if last_fetched[input_name] == epoch
            else _since(request, last_fetched[input_name], ranges)
        )
        if totals_due:
            return _attach_totals(market, request, pages), []
        if pages:
            return _attach_history(market, request, _history(request, pages, market, dropped)), []
    except sanity.Mismatch:
        raise
    except VenueFailure as failure:
        return market, [f"The newest {input_name} could not be had: {venue.title} {failure.reason}."]
    return market, []


def _since(request: FetchRequest, last: pd.Timestamp, ranges: TimeRanges) -> list[Page]:
    """Return the page since the last fetch; nothing where no period ended in between."""
    period = request.connection.venue.interest_periods[request.lookback.bar]
    length = bar_milliseconds(period)
    last_period = last.value // 1_000_000 // length
    if last_period == request.now.value // 1_000_000 // length and not request.connection.venue.stamped_at_open:
        return []
    return [(period, (last_period - 1) * length, ranges.end)]


def _history(
    request: FetchRequest, pages: list[Page], market: Market, dropped: Counter[str]
) -> list[tuple[int, pd.DataFrame]]:
    """Return (period in ms, cleaned open interest) for each page, newest first; raise VenueFailure."""
    venue, parts = request.connection.venue, list[tuple[int, pd.DataFrame]]()
    reader = endpoints.open_interest_history if venue.interest == "history" else endpoints.open_interest_analytics
    known_from = 0
    for period, since, until in pages:
        length = bar_milliseconds(period)

        def page_of(start: int, count: int, period: str = period) -> Sequence[Sequence[Any]]:
            request.step(f"{venue.title} open interest")
            return reader(request.connection, request.budget, request.contract, period, start, count)

        # where the finer period ran out of calls, the coarser one goes on up to what is known
        first, end = since // length * length, -(-max(until, known_from) // length) * length
        rows = _paged(page_of, first, end, length, venue.interest_pages, venue.interest_calls.get(period, CALLS))
        shift = length if venue.stamped_at_open else 0
        last = request.now.value // 1_000_000 + sanity.AHEAD + shift
        clean = sanity.clean_open_interest(rows, shift, last, float(market.candles["close"].median()), dropped)
        known_from = clean.index[0].value // 1_000_000 if len(clean) else max(known_from, until)
        if len(clean):
            parts.append((length, clean))
    if not parts:
        raise VenueFailure("answered with no open interest", passing=True)
    return parts


def _paged(
    page_of: Callable[[int, int], Sequence[Sequence[Any]]],
    since: int,
    until: int,
    length: int,
    sizes: tuple[int, ...],
    calls: int,
) -> list[Sequence[Any]]:
    """Return the rows; where a venue declines a page size, the next smaller one is requested."""
    for size in sizes[:-1]:
        try:
            return fetch_pages(page_of, since, until, length, size, calls=calls)
        except VenueFailure as failure:
            if failure.passing or failure.blocked:
                raise
    return fetch_pages(page_of, since, until, length, sizes[-1], calls=calls)


def _attach_history(market: Market, request: FetchRequest, parts: list[tuple[int, pd.DataFrame]]) -> Market:
    """Return the market with open interest at bar close, and liquidations where the same rows have them."""
    index, closes = market.candles.index, _closes(market, request)
    coins_known = (
        np.full(len(index), np.nan) if market.open_interest is None else market.open_interest.to_numpy(copy=True)
    )
    for _, frame in reversed(parts):
        coins = frame["coins"].reindex(closes).to_numpy()
        coins_known = np.where(np.isnan(coins), coins_known, coins)
    origin = Origin(market.source, request.now)
    origins = {**market.origins, INTEREST: origin}
    market = replace(market, open_interest=pd.Series(coins_known, index=index), origins=origins)
    sides = [
        frame[["long", "short"]].shift(freq=pd.Timedelta(milliseconds=-length)).dropna()
        for length, frame in reversed(parts)
    ]
    return _attach_liquidations(market, request, pd.concat(sides)) if any(len(frame) for frame in sides) else market


def _attach_liquidations(market: Market, request: FetchRequest, rows: pd.DataFrame) -> Market:
    """Return the market with these rows added to its liquidations; a newer row of the same time replaces an older
    one."""
    merged = pd.concat([*([] if market.liquidations is None else [market.liquidations]), rows])
    merged = merged[~merged.index.duplicated(keep="last")].sort_index()
    merged = merged[merged.index >= market.candles.index[0]]
    if not len(merged):
        return market
    origins = {**market.origins, LIQUIDATIONS: Origin(market.source, request.now)}
    return replace(market, liquidations=merged, origins=origins)


def _attach_totals(market: Market, request: FetchRequest, pages: list[Page]) -> Market:
    """Return the market with liquidations whose split by side is unknown: a ``total``, and NaN for each side.

    Kraken Futures does not document the unit. Coins cannot be force-closed without being traded, so values
    that together exceed the volume traded must be dollars; else they are coins, and valued at the close. For the few
    rows of a refresh the earlier rows decide.
    """
    rows: list[tuple[int, float]] = []
    for period, since, until in pages:
        request.step(f"{request.connection.venue.title} liquidations")
        count = -(-(until - since) // bar_milliseconds(period))
        rows += endpoints.analytics(
            request.connection, request.budget, request.contract, "liquidation-volume", period, since, count
        )
    table = np.array(rows, dtype=float).reshape(-1, 2)
    is_possible = np.isfinite(table).all(axis=1) & (table[:, 1] >= 0) & (table[:, 0] <= request.now.value / 1e6)
    table = table[is_possible]
    index = pd.to_datetime(table[:, 0].astype("int64"), unit="ms", utc=True).as_unit("ns")
    total = pd.Series(table[:, 1], index=index)
    total_as_coins = total * market.candles["close"].reindex(index, method="ffill").to_numpy()
    if _in_coins(total, total_as_coins, market):
        total = total_as_coins
    frame = pd.DataFrame({"long": np.nan, "short": np.nan, "total": total}, index=index)
    return _attach_liquidations(market, request, frame)


def _attach_coin_total(
    market: Market, request: FetchRequest, page: Page, parts: list[tuple[int, pd.DataFrame]]
) -> tuple[Market, list[str]]:
    """Return the market with older open interest taken from the whole coin's, and a sentence on it.

    The coin's contracts together are scaled to this contract by the median ratio of the two where both are
    known, so that the older values follow the coin's rises and falls at this contract's level.
    """
    venue, (period, since, _) = request.connection.venue, page
    own = next((frame["coins"] for length, frame in parts if length == bar_milliseconds(period)), None)
    if own is None or own.index[0].value // 1_000_000 <= since + bar_milliseconds(period):
        return market, []
    request.step(f"{venue.title} open interest")
    try:
        rows = endpoints.coin_open_interest(request.connection, request.budget, request.contract, period, since)
    except VenueFailure:
        return market, []  # what the contract itself gives is there all the same
    closes = pd.Series(market.candles["close"].to_numpy(), index=_closes(market, request))
    total = pd.Series(dict(rows), dtype=float)
    total.index = pd.to_datetime(total.index.astype("int64"), unit="ms", utc=True).as_unit("ns")
    coins = (total[total > 0] / closes.reindex(total.index)).dropna()
    share = (own / coins.reindex(own.index)).dropna()
    if len(share) < 5 or not 0 < share.median() < sanity.JUMP:
        return market, []
    older = coins[coins.index < own.index[0]] * share.median()
    known = market.open_interest
    if known is None or not len(older):
        return market, []
    filled = known.fillna(pd.Series(older.reindex(_closes(market, request)).to_numpy(), index=known.index))
    note = (
        f"Open interest before {own.index[0]:%Y-%m-%d %H:%M} UTC is {venue.title}'s total over all "
        f"{market.base} contracts, scaled to this one."
    )
    return replace(market, open_interest=filled), [note]


def _in_coins(total: pd.Series, total_as_coins: pd.Series, market: Market) -> bool:
    """Return whether liquidations that may be coins or USD are coins; `worth` is their USD value if so."""
    liquidations = market.liquidations
    if liquidations is None or "total" not in liquidations:
        return bool(total.sum() <= market.candles["volume"].sum())
    typical = liquidations["total"][liquidations["total"] > 0].median()
    distances = [abs(np.log(series[series > 0].median() / typical)) for series in (total, total_as_coins)]
    return bool(distances[1] < distances[0])


def _closes(market: Market, request: FetchRequest) -> pd.DatetimeIndex:
    """Return the close time of each bar; the forming bar's lies in the future."""
    index = pd.DatetimeIndex(market.candles.index)
    return pd.DatetimeIndex(index[1:].append(index[-1:].shift(freq=request.lookback.bar_length)))


def _attach_present(market: Market, request: FetchRequest) -> Market:
    """Return the market with the one open interest that is known: the present one, on the last bar."""
    request.step(f"{request.connection.venue.title} open interest")
    coins = endpoints.ticker(request.connection, request.budget, request.contract)["interest"]
    if not 0 < coins < float("inf"):
        raise VenueFailure("sent no usable open interest")
    series = pd.Series(np.nan, index=market.candles.index)
    series.iloc[-1] = coins
    origins = {**market.origins, INTEREST: Origin(market.source, request.now)}
    return replace(market, open_interest=series, origins=origins)
