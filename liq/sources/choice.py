"""Which venue answers from here, remembered for a while; and all of them at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from cachetools import TTLCache

from liq.errors import InputError, SourceError
from liq.market import Market
from liq.sources import exchange, failures, shelf
from liq.sources.failures import Budget, VenueFailure
from liq.sources.shelf import Progress, is_aged, market_on
from liq.sources.venues import HOME_ORDER, REFUSED_ORDER, VENUES

REMEMBERED = 600
"""Seconds for which the venue that answered is asked first, and one that refuses this place not at all."""

PATIENT = 120
"""Seconds for which `auto` shows a last good answer before it turns to another venue."""

_lock = threading.Lock()
_answering: TTLCache[str, str] = TTLCache(4, ttl=REMEMBERED)
_refusing: TTLCache[tuple[str, str], VenueFailure] = TTLCache(4 * len(VENUES), ttl=REMEMBERED)
_silent: TTLCache[str, tuple[float, dict[str, str]]] = TTLCache(4, ttl=60)


class NobodyAnswered(Exception):
    """No venue answered; `reasons` says why, by venue."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("no venue answered")
        self.reasons = reasons


def order() -> list[str]:
    """Return the venues in the order to try: who answered before, then by what refuses this place."""
    front = exchange.gateway()
    with _lock:
        answering = _answering.get(front)
        refused = any((front, name) in _refusing for name in ("binanceusdm", "bybit"))
    rest = REFUSED_ORDER if refused else HOME_ORDER
    return [*([answering] if answering else []), *(name for name in rest if name != answering)]


def answers(name: str) -> bool:
    """Return whether this venue is the one remembered to answer."""
    with _lock:
        return _answering.get(exchange.gateway()) == name


def refusal(name: str) -> VenueFailure | None:
    """Return the failure with which a venue refused this place in the last ten minutes, or None."""
    with _lock:
        return _refusing.get((exchange.gateway(), name))


def note(name: str, failure: VenueFailure | None) -> None:
    """Remember that a venue answered, or that it refuses this place; other failures are not remembered."""
    front = exchange.gateway()
    with _lock:
        if failure is None:
            _answering[front] = name
            _silent.pop(front, None)
        else:
            if failure.blocked:
                _refusing[(front, name)] = failure
            if _answering.get(front) == name:
                del _answering[front]


def untried(tried: dict[str, str]) -> Iterator[str]:
    """Yield venues until all are tried; the order is looked up each time, as a refusal changes it."""
    while remaining := [name for name in order() if name not in tried]:
        failure = refusal(remaining[0])
        if failure is None:
            yield remaining[0]
        else:
            tried[remaining[0]] = failure.reason


def first_answer(work: Callable[[str, Budget], Market], began: float) -> Market:
    """Return the first venue's market that can be had, the venues before it in `left_out`.

    Raises NobodyAnswered, or InputError where those that answered do not list the ticker.
    """
    reasons = dict[str, str]()
    heed_silence()
    unlisted: InputError | None = None
    aged: Market | None = None
    for name in untried(reasons):
        patience = failures.PATIENCE
        if time.monotonic() - began > 3 * patience.budget:
            reasons[name] = "was not asked, as the others took too long"
            continue
        try:
            # one retry, and none after a timeout: the next venue is the better bet
            market = work(name, Budget(0.75 * patience.timeout, min(2, patience.tries)))
        except InputError as error:
            unlisted, reasons[name] = unlisted or error, "does not list it"
            continue
        except VenueFailure as failure:
            note(name, failure)
            reasons[name] = failure.reason
            continue
        if is_aged(market) and (shelf.utc_now() - shelf.had_at(market)).total_seconds() > PATIENT:
            aged, reasons[name] = aged or market, "did not answer just now"
            continue
        if unlisted is None:  # a coin that only a later venue lists does not change who is asked first
            note(name, None)
        return replace(market, left_out=reasons)
    if aged is not None:
        return replace(aged, left_out={name: why for name, why in reasons.items() if name != aged.source})
    if unlisted is not None:
        raise unlisted
    raise silent(reasons, began)


def heed_silence() -> None:
    """Raise NobodyAnswered where every venue was just asked in vain."""
    with _lock:
        until, reasons = _silent.get(exchange.gateway(), (0.0, {}))
    if time.monotonic() < until:
        raise NobodyAnswered(reasons)


def silent(reasons: dict[str, str], began: float) -> NobodyAnswered:
    """Note that nobody answered, and return what to raise.

    Asking six venues in vain at every rerun would freeze the page: pause five times as long as it took.
    """
    with _lock:
        _silent[exchange.gateway()] = (time.monotonic() + min(30.0, 5 * (time.monotonic() - began)), reasons)
    return NobodyAnswered(reasons)


def together(ticker: str, window: str, on_progress: Progress | None) -> Market:
    """Return the first venue's market with every venue that answers in `parts`, the others in `left_out`.

    The venues are asked at the same time and for the same moment, so their visible bars are the same. One
    whose last good answer is a bar behind is left out. Raises SourceError when none answers, InputError when
    none lists the ticker.
    """
    now = shelf.utc_now()
    told: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
    names = list(HOME_ORDER)
    reasons = {name: failure.reason for name in names if (failure := refusal(name)) is not None}
    with ThreadPoolExecutor(len(names), thread_name_prefix="venue") as pool:
        asked: dict[str, Future[Market]] = {
            name: pool.submit(
                market_on, name, ticker, window, now=now, on_progress=lambda *news: told.put(news), budget=_brief()
            )
            for name in names
            if name not in reasons
        }
        _relay(asked, told, on_progress)
    parts, unlisted = list[Market](), None
    for name, future in asked.items():
        try:
            parts.append(future.result())
            _forgive(name)
        except InputError as error:
            unlisted, reasons[name] = unlisted or error, "does not list it"
        except VenueFailure as failure:
            note(name, failure)
            reasons[name] = failure.reason
    newest = max((part.candles.index[-1] for part in parts), default=None)
    for part in [part for part in parts if is_aged(part) and part.candles.index[-1] != newest]:
        parts.remove(part)
        reasons[part.source] = f"did not answer since {shelf.had_at(part):%H:%M} UTC"
    for part in [part for part in parts[1:] if part.candles.index[0] > parts[0].visible.index[0]]:
        parts.remove(part)
        reasons[part.source] = f"has no candles before {part.candles.index[0]:%Y-%m-%d %H:%M} UTC"
    if not parts:
        if unlisted is not None:
            raise unlisted
        raise nobody(reasons)
    ordered = {name: reasons[name] for name in names if name in reasons}
    return replace(parts[0], parts=tuple(parts), left_out=ordered)


def _brief() -> Budget:
    return Budget(0.75 * failures.PATIENCE.timeout, min(2, failures.PATIENCE.tries))


def _forgive(name: str) -> None:
    with _lock:
        _silent.pop(exchange.gateway(), None)
        _answering.setdefault(exchange.gateway(), name)


def _relay(
    asked: dict[str, Future[Market]], told: queue.SimpleQueue[tuple[str, int, int]], on_progress: Progress | None
) -> None:
    """Pass on progress from the venues' threads in the caller's own, where a page may be drawn."""
    pending, done = set(asked.values()), 0
    heard: dict[str, tuple[int, int]] = {}
    while pending:
        _, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
        while on_progress is not None and not told.empty():
            what, at, total = told.get()
            heard[what.split(" ")[0]] = (at, total)
            done = sum(step for step, _ in heard.values())
            on_progress(what, done, max(done, sum(steps for _, steps in heard.values())))


def spoken(reasons: dict[str, str]) -> str:
    """Return the reasons as one clause, each venue by its title."""
    return "; ".join(f"{VENUES[name].title} {why}" for name, why in reasons.items())


def nobody(reasons: dict[str, str]) -> SourceError:
    """Return the error that says why no venue answered and what to do."""
    return SourceError(f"No venue answered ({spoken(reasons)}); check the connection, or choose auto.")


def forget() -> None:
    """Drop what is remembered about who answers."""
    with _lock:
        _answering.clear()
        _refusing.clear()
        _silent.clear()
