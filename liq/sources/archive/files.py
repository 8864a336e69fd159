"""Files of Binance's archive: fetched beside each other, held against their checksums, read, and kept on disk."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import NamedTuple

from liq.errors import InputError, SourceError
from liq.sources.archive import hosts, storage
from liq.sources.file_worker import messages, readers
from liq.sources.file_worker.process import AT_ONCE, prepare
from liq.sources.files.archive_file import content_of, content_parts
from liq.sources.files.content import Content
from liq.sources.files.table import named_buffer
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure

BATCH = 80
"""Files that are read by one process: a metrics file takes 6 ms of its four seconds, on a busy machine 40."""

MAX_FAILED = 3
"""Files that may fail to arrive, after retries, before the whole request is given up; fewer are left out and said."""

DOUBTFUL_SECONDS = 86_400
"""Seconds for which a file is kept that was refused or does not match its checksum: it may be put right."""

Step = Callable[[int, int], None]


@dataclass
class Found:
    """What was found: contents of files, keys that the archive does not have, and sentences on the rest."""

    contents: list[Content] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    complete: bool = True


class Arrived(NamedTuple):
    """A file as it arrived: its key, its bytes (None where there is none), and what is said about its checksum."""

    key: str
    content: bytes | None
    remark: str = ""


def gather(keys: Sequence[str], lock: str, budget: RetryBudget, on_step: Step | None = None) -> Found:
    """Return what the files under these keys say, from disk, and from the archive what is not there yet.

    lock : what one process at a time fetches; on_step : called with files done and files to fetch. Raises SourceError
    where more than MAX_FAILED files do not arrive.
    """
    entries = _on_disk(keys)
    failed: dict[str, VenueFailure] = {}
    absent: list[str] = []
    if len(entries) < len(keys):
        prepare()
        with storage.one_process(lock):
            missing = [key for key in keys if key not in entries]
            entries |= _on_disk(missing)
            missing = [key for key in missing if key not in entries]
            fetched, absent, failed = _fetched(missing, budget, on_step)
            entries |= fetched
    found = Found(absent=absent, complete=not failed)
    for key in keys:
        if key in entries:
            content, remark = entries[key]
            found.contents += [content] if content is not None else []
            found.notes += [remark] if remark else []
    for key, failure in failed.items():
        found.notes.append(f"{_name(key)} is left out: {hosts.TITLES[hosts.BINANCE]} {failure.reason}.")
    return found


Entry = tuple[Content | None, str]
"""What a file says, None where it was refused, and a sentence about it or ""."""


def _fetched(
    keys: Sequence[str], budget: RetryBudget, on_step: Step | None
) -> tuple[dict[str, Entry], list[str], dict[str, VenueFailure]]:
    """Return what files from the archive say, those that it does not have, and those that did not arrive."""
    entries: dict[str, Entry] = {}
    absent, failed = list[str](), dict[str, VenueFailure]()
    pool = ThreadPoolExecutor(hosts.AT_ONCE, thread_name_prefix="archive")
    parsers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="archive-read")
    try:
        requests = {pool.submit(_arrived, key, budget): key for key in keys}
        batch, reading = list[Arrived](), list[Future[dict[str, Entry]]]()
        for done, request in enumerate(as_completed(requests), 1):
            try:
                file = request.result()
            except VenueFailure as failure:
                failed[requests[request]] = failure
                if len(failed) > MAX_FAILED or failure.blocked:
                    raise SourceError(
                        f"{hosts.TITLES[hosts.BINANCE]} {failure.reason}; try again later, or choose another source."
                    ) from None
                continue
            if file.content is None:
                absent.append(file.key)
            else:
                batch.append(file)
            if len(batch) >= BATCH:
                reading.append(parsers.submit(_read, batch))
                batch = []
            if on_step is not None:
                on_step(done, len(keys))
        reading += [parsers.submit(_read, batch)] if batch else []
        for one in reading:
            entries |= one.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        parsers.shutdown(wait=False, cancel_futures=True)
    return entries, absent, failed


def _arrived(key: str, budget: RetryBudget) -> Arrived:
    """Return a file from the archive, fetched once more where it does not match its checksum; raise VenueFailure."""
    for _ in range(2):
        content = hosts.fetch(hosts.BINANCE, key, budget, begins=b"PK")
        if content is None:
            return Arrived(key, None)
        checksum = hosts.fetch(hosts.BINANCE, f"{key}.CHECKSUM", budget, max_bytes=10_000)
        if checksum is None:
            return Arrived(key, content, "has no checksum")
        if checksum.split()[:1] == [hashlib.sha256(content).hexdigest().encode()]:
            return Arrived(key, content)
        if budget.left <= 0:
            break
    return Arrived(key, content, "does not match its checksum")


def _read(batch: list[Arrived]) -> dict[str, Entry]:
    """Return what files say, and keep it on disk.

    Where a process that reads breaks a bound, its files are halved between two, so that one file costs no other.
    """
    try:
        said = readers.read_archive_files([named_buffer(file.content or b"", _name(file.key)) for file in batch])
    except InputError as error:
        if len(batch) > 1:
            middle = len(batch) // 2
            return _read(batch[:middle]) | _read(batch[middle:])
        said = [str(error)]
    entries: dict[str, Entry] = {}
    for file, content in zip(batch, said, strict=True):
        if isinstance(content, str):
            entries[file.key] = None, f"{content.removesuffix('.')}; it is left out."
        else:
            entries[file.key] = content, f"{_name(file.key)} {file.remark}; its rows pass." if file.remark else ""
    sound = {key: entry for key, entry in entries.items() if not entry[1]}
    storage.write({_place(key): _packed(entry) for key, entry in sound.items()})
    doubtful = {_place(key): _packed(entry) for key, entry in entries.items() if key not in sound}
    storage.write(doubtful, DOUBTFUL_SECONDS)
    return entries


def _on_disk(keys: Sequence[str]) -> dict[str, Entry]:
    """Return what is on disk of files, by key."""
    found: dict[str, Entry] = {}
    for place, packed in storage.read([_place(key) for key in keys]).items():
        try:
            header, blocks = messages.receive(io.BytesIO(packed))
            content = content_of(messages.table_of(blocks[0]), header["facts"]) if blocks else None
            found[place.removeprefix(_place(""))] = content, str(header["remark"])
        except (EOFError, ValueError, KeyError, TypeError):  # torn, or another version's: it is fetched anew
            continue
    return found


def _packed(entry: Entry) -> bytes:
    """Return an entry as it lies on disk: numbers as an Arrow table, all else as JSON."""
    content, remark = entry
    buffer = io.BytesIO()
    if content is None:
        messages.send(buffer, {"remark": remark})
    else:
        frame, facts = content_parts(content)
        messages.send(buffer, {"remark": remark, "facts": facts}, [messages.table_bytes(frame)])
    return buffer.getvalue()


def _place(key: str) -> str:
    """Return the name of a file on disk: another gateway may serve other files."""
    return f"files/{client.gateway()}/{key}"


def _name(key: str) -> str:
    """Return a file's own name."""
    return key.rsplit("/", 1)[-1]
