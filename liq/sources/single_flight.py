"""One answer for everybody who asks the same thing at the same time, and one failure too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, Protocol, TypeVar, cast

from cachetools import TTLCache, cached

T = TypeVar("T")
S = TypeVar("S", covariant=True)


class SingleFlight(Protocol[S]):
    """A function whose calls are shared, and the cache of its answers."""

    cache: MutableMapping[Any, Any]

    def __call__(self, *args: Any) -> S: ...

    def cache_clear(self) -> None:
        """Forget every answer."""


def single_flight(
    cache: MutableMapping[Any, Any], key: Callable[..., Hashable], failure: type[Exception]
) -> Callable[[Callable[..., T]], SingleFlight[T]]:
    """Decorate a function so that concurrent calls with one key make one call, and its answer is kept in `cache`.

    cachetools sees to that for answers. A failure it does not keep, rightly, but then each session that waited
    would fail anew, one after the other; so who was already waiting when a call failed is told of that failure.
    Whoever asks later asks afresh.
    """

    def decorate(work: Callable[..., T]) -> SingleFlight[T]:
        failed: TTLCache[Hashable, tuple[float, Exception]] = TTLCache(256, ttl=60)
        lock = threading.Lock()

        @cached(cache, condition=threading.Condition(), key=lambda asked, *args: key(*args))
        def once(asked: float, *args: Any) -> T:
            with lock:
                ended, earlier = failed.get(key(*args), (0.0, None))
            if earlier is not None and asked < ended:
                raise earlier
            try:
                return work(*args)
            except failure as error:
                with lock:
                    failed[key(*args)] = (time.monotonic(), error)
                raise

        def call(*args: Any) -> T:
            return once(time.monotonic(), *args)

        call.cache, call.cache_clear = cache, once.cache_clear  # type: ignore[attr-defined]
        return cast(SingleFlight[T], call)

    return decorate
