"""Fetch a market, its live price and a source's tickers, from whichever source was chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import pandas as pd
from cachetools import LRUCache, TTLCache, cached

from liq.errors import InputError, SourceError
from liq.market import Market, Quote
from liq.market import lookback as find_lookback
from liq.sources import disk_cache, failover, market_cache, named_file, order_book, venue_status
from liq.sources.archive import market as archive
from liq.sources.failover import Listener, describe_failures, fetch_all, fetch_first, fetch_one
from liq.sources.market_cache import Progress, find_contract, last_good_market
from liq.sources.single_flight import single_flight
from liq.sources.titles import source_title
from liq.sources.venue_status import AllVenuesFailed
from liq.sources.venues import client, endpoints, symbols
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.table import VENUES

SOURCES = ("auto", "all", *VENUES, "archive", "simulated", "file")
"""Every source, by name."""

QUOTE_SECONDS = 2
"""Seconds for which a live price is cached."""

TICKERS_SECONDS = 600
"""Seconds for which the order of tickers by volume is cached."""

_last_quotes: LRUCache[tuple[str, str, str], Quote] = LRUCache(256)


def fetch(
    symbol: str = "BTC",
    lookback: str = "7d",
    source: str = "auto",
    *,
    as_of: object = None,
    dates: str = "",
    on_progress: Progress | None = None,
    on_candles: Callable[[Market], None] | None = None,
) -> Market:
    """Return one perpetual's market over a lookback, with its warm-up.

    symbol : as traders write it, such as ``BTC``, ``BTCUSDT.P`` or ``BTC/USDT:USDT`` (`liq.sources.venues.symbols`);
    a venue before it, as in ``BYBIT:BTCUSDT.P``, chooses that venue where the source is auto. lookback : a name of
    LOOKBACKS; source : one of SOURCES.
    as_of : of the archive, the moment that the window ends at (UTC), such as ``2025-10-11``; default the newest there
    is. dates : of a file, the order of dates that can be read in several (`liq.sources.files.times.DATE_ORDERS`).
    on_progress : called with (what is requested, requests begun, requests expected); on_candles : with a venue's
    market of the candles alone where these are there before the rest; both always in the caller's thread.

    ``auto`` tries the venues one after the other and returns the simulated market, with a note, when none answers;
    ``all`` requests them at the same time and puts each into `parts`. A market is cached for
    `market_cache.FRESH_SECONDS`, after that only its last bars are requested; a failed refresh returns the last good
    market with its age in `notes`.
    Raises InputError for a name that does not exist, SourceError where no market can be fetched.

    >>> market = fetch("BTC", lookback="1d", source="simulated")
    >>> market.symbol, market.source
    ('BTC/USDT:USDT', 'simulated')
    """
    _check_source(source)
    find_lookback(lookback)
    if as_of is not None and source != "archive":
        raise InputError(f"as_of is for source archive; source {source} has its own window, so leave as_of out.")
    if source == "file":
        return named_file.market(lookback, dates)
    if source == "archive":
        return archive.fetch_market(symbol, lookback, as_of, now=market_cache.utc_now(), on_progress=on_progress)
    named = symbols.parse_ticker(symbol).venue
    listener = Listener(on_progress, on_candles)
    market = _fetched(symbol, lookback, named or source if source == "auto" else source, listener)
    notes = [symbols.found_note(symbol, market.symbol)] if not market.left_out or market.source in VENUES else []
    if named and source not in ("auto", named):
        notes.append(f"{symbol.split(':')[0]} names another venue than the source; this is {source_title(source)}.")
    if source == "auto" and market.source in VENUES and _binance_refuses(market.left_out):
        notes.append(archive.OFFER)
    notes = [note for note in notes if note and note not in market.notes]
    return _with_notes(market, tuple(notes), tuple(market.left_out.items())) if notes else market


def _fetched(symbol: str, lookback: str, source: str, listener: Listener) -> Market:
    """Return the market of one source, or of the first or all venues; see `fetch`."""
    if source == "simulated":
        return _simulated(symbol, lookback)
    if source == "all":
        return fetch_all(symbol, lookback, listener)
    if source == "auto":
        try:
            return fetch_first(symbol, lookback, listener)
        except AllVenuesFailed as error:
            return _stand_in(symbol, lookback, error.reasons)
    try:
        return fetch_one(source, symbol, lookback, listener)
    except VenueFailure as failure:
        raise _source_error(source, failure) from failure


def tickers(source: str = "auto") -> list[str]:
    """Return the tickers of a source, by the last 24 hours' volume, largest first.

    A coin alone means its perpetual in the venue's first quote currency; another perpetual of the same coin is a full
    symbol. For ``auto`` and ``all``, the tickers of the venue that answers. Raises InputError, SourceError.

    >>> tickers("simulated")[:2]
    ['BTC', 'ETH']
    """
    _check_source(source)
    if source == "file":
        return [named_file.market("7d").base]
    if source == "archive":
        return archive.tickers()
    if source != "simulated":
        try:
            name = failover.answering_venue() if source in ("auto", "all") else source
            return list(_cached_tickers(name, client.gateway()))
        except AllVenuesFailed as error:
            if source == "all":
                raise failover.all_failed(error.reasons) from None
        except VenueFailure as failure:
            raise _source_error(source if source in VENUES else name, failure) from failure
    from liq.sources.simulation.coins import TICKERS

    return [ticker.split("/")[0] for ticker in TICKERS]


def known_tickers(source: str = "auto") -> list[str]:
    """Return the tickers of a source known without a request, on disk up to `client.MARKETS_SECONDS` old, or none.

    >>> known_tickers("simulated")[:2]
    ['BTC', 'ETH']
    """
    if source in ("simulated", "file"):
        return tickers(source)
    if source == "archive":
        return archive.known_tickers()
    name = venue_status.last_answering_venue() if source in ("auto", "all") else source
    key = (name or "", client.gateway())
    return list(_cached_tickers.cache.get(key) or disk_cache.read(("tickers", *key)) or [])


def quote(symbol: str = "BTC", source: str = "auto") -> Quote:
    """Return the live price, at most QUOTE_SECONDS old; where it cannot be fetched, the last one known, with its
    time.

    Raises InputError, SourceError.

    >>> quote("BTC", "simulated").price > 0
    True
    """
    _check_source(source)
    source = symbols.parse_ticker(symbol).venue or source if source == "auto" else source
    if source == "file":
        market = named_file.market("7d")
        return Quote(market.symbol, float(market.price), market.as_of, market.source)
    if source == "archive":
        raise SourceError("Binance's archive has no live price; choose another source for one.")
    if source != "simulated":
        try:
            name = failover.answering_venue() if source in ("auto", "all") else source
            contract = find_contract(name, symbol, failover.short_budget())
        except AllVenuesFailed as error:
            if source == "all":
                raise failover.all_failed(error.reasons) from None
        except VenueFailure as failure:
            raise _source_error(source if source in VENUES else name, failure) from failure
        else:
            try:
                return _cached_quote(name, contract.symbol, client.gateway())
            except VenueFailure as failure:
                newest = _newest_known(name, contract.symbol)
                if newest is None:
                    raise _source_error(name, failure) from failure
                return newest
    from liq.sources.simulation import market as simulation
    from liq.sources.simulation.coins import TICKERS

    with suppress(InputError):
        symbol = symbols.match_symbol(symbol, TICKERS, ("USDT",), "The simulated market")
    try:
        return simulation.quote(symbol, market_cache.utc_now())
    except InputError:
        if source == "simulated":
            raise
        return simulation.quote("BTC", market_cache.utc_now())


def clear_caches() -> None:
    """Clear every cache, as in a new process.

    >>> clear_caches()
    """
    market_cache.clear()
    venue_status.clear()
    _last_quotes.clear()
    named_file.clear()
    archive.clear()
    for single_flight_cache in (_cached_quote, _cached_tickers, client.contracts, order_book.books):
        single_flight_cache.cache_clear()
    for function_cache in (_simulated_at, _with_notes, client._connect):
        function_cache.cache_clear()


def _check_source(source: str) -> None:
    """Raise InputError for an unknown source."""
    if source not in SOURCES:
        raise InputError(f"source must be one of {', '.join(SOURCES)}, not {source!r}.")


def _source_error(name: str, failure: VenueFailure) -> SourceError:
    """Return the error that names the venue, its failure and what to do."""
    choice = "auto, or archive for its past" if failure.blocked and name == "binanceusdm" else "or auto"
    return SourceError(f"{VENUES[name].title} {failure.reason}; choose another source, {choice}.")


def _binance_refuses(reasons: Mapping[str, str]) -> bool:
    """Return whether Binance does not serve this location."""
    return "does not serve" in reasons.get("binanceusdm", "")


def _newest_known(name: str, symbol: str) -> Quote | None:
    """Return the newest price that a venue gave of a contract, by quote or by candles; None where it gave none."""
    last_quote, last_good = _last_quotes.get((name, symbol, client.gateway())), last_good_market(name, symbol)
    if last_good is not None and (last_quote is None or last_quote.time < last_good.as_of):
        return Quote(last_good.symbol, float(last_good.price), last_good.as_of, name)
    return last_quote


@single_flight(TTLCache(64, ttl=QUOTE_SECONDS), key=lambda *key: key, failure=VenueFailure)
def _cached_quote(name: str, symbol: str, gateway: str) -> Quote:
    """Return a venue's live price of a contract."""
    connection, now = client.connect(name), market_cache.utc_now()
    contract = market_cache.listed_contract(name, symbol, failover.short_budget())
    row = endpoints.ticker(connection, failover.short_budget(), contract)
    venue_time = pd.Timestamp(row["time"], unit="ms", tz="UTC") if row["time"] > 0 else now
    quote = Quote(symbol, row["price"], min(venue_time, now), name, row["change"])
    _last_quotes[name, symbol, gateway] = quote
    return quote


@single_flight(TTLCache(2 * len(VENUES), ttl=TICKERS_SECONDS), key=lambda *key: key, failure=VenueFailure)
def _cached_tickers(name: str, gateway: str) -> tuple[str, ...]:
    """Return a venue's tickers by volume, or in the venue's own order where the volumes cannot be fetched."""
    connection = client.connect(name)
    listed = list(client.contracts(connection, failover.short_budget()))
    try:
        volume_by_symbol = endpoints.volumes(connection, failover.short_budget(), set(listed))
    except VenueFailure:
        volume_by_symbol = {}  # the venue's own order will do; the list matters more than its order
    listed.sort(key=lambda symbol: -volume_by_symbol.get(symbol, 0.0))
    names = symbols.short_names(listed, VENUES[name].quotes)
    if volume_by_symbol:
        disk_cache.write(("tickers", name, gateway), names, client.MARKETS_SECONDS)
    return tuple(names)


def _simulated(symbol: str, window: str) -> Market:
    """Return the simulated market as of now."""
    from liq.sources.simulation.coins import TICKERS

    with suppress(InputError):  # further coins, made for scans, are known by name only
        symbol = symbols.match_symbol(symbol, TICKERS, ("USDT",), "The simulated market")
    return _simulated_at(symbol, window, market_cache.utc_now().floor(find_lookback(window).bar_length))


@cached(LRUCache(16), condition=threading.Condition())
def _simulated_at(symbol: str, window: str, bar: pd.Timestamp) -> Market:
    """Return the simulated market, made once a bar."""
    from liq.sources.simulation.market import simulate

    return simulate(symbol, window, now=market_cache.utc_now())


def _stand_in(symbol: str, window: str, reasons: dict[str, str]) -> Market:
    """Return the simulated market in place of the venues, with a note that says so first."""
    why = f"No venue answered, so this is the simulated market and not real data: {describe_failures(reasons)}."
    notes = [why]
    try:
        market = _simulated(symbol, window)
    except InputError:
        market = _simulated("BTC", window)
        notes.append(f"The simulated market has no {str(symbol)[:40]!r}; this is BTC.")
    notes += [archive.OFFER] if _binance_refuses(reasons) else []
    return _with_notes(market, tuple(notes), tuple(reasons.items()))


@cached(LRUCache(16), condition=threading.Condition())
def _with_notes(market: Market, notes: tuple[str, ...], reasons: tuple[tuple[str, str], ...]) -> Market:
    """Return the market with notes; callers with the same notes get one object, so that its estimate is computed
    once."""
    return replace(market, notes=(*notes, *market.notes), left_out=dict(reasons))
