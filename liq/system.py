"""What Linux, macOS and Windows do differently, each behind one name: moving files, signals, limits."""

from __future__ import annotations

import _thread
import errno
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple

WINDOWS = sys.platform == "win32"

READ_WAITS = (0.005, 0.01, 0.02)
"""Seconds between tries to open a file that is being replaced on Windows: a rename, so a moment."""

CANNOT_SYNC = {errno.EBADF, errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EISDIR}
"""Errors of a system or file system that cannot force a folder to disk: Windows refuses to open one (EACCES), network
and FUSE file systems refuse fsync on one (EINVAL, EBADF, ENOTSUP). Any other error, such as EIO, is a failure."""

REPLACE_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between tries to replace a file that a reader has open on Windows: 1.6 in all; reading a day takes less."""

LONGEST_WAIT = 0.5
"""Seconds that the main thread waits at a time on Windows: a person who presses Ctrl-C waits no longer."""

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
"""Characters that no file's name may have on Windows."""

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that stand for devices there, with any ending."""

MAX_WORKERS_ON_WINDOWS = 61
"""Processes that `concurrent.futures` can wait for there at most (its documentation of `ProcessPoolExecutor`)."""


def sync_file(descriptor: int) -> None:
    """Force an open file's content to disk, so that it survives a loss of power.

    macOS's fsync leaves it in the drive's own cache; its F_FULLFSYNC does not (man 2 fsync there).

    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     sync_file(file.fileno())
    """
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):  # a network drive may not know it
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Force a folder's list of names to disk where the system can, so that a new name survives a loss of power.

    Windows cannot open a folder as a file, and nothing happens there: NTFS logs a change of names itself.
    Raises OSError where the disk fails.

    >>> sync_folder(Path("."))
    """
    try:
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise


def move_in_place(source: Path, target: Path) -> None:
    """Rename a file in one step, in place of an earlier one.

    Windows refuses while a reader has the earlier one open; there it is tried again for a moment. Raises OSError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, target = Path(folder) / "new", Path(folder) / "old"
    ...     for path in (source, target):
    ...         _ = path.write_text(path.name, encoding="utf-8")
    ...     move_in_place(source, target)
    ...     target.read_text(encoding="utf-8")
    'new'
    """
    for wait in REPLACE_WAITS if WINDOWS else ():
        with suppress(PermissionError):
            os.replace(source, target)
            return
        time.sleep(wait)
    os.replace(source, target)


def open_to_read(path: Path) -> IO[bytes]:
    """Open a file for reading bytes; on Windows one that is being replaced is tried again for a moment.

    Raises OSError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "numbers"
    ...     _ = path.write_bytes(b"1,2")
    ...     with open_to_read(path) as file:
    ...         file.read()
    b'1,2'
    """
    for wait in READ_WAITS if WINDOWS else ():
        with suppress(PermissionError):
            return open(path, "rb")
        time.sleep(wait)
    return open(path, "rb")


def write_in_one_step(path: Path, write: Callable[[IO[bytes]], object], private: bool = False) -> None:
    """Write a file so that it is whole at every moment, also after a kill or a loss of power: the old one or the new.

    write : gets the file, opened for bytes; private : nobody but the user may read it. Windows has no such mode, and
    a file has the rights of its folder there. The content is written beside its place under a name with a dot, forced
    to disk, and moved. Raises OSError, and what `write` raises; the earlier file then stays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "numbers"
    ...     write_in_one_step(path, lambda file: file.write(b"1,2"))
    ...     path.read_bytes(), [file.name for file in path.parent.iterdir()]
    (b'1,2', ['numbers'])
    """
    temporary = path.with_name(f".{path.name}")  # readers of a folder pass over names that begin with a dot
    try:
        if private:
            temporary.unlink(missing_ok=True)  # one that a kill left could be readable for others
        with open(temporary, "wb", opener=_private if private else None) as file:
            write(file)
            file.flush()
            sync_file(file.fileno())
        move_in_place(temporary, path)
    except Exception:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def legal_name(name: str) -> str:
    """Return a file's name without what Windows allows in none: each such character is an underscore.

    >>> legal_name("XYZ:NVDA_7d_zones.csv"), legal_name("nul.csv"), legal_name("a. ")
    ('XYZ_NVDA_7d_zones.csv', '_nul.csv', 'a')
    """
    legal = FORBIDDEN.sub("_", name).rstrip(". ")
    return f"_{legal}" if RESERVED.match(legal) else legal or "_"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class StopEvent(threading.Event):
    """An event whose `wait` is in pieces on Windows: before Python 3.14 a signal's handler runs there only between
    two waits of the main thread, and a collector may wait for a quarter of an hour."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the event is set, for so many seconds at most; return whether it is set."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        while WINDOWS and (left := end - time.monotonic()) > LONGEST_WAIT and not self.is_set():
            super().wait(min(LONGEST_WAIT, left))
        return super().wait(None if end == math.inf else max(0.0, end - time.monotonic()))


class Stop(NamedTuple):
    """What `stop_on_signals` yields: an event that is set when the command is to end, and the signals received."""

    event: StopEvent
    signals: list[int]

    @property
    def exit_code(self) -> int:
        """The command's exit code: 130 after Ctrl-C, else 0."""
        return 130 if signal.SIGINT in self.signals else 0


@contextmanager
def stop_on_signals(on_stop: Callable[[], object] | None = None) -> Iterator[Stop]:
    """Let Ctrl-C, SIGTERM and on Windows Ctrl-Break ask the command to end; the same a second time ends the process.

    on_stop : called as well at the first signal, from the handler, such as an event loop's `call_soon_threadsafe`.
    It needs no `add_signal_handler`, which Windows' event loops lack. To be used in the main thread.

    >>> with stop_on_signals() as stop:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stop.event.wait(5), stop.exit_code
    (True, 0)
    """
    stop = Stop(StopEvent(), [])
    names = ("SIGINT", "SIGTERM", "SIGBREAK")  # SIGBREAK: Ctrl-Break, and a console window that is closed
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}

    def on_signal(number: int, _: FrameType | None) -> None:
        signal.signal(number, before[number])
        stop.signals.append(number)
        # In a thread of its own: a handler interrupts the main thread, which may hold the event's lock just then.
        _thread.start_new_thread(stop.event.set, ())
        if on_stop is not None:
            on_stop()

    for number in numbers:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_in_use(error: BaseException) -> bool:
    """Return whether an error says that another program has a file open, which only Windows minds.

    >>> is_in_use(FileNotFoundError())
    False
    """
    return WINDOWS and isinstance(error, PermissionError)


def reader_is_gone(error: OSError) -> bool:
    """Return whether an error of writing says that the reader of a pipe has closed it.

    Windows calls it an invalid argument (EINVAL), without a file's name.

    >>> reader_is_gone(BrokenPipeError()), reader_is_gone(FileNotFoundError())
    (True, False)
    """
    return isinstance(error, BrokenPipeError) or (WINDOWS and error.errno == errno.EINVAL and error.filename is None)


def max_workers() -> int | None:
    """Return how many processes a pool of `concurrent.futures` may have, or None where there is no such limit.

    >>> max_workers() in (None, 61)
    True
    """
    return MAX_WORKERS_ON_WINDOWS if WINDOWS else None
