"""Positions that someone publishes, at a URL or in a folder, read like any file from outside."""

from __future__ import annotations

import copy
import hashlib
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import pandas as pd
from cachetools import LRUCache

from liq import system
from liq.errors import InputError, SourceError, shown
from liq.market import as_utc
from liq.positions import Positions
from liq.sources.file_worker.process import prepare, run
from liq.sources.files.table import named_buffer
from liq.sources.positions import remote
from liq.sources.positions.index import INDEX, MAX_INDEX_BYTES, Index, PublishedFile, Snapshot, parse_index
from liq.sources.positions.published import read_published
from liq.sources.positions.remote import Known

MAX_KEPT_ROWS = 500_000
"""Positions that all answers kept in memory may have together, some 60 MB; a quarter of one coin has 150,000."""

BATCH_ROWS = 400_000
"""Positions that one process reads at most: so many take 300 MB there."""

WHOLE_ROWS, FEW_COINS = 2_000_000, 3
"""Positions out of which one process reads one coin, where more coins than a few share them: a quarter at once, since
each process takes half a second to start."""

READ_SECONDS = 12.0
"""Seconds after which no further process is started; a quarter of all coins takes 5."""

_answers: LRUCache[tuple[Any, ...], Positions] = LRUCache(MAX_KEPT_ROWS, getsizeof=lambda found: len(found.rows))
_lock = threading.Lock()


def published_positions(url: str, coin: str | None = None, since: pd.Timestamp | str | None = None) -> Positions:
    """Return the positions published at a URL; its host is asked once a minute at most, however many call.

    coin : None for every coin; where nothing is published of it, the newest snapshot of the others is returned.
    since : only the files that hold the last snapshot at or before a time (UTC) and later ones, None for all of them.
    While nothing new is published the same object is returned. Its `notes` say what is missing, and where the host
    failed and what it published before is shown. Raises InputError for a URL that is not to be asked, SourceError
    where nothing could be had.

    >>> published_positions("http://example.org/")
    Traceback (most recent call last):
    liq.errors.InputError: example.org must be asked over https; http is for this machine alone.
    """
    publication = remote.known(url)
    with publication.lock:
        remote.refresh(publication)
        problem = publication.failure
        if publication.offered is not None:
            try:
                found = _read_remote(publication, publication.offered[0], coin, since, [])
                remote.accept(publication)
                return found
            except SourceError as error:
                problem = str(error).rstrip(".")
        if publication.index is None:
            raise SourceError(f"{problem}. Try again later, or name another address.")
        if problem:
            newest = remote.past(publication.index).newest
            problem = f"{problem}; what was published by {newest:%d %b %H:%M} UTC is shown."
        return _read_remote(
            publication, publication.index, coin, since, [text for text in (problem, publication.older) if text]
        )


def published_folder(path: str | Path, coin: str | None = None, since: pd.Timestamp | str | None = None) -> Positions:
    """Return the positions in a folder that was published, as `published_positions` does; raise InputError.

    >>> published_folder("nowhere")
    Traceback (most recent call last):
    liq.errors.InputError: nowhere cannot be read: No such file or directory.
    """
    folder = Path(path)
    try:
        with system.open_to_read(folder / INDEX) as stream:
            index = parse_index(stream.read(MAX_INDEX_BYTES + 1), f"the index of {folder.name}")
    except OSError as error:
        raise InputError(f"{folder.name} cannot be read: {error.strerror or error}.") from None
    files, coin = _wanted(index, coin, since)
    found: dict[str, bytes] = {}
    wrong: dict[str, str] = {}
    for file in files:
        try:
            with system.open_to_read(folder / file.name) as stream:
                found[file.sha256] = stream.read(file.size + 1)
            if hashlib.sha256(found[file.sha256]).hexdigest() != file.sha256:
                wrong[file.name] = f"{file.name} has another content than its index says"
        except OSError as error:
            wrong[file.name] = f"{file.name} cannot be read: {error.strerror or error}"
    tables, more = _tables([file for file in files if file.name not in wrong], found, index, coin)
    wrong |= more
    if len(wrong) == len(files):
        raise InputError(f"None of the {len(files)} files in {folder.name} could be read: {_first(wrong.values())}.")
    if coin is not None and not _has_rows(tables):
        return published_folder(path, None, index.newest)
    return _joined(tables, index, _missing(files, wrong))


def is_published(path: str | Path) -> bool:
    """Return whether a folder is one that was published.

    >>> is_published("nowhere")
    False
    """
    return (Path(path) / INDEX).is_file()


def _read_remote(
    publication: Known, index: Index, coin: str | None, since: pd.Timestamp | str | None, notes: list[str]
) -> Positions:
    """Return the positions that an index names; raise SourceError where none of its files can be had."""
    future = len(index.files)
    index = remote.past(index)
    host = publication.place.host
    if future := future - len(index.files):
        notes = [*notes, f"{future} files hold snapshots of a time in the future and are left out; check the clocks."]
    wanted, coin = _wanted(index, coin, since)
    files = [file for file in wanted if not remote.failed_lately(publication, file)]
    if (answer := _answer(publication, files, coin)) is None:
        prepare()  # it starts while the files are on their way
        contents = remote.contents(publication, files)
        files = [file for file in files if file.sha256 in contents]
        tables, wrong = _tables(files, contents, index, coin)
        for file in files:
            if file.name in wrong:
                remote.note_failure(publication, file, wrong[file.name])
        files = [file for file in files if file.name not in wrong]
        if not files:
            why = _first(publication.failed[file.sha256][1] for file in wanted)
            raise SourceError(f"None of the {len(wanted)} files that {host} publishes could be read: {why}.")
        remote.keep(publication, {file.sha256: contents[file.sha256] for file in files})
        if coin is not None and not _has_rows(tables):
            answer = _read_remote(publication, index, None, index.newest, [])
        else:
            answer = _joined(tables, index, [])
        _hold(publication, files, coin, answer)
    reasons = {file.name: publication.failed[file.sha256][1] for file in wanted if file not in files}
    said = (*notes, *_missing(wanted, reasons))
    if answer.notes != said:  # rows are large and were checked
        answer = copy.copy(answer)
        object.__setattr__(answer, "notes", said)
        _hold(publication, files, coin, answer)
    return answer


def _answer(publication: Known, files: Sequence[PublishedFile], coin: str | None) -> Positions | None:
    """Return what was made of these files before, if it is still in memory."""
    with _lock:
        return _answers.get(_key(publication, files, coin)) if files else None


def _hold(publication: Known, files: Sequence[PublishedFile], coin: str | None, answer: Positions) -> None:
    """Keep in memory what was made of these files, unless it is larger than all that is kept there."""
    if len(answer.rows) <= MAX_KEPT_ROWS:
        with _lock:
            _answers[_key(publication, files, coin)] = answer


def _key(publication: Known, files: Sequence[PublishedFile], coin: str | None) -> tuple[Any, ...]:
    """Return what an answer depends on."""
    return publication.place.url, coin, tuple(file.sha256 for file in files)


def _wanted(
    index: Index, coin: str | None, since: pd.Timestamp | str | None
) -> tuple[list[PublishedFile], str | None]:
    """Return the files, newest first, back to the one that holds a snapshot at or before a time, and the coin to
    read; of a coin that is not published the newest file and every coin."""
    if coin is not None and coin not in index.coins:
        return list(index.files[:1]), None
    since = None if since is None else as_utc(since, "since")
    wanted = []
    for file in index.files:
        wanted.append(file)
        if since is not None and file.snapshots[0].time <= since:
            break
    return wanted, coin


def _tables(
    files: Sequence[PublishedFile], contents: dict[str, bytes], index: Index, coin: str | None
) -> tuple[list[list[pd.DataFrame]], dict[str, str]]:
    """Return what processes read in files, batch by batch, and what is wrong with those that are left out."""
    ends = time.monotonic() + READ_SECONDS
    # one coin of many is little, so one process may do; where it does not, most rows are of that coin
    whole = _batches(files, WHOLE_ROWS) if coin is not None and len(index.coins) > FEW_COINS else []
    if len(whole) == 1:
        found, wrong = _read(whole, contents, index, coin, ends)
        if found:
            return found, wrong
    return _read(_batches(files, BATCH_ROWS), contents, index, coin, ends)


def _batches(files: Sequence[PublishedFile], most: int) -> list[list[PublishedFile]]:
    """Return files in groups of so many positions at most, or one file."""
    batches: list[list[PublishedFile]] = []
    rows = 0
    for file in files:
        if not batches or rows + file.rows > most:
            batches.append([])
            rows = 0
        batches[-1].append(file)
        rows += file.rows
    return batches


def _read(
    batches: Sequence[Sequence[PublishedFile]],
    contents: dict[str, bytes],
    index: Index,
    coin: str | None,
    ends: float,
) -> tuple[list[list[pd.DataFrame]], dict[str, str]]:
    """Return what one process a batch reads until a time (monotonic), and what is wrong with the files left out."""
    found, wrong = [], dict[str, str]()
    for batch in batches:
        options = {"entries": [_plain(file) for file in batch], "coins": index.coins, "coin": coin}
        buffers = [named_buffer(contents[file.sha256], file.name) for file in batch]
        try:
            if time.monotonic() > ends:
                raise InputError(f"reading all files takes longer than {READ_SECONDS:g} seconds")
            tables, facts = run("published", buffers, options)
        except InputError as error:  # a bound: nobody knows which of them broke it
            wrong |= {file.name: str(error) for file in batch}
            continue
        found.append(tables)
        wrong |= facts["wrong"]
    return found, wrong


def _plain(file: PublishedFile) -> list[Any]:
    """Return an entry of an index as JSON can carry it."""
    snapshots = [[int(one.time.timestamp()), *one[1:]] for one in file.snapshots]
    return [file.name, file.size, file.sha256, snapshots]


def published_task(
    files: list[Any], entries: list[Any], coins: list[str], coin: str | None
) -> tuple[list[pd.DataFrame], dict[str, Any]]:
    """Return what `read_published` does, where entries came through JSON; for the process that reads.

    >>> published_task([], [], [], None)[1]
    {'wrong': {}}
    """
    known = []
    for name, size, sha256, snapshots in entries:
        times = [pd.Timestamp(one[0], unit="s", tz="UTC") for one in snapshots]
        counts = tuple(Snapshot(time, *one[1:]) for time, one in zip(times, snapshots, strict=True))
        known.append(PublishedFile(name, size, sha256, counts))
    tables, wrong = read_published(cast(list[BinaryIO], files), known, tuple(coins), coin)
    return tables, {"wrong": wrong}


def _has_rows(batches: Sequence[Sequence[pd.DataFrame]]) -> bool:
    """Return whether any batch of files holds a position."""
    return any(len(rows) for rows, *_ in batches)


def _joined(batches: Sequence[Sequence[pd.DataFrame]], index: Index, notes: Sequence[str]) -> Positions:
    """Return the positions that batches of files hold."""
    rows, passes, interest = (
        pd.concat([batch[part] for batch in batches if len(batch[part])] or [batches[0][part]]) for part in range(3)
    )
    passes = passes.sort_values("time", ignore_index=True)
    return Positions(rows, index.venue, passes, interest.sort_index(), notes=tuple(notes))


def _missing(wanted: Sequence[PublishedFile], reasons: dict[str, str]) -> list[str]:
    """Return sentences on files that are missing, by name why."""
    if not reasons:
        return []
    return [f"{len(reasons)} of {len(wanted)} published files are missing: {_first(reasons.values())}."]


def _first(reasons: Iterable[str]) -> str:
    """Return the first of several reasons, as the end of a sentence."""
    return shown(next(iter(reasons)).rstrip("."), 160)
