"""Files that the archives gave, on disk for as long as there is room.

It lies beside the other caches (`liq.sources.disk_cache`), in a folder of its own; LIQ_CACHE=off turns it off too.
Several processes may use it: it is an SQLite index over files that are complete before they are in it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cachetools import LRUCache, cached

from liq.sources import disk_cache

SIZE_LIMIT = 500_000_000
"""Maximum bytes on disk: some sixty windows of 6M; what was written longest ago goes first."""

FORMAT = 1
"""Version of what is written; another one is not read."""

LOCK_SECONDS = 120.0
"""Seconds for which a process waits until another one has fetched the same symbol; then it fetches beside it."""


def read(names: Iterable[str]) -> dict[str, bytes]:
    """Return what is there under these names.

    >>> read(["nothing of this name"])
    {}
    """
    found: dict[str, bytes] = {}
    with suppress(Exception):  # a folder that is full, torn or not ours is no reason to fail: the archive is asked
        if (store := _opened(folder())) is not None:
            for name in names:
                value = store.get(f"{FORMAT}/{name}")
                if isinstance(value, bytes):
                    found[name] = value
    return found


def write(values: Mapping[str, bytes], seconds: float | None = None) -> None:
    """Keep values under their names, for so many seconds or while there is room; nothing where it cannot be written.

    >>> write({})
    """
    with suppress(Exception):
        if values and (store := _opened(folder())) is not None:
            with store.transact(retry=True):
                for name, value in values.items():
                    store.set(f"{FORMAT}/{name}", value, expire=seconds)


def folder() -> Path | None:
    """Return the folder of what the archives gave, or None where the caches are off.

    >>> folder() is None or folder().name == "archive"
    True
    """
    path = disk_cache.folder()
    return None if path is None else path / "archive"


@contextmanager
def one_process(name: str) -> Iterator[None]:
    """Let one process at a time fetch what a name stands for, so that a second finds it on disk.

    The system takes the lock back from a process that ends. Where no lock can be had, there is none.

    >>> with one_process("BTCUSDT"):
    ...     pass
    """
    path = folder()
    if path is None:
        yield
        return
    from filelock import FileLock, Timeout  # only where something is fetched

    lock = FileLock(path / f"{name}.lock")
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_SECONDS)
    except (Timeout, OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        lock.release()


@cached(LRUCache(4), condition=threading.Condition())
def _opened(path: Path | None) -> Any:
    """Return the store in a folder, or None without one; what is in it is bytes, and nothing else is read."""
    if path is None:
        return None
    import diskcache  # SQLite inside, so several processes can share it
    from diskcache.core import MODE_PICKLE

    class Bytes(diskcache.Disk):
        """Reads bytes and never a pickle, which could hold anything."""

        def fetch(self, mode: int, filename: str, value: Any, read: bool) -> Any:
            return None if mode == MODE_PICKLE else super().fetch(mode, filename, value, read)

    return diskcache.Cache(path, disk=Bytes, size_limit=SIZE_LIMIT, timeout=5)
