"""The last good answer of every view, who may ask anew, and who waits for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from cachetools import LRUCache, TTLCache

from liq.errors import InputError
from liq.market import Market, Origin, as_utc, lookback
from liq.sources.recorder.reader import attach_recorded
from liq.sources.single_flight import single_flight
from liq.sources.venues import client, failures
from liq.sources.venues.client import Contract
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.market import calls_expected, fetch_market, refresh_market
from liq.sources.venues.request import FetchRequest
from liq.sources.venues.symbols import match_symbol
from liq.sources.venues.table import VENUES

FRESH_SECONDS = 20
"""Seconds for which an answer is given out again without asking."""

MAX_VIEWS = 48
"""Views held at most; one is some 200 kB."""

RETRY_DELAY_FACTOR = 5.0
"""A refresh that failed is tried again after this many times what it took, within 2 to 30 seconds."""

Progress = Callable[[str, int, int], None]
Key = tuple[str, str, str, str]

_last_good: LRUCache[Key, Market] = LRUCache(MAX_VIEWS)
_retry_after: TTLCache[Key, tuple[float, VenueFailure]] = TTLCache(4 * MAX_VIEWS, ttl=60)
_lock = threading.Lock()


def utc_now() -> pd.Timestamp:
    """Return the present; tests put another clock here."""
    return pd.Timestamp.now(tz="UTC")


def find_contract(name: str, ticker: str, budget: RetryBudget) -> Contract:
    """Return the contract that a ticker means on a venue; raise InputError with near matches, or VenueFailure."""
    listed = client.contracts(client.connect(name), budget)
    return listed[match_symbol(ticker, listed, VENUES[name].quotes, VENUES[name].title)]


def cached_market(
    name: str,
    ticker: str,
    window: str,
    *,
    now: pd.Timestamp | None = None,
    on_progress: Progress | None = None,
    budget: RetryBudget | None = None,
) -> Market:
    """Return a venue's market, at most `FRESH` seconds old; raise VenueFailure or InputError.

    Everybody who asks for one view at one time shares one fetch, and its failure. When a refresh fails, the
    last good answer is returned with a note of its age, and the refresh is tried again after a rest.
    """
    now = now or utc_now()
    budget = budget or RetryBudget(failures.RETRY_POLICY.budget, failures.RETRY_POLICY.tries)
    contract = find_contract(name, ticker, budget)
    key = (name, contract.symbol, window, client.gateway())
    with _lock:
        held, (until, resting) = _last_good.get(key), _retry_after.get(key, (0.0, None))
    if held is not None and resting is not None and time.monotonic() < until:
        return _mark_stale(held, resting, now)
    try:
        return _fetch(key, now.floor(lookback(window).bar_length), contract, now, budget, on_progress)
    except VenueFailure as failure:
        if held is None or now - fetched_at(held) > lookback(window).window:
            raise
        return _mark_stale(held, failure, now)


@single_flight(TTLCache(MAX_VIEWS, ttl=FRESH_SECONDS), key=lambda key, bar, *_: (key, bar), failure=VenueFailure)
def _fetch(
    key: Key,
    bar: pd.Timestamp,
    contract: Contract,
    now: pd.Timestamp,
    budget: RetryBudget,
    on_progress: Progress | None,
) -> Market:
    """Return a view asked anew; a new bar makes it stale before its time."""
    with _lock:
        held = _last_good.get(key)
    done = 0

    def step(what: str) -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(what, min(done, total), total)

    errand = FetchRequest(client.connect(key[0]), contract, lookback(key[2]), now, budget, step)
    total = 2 if held is not None else calls_expected(errand)
    began = time.monotonic()
    try:
        market = attach_recorded(fetch_market(errand) if held is None else refresh_market(held, errand))
    except InputError as error:
        raise _delay_retry(key, began, VenueFailure(f"sent data that cannot be used ({error})")) from error
    except VenueFailure as failure:
        raise _delay_retry(key, began, failure) from None
    with _lock:
        _last_good[key] = market
        _retry_after.pop(key, None)
    return market


def _delay_retry(key: Key, began: float, failure: VenueFailure) -> VenueFailure:
    """Note that a view needs a rest, in proportion to what its failure cost, and return the failure."""
    rest = min(30.0, max(2.0, RETRY_DELAY_FACTOR * (time.monotonic() - began)))
    with _lock:
        _retry_after[key] = (time.monotonic() + rest, failure)
    return failure


def _mark_stale(held: Market, failure: VenueFailure, now: pd.Timestamp) -> Market:
    """Return the last good answer with its age in front of its notes and in its origins."""
    minutes = (now - fetched_at(held)) / pd.Timedelta(minutes=1)
    age = f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"
    note = f"These data are {age} old: {VENUES[held.source].title} {failure.reason}."
    origins = {**held.origins, "stale": Origin(held.source, fetched_at(held))}
    return replace(held, notes=(note, *held.notes), origins=origins)


def fetched_at(market: Market) -> pd.Timestamp:
    """Return when a market's candles were had."""
    return market.origins["candles"].as_of


def is_stale(market: Market) -> bool:
    """Return whether a market is a last good answer that could not be refreshed."""
    return "stale" in market.origins


def last_good_market(name: str, symbol: str) -> Market | None:
    """Return the youngest good answer about a contract in any window, or None."""
    with _lock:
        front = client.gateway()
        views = [held for key, held in _last_good.items() if (key[0], key[1], key[3]) == (name, symbol, front)]
    return max(views, key=fetched_at, default=None)


def clear() -> None:
    """Drop every held answer, as a new process would begin."""
    with _lock:
        _last_good.clear()
        _retry_after.clear()
    _fetch.cache_clear()


PROVISIONAL_AGE = pd.Timedelta(minutes=1)
"""How long a stand-in or a stale market is shown before the venues are asked again."""


def needs_refresh(market: Market, fetched: pd.Timestamp) -> bool:
    """Return whether a market fetched at `fetched` (UTC) should be fetched again: a bar has closed, or it is provisional.

    Provisional is the simulated market where no venue answered, or a stale answer where a refresh failed; those are
    fetched again after RETRY.
    """
    now, bar = utc_now(), market.bar.total_seconds()
    closed = now.timestamp() // bar > as_utc(market.as_of, "as_of").timestamp() // bar
    provisional = "stale" in market.origins or (market.source == "simulated" and bool(market.left_out))
    return bool(closed or (provisional and now - fetched > PROVISIONAL_AGE))
