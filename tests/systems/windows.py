"""Windows as far as this package meets it, on another system: what it refuses, and what it writes otherwise."""

from __future__ import annotations

import asyncio
import builtins
import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from liq import system

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are seen in /proc, of Linux")


def open_files() -> set[str]:
    """Return the paths of the files that this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    return found


def like_windows(patch: pytest.MonkeyPatch) -> None:
    """Refuse what Windows refuses, with its errors: opening a folder, and moving or deleting an open file.

    Text files get carriage returns where the caller does not decide; signals reach no event loop.
    """
    real_os_open, real_open = os.open, builtins.open
    patch.setattr(system, "WINDOWS", True)

    def os_open(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real_os_open(path, flags, mode, **more)

    def text_open(path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        if "b" not in mode and not mode.startswith("r") and more.get("newline") is None:
            more["newline"] = "\r\n"
        return real_open(path, mode, *args, **more)

    def refusing(real: Any) -> Any:
        def moved(*paths: Any, **more: Any) -> Any:
            for path in paths:
                place = str(Path(path).absolute())
                if "lock" not in Path(place).name and place in open_files():  # filelock does otherwise on Windows
                    raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
            return real(*paths, **more)

        return moved

    def rename(source: Any, target: Any) -> None:
        if os.path.exists(target):
            raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", str(target))
        real_rename(source, target)

    def no_handler(*_: Any) -> None:
        raise NotImplementedError

    real_rename = refusing(os.rename)
    patch.setattr(os, "open", os_open)
    patch.setattr(builtins, "open", text_open)
    patch.setattr(os, "replace", refusing(os.replace))
    patch.setattr(os, "unlink", refusing(os.unlink))
    patch.setattr(os, "rename", rename)
    patch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", no_handler)
    patch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)


COMMAND = """
import sys
import pytest
from tests.systems.windows import like_windows
from liq.__main__ import main
from liq.sources.recorder import stream
from liq.sources.venues import failures
stream.TIMING = stream.Timing(0.02, 0.05, 0.15, 600.0, 0.5, 5.0, 600.0, 0.05, 0.2, 600.0, 0.3)
failures.RETRY_POLICY = failures.RetryPolicy(timeout=4.0, tries=3, backoff=0.01, budget=6.0, spaced=False)
like_windows(pytest.MonkeyPatch())
sys.exit(main(sys.argv[1:]))
"""
"""A process that runs the command of its arguments there, with the recorder's and the venues' waits made short."""
