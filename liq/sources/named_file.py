"""The market in the file, zip or folder that the environment variable LIQ_FILE names, read while it is unchanged."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from cachetools import LRUCache, TTLCache, cached

from liq.errors import InputError
from liq.market import Market

REFUSED_SECONDS = 30
"""Seconds for which a file that was refused is not read again: a page asks for it several times a run."""

_refused: TTLCache[tuple[str, str, str, int, int], InputError] = TTLCache(16, ttl=REFUSED_SECONDS)


def market(lookback: str, dates: str = "") -> Market:
    """Return the market in the file over a lookback, see `liq.sources.files.market_file.read_market`.

    Raises InputError where LIQ_FILE is not set or names nothing that can be read.

    >>> _ = os.environ.pop("LIQ_FILE", None)
    >>> market("7d")
    Traceback (most recent call last):
    liq.errors.InputError: source file needs a recording: upload one, or name it in LIQ_FILE.
    """
    path = os.environ.get("LIQ_FILE", "")
    if not path:
        raise InputError("source file needs a recording: upload one, or name it in LIQ_FILE.")
    try:
        state = Path(path).stat()
    except OSError:
        raise InputError(f"LIQ_FILE names '{path}', which cannot be read.") from None
    key = (path, lookback, dates, state.st_mtime_ns, state.st_size)
    if (refused := _refused.get(key)) is not None:
        raise refused
    try:
        return _read(*key)
    except InputError as error:
        _refused[key] = error
        raise


def clear() -> None:
    """Forget what was read, as in a new process.

    >>> clear()
    """
    _read.cache_clear()
    _refused.clear()


@cached(LRUCache(4), condition=threading.Condition())
def _read(path: str, lookback: str, dates: str, modified: int, size: int) -> Market:
    """Return the market in a file, read once while the file is unchanged."""
    from liq.sources.file_worker.readers import read_market

    return read_market(path, lookback=lookback, dates=dates)
