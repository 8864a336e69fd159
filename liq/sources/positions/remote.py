"""Publications at a URL: their index, asked for once a minute at most, and their files, kept on disk.

Their files are read by `liq.sources.file_worker.published`; only what was read without fault is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from liq import system
from liq.errors import InputError
from liq.sources import disk_cache
from liq.sources.positions import download
from liq.sources.positions.download import Failed, Reply, Site, Wanted
from liq.sources.positions.index import INDEX, MAX_INDEX_BYTES, Index, PublishedFile, parse_index

FRESH = 60.0
"""Seconds for which an index, or a host's failure, holds before the host is asked again."""

SECONDS = 15.0
"""Seconds that an index, and again its files, may take to load."""

AHEAD = pd.Timedelta(minutes=5)
"""How far a snapshot's time may lie in the future: clocks differ."""

MAX_DISK_BYTES = 250_000_000
"""Maximum size of all publications on disk: twice the largest one; what was not used for longest goes first."""

STALE = 3600.0
"""Seconds after which a file that a killed process left half written is removed."""


@dataclass
class Known:
    """What this process knows of a publication. `lock` is held by whoever reads it.

    asked : when the host was (monotonic); index, etag : what was last read without fault; offered : what the host
    sent and nobody has read yet; failure, older : why it sent nothing of use, or nothing new; failed : files that
    could not be had or read, by sha256, when (monotonic) and why.
    """

    place: Site
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: float | None = None
    index: Index | None = None
    etag: str = ""
    offered: tuple[Index, str, bytes] | None = None
    failure: str = ""
    older: str = ""
    failed: dict[str, tuple[float, str]] = field(default_factory=dict)


_known: dict[str, Known] = {}
_lock = threading.Lock()


def known(url: str) -> Known:
    """Return what this process knows of the publication at a URL; raise InputError for a URL that is not to be asked.

    >>> known("https://example.org/seen/") is known("https://example.org/seen/index.json")
    True
    """
    place = download.site(url)
    with _lock:
        return _known.setdefault(place.url, Known(place))


def forget() -> None:
    """Forget all publications of this process; what is on disk stays.

    >>> forget()
    """
    with _lock:
        _known.clear()


def refresh(publication: Known) -> None:
    """Ask the host for its index where that was not done within FRESH seconds. Needs the lock.

    Afterwards `offered` is what it sent, and `failure` or `older` why it is None; `index` is what was read before.

    >>> refresh(nobody := known("http://127.0.0.1:9/"))
    >>> nobody.failure
    '127.0.0.1 refuses the connection'
    """
    if publication.asked is not None and time.monotonic() - publication.asked < FRESH:
        return
    if publication.index is None:
        _load_kept(publication)
    publication.offered, publication.failure, publication.older = None, "", ""
    wanted = Wanted(INDEX, MAX_INDEX_BYTES, publication.etag if publication.index else "")
    (reply,) = download.load(publication.place, [wanted], SECONDS)
    publication.asked = time.monotonic()  # not before: a host may take its time
    host = publication.place.host
    if isinstance(reply, Failed):
        publication.failure = f"{host} {reply}"
        return
    if reply.content is None:
        return
    try:
        index = parse_index(reply.content, f"the index of {host}")
        newest = past(index).newest
    except InputError as error:
        publication.failure = str(error).rstrip(".")
        return
    if publication.index is not None and newest < past(publication.index).newest:
        publication.older = (
            f"{host} publishes an older state ({newest:%d %b %H:%M} UTC) than it did before, which is not used."
        )
        return
    publication.offered = index, reply.etag, reply.content


def past(index: Index) -> Index:
    """Return an index without the files of snapshots in the future; raise InputError where nothing is left.

    >>> from liq.sources.positions.index import Snapshot
    >>> times = pd.Timestamp("2026-01-31", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
    >>> files = [PublishedFile(f"{n}.parquet", 1, "", (Snapshot(time, 1, 1, 1, 0),)) for n, time in enumerate(times)]
    >>> [file.name for file in past(Index("hyperliquid", "", ("BTC",), tuple(files))).files]
    ['0.parquet']
    """
    latest = utc_now() + AHEAD
    files = tuple(file for file in index.files if file.snapshots[-1].time <= latest)
    if not files:
        raise InputError(
            f"The snapshots published are of the future, {index.newest:%Y-%m-%d %H:%M} UTC; check both clocks."
        )
    return index._replace(files=files)


def contents(publication: Known, files: Sequence[PublishedFile]) -> dict[str, bytes]:
    """Return the content of files by sha256, from disk or from the host; `failed` has those that could not be had.

    A file that failed within FRESH seconds is not asked for again. Needs the lock.

    >>> contents(known("http://127.0.0.1:9/"), [PublishedFile("a.parquet", 1, "", ())])
    {}
    """
    found: dict[str, bytes] = {}
    missing = []
    for file in files:
        content = _kept(publication, file)
        if content is not None:
            found[file.sha256] = content
        elif not failed_lately(publication, file):
            missing.append(file)
    replies = download.load(publication.place, [Wanted(file.name, file.size) for file in missing], SECONDS)
    for file, reply in zip(missing, replies, strict=True):
        if isinstance(reply, Reply) and hashlib.sha256(reply.content or b"").hexdigest() == file.sha256:
            found[file.sha256] = reply.content or b""
        else:
            reason = reply if isinstance(reply, Failed) else "sends another content than its index says"
            note_failure(publication, file, f"{publication.place.host} {reason}")
    return found


def failed_lately(publication: Known, file: PublishedFile) -> bool:
    """Return whether a file could not be had, or not be read, within FRESH seconds.

    >>> failed_lately(known("https://example.org/"), PublishedFile("a.parquet", 1, "", ()))
    False
    """
    when, _ = publication.failed.get(file.sha256, (-FRESH, ""))
    return time.monotonic() - when < FRESH


def note_failure(publication: Known, file: PublishedFile, why: str) -> None:
    """Note why a file could not be had, or not be read.

    >>> note_failure(known("https://example.com/"), PublishedFile("a.parquet", 1, "", ()), "it is damaged")
    """
    if len(publication.failed) > 1000:
        publication.failed.clear()
    publication.failed[file.sha256] = time.monotonic(), why


def keep(publication: Known, read: dict[str, bytes]) -> None:
    """Keep files that were read without fault, by sha256, on disk.

    >>> keep(known("https://example.org/"), {})
    """
    folder = _folder(publication.place)
    if folder is not None:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for sha256, content in read.items():
                if not (path := folder / f"{sha256}.parquet").exists():
                    _write(path, content)


def accept(publication: Known) -> None:
    """Take the index that was offered, of which files were read without fault, in place of the one before.

    >>> accept(known("https://example.org/"))
    """
    if publication.offered is None:
        return
    publication.index, publication.etag, raw = publication.offered
    publication.offered = None
    if (folder := _folder(publication.place)) is not None:
        with suppress(OSError):
            text = json.dumps({"url": publication.place.url, "etag": publication.etag, "index": raw.decode()})
            _write(folder / INDEX, text.encode())
            _prune(folder, {f"{file.sha256}.parquet" for file in publication.index.files})


def utc_now() -> pd.Timestamp:
    """Return the current time.

    >>> utc_now().tz is not None
    True
    """
    return pd.Timestamp.now("UTC")


def _load_kept(publication: Known) -> None:
    """Take over the index that this or another process kept on disk."""
    folder = _folder(publication.place)
    if folder is None:
        return
    broken = (OSError, ValueError, KeyError, TypeError, AttributeError)
    with suppress(*broken), system.open_to_read(folder / INDEX) as file:
        kept = json.loads(file.read(2 * MAX_INDEX_BYTES))
        index = parse_index(kept["index"].encode(), "the index on disk")  # InputError is a ValueError
        past(index)
        publication.index, publication.etag = index, str(kept["etag"])


def _kept(publication: Known, file: PublishedFile) -> bytes | None:
    """Return a file's content from disk, or None where it is not there or was changed."""
    folder = _folder(publication.place)
    if folder is None:
        return None
    path = folder / f"{file.sha256}.parquet"
    with suppress(OSError):
        with system.open_to_read(path) as stream:
            content = stream.read(file.size + 1)
        if hashlib.sha256(content).hexdigest() == file.sha256:
            os.utime(path)
            return content
        path.unlink()
    return None


def _folder(place: Site) -> Path | None:
    """Return the folder in which a publication is kept, or None where nothing is kept on disk."""
    cache = disk_cache.folder()
    if cache is None:
        return None
    return cache / "published" / hashlib.blake2b(place.url.encode(), digest_size=8).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step; processes that write the same one at once do not disturb each other."""
    temporary = path.with_name(f".{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        temporary.write_bytes(content)
        system.move_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _prune(folder: Path, names: set[str]) -> None:
    """Remove files that a publication no longer names, then the least used of all until they are within bounds."""
    now = time.time()
    for path in folder.iterdir():
        is_left = path.name.startswith(".") and now - path.stat().st_mtime > STALE
        if is_left or (path.suffix == ".parquet" and not path.name.startswith(".") and path.name not in names):
            path.unlink(missing_ok=True)
    every = [(path.stat().st_mtime, path.stat().st_size, path) for path in folder.parent.glob("*/*")]
    size = sum(one[1] for one in every)
    for _, bytes_, path in sorted(every):
        if size <= MAX_DISK_BYTES:
            break
        path.unlink(missing_ok=True)
        size -= bytes_
