"""A collector beside the app: a process of its own that ends with it, and goes on where it stopped."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from liq import system
from liq.commands.positions import checked_source, collect_into, message
from liq.errors import InputError, SourceError
from liq.process_memory import use_few_heaps
from liq.sources.positions.asking.requests import Plan
from liq.sources.positions.status import STALE, Status, duration, remove_status, write_status
from liq.sources.positions.storage import Taken
from liq.sources.rate_limit import COLLECTOR_SHARE
from liq.sources.venues.one_venue import import_alone
from liq.sources.venues.table import VENUES

EVERY = 900.0
"""Seconds between two passes beside the app, as `positions` has them."""

FIRST_WAIT, LONGEST_WAIT = 10.0, 600.0
"""Seconds until a venue that was out of order is tried again, doubled each time, and the longest."""

GRACE = 15.0
"""Seconds that a collector may take to end once the app has, whatever its requests wait for."""

TAKEN_WAIT = 5.0
"""Seconds until a folder that another collector writes to is tried again: that of an app that is ending, maybe."""


def checked_sources(text: str) -> list[str]:
    """Return the venues in a list with commas; raise InputError for one that does not state positions.

    >>> checked_sources("hyperliquid, lighter"), checked_sources("")
    (['hyperliquid', 'lighter'], [])
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    return list(dict.fromkeys(checked_source(name).name for name in names))


def collecting_folder(named: str) -> Path:
    """Return the folder to collect into: the one named, else that for data of this user's platform.

    Raises InputError where what is named is no folder, or the user has no home.

    >>> collecting_folder("seen").as_posix()
    'seen'
    """
    if named.startswith(("http://", "https://")) or Path(named).is_file():
        raise InputError("LIQ_POSITIONS names no folder; unset it or name a folder to collect into.")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    path = user_data_path("liq", appauthor=False)
    if not path.is_absolute():  # older versions return ~/.local/share as it is where there is no home
        raise InputError("no folder for data is known; name one in LIQ_POSITIONS.")
    return path / "positions"


def start_collectors(sources: list[str], folder: Path) -> None:
    """Start a collector of each venue, which ends once this process has ended, in whichever way.

    Each reads from a pipe whose other end only this process has, also after it has become the app (`os.execv`): the
    system closes it with the process, so a kill is noticed as well, on every system alike. Raises InputError where
    the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.") from None
    for source in sources:
        message(f"Collecting what {VENUES[source].title}'s accounts hold into {folder}.")
        command = [sys.executable, "-m", "liq.commands.collector", source, str(folder)]
        reading, writing = os.pipe()
        subprocess.Popen(command, stdin=reading)
        os.close(reading)
        os.set_inheritable(writing, os.name == "posix")


def main(arguments: list[str] | None = None) -> int:
    """Collect until the app ends or a signal comes; a venue out of order is tried again, later and later."""
    parser = argparse.ArgumentParser(prog="liq app --collect")
    parser.add_argument("source")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(arguments)
    with system.stop_on_signals() as stop:
        use_few_heaps()
        import_alone(args.source)
        threading.Thread(target=_wait_for_end, args=(stop.event,), daemon=True, name="app").start()
        try:
            keep_collecting(args.source, args.folder, stop.event)
        except InputError as error:
            message(f"Positions are not collected: {error}")
            return 2
    return 0


def _wait_for_end(event: threading.Event) -> None:
    """Set an event once standard input ends, as it does with the app."""
    try:
        while os.read(0, 4096):  # not sys.stdin, whose lock a thread that ends with the process would keep
            pass
    except OSError:
        pass
    event.set()
    time.sleep(GRACE)
    os._exit(1)  # a request still hangs; what it would have answered is asked again


def keep_collecting(source: str, folder: Path, stop: threading.Event) -> None:
    """Collect into a folder until stopped, whatever the venue does; raise InputError where it cannot be written."""
    venue, wait, is_said = VENUES[source], FIRST_WAIT, False
    while not stop.is_set():
        began = time.monotonic()
        try:
            collect_into(folder, source, Plan(), EVERY, stop, lambda _: None, COLLECTOR_SHARE)
        except Taken:
            if not is_said:
                message(f"{venue.title}'s positions are collected into {folder} by another process; they are shown.")
            is_said = True
            stop.wait(TAKEN_WAIT)
        except SourceError as error:
            message(f"Collecting waits: {error}")
            wait = FIRST_WAIT if time.monotonic() - began > LONGEST_WAIT else wait
            _wait(source, folder, wait, stop)
            wait = min(LONGEST_WAIT, 2 * wait)


def _wait(source: str, folder: Path, seconds: float, stop: threading.Event) -> None:
    """Wait, and say so in the folder meanwhile."""
    until = time.time() + seconds
    while not stop.is_set() and (left := until - time.time()) > 0:
        now = time.time()
        trouble = f"does not answer, and is asked again in {duration(left)}"
        write_status(folder, Status(source, VENUES[source].title, os.getpid(), now, now, trouble=trouble))
        stop.wait(min(left, STALE / 4))
    remove_status(folder, source)


if __name__ == "__main__":
    sys.exit(main())
