"""Cache of fetched markets: freshness, retry after failure, one fetch for concurrent callers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
from cachetools import LRUCache, TTLCache

from liq.errors import InputError
from liq.market import Market, Origin, as_utc, lookback
from liq.sources.recorder.reader import attach_recorded
from liq.sources.single_flight import single_flight, without_frames
from liq.sources.venues import client, failures
from liq.sources.venues.client import Contract
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.market import calls_expected, fetch_market, refresh_market
from liq.sources.venues.request import FetchRequest
from liq.sources.venues.symbols import match_symbol
from liq.sources.venues.table import VENUES

FRESH_SECONDS = 20
"""Seconds for which a market is returned from the cache without a request."""

MAX_VIEWS = 48
"""Maximum number of cached markets; one has some 200 kB."""

RETRY_DELAY_FACTOR = 5.0
"""A failed refresh is retried after this many times as long as it took, within 2 to 30 seconds."""

Progress = Callable[[str, int, int], None]
Key = tuple[str, str, str, str]

_last_good: LRUCache[Key, Market] = LRUCache(MAX_VIEWS)
_retry_after: TTLCache[Key, tuple[float, VenueFailure]] = TTLCache(4 * MAX_VIEWS, ttl=60)
_lock = threading.Lock()


def utc_now() -> pd.Timestamp:
    """Return the present, UTC; tests replace this function to set the clock.

    >>> utc_now().tzinfo is not None
    True
    """
    return pd.Timestamp.now(tz="UTC")


def find_contract(name: str, ticker: str, budget: RetryBudget) -> Contract:
    """Return the contract that a ticker means on a venue; raise InputError with near matches, or VenueFailure."""
    contracts = client.contracts(client.connect(name), budget)
    return contracts[match_symbol(ticker, contracts, VENUES[name].quotes, VENUES[name].title)]


def listed_contract(name: str, symbol: str, budget: RetryBudget) -> Contract:
    """Return the contract of a unified symbol on a venue; raise VenueFailure where it is not listed any more."""
    contract = client.contracts(client.connect(name), budget).get(symbol)
    if contract is None:
        raise VenueFailure(f"does not list {symbol.split(':')[0]} any more")
    return contract


def cached_market(
    name: str,
    ticker: str,
    window: str,
    *,
    now: pd.Timestamp | None = None,
    on_progress: Progress | None = None,
    on_candles: Callable[[Market], None] | None = None,
    budget: RetryBudget | None = None,
) -> Market:
    """Return a venue's market, at most FRESH_SECONDS old; raise VenueFailure or InputError.

    Concurrent callers of one market share one fetch, and its failure. When a refresh fails, the last good market is
    returned with a note of its age, and the refresh is retried after a delay. on_progress is called in the threads of
    the requests, on_candles (`FetchRequest`) in the caller's.
    """
    now = now or utc_now()
    budget = budget or failures.usual_budget()
    contract = find_contract(name, ticker, budget)
    key = (name, contract.symbol, window, client.gateway())
    with _lock:
        last_good, (retry_at, failure_before) = _last_good.get(key), _retry_after.get(key, (0.0, None))
    if last_good is not None and failure_before is not None and time.monotonic() < retry_at:
        return _mark_stale(last_good, failure_before, now)
    try:
        bar = now.floor(lookback(window).bar_length)
        return _fetch(key, bar, contract, now, budget, on_progress, on_candles)
    except VenueFailure as failure:
        if last_good is None or now - fetched_at(last_good) > lookback(window).window:
            raise
        return _mark_stale(last_good, failure, now)


@single_flight(TTLCache(MAX_VIEWS, ttl=FRESH_SECONDS), key=lambda key, bar, *_: (key, bar), failure=VenueFailure)
def _fetch(
    key: Key,
    bar: pd.Timestamp,
    contract: Contract,
    now: pd.Timestamp,
    budget: RetryBudget,
    on_progress: Progress | None,
    on_candles: Callable[[Market], None] | None,
) -> Market:
    """Return a market fetched or refreshed now; the key's bar makes a new bar end its freshness early."""
    with _lock:
        last_good = _last_good.get(key)
    calls = itertools.count(1)

    def report(what: str) -> None:
        if on_progress is not None:
            on_progress(what, min(next(calls), total), total)

    pool = ThreadPoolExecutor(client.SESSIONS, thread_name_prefix="fetch")
    request = FetchRequest(
        client.connect(key[0]), contract, lookback(key[2]), now, budget, report, pool.submit, on_candles
    )
    total = 2 if last_good is not None else calls_expected(request)
    started = time.monotonic()
    try:
        market = attach_recorded(fetch_market(request) if last_good is None else refresh_market(last_good, request))
    except InputError as error:
        raise _delay_retry(key, started, VenueFailure(f"sent data that cannot be used ({error})")) from error
    except VenueFailure as failure:
        raise _delay_retry(key, started, failure) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    with _lock:
        _last_good[key] = market
        _retry_after.pop(key, None)
    return market


def _delay_retry(key: Key, started: float, failure: VenueFailure) -> VenueFailure:
    """Delay the next refresh, in proportion to what this failure cost, and return the failure."""
    # In proportion to the cost: a venue that refuses at once is tried again soon, one that runs into timeouts takes
    # up a sixth of the time at most, however often pages rerun.
    delay = min(30.0, max(2.0, RETRY_DELAY_FACTOR * (time.monotonic() - started)))
    with _lock:
        _retry_after[key] = (time.monotonic() + delay, without_frames(failure))
    return failure


def _mark_stale(market: Market, failure: VenueFailure, now: pd.Timestamp) -> Market:
    """Return the last good market with its age in front of its notes and in its origins."""
    minutes = (now - fetched_at(market)) / pd.Timedelta(minutes=1)
    age = f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"
    note = f"These data are {age} old: {VENUES[market.source].title} {failure.reason}."
    origins = {**market.origins, "stale": Origin(market.source, fetched_at(market))}
    return replace(market, notes=(note, *market.notes), origins=origins)


def fetched_at(market: Market) -> pd.Timestamp:
    """Return when a market's candles were fetched (UTC).

    >>> import pandas as pd
    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h", tz="UTC")
    >>> bars = pd.DataFrame(dict(open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0), index=hours)
    >>> origins = {"candles": Origin("okx", pd.Timestamp("2026-01-01 02:00", tz="UTC"))}
    >>> fetched_at(Market("BTC/USDT:USDT", "okx", bars, origins=origins)).hour
    2
    """
    return market.origins["candles"].as_of


def is_stale(market: Market) -> bool:
    """Return whether a market is a last good one that could not be refreshed.

    >>> from liq.sources.simulation.market import simulate
    >>> is_stale(simulate("BTC", "12h", now="2026-09-01"))
    False
    """
    return "stale" in market.origins


def last_good_market(name: str, symbol: str) -> Market | None:
    """Return the latest cached market of a contract in any lookback, or None.

    >>> last_good_market("okx", "NOBODY/USDT:USDT") is None
    True
    """
    with _lock:
        gateway = client.gateway()
        markets = [
            market for key, market in _last_good.items() if (key[0], key[1], key[3]) == (name, symbol, gateway)
        ]
    return max(markets, key=fetched_at, default=None)


def clear() -> None:
    """Empty the cache, as in a new process.

    >>> clear()
    """
    with _lock:
        _last_good.clear()
        _retry_after.clear()
    _fetch.cache_clear()


PROVISIONAL_AGE = pd.Timedelta(minutes=1)
"""Time for which a stand-in or a stale market is shown before the venues are tried again."""


def needs_refresh(market: Market, fetched: pd.Timestamp) -> bool:
    """Return whether a market fetched at `fetched` (UTC) is due: a bar has closed, or it is provisional.

    Provisional is the simulated market where no venue answered, or a stale one where a refresh failed; those are
    fetched again after PROVISIONAL_AGE. A window of the archive is never due.

    >>> from liq.sources.simulation.market import simulate
    >>> needs_refresh(simulate("BTC", "12h", now="2026-09-01"), pd.Timestamp("2026-09-01", tz="UTC"))
    True
    """
    if market.source == "archive":
        return False
    now, bar = utc_now(), market.bar.total_seconds()
    closed = now.timestamp() // bar > as_utc(market.as_of, "as_of").timestamp() // bar
    provisional = "stale" in market.origins or (market.source == "simulated" and bool(market.left_out))
    return bool(closed or (provisional and now - fetched > PROVISIONAL_AGE))
