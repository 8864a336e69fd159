"""Single flight: concurrent calls with one key make one call and share its answer, or its failure."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, Protocol, TypeVar, cast

from cachetools import TTLCache, cached

T = TypeVar("T")
S = TypeVar("S", covariant=True)


class SingleFlight(Protocol[S]):
    """A function whose concurrent calls are shared, and the cache of its answers."""

    cache: MutableMapping[Any, Any]

    def __call__(self, *args: Any) -> S: ...

    def cache_clear(self) -> None:
        """Empty the cache."""


E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """Return a copy of an exception that holds no frames: a kept one would keep every local of its callers with it.

    >>> without_frames(ValueError("no")).args
    ('no',)
    """
    bare = copy.copy(error)
    bare.__traceback__ = bare.__cause__ = bare.__context__ = None
    return bare


def single_flight(
    cache: MutableMapping[Any, Any], key: Callable[..., Hashable], failure: type[Exception]
) -> Callable[[Callable[..., T]], SingleFlight[T]]:
    """Decorate a function so that concurrent calls with one key make one call; its answer is kept in `cache`.

    failure : the exception that is shared with the callers that were waiting when a call raised it. Later callers
    call again.

    >>> from cachetools import TTLCache
    >>> calls = []
    >>> @single_flight(TTLCache(8, ttl=60), key=lambda number: number, failure=OSError)
    ... def double(number):
    ...     calls.append(number)
    ...     return 2 * number
    >>> double(3), double(3), calls
    (6, 6, [3])
    """

    def decorate(work: Callable[..., T]) -> SingleFlight[T]:
        # cachetools shares an answer with those who wait for it, but keeps no failure: each waiting caller would call
        # again, one after the other, and fifty sessions would wait fifty timeouts. A caller that began before a call
        # failed gets that failure; one that begins later gets a fresh call.
        failed: TTLCache[Hashable, tuple[float, Exception]] = TTLCache(256, ttl=60)
        lock = threading.Lock()

        @cached(cache, condition=threading.Condition(), key=lambda started, *args: key(*args))
        def once(started: float, *args: Any) -> T:
            with lock:
                failed_at, earlier = failed.get(key(*args), (0.0, None))
            if earlier is not None and started < failed_at:
                raise without_frames(earlier)
            try:
                return work(*args)
            except failure as error:
                with lock:
                    failed[key(*args)] = (time.monotonic(), without_frames(error))
                raise

        def call(*args: Any) -> T:
            return once(time.monotonic(), *args)

        call.cache, call.cache_clear = cache, once.cache_clear  # type: ignore[attr-defined]
        return cast(SingleFlight[T], call)

    return decorate
