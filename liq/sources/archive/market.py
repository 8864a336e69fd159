"""A market of the past out of Binance's archive: which symbol, which files, and the window up to a moment."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
from cachetools import TTLCache

from liq.errors import InputError, SourceError
from liq.market import Lookback, Market, Origin, as_utc
from liq.market import lookback as named_lookback
from liq.sources.archive import files, hosts, listing
from liq.sources.archive.listing import Series
from liq.sources.archive.symbols import Candidate, candidates, near
from liq.sources.archive.symbols import tickers as archive_tickers
from liq.sources.files.market_file import market_of
from liq.sources.single_flight import single_flight
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure, usual_budget

NAME = "archive"
"""The source's name."""

CACHED_SECONDS = 600
"""Seconds for which a window is kept in memory; after that it is made again of what lies on disk."""

SLACK = pd.Timedelta(days=4)
"""Days listed before the window: it begins earlier by as many as the archive is late."""

FIRST = pd.Timestamp("2019-09-01", tz="UTC")
"""Begin of the archive's perpetuals."""

MANY = 6
"""Days that a note names; more are counted."""

OFFER = (
    "Binance does not serve this location, but its archive does: source archive shows Binance, up to the day before "
    "yesterday."
)
"""What is said where Binance refuses; the archive never takes the place of a live market by itself."""

Progress = Callable[[str, int, int], None]


class Range(NamedTuple):
    """The days that a window needs, warm-up included, and what the archive has of them; None where nobody says."""

    symbol: str
    months: list[str] | None
    days: list[str] | None
    metrics: list[str] | None


def fetch_market(
    ticker: str, lookback: str, as_of: object = None, *, now: pd.Timestamp, on_progress: Progress | None = None
) -> Market:
    """Return a market of Binance's archive over a lookback that ends at a moment, with its warm-up.

    as_of : UTC; the last bar is the last that ended by then; None for the newest there is. now : the present. The
    bars and the open interest are those of `liq.sources.files.market_file`, as if the same files were given by hand.
    Raises InputError for a symbol that the archive never had, SourceError where it does not answer.
    """
    named_lookback(lookback)
    moment = None if as_of is None else min(as_utc(as_of, "as_of"), now.floor("10min"))
    if moment is not None and moment < FIRST:
        raise InputError(f"as_of is {moment:%Y-%m-%d}; Binance's archive begins in September 2019.")
    key = (client.gateway(), str(ticker).strip().upper(), lookback, moment or now.floor("10min"), moment is None)
    market, complete = _cached(key, ticker, named_lookback(lookback), moment, now, on_progress)
    if not complete:  # what did not arrive may arrive next time
        _cached.cache.pop(key, None)
    return market


def tickers() -> list[str]:
    """Return the tickers that the archive has, delisted ones included; raise SourceError."""
    try:
        return archive_tickers(listing.symbols(usual_budget()))
    except VenueFailure as failure:
        raise SourceError(f"{hosts.TITLES[hosts.BINANCE]} {failure.reason}; choose another source.") from failure


def known_tickers() -> list[str]:
    """Return the tickers known without a request, or none.

    >>> isinstance(known_tickers(), list)
    True
    """
    return archive_tickers(listing.known_symbols())


def clear() -> None:
    """Forget what was fetched in this process.

    >>> clear()
    """
    _cached.cache_clear()
    listing.clear()


@single_flight(TTLCache(16, ttl=CACHED_SECONDS), key=lambda key, *_: key, failure=SourceError)
def _cached(
    key: tuple[object, ...],
    ticker: str,
    window: Lookback,
    moment: pd.Timestamp | None,
    now: pd.Timestamp,
    on_progress: Progress | None,
) -> tuple[Market, bool]:
    """Return a market, and whether every file arrived."""
    budget = usual_budget()
    try:
        candidate, there, end = _chosen(ticker, window, moment, now, budget)
    except VenueFailure as failure:
        raise SourceError(f"{hosts.TITLES[hosts.BINANCE]} {failure.reason}; choose another source.") from failure
    first, last = _days(window, end)
    klines, metrics = Series(there.symbol, window.bar), Series(there.symbol, "metrics")
    keys = [klines.key(period) for period in _periods(first, last, there.months, there.days, now)]
    metrics_days = [f"{day:%Y-%m-%d}" for day in pd.date_range(first, last)]
    keys += [metrics.key(day) for day in metrics_days if there.metrics is None or day in there.metrics]

    def step(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(f"{hosts.TITLES[hosts.BINANCE]}, files of {there.symbol}", done, total)

    found = files.gather(keys, there.symbol, budget, step)
    unlisted = [key for key in found.absent if "/monthly/" in key]
    if unlisted:  # nobody had listed what there is, and these months come by the day only
        months = [key.rsplit("-", 2)[-2] + "-" + key.rsplit("-", 1)[-1].removesuffix(".zip") for key in unlisted]
        days = [f"{day:%Y-%m-%d}" for day in pd.date_range(first, last) if f"{day:%Y-%m}" in months]
        more = files.gather([klines.key(day) for day in days], there.symbol, budget, step)
        found = files.Found(
            found.contents + more.contents,
            found.absent + more.absent,
            found.notes + more.notes,
            found.complete and more.complete,
        )
    if not any(content.candles is not None for content in found.contents):
        raise SourceError(
            f"Binance's archive has no candles of {candidate.coin} from {first:%Y-%m-%d} to {last:%Y-%m-%d}; choose "
            "another day."
        )
    try:
        market = market_of(
            [content._replace(symbol=candidate.symbol) for content in found.contents],  # a file's name may mislead
            lookback=window.name,
            symbol=candidate.symbol,
            as_of=end,
            source=NAME,
            called="The archive",
        )
    except InputError as error:
        raise SourceError(f"Binance's archive sent files that cannot be used ({error})") from error
    lacking = _lacking([day for day in metrics_days if day >= f"{market.times[0]:%Y-%m-%d}"], there, found.absent)
    notes = [
        f"From Binance's archive, {there.symbol} up to {market.as_of:%Y-%m-%d %H:%M} UTC: a window of the past, not "
        "live.",
        *([candidate.note] if candidate.note else []),
        *_ended(moment, market, window),
        *lacking,
        *found.notes,
    ]
    origins = {name: Origin(NAME, market.as_of) for name in market.origins}
    return replace(market, notes=(*notes, *market.notes), origins=origins), found.complete


def _days(window: Lookback, end: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day of which a window that ends at a moment needs files."""
    last = end.floor(window.bar_length)
    first = last - window.window - window.warmup
    return max(first.floor("D"), FIRST), (last - pd.Timedelta("1ns")).floor("D")


def _chosen(
    ticker: str, window: Lookback, moment: pd.Timestamp | None, now: pd.Timestamp, budget: RetryBudget
) -> tuple[Candidate, Range, pd.Timestamp]:
    """Return the symbol that a ticker means at a moment, what the archive has of its window, and where that ends.

    Raises VenueFailure, or InputError where the archive never had it.
    """
    end = moment or now
    meant = candidates(ticker)
    if (found := _window(meant[0].id, window, end, now, budget)) is not None:
        return meant[0], *found
    known = set(listing.symbols(budget))
    others = [candidate for candidate in meant if candidate.id in known]
    for candidate in others[others[:1] == meant[:1] :]:
        if (found := _window(candidate.id, window, end, now, budget)) is not None:
            return candidate, *found
    before = end.floor("D").replace(day=1) - pd.Timedelta(days=1)  # of its own month the windows above have all
    for candidate in others:  # it has ended before: its last days, and a note that says so
        months = listing.periods(Series(candidate.id, window.bar), f"{FIRST:%Y-%m}", f"{before:%Y-%m}", now, budget)
        if months:
            end = pd.Timestamp(months[-1], tz="UTC") + pd.DateOffset(months=1)
            if (found := _window(candidate.id, window, end, now, budget)) is not None:
                return candidate, *found
    if others:
        raise InputError(f"Binance's archive has nothing of {others[0].coin} before {end:%Y-%m-%d}.")
    raise InputError(f"Binance's archive has no perpetual {str(ticker)[:40]!r}; near it: {near(ticker, known)}.")


def _window(
    symbol: str, window: Lookback, end: pd.Timestamp, now: pd.Timestamp, budget: RetryBudget
) -> tuple[Range, pd.Timestamp] | None:
    """Return what the archive has of a window up to a moment and where that ends; None where it has nothing."""
    while True:
        there = _range(symbol, window, end, now, budget)
        last = _end(there, end)
        if last is None or end - last <= SLACK:
            return None if last is None else (there, last)
        end = last  # it begins earlier by as much


def _range(symbol: str, window: Lookback, end: pd.Timestamp, now: pd.Timestamp, budget: RetryBudget) -> Range:
    """Return what the archive has of the days that a window up to a moment needs, and of SLACK before."""
    first, last = _days(window, end)
    first = max(first - SLACK, FIRST)
    klines, metrics = Series(symbol, window.bar), Series(symbol, "metrics")
    day, month = "%Y-%m-%d", "%Y-%m"
    wanted = [(klines, month), (klines, day), (metrics, day)]
    with ThreadPoolExecutor(len(wanted), thread_name_prefix="archive") as pool:
        asked = [
            pool.submit(listing.periods, series, f"{first:{form}}", f"{last:{form}}", now, budget)
            for series, form in wanted
        ]
        lists: list[list[str] | None] = []
        for one in asked:
            try:
                lists.append(one.result())
            except VenueFailure as failure:
                if failure.blocked:
                    raise
                lists.append(None)
    return Range(symbol, *lists)


def _end(there: Range, end: pd.Timestamp) -> pd.Timestamp | None:
    """Return where a window ends that is to end at a moment: with the last day there is; None where there is none.

    Where nobody says what there is, the files are asked for one by one, and a day late is usual.
    """
    if there.days is None or there.months is None:
        return end
    days = [pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1) for day in there.days[-1:]]
    months = [pd.Timestamp(month, tz="UTC") for month in there.months]
    later = [month + pd.DateOffset(months=1) for month in months if not days or month >= days[0]]
    ends = days + [month for month in later if month <= end]  # of another a window uses no file
    return min(end, max(ends)) if ends else None


def _periods(
    first: pd.Timestamp, last: pd.Timestamp, months: list[str] | None, days: list[str] | None, now: pd.Timestamp
) -> list[str]:
    """Return the months that lie whole in a range of days, and the days of the others, of which there are files."""
    found = []
    by_month = itertools.groupby(pd.date_range(first, last), key=lambda day: f"{day:%Y-%m}")
    for month, group in by_month:
        own = [f"{day:%Y-%m-%d}" for day in group]
        is_whole = len(own) == pd.Timestamp(month).days_in_month
        is_old = pd.Timestamp(own[-1], tz="UTC") < now - listing.RECENT
        if is_whole and (month in months if months is not None else is_old):
            found.append(month)
        else:
            found += [day for day in own if days is None or day in days]
    return found


def _ended(moment: pd.Timestamp | None, market: Market, window: Lookback) -> list[str]:
    """Return a sentence where a window ends before the moment that was asked for, or nothing."""
    if moment is None or market.as_of > moment - window.bar_length:
        return []
    return [f"The archive has no candles from {market.as_of:%Y-%m-%d %H:%M} UTC to the moment asked for."]


def _lacking(days: list[str], there: Range, absent: list[str]) -> list[str]:
    """Return a sentence on days without open interest, or nothing."""
    unlisted = {key.removesuffix(".zip")[-10:] for key in absent if "/metrics/" in key}
    lacking = [day for day in days if day in unlisted or (there.metrics is not None and day not in there.metrics)]
    if not lacking or len(lacking) == len(days):  # of none at all there is another sentence
        return []
    some = ", ".join(lacking[:MANY]) + (f" and {len(lacking) - MANY} days more" if len(lacking) > MANY else "")
    return [f"The archive has no open interest of {some}: it is unknown there."]
