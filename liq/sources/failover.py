"""Which venue answers from here, remembered for a while; and all of them at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from cachetools import TTLCache

from liq.errors import InputError, SourceError
from liq.market import Market
from liq.sources import market_cache
from liq.sources.market_cache import Progress, cached_market, is_stale
from liq.sources.venues import client, failures
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.table import HOME_ORDER, REFUSED_ORDER, VENUES

MEMORY_SECONDS = 600
"""Seconds for which the venue that answered is asked first, and one that refuses this place not at all."""

MAX_STALE_SECONDS = 120
"""Seconds for which `auto` shows a last good answer before it turns to another venue."""

_lock = threading.Lock()
_answering: TTLCache[str, str] = TTLCache(4, ttl=MEMORY_SECONDS)
_refusing: TTLCache[tuple[str, str], VenueFailure] = TTLCache(4 * len(VENUES), ttl=MEMORY_SECONDS)
_silent: TTLCache[str, tuple[float, dict[str, str]]] = TTLCache(4, ttl=60)


HEDGE_DELAY = 3.0
"""Seconds after which `auto` asks the next venue too, without giving up the one that has not answered."""

ProgressQueue = queue.SimpleQueue[tuple[str, int, int]]

T = TypeVar("T")


class AllVenuesFailed(Exception):
    """No venue answered; `reasons` says why, by venue."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("no venue answered")
        self.reasons = reasons


def venue_order() -> list[str]:
    """Return the venues in the order to try: who answered before, then by what refuses this place."""
    front = client.gateway()
    with _lock:
        answering = _answering.get(front)
        refused = any((front, name) in _refusing for name in ("binanceusdm", "bybit"))
    rest = REFUSED_ORDER if refused else HOME_ORDER
    return [*([answering] if answering else []), *(name for name in rest if name != answering)]


def known_refusal(name: str) -> VenueFailure | None:
    """Return the failure with which a venue refused this place in the last ten minutes, or None."""
    with _lock:
        return _refusing.get((client.gateway(), name))


def remember_outcome(name: str, failure: VenueFailure | None) -> None:
    """Remember that a venue answered, or that it refuses this place; other failures are not remembered."""
    front = client.gateway()
    with _lock:
        if failure is None:
            _answering[front] = name
            _silent.pop(front, None)
        else:
            if failure.blocked:
                _refusing[(front, name)] = failure
            if _answering.get(front) == name:
                del _answering[front]


def untried_venues(tried: dict[str, str]) -> Iterator[str]:
    """Yield venues until all are tried; the order is looked up each time, as a refusal changes it."""
    while remaining := [name for name in venue_order() if name not in tried]:
        failure = known_refusal(remaining[0])
        if failure is None:
            yield remaining[0]
        else:
            tried[remaining[0]] = failure.reason


def fetch_first(ticker: str, window: str, on_progress: Progress | None) -> Market:
    """Return the market of the first venue that has it, the venues that did not answer in `left_out`.

    Raises NobodyAnswered, or InputError where those that answered do not list the ticker.
    """
    _, market, reasons = _race(
        lambda name, tell: cached_market(name, ticker, window, on_progress=tell, budget=short_budget()),
        on_progress,
        lambda found: (
            not is_stale(found)
            or (market_cache.utc_now() - market_cache.fetched_at(found)).total_seconds() <= MAX_STALE_SECONDS
        ),
    )
    return replace(market, left_out=reasons)


def answering_venue() -> str:
    """Return the venue that `auto` uses now; raise NobodyAnswered."""
    with _lock:
        name = _answering.get(client.gateway())
    return name or _race(lambda name, _: client.contracts(client.connect(name), short_budget()), None)[0]


def _race(
    work: Callable[[str, Progress], T], on_progress: Progress | None, good: Callable[[T], bool] = lambda _: True
) -> tuple[str, T, dict[str, str]]:
    """Return (venue, answer, why not the others) of the first venue whose answer is good, else of one whose is not.

    The next venue is asked when one fails, or has not answered within `HEDGE` seconds. Raises NobodyAnswered,
    or InputError where those that answered do not list the ticker.
    """
    raise_if_all_failed_recently()
    began, reasons, told = time.monotonic(), dict[str, str](), ProgressQueue()
    unlisted: InputError | None = None
    second: tuple[str, T] | None = None
    asked: dict[Future[T], str] = {}
    names = untried_venues(reasons)
    pool = ThreadPoolExecutor(len(VENUES), thread_name_prefix="auto")
    try:
        while (name := next(names, None)) is not None or asked:
            if name is not None:
                reasons[name] = "had not answered yet"
                asked[pool.submit(work, name, _teller(told))] = name
            for future in _some(set(asked), told, on_progress, HEDGE_DELAY if len(reasons) < len(VENUES) else None):
                name = asked.pop(future)
                try:
                    answer = future.result()
                except InputError as error:
                    unlisted, reasons[name] = unlisted or error, "does not list it"
                    continue
                except VenueFailure as failure:
                    remember_outcome(name, failure)
                    reasons[name] = failure.reason
                    continue
                if not good(answer):
                    second, reasons[name] = second or (name, answer), "did not answer just now"
                    continue
                if unlisted is None:  # a coin that only a later venue lists does not change who is asked first
                    remember_outcome(name, None)
                return name, answer, {other: why for other, why in reasons.items() if other != name}
    finally:
        pool.shutdown(wait=False)
    if second is not None:
        return *second, {name: why for name, why in reasons.items() if name != second[0]}
    raise unlisted or remember_all_failed(reasons, began)


def raise_if_all_failed_recently() -> None:
    """Raise NobodyAnswered while it is not long ago that no venue answered."""
    with _lock:
        until, reasons = _silent.get(client.gateway(), (0.0, {}))
    if time.monotonic() < until:
        raise AllVenuesFailed(reasons)


def remember_all_failed(reasons: dict[str, str], began: float) -> AllVenuesFailed:
    """Remember that no venue answered, and return the exception that says so.

    Asking six venues in vain at every rerun would freeze the page: pause five times as long as it took.
    """
    pause = min(30.0, max(3.0, 5 * (time.monotonic() - began)))
    with _lock:
        _silent[client.gateway()] = (time.monotonic() + pause, reasons)
    return AllVenuesFailed(reasons)


def fetch_all(ticker: str, window: str, on_progress: Progress | None) -> Market:
    """Return the first venue's market with every venue that answers in `parts`, the others in `left_out`.

    The venues are asked at the same time and for the same moment, so their visible bars are the same. One
    whose last good answer is a bar behind is left out. Raises SourceError when none answers, InputError when
    none lists the ticker.
    """
    now, names = market_cache.utc_now(), list(HOME_ORDER)
    told = ProgressQueue()
    reasons = {name: failure.reason for name in names if (failure := known_refusal(name)) is not None}
    with ThreadPoolExecutor(len(names), thread_name_prefix="all") as pool:
        asked = {
            name: pool.submit(
                cached_market, name, ticker, window, now=now, on_progress=_teller(told), budget=short_budget()
            )
            for name in names
            if name not in reasons
        }
        waiting = set(asked.values())
        while waiting:
            waiting -= _some(waiting, told, on_progress, None)
    parts, unlisted = list[Market](), None
    for name, future in asked.items():
        try:
            parts.append(future.result())
            _forgive(name)
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
    """Return a budget for one retry, and none after a timeout: another venue is the better bet."""
    return RetryBudget(0.75 * failures.RETRY_POLICY.timeout, min(2, failures.RETRY_POLICY.tries))


def _forgive(name: str) -> None:
    with _lock:
        _silent.pop(client.gateway(), None)
        _answering.setdefault(client.gateway(), name)


def _teller(told: ProgressQueue) -> Progress:
    """Return what a venue's thread tells its progress to."""
    return lambda what, done, total: told.put((what, done, total))


def _some(
    asked: set[Future[T]], told: ProgressQueue, on_progress: Progress | None, seconds: float | None
) -> set[Future[T]]:
    """Return the futures that are done once one is, or after `seconds`.

    Progress is passed on meanwhile, in the caller's own thread, where a page may be drawn.
    """
    until = float("inf") if seconds is None else time.monotonic() + seconds
    done: set[Future[T]] = set()
    while asked and not done and time.monotonic() < until:
        done, _ = wait(asked, timeout=0.1, return_when=FIRST_COMPLETED)
        while on_progress is not None and not told.empty():
            on_progress(*told.get())
    return done


def describe_failures(reasons: dict[str, str]) -> str:
    """Return the reasons as one clause, each venue by its title."""
    return "; ".join(f"{VENUES[name].title} {why}" for name, why in reasons.items())


def all_failed(reasons: dict[str, str]) -> SourceError:
    """Return the error that says why no venue answered and what to do."""
    return SourceError(f"No venue answered ({describe_failures(reasons)}); check the connection, or choose auto.")


def clear() -> None:
    """Drop what is remembered about who answers."""
    with _lock:
        _answering.clear()
        _refusing.clear()
        _silent.clear()
