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
"""The names under which a market's origins say when each was last had."""

Page = tuple[str, int, int]
"""A period, and from when until when it is asked, UTC ms."""


def pages_to_request(errand: FetchRequest, at: TimeRanges) -> list[Page]:
    """Return what to ask for open interest, newest first; one row where both kinds of bar share a period."""
    offered, reach = errand.connection.venue.interest_periods, errand.connection.venue.interest_reach
    fine, coarse = offered.get(errand.lookback.bar), offered.get(errand.lookback.warmup_bar)
    floor = at.warm if reach is None else max(at.warm, at.end - reach.value // 1_000_000)
    rows: list[Page] = []
    if fine is not None:
        rows.append((fine, floor if fine == coarse else max(at.fine_start, floor), at.end))
    if coarse is not None and coarse != fine:
        rows.append((coarse, floor, at.fine_start))
    return [row for row in rows if row[1] < row[2]]


def attach_open_interest(
    market: Market, errand: FetchRequest, at: TimeRanges, dropped: Counter[str]
) -> tuple[Market, list[str]]:
    """Return the market with open interest and liquidations over the whole span, and sentences on what is missing.

    Raises border.Mismatch, which speaks against the candles as well.
    """
    venue, lost = errand.connection.venue, list[str]()
    try:
        if venue.interest == "present":
            market = _with_present(market, errand)
        else:
            asked = pages_to_request(errand, at)
            parts = _history(errand, asked, market, dropped)
            market = _with_history(market, errand, parts)
            if venue.interest_of_coin:
                market, lost = _with_coins_total(market, errand, asked[-1], parts)
    except sanity.Mismatch:
        raise
    except VenueFailure as failure:
        lost.append(f"Open interest is left out: {venue.title} {failure.reason}.")
    try:
        if venue.liquidations == "analytics":
            market = _with_totals(market, errand, pages_to_request(errand, at))
    except VenueFailure as failure:
        lost.append(f"Liquidations are left out: {venue.title} {failure.reason}.")
    return market, lost


def refresh_open_interest(
    market: Market, errand: FetchRequest, at: TimeRanges, dropped: Counter[str]
) -> tuple[Market, list[str]]:
    """Return the market with what came since asked for, one call: what waited longest. What was lost is made up."""
    venue, never = errand.connection.venue, pd.Timestamp(0, tz="UTC")
    last = {
        name: market.origins[name].as_of if name in market.origins else never for name in (INTEREST, LIQUIDATIONS)
    }
    totals = venue.liquidations == "analytics" and last[LIQUIDATIONS] < last[INTEREST]
    what = LIQUIDATIONS if totals else INTEREST
    try:
        if venue.interest == "present":
            return _with_present(market, errand), []
        asked = pages_to_request(errand, at) if last[what] == never else _since(errand, last[what], at)
        if totals:
            return _with_totals(market, errand, asked), []
        if asked:
            return _with_history(market, errand, _history(errand, asked, market, dropped)), []
    except sanity.Mismatch:
        raise
    except VenueFailure as failure:
        return market, [f"The newest {what} could not be had: {venue.title} {failure.reason}."]
    return market, []


def _since(errand: FetchRequest, then: pd.Timestamp, at: TimeRanges) -> list[Page]:
    """Return what came since, one page of one period; nothing where no period ended in between."""
    period = errand.connection.venue.interest_periods[errand.lookback.bar]
    length = bar_milliseconds(period)
    passed = then.value // 1_000_000 // length
    if passed == errand.now.value // 1_000_000 // length and not errand.connection.venue.stamped_at_open:
        return []
    return [(period, (passed - 1) * length, at.end)]


def _history(
    errand: FetchRequest, asked: list[Page], market: Market, dropped: Counter[str]
) -> list[tuple[int, pd.DataFrame]]:
    """Return (period in ms, cleaned open interest) for each period asked, newest first; raise VenueFailure."""
    venue, parts = errand.connection.venue, list[tuple[int, pd.DataFrame]]()
    reader = endpoints.open_interest_history if venue.interest == "history" else endpoints.open_interest_analytics
    known = 0
    for period, since, until in asked:
        length = bar_milliseconds(period)

        def page_of(start: int, count: int, period: str = period) -> Sequence[Sequence[Any]]:
            errand.step(f"{venue.title} open interest")
            return reader(errand.connection, errand.budget, errand.contract, period, start, count)

        # where the finer period ran out of calls, the coarser one goes on up to what is known
        begin, end = since // length * length, -(-max(until, known) // length) * length
        rows = _paged(page_of, begin, end, length, venue.interest_pages, venue.interest_calls.get(period, CALLS))
        shift = length if venue.stamped_at_open else 0
        last = errand.now.value // 1_000_000 + sanity.AHEAD + shift
        clean = sanity.clean_open_interest(rows, shift, last, float(market.candles["close"].median()), dropped)
        known = clean.index[0].value // 1_000_000 if len(clean) else max(known, until)
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
    """Return the rows, with the next smaller page where a venue declines the size of the one before."""
    for size in sizes[:-1]:
        try:
            return fetch_pages(page_of, since, until, length, size, calls=calls)
        except VenueFailure as failure:
            if failure.passing or failure.blocked:
                raise
    return fetch_pages(page_of, since, until, length, sizes[-1], calls=calls)


def _with_history(market: Market, errand: FetchRequest, parts: list[tuple[int, pd.DataFrame]]) -> Market:
    """Return the market with open interest at bar close, and liquidations where the same rows carry them."""
    index, closes = market.candles.index, _closes(market, errand)
    held = np.full(len(index), np.nan) if market.open_interest is None else market.open_interest.to_numpy(copy=True)
    for _, frame in reversed(parts):
        coins = frame["coins"].reindex(closes).to_numpy()
        held = np.where(np.isnan(coins), held, coins)
    origin = Origin(market.source, errand.now)
    origins = {**market.origins, INTEREST: origin}
    market = replace(market, open_interest=pd.Series(held, index=index), origins=origins)
    sides = [
        frame[["long", "short"]].shift(freq=pd.Timedelta(milliseconds=-length)).dropna()
        for length, frame in reversed(parts)
    ]
    return _with_liquidations(market, errand, pd.concat(sides)) if any(len(frame) for frame in sides) else market


def _with_liquidations(market: Market, errand: FetchRequest, rows: pd.DataFrame) -> Market:
    merged = pd.concat([*([] if market.liquidations is None else [market.liquidations]), rows])
    merged = merged[~merged.index.duplicated(keep="last")].sort_index()
    merged = merged[merged.index >= market.candles.index[0]]
    if not len(merged):
        return market
    origins = {**market.origins, LIQUIDATIONS: Origin(market.source, errand.now)}
    return replace(market, liquidations=merged, origins=origins)


def _with_totals(market: Market, errand: FetchRequest, asked: list[Page]) -> Market:
    """Return the market with liquidations whose split by side is unknown: a ``total``, and NaN for each side.

    Kraken Futures does not document the unit. Coins cannot be force-closed without being traded, so values
    that together exceed the volume traded must be dollars; else they are coins, and valued at the close. What
    came before decides for the few rows of a refresh.
    """
    rows: list[tuple[int, float]] = []
    for period, since, until in asked:
        errand.step(f"{errand.connection.venue.title} liquidations")
        count = -(-(until - since) // bar_milliseconds(period))
        rows += endpoints.analytics(
            errand.connection, errand.budget, errand.contract, "liquidation-volume", period, since, count
        )
    table = np.array(rows, dtype=float).reshape(-1, 2)
    good = np.isfinite(table).all(axis=1) & (table[:, 1] >= 0) & (table[:, 0] <= errand.now.value / 1e6)
    table = table[good]
    index = pd.to_datetime(table[:, 0].astype("int64"), unit="ms", utc=True).as_unit("ns")
    total = pd.Series(table[:, 1], index=index)
    worth = total * market.candles["close"].reindex(index, method="ffill").to_numpy()
    if _in_coins(total, worth, market):
        total = worth
    frame = pd.DataFrame({"long": np.nan, "short": np.nan, "total": total}, index=index)
    return _with_liquidations(market, errand, frame)


def _with_coins_total(
    market: Market, errand: FetchRequest, asked: Page, parts: list[tuple[int, pd.DataFrame]]
) -> tuple[Market, list[str]]:
    """Return the market with older open interest read from the whole coin's, and the sentence that says so.

    The coin's contracts together are taken to this contract's size by the median ratio of the two where both
    are known, so the older values follow the coin's rises and falls at this contract's level.
    """
    venue, (period, since, _) = errand.connection.venue, asked
    own = next((frame["coins"] for length, frame in parts if length == bar_milliseconds(period)), None)
    if own is None or own.index[0].value // 1_000_000 <= since + bar_milliseconds(period):
        return market, []
    errand.step(f"{venue.title} open interest")
    try:
        rows = endpoints.coin_open_interest(errand.connection, errand.budget, errand.contract, period, since)
    except VenueFailure:
        return market, []  # what the contract itself gives is there all the same
    closes = pd.Series(market.candles["close"].to_numpy(), index=_closes(market, errand))
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
    filled = known.fillna(pd.Series(older.reindex(_closes(market, errand)).to_numpy(), index=known.index))
    said = (
        f"Open interest before {own.index[0]:%Y-%m-%d %H:%M} UTC is {venue.title}'s total over all "
        f"{market.base} contracts, scaled to this one."
    )
    return replace(market, open_interest=filled), [said]


def _in_coins(total: pd.Series, worth: pd.Series, market: Market) -> bool:
    """Return whether liquidations that may be coins or USD are coins; `worth` is what they were worth if so."""
    held = market.liquidations
    if held is None or "total" not in held:
        return bool(total.sum() <= market.candles["volume"].sum())
    usual = held["total"][held["total"] > 0].median()
    off = [abs(np.log(series[series > 0].median() / usual)) for series in (total, worth)]
    return bool(off[1] < off[0])


def _closes(market: Market, errand: FetchRequest) -> pd.DatetimeIndex:
    """Return when each bar closes; the forming one in the future."""
    index = pd.DatetimeIndex(market.candles.index)
    return pd.DatetimeIndex(index[1:].append(index[-1:].shift(freq=errand.lookback.bar_length)))


def _with_present(market: Market, errand: FetchRequest) -> Market:
    """Return the market with the one open interest that is known: now, on the last bar."""
    errand.step(f"{errand.connection.venue.title} open interest")
    coins = endpoints.ticker(errand.connection, errand.budget, errand.contract)["interest"]
    if not 0 < coins < float("inf"):
        raise VenueFailure("sent no usable open interest")
    series = pd.Series(np.nan, index=market.candles.index)
    series.iloc[-1] = coins
    origins = {**market.origins, INTEREST: Origin(market.source, errand.now)}
    return replace(market, open_interest=series, origins=origins)
