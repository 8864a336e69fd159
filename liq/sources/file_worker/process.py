"""The process that reads a file: started, given its bytes, bounded in time and memory, and ended, by the server.

A process reads one file, or one set of files, and ends. One may be started ahead of need (`prepare`), so that an
upload does not wait for Python and pandas; what nobody needs for IDLE seconds is ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

import pandas as pd

from liq import process_memory
from liq.errors import DateOrderError, InputError
from liq.sources.file_worker import messages
from liq.sources.files.table import MAX_BYTES, File, file_name

SECONDS = 4.5
"""Seconds that a file may take to be read. Half a second is left for handing it over: nobody waits more than five."""

MEGABYTES = 400
"""Resident memory that the process may take, its own 100 to 120 for Python, pandas and pyarrow among it."""

AT_ONCE = 2
"""Files read at the same time; more would only take each other's processor and memory."""

QUEUE_SECONDS = 4 * SECONDS
"""Seconds for which a file waits until another one is read."""

ALONE_SECONDS = 3.5
"""Seconds after SECONDS at which the process ends itself, where the server that would have ended it is gone."""

START_SECONDS = 30.0
"""Seconds that Python and pandas may take to start, on a machine that is busy with all else."""

IDLE = 60.0
"""Seconds after which a process that was started ahead of need is ended."""

POLL = 0.01
"""Seconds between two looks at the process's memory and the clock."""

SCRIPT = "from liq.sources.file_worker.serve import serve; serve()"

Process = subprocess.Popen[bytes]

_places = threading.BoundedSemaphore(AT_ONCE)
_lock = threading.Lock()
_spare: dict[str, Any] = {}


def run(task: str, files: Sequence[File], options: dict[str, Any]) -> tuple[list[pd.DataFrame], dict[str, Any]]:
    """Return the tables and facts that a task of `liq.sources.file_worker.readers` makes of files.

    files : paths, which are opened by the process, or binary buffers, with a `name` where they have one. Raises
    InputError as the task does, where SECONDS or MEGABYTES do not suffice, and where the process ended early.

    >>> import io
    >>> tables, _ = run("liquidations", [io.BytesIO(b"open_time_ms,long,short\\n1767225600000,5,0\\n")], {})
    >>> tables[0]["long"].item()
    5.0
    """
    entries, blocks = _described(files)
    name = entries[0]["name"] + (f" and {len(entries) - 1} more" if len(entries) > 1 else "")
    if not _places.acquire(timeout=QUEUE_SECONDS):
        raise InputError(f"{name} was not read, because other files are being read; try again in a moment.")
    request = {"task": task, "files": entries, "options": options, "seconds": SECONDS + ALONE_SECONDS}
    try:
        for _ in range(2):  # the one that waited may have been ended from outside
            with _taken() as process:
                if (answer := _answer(process, name, request, blocks)) is not None:
                    return answer
    finally:
        _places.release()
    raise InputError(
        f"{name} was not read: the process that reads files does not start, or ends at once; try again later."
    )


def prepare() -> None:
    """Start a process ahead of need, where none is waiting, and keep the one that waits for IDLE seconds more.

    >>> prepare()
    >>> give_back()
    """
    with _lock, suppress(InputError):  # a file that comes will say it
        process, timer = _waiting(), threading.Timer(IDLE, give_back)
        _spare.update(process=process or _started(), timer=timer)
        timer.daemon = True
        timer.start()


def give_back() -> None:
    """End the process that waits, if any.

    >>> give_back()
    """
    with _lock:
        process = _waiting()
    if process is not None:
        _end(process)


def _waiting() -> Process | None:
    """Return the process that waits, no longer kept; None where there is none or it has ended. Needs the lock."""
    process, timer = _spare.pop("process", None), _spare.pop("timer", None)
    if timer is not None:
        timer.cancel()
    return process if process is not None and process.poll() is None else None


def _described(files: Sequence[File]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Return name and place of each file, and the bytes of those that are no paths; raise InputError for too many."""
    entries, blocks, size = list[dict[str, Any]](), list[bytes](), 0
    for file in files:
        name = file_name(file)
        if isinstance(file, (str, os.PathLike)):
            entries.append({"name": name, "path": os.fspath(file)})
            continue
        file.seek(0)
        raw = file.read(MAX_BYTES + 1 - size)
        if not isinstance(raw, bytes):
            raise InputError(f"{name} must be opened in binary mode.")
        size += len(raw)
        if size > MAX_BYTES:
            raise InputError(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; cut it to the days that matter.")
        entries.append({"name": name, "block": len(blocks)})
        blocks.append(raw)
    return entries, blocks


@contextmanager
def _taken() -> Iterator[Process]:
    """Yield the process that waits, or a new one; it is ended when it is left, whatever it is doing."""
    with _lock:
        process = _waiting()
    process = process or _started()
    try:
        yield process
    finally:
        _end(process)


def _started() -> Process:
    """Return a new process; it waits for one message and ends with its answer, or when this process ends."""
    few = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {
        **os.environ,
        **few,  # a thread more is memory more, and a file is read by one
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve a gigabyte of addresses, which the bound would count
        # "" on the path is the folder that this process was started in
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path),
        "PYTHONUTF8": "1",
    }
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise InputError(
            f"The process that reads files cannot be started ({error.strerror or error}); try again later."
        ) from None


def _end(process: Process) -> None:
    """End a process and wait until the system has forgotten it."""
    with suppress(OSError):
        process.kill()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            cast(IO[bytes], stream).close()
    process.wait()


def _answer(
    process: Process, name: str, request: dict[str, Any], blocks: list[bytes]
) -> tuple[list[pd.DataFrame], dict[str, Any]] | None:
    """Return the process's answer to a request, None where it ended before it took it.

    Raises InputError for its error, its end, or a bound that it broke.
    """
    ready, taken = threading.Event(), threading.Event()

    def exchange() -> tuple[dict[str, Any], list[bytes]]:
        messages.receive(cast(Any, process.stdout))
        process_memory.limit_memory(process.pid, MEGABYTES * 1_000_000)
        ready.set()
        messages.send(cast(Any, process.stdin), request, blocks)
        messages.receive(cast(Any, process.stdout))
        taken.set()
        return messages.receive(cast(Any, process.stdout), most=MEGABYTES * 1_000_000)

    with ThreadPoolExecutor(1, thread_name_prefix="file-worker") as pool:
        answer = pool.submit(exchange)
        broken = _watched(process, answer, ready)
    if broken:
        raise InputError(f"{name} {broken}")
    try:
        header, tables = answer.result()
    except (OSError, EOFError, ValueError):
        if not taken.is_set():
            return None
        raise InputError(
            f"{name} was not read to its end: that takes more than {MEGABYTES} MB of memory, or the process that "
            "read it was ended from outside; cut it to the days that matter, or try again."
        ) from None
    if "error" in header:
        readings = header.get("readings")
        raise DateOrderError(header["error"], readings) if readings else InputError(header["error"])
    return [messages.table_of(block) for block in tables], header["facts"]


def _watched(process: Process, answer: Future[Any], ready: threading.Event) -> str:
    """Wait for an answer; end the process where it breaks a bound, and return which, or ""."""
    reading, deadline = False, time.monotonic() + START_SECONDS
    while not wait([answer], timeout=POLL).done:
        if ready.is_set() and not reading:
            reading, deadline = True, time.monotonic() + SECONDS
        broken = ""
        if time.monotonic() > deadline:
            broken = f"takes longer than {SECONDS:g} seconds to read; cut it to the days that matter."
            if not reading:
                broken = "was not read: the machine is too busy to start a process for it; try again in a moment."
        elif process_memory.resident_memory(process.pid) > MEGABYTES * 1_000_000:
            broken = f"takes more than {MEGABYTES} MB of memory to read; cut it to the days that matter."
        if broken:
            process.kill()
            return broken
    return ""
