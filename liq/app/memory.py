"""One cache for everything that sessions share, bounded in bytes: what was not used for longest goes first.

LIQ_MEMORY sets the bound in megabytes. Heatmaps and markets in keys are held weakly, so that no key keeps one alive
that the bound has pushed out.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import partial, wraps
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from cachetools import LRUCache, cached

from liq import process_memory
from liq.positions import Positions

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_MEGABYTES = 100
"""Bound without a setting: with the rest it fits the smallest machine of Community Cloud, which has 690 MB."""


def megabytes() -> float:
    """Return the bound of the cache, from LIQ_MEMORY.

    >>> megabytes() > 0
    True
    """
    with suppress(ValueError):
        return max(1.0, float(os.environ.get("LIQ_MEMORY", DEFAULT_MEGABYTES)))
    return DEFAULT_MEGABYTES


def size_of(value: Any) -> int:
    """Return the bytes of the arrays, frames and texts in a value; what it refers to twice counts once.

    >>> size_of((np.zeros(10), "text"))
    84
    """
    return _size(value, set())


def _size(value: Any, seen: set[int]) -> int:
    if id(value) in seen or value is None:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, pd.DataFrame):
        return int(value.size * 8)  # memory_usage takes a millisecond a frame
    if isinstance(value, (pd.Series, pd.Index)):
        return int(value.memory_usage(deep=False))
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(one, seen) for one in value.values())
    if isinstance(value, (tuple, list, set, frozenset)):
        return sum(_size(one, seen) for one in value)
    if isinstance(value, Positions):
        return 0  # kept by who read them, and one for all maps of them
    if is_dataclass(value) and not isinstance(value, type):
        return sum(_size(getattr(value, field.name), seen) for field in fields(value))
    return int(getattr(value, "nbytes", 0))  # tables of pyarrow have it


IDLE = 60.0
"""Seconds without a use after which everything is given back: nobody looks at a page any more."""

_cache: LRUCache[Hashable, Any] = LRUCache(megabytes() * 1e6, getsizeof=lambda value: 1000 + size_of(value))
_condition = threading.Condition()
_uses = {"last": 0.0, "watched": 0.0}


def shared(function: F) -> F:
    """Cache a function for all sessions; those that want the same value at once wait for one computation.

    Its arguments must be hashable.

    >>> @shared
    ... def doubled(number):
    ...     return 2 * number
    >>> doubled(3)
    6
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def computed(*arguments: Hashable) -> Any:
        value = function(*arguments)
        _note_use()  # again: what took longer than IDLE would come into a cache that nobody watches
        return value

    return cast(F, cached(_cache, key=partial(_key, name), condition=_condition)(computed))


def _key(name: str, *arguments: Hashable) -> Hashable:
    """Return a key in which large objects are held weakly, and note the use."""
    _note_use()
    return (name, *(weakref.ref(value) if is_dataclass(value) else value for value in arguments))


def _note_use() -> None:
    """Note that somebody uses the cache, and see that it is given back later."""
    _uses["last"] = time.monotonic()
    if not _uses["watched"]:
        _uses["watched"] = _uses["last"]
        threading.Thread(target=_give_back_when_idle, name="memory", daemon=True).start()


def _give_back_when_idle() -> None:
    """Wait until nothing was used for IDLE seconds, then empty the cache and return the memory to the system; return
    what is free meanwhile, too."""
    while (left := _uses["last"] + IDLE - time.monotonic()) > 0:
        time.sleep(left)
        return_freed_memory()
    _uses["watched"] = 0.0
    with _condition:
        _cache.clear()
    for _ in range(2):  # Streamlit keeps the sessions that left for two minutes
        gc.collect()
        return_freed_memory()
        time.sleep(2 * IDLE)


def return_freed_memory() -> None:
    """Return freed memory to the system, as far as Arrow and the C library can; some would stay for every session.

    >>> return_freed_memory()
    """
    pa.default_memory_pool().release_unused()
    process_memory.return_freed_memory()
