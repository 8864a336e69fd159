"""Failover: choose a venue that answers and remember it, or fetch from all venues at once."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

from liq.errors import InputError, SourceError
from liq.market import Market
from liq.sources import market_cache
from liq.sources.market_cache import Progress, cached_market, is_stale
from liq.sources.venue_status import (
    clear_failure,
    known_refusal,
    last_answering_venue,
    raise_if_all_failed_recently,
    remember_all_failed,
    remember_outcome,
    untried_venues,
)
from liq.sources.venues import client, failures
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.table import HOME_ORDER, VENUES

MAX_STALE_SECONDS = 120
"""Maximum age of a stale market in `auto`, in seconds, before another venue takes its place."""

HEDGE_DELAY = 2.0
"""Seconds of silence after which `auto` tries the next venue as well, without cancelling the silent one."""

Events = queue.SimpleQueue[Callable[[], object]]
"""Calls that a venue's thread leaves for the caller's thread, where a page may be drawn."""

T = TypeVar("T")


class Listener(NamedTuple):
    """What a caller wants to hear of while it waits: progress, and the market of the candles alone."""

    on_progress: Progress | None = None
    on_candles: Callable[[Market], None] | None = None

    def through(self, events: Events) -> Listener:
        """Return a listener for another thread, whose calls wait in `events`."""
        progress, candles = self
        return Listener(
            None if progress is None else lambda *news: events.put(partial(progress, *news)),
            None if candles is None else lambda market: events.put(partial(candles, market)),
        )


def fetch_one(name: str, ticker: str, window: str, listener: Listener) -> Market:
    """Return one venue's market; raise VenueFailure or InputError. The listener is called in the caller's thread."""
    if listener == Listener():
        return cached_market(name, ticker, window)
    events, pool = Events(), ThreadPoolExecutor(1, thread_name_prefix="one")
    try:
        request = pool.submit(cached_market, name, ticker, window, **listener.through(events)._asdict())
        _wait_for_some({request}, events)
        return request.result()
    finally:
        pool.shutdown(wait=False)


def fetch_first(ticker: str, window: str, listener: Listener) -> Market:
    """Return the market of the first venue that has it; the venues that did not answer are in `left_out`.

    Raises AllVenuesFailed, or InputError where those that answered do not list the ticker.
    """
    events = Events()
    heard = listener.through(events)._asdict()
    _, market, reasons = _first_good_answer(
        lambda name: cached_market(name, ticker, window, budget=short_budget(), **heard),
        events,
        lambda market: (
            not is_stale(market)
            or (market_cache.utc_now() - market_cache.fetched_at(market)).total_seconds() <= MAX_STALE_SECONDS
        ),
    )
    return replace(market, left_out=reasons)


def answering_venue() -> str:
    """Return the venue that `auto` uses now; raise AllVenuesFailed."""
    return (
        last_answering_venue()
        or _first_good_answer(lambda name: client.contracts(client.connect(name), short_budget()), Events())[0]
    )


def _first_good_answer(
    work: Callable[[str], T], events: Events, is_good: Callable[[T], bool] = lambda _: True
) -> tuple[str, T, dict[str, str]]:
    """Return (venue, answer, why not the others) of the first venue with a good answer, else of one with another
    answer.

    The next venue is tried when one fails, or is silent for `HEDGE_DELAY` seconds; one that answers request after
    request has its time. Raises AllVenuesFailed, or InputError where those that answered do not list the ticker.
    """
    raise_if_all_failed_recently()
    # A silent venue is overtaken, not given up: its request goes on in its thread while the next venue is tried, and
    # whichever gives a good answer first is used. So a dead venue costs HEDGE_DELAY and not a whole timeout.
    started, reasons, replies = time.monotonic(), dict[str, str](), dict[str, tuple[int, float]]()
    unlisted: InputError | None = None
    fallback: tuple[str, T] | None = None
    requests: dict[Future[T], str] = {}
    names = untried_venues(reasons)
    pool = ThreadPoolExecutor(len(VENUES), thread_name_prefix="auto")
    try:
        while (name := next(names, None)) is not None or requests:
            if name is not None:
                reasons[name] = "had not answered yet"
                requests[pool.submit(work, name)] = name

            def next_is_due() -> bool:
                return len(reasons) < len(HOME_ORDER) and _all_silent(requests.values(), replies)

            for future in _wait_for_some(set(requests), events, next_is_due):
                name = requests.pop(future)
                try:
                    answer = future.result()
                except InputError as error:
                    unlisted, reasons[name] = unlisted or error, "does not list it"
                    continue
                except VenueFailure as failure:
                    remember_outcome(name, failure)
                    reasons[name] = failure.reason
                    continue
                if not is_good(answer):
                    fallback, reasons[name] = fallback or (name, answer), "did not answer just now"
                    continue
                # a coin that only a later venue lists does not change which venue is tried first
                if unlisted is None:
                    remember_outcome(name, None)
                return name, answer, {other: why for other, why in reasons.items() if other != name}
    finally:
        pool.shutdown(wait=False)
    if fallback is not None:
        return *fallback, {name: why for name, why in reasons.items() if name != fallback[0]}
    raise unlisted or remember_all_failed(reasons, started)


def _all_silent(names: Iterable[str], replies: dict[str, tuple[int, float]]) -> bool:
    """Return whether no venue of these has sent a reply for `HEDGE_DELAY` seconds.

    replies : by venue, how many there were and when the last was noticed; updated.
    """
    now, silent = time.monotonic(), True
    for name in names:
        count = client.connect(name).replies
        if name not in replies or replies[name][0] != count:
            replies[name] = (count, now)
        silent = silent and now - replies[name][1] >= HEDGE_DELAY
    return silent


def fetch_all(ticker: str, window: str, listener: Listener) -> Market:
    """Return the first venue's market with every venue that answers in `parts`, the others in `left_out`.

    The venues are requested at the same time and for the same moment, so their visible bars are the same. A venue
    whose stale market is a bar behind is left out. Raises SourceError when none answers, InputError when none lists
    the ticker.
    """
    now, names = market_cache.utc_now(), list(HOME_ORDER)
    events = Events()
    heard = listener.through(events)._asdict()
    reasons = {name: failure.reason for name in names if (failure := known_refusal(name)) is not None}
    with ThreadPoolExecutor(len(names), thread_name_prefix="all") as pool:
        requests = {
            name: pool.submit(cached_market, name, ticker, window, now=now, budget=short_budget(), **heard)
            for name in names
            if name not in reasons
        }
        pending = set(requests.values())
        while pending:
            pending -= _wait_for_some(pending, events)
    parts, unlisted = list[Market](), None
    for name, future in requests.items():
        try:
            parts.append(future.result())
            clear_failure(name)
        except InputError as error:
            unlisted, reasons[name] = unlisted or error, "does not list it"
        except VenueFailure as failure:
            remember_outcome(name, failure)
            reasons[name] = failure.reason
    newest = max((part.candles.index[-1] for part in parts), default=None)
    for part in [part for part in parts if is_stale(part) and part.candles.index[-1] != newest]:
        parts.remove(part)
        reasons[part.source] = f"did not answer since {market_cache.fetched_at(part):%H:%M} UTC"
    for part in [part for part in parts[1:] if part.candles.index[0] > parts[0].visible.index[0]]:
        parts.remove(part)
        reasons[part.source] = f"has no candles before {part.candles.index[0]:%Y-%m-%d %H:%M} UTC"
    if not parts:
        if unlisted is not None:
            raise unlisted
        raise all_failed(reasons)
    ordered = {name: reasons[name] for name in names if name in reasons}
    return replace(parts[0], parts=tuple(parts), left_out=ordered)


def short_budget() -> RetryBudget:
    """Return a budget for one retry, and none after a timeout: another venue is more likely to answer.

    >>> short_budget().tries <= 2
    True
    """
    return RetryBudget(0.75 * failures.RETRY_POLICY.timeout, min(2, failures.RETRY_POLICY.tries))


def _wait_for_some(
    futures: set[Future[T]], events: Events, is_over: Callable[[], bool] = lambda: False
) -> set[Future[T]]:
    """Return the futures that are done once one is, or none once `is_over`.

    Events are called meanwhile, in the caller's own thread.
    """
    done: set[Future[T]] = set()
    while futures and not done and not is_over():
        done, _ = wait(futures, timeout=0.05, return_when=FIRST_COMPLETED)
        while not events.empty():
            events.get()()
    return done


def describe_failures(reasons: dict[str, str]) -> str:
    """Return the reasons as one clause, each venue by its title.

    >>> describe_failures({"okx": "is out of order"})
    'OKX is out of order'
    """
    return "; ".join(f"{VENUES[name].title} {why}" for name, why in reasons.items())


def all_failed(reasons: dict[str, str]) -> SourceError:
    """Return the error that says why no venue answered and what to do.

    >>> print(all_failed({"okx": "is out of order"}))
    No venue answered (OKX is out of order); check the connection, or choose auto.
    """
    return SourceError(f"No venue answered ({describe_failures(reasons)}); check the connection, or choose auto.")
