"""Cache on disk that outlives the process: lists of markets, margin tiers and finished warm-up bars.

It lies in the platform's folder for caches, or in the folder that LIQ_CACHE names; LIQ_CACHE=off turns it off.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from cachetools import LRUCache, cached

SIZE_LIMIT = 64_000_000
"""Maximum bytes on disk; what was not used for longest goes first."""

Key = tuple[str | int, ...]


def read(key: Key) -> Any:
    """Return the JSON value under a key, or None where there is none, it is too old, or it cannot be read.

    >>> read(("nothing", "of", "this", "name")) is None
    True
    """
    with suppress(Exception):  # a folder that is full, torn or not ours is no reason to fail: the venue is asked
        if (store := _opened(folder())) is not None:
            return store.get(_name(key))
    return None


def read_rows(key: Key, width: int) -> list[list[Any]] | None:
    """Return rows of so many numbers under a key, or None where there are none such.

    >>> read_rows(("nothing", "of", "this", "name"), width=6) is None
    True
    """
    rows = read(key)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == width for row in rows):
        return None
    return rows if all(isinstance(value, int | float) for row in rows for value in row) else None


def write(key: Key, value: Any, seconds: float) -> None:
    """Keep a JSON value for so many seconds, or not at all where the folder cannot be written.

    >>> write(("an", "example"), [1, 2], seconds=0.0)
    """
    with suppress(Exception):
        if (store := _opened(folder())) is not None:
            store.set(_name(key), value, expire=seconds)


def folder() -> Path | None:
    """Return the folder of the cache, or None where it is turned off or the user has no home.

    >>> folder() is None or isinstance(folder(), Path)
    True
    """
    from platformdirs import user_cache_path

    chosen = os.environ.get("LIQ_CACHE", "")
    if chosen:
        return None if chosen.lower() == "off" else Path(chosen)
    with suppress(RuntimeError):
        if (path := user_cache_path("liq", appauthor=False)).is_absolute():  # older versions return ~/.cache as it is
            return path
    return None


def _name(key: Key) -> str:
    """Return a key as one string; the package's own format of 1 is part of it."""
    return "/".join(map(str, (1, *key)))


@cached(LRUCache(4), condition=threading.Condition())
def _opened(path: Path | None) -> Any:
    """Return the store in a folder, values as compressed JSON and never pickled, or None without a folder."""
    if path is None:
        return None
    from diskcache import Cache, JSONDisk  # SQLite inside, so several processes can share it

    return Cache(path, disk=JSONDisk, disk_compress_level=1, size_limit=SIZE_LIMIT, timeout=1)
