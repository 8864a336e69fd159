"""Failover: choose a venue that answers and remember it, or fetch from all venues at once."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

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

HEDGE_DELAY = 3.0
"""Seconds after which `auto` tries the next venue as well, without cancelling the one that has not answered."""

ProgressQueue = queue.SimpleQueue[tuple[str, int, int]]

T = TypeVar("T")


def fetch_first(ticker: str, window: str, on_progress: Progress | None) -> Market:
    """Return the market of the first venue that has it; the venues that did not answer are in `left_out`.

    Raises AllVenuesFailed, or InputError where those that answered do not list the ticker.
    """
    _, market, reasons = _first_good_answer(
        lambda name, report: cached_market(name, ticker, window, on_progress=report, budget=short_budget()),
        on_progress,
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
        or _first_good_answer(lambda name, _: client.contracts(client.connect(name), short_budget()), None)[0]
    )


def _first_good_answer(
    work: Callable[[str, Progress], T], on_progress: Progress | None, is_good: Callable[[T], bool] = lambda _: True
) -> tuple[str, T, dict[str, str]]:
    """Return (venue, answer, why not the others) of the first venue with a good answer, else of one with another
    answer.

    The next venue is tried when one fails, or has not answered within `HEDGE_DELAY` seconds. Raises AllVenuesFailed,
    or InputError where those that answered do not list the ticker.
    """
    raise_if_all_failed_recently()
    # A silent venue is overtaken, not given up: its request goes on in its thread while the next venue is tried, and
    # whichever gives a good answer first is used. So a dead venue costs HEDGE_DELAY and not a whole timeout.
    started, reasons, progress = time.monotonic(), dict[str, str](), ProgressQueue()
    unlisted: InputError | None = None
    fallback: tuple[str, T] | None = None
    requests: dict[Future[T], str] = {}
    names = untried_venues(reasons)
    pool = ThreadPoolExecutor(len(VENUES), thread_name_prefix="auto")
    try:
        while (name := next(names, None)) is not None or requests:
            if name is not None:
                reasons[name] = "had not answered yet"
                requests[pool.submit(work, name, _progress_reporter(progress))] = name
            for future in _wait_for_some(
                set(requests), progress, on_progress, HEDGE_DELAY if len(reasons) < len(VENUES) else None
            ):
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


def fetch_all(ticker: str, window: str, on_progress: Progress | None) -> Market:
    """Return the first venue's market with every venue that answers in `parts`, the others in `left_out`.

    The venues are requested at the same time and for the same moment, so their visible bars are the same. A venue
    whose stale market is a bar behind is left out. Raises SourceError when none answers, InputError when none lists
    the ticker.
    """
    now, names = market_cache.utc_now(), list(HOME_ORDER)
    progress = ProgressQueue()
    reasons = {name: failure.reason for name in names if (failure := known_refusal(name)) is not None}
    with ThreadPoolExecutor(len(names), thread_name_prefix="all") as pool:
        requests = {
            name: pool.submit(
                cached_market,
                name,
                ticker,
                window,
                now=now,
                on_progress=_progress_reporter(progress),
                budget=short_budget(),
            )
            for name in names
            if name not in reasons
        }
        pending = set(requests.values())
        while pending:
            pending -= _wait_for_some(pending, progress, on_progress, None)
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


def _progress_reporter(progress: ProgressQueue) -> Progress:
    """Return the progress callback of a venue's thread."""
    return lambda what, done, total: progress.put((what, done, total))


def _wait_for_some(
    futures: set[Future[T]], progress: ProgressQueue, on_progress: Progress | None, seconds: float | None
) -> set[Future[T]]:
    """Return the futures that are done once one is, or after `seconds`.

    Progress is passed on meanwhile, in the caller's own thread, where a page may be drawn.
    """
    deadline = float("inf") if seconds is None else time.monotonic() + seconds
    done: set[Future[T]] = set()
    while futures and not done and time.monotonic() < deadline:
        done, _ = wait(futures, timeout=0.1, return_when=FIRST_COMPLETED)
        while on_progress is not None and not progress.empty():
            on_progress(*progress.get())
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
