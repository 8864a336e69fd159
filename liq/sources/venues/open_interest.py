"""Open interest at bar close, and realised liquidations, of one perpetual on one venue."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from liq.market import Market, Origin
from liq.sources.venues import interest_requests as requests
from liq.sources.venues import sanity
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.pagination import wait
from liq.sources.venues.request import FetchRequest, TimeRanges, bar_milliseconds
from liq.sources.venues.table import CALLS

INTEREST, LIQUIDATIONS = "open interest", "liquidations"
"""Keys of a market's origins, which state when each was last fetched."""


def attach_open_interest(
    market: Market, request: FetchRequest, requested: requests.Requested, dropped: Counter[str]
) -> tuple[Market, list[str]]:
    """Return the market with open interest and liquidations over the whole range, and sentences on what is missing.

    Raises sanity.Mismatch, which contradicts the candles as well.
    """
    venue, missing = request.connection.venue, list[str]()
    try:
        if requested.present is not None:
            market = _attach_present(market, request, requested.present.result())
        else:
            parts = _history(request, requested.history, market, dropped)
            market = _attach_history(market, request, parts)
            if venue.interest_of_coin:
                market, missing = _attach_coin_total(market, request, requested, parts)
    except sanity.Mismatch:
        raise
    except VenueFailure as failure:
        missing.append(f"Open interest is left out: {venue.title} {failure.reason}.")
    try:
        if requested.totals:
            market = _attach_totals(market, request, [row for page in requested.totals for row in page.result()])
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
            return _attach_present(market, request, requests.present_interest(request)), []
        pages = (
            requests.pages_to_request(request, ranges)
            if last_fetched[input_name] == epoch
            else _since(request, last_fetched[input_name], ranges)
        )
        if totals_due:
            rows = [row for page in pages for row in requests.liquidation_totals(request, *page)]
            return _attach_totals(market, request, rows), []
        if pages:
            parts = _history(request, requests.request_history(request, pages), market, dropped)
            return _attach_history(market, request, parts), []
    except sanity.Mismatch:
        raise
    except VenueFailure as failure:
        return market, [f"The newest {input_name} could not be had: {venue.title} {failure.reason}."]
    return market, []


def _since(request: FetchRequest, last: pd.Timestamp, ranges: TimeRanges) -> list[requests.Page]:
    """Return the page since the last fetch; nothing where no period ended in between."""
    period = request.connection.venue.interest_periods[request.lookback.bar]
    length = bar_milliseconds(period)
    last_period = last.value // 1_000_000 // length
    if last_period == request.now.value // 1_000_000 // length and not request.connection.venue.stamped_at_open:
        return []
    return [(period, (last_period - 1) * length, ranges.end)]


def _history(
    request: FetchRequest, requested: list[requests.History], market: Market, dropped: Counter[str]
) -> list[tuple[int, pd.DataFrame]]:
    """Return (period in ms, cleaned open interest) for each period, newest first; raise VenueFailure."""
    venue, parts, known_from = request.connection.venue, list[tuple[int, pd.DataFrame]](), 0
    for history in requested:
        rows = requests.history_rows(request, history)
        if rows and known_from > history.end:  # the finer period was shorter than its calls allow
            calls = venue.interest_calls.get(history.period, CALLS)
            end, size = -(-known_from // history.length) * history.length, venue.interest_pages[-1]
            rows += requests.history_pages(request, history.period, history.end, end, size, calls).rows()
        shift = history.length if venue.stamped_at_open else 0
        last = request.now.value // 1_000_000 + sanity.AHEAD + shift
        clean = sanity.clean_open_interest(rows, shift, last, float(market.candles["close"].median()), dropped)
        known_from = clean.index[0].value // 1_000_000 - shift if len(clean) else max(known_from, history.end)
        if len(clean):
            parts.append((history.length, clean))
    if not parts:
        raise VenueFailure("answered with no open interest", passing=True)
    return parts


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


def _attach_totals(market: Market, request: FetchRequest, rows: list[tuple[int, float]]) -> Market:
    """Return the market with liquidations whose split by side is unknown: a ``total``, and NaN for each side.

    Kraken Futures does not document the unit. Coins cannot be force-closed without being traded, so values
    that together exceed the volume traded must be dollars; else they are coins, and valued at the close. For the few
    rows of a refresh the earlier rows decide.
    """
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
    market: Market, request: FetchRequest, requested: requests.Requested, parts: list[tuple[int, pd.DataFrame]]
) -> tuple[Market, list[str]]:
    """Return the market with older open interest taken from the whole coin's, and a sentence on it.

    The coin's contracts together are scaled to this contract by the median ratio of the two where both are
    known, so that the older values follow the coin's rises and falls at this contract's level.
    """
    venue, last = request.connection.venue, requested.history[-1]
    own = next((frame["coins"] for length, frame in parts if length == last.length), None)
    if own is None or own.index[0].value // 1_000_000 <= last.start + last.length:
        return market, []
    coin = requested.coin or wait(requests.coin_total, request, last.period, last.start)
    try:
        rows = coin.result()
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


def _attach_present(market: Market, request: FetchRequest, coins: float) -> Market:
    """Return the market with the one open interest that is known: the present one, on the last bar."""
    if not 0 < coins < float("inf"):
        raise VenueFailure("sent no usable open interest")
    series = pd.Series(np.nan, index=market.candles.index)
    series.iloc[-1] = coins
    origins = {**market.origins, INTEREST: Origin(market.source, request.now)}
    return replace(market, open_interest=series, origins=origins)
