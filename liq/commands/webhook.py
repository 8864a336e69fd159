"""Post lines to an address that whoever started the command chose; the served app has no way here, by a test."""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from liq.commands.options import message
from liq.errors import InputError

TIMEOUT = 10.0
"""Seconds that one try may take."""

WAITS = (1.0, 5.0, 25.0)
"""Seconds before the second try, the third, the last."""

HELD = 100
"""Lines that wait at most; where more come, the oldest are given up."""

GRACE = 5.0
"""Seconds at the end for lines that still wait."""


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: a POST would become a GET, and elsewhere is not what was chosen."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@contextmanager
def webhook_poster(address: str) -> Iterator[Callable[[str], None]]:
    """Yield what posts a line of JSON to an address without waiting for it; a thread of its own does the work.

    An answer of 429 or 500 and more, or none, is tried again after WAITS; another refusal is not. What is given up
    is said on stderr, without the address's path, which may be a secret. At the end, what waits has GRACE seconds.
    Raises InputError for an address that is not http or https.
    """
    check_address(address)
    lines: queue.Queue[str | None] = queue.Queue(HELD)
    ending = threading.Event()
    worker = threading.Thread(target=_work, args=(address, lines, ending), daemon=True, name="webhook")
    worker.start()
    try:
        yield lambda line: _put(lines, line)
    finally:
        ending.set()
        _put(lines, None)
        worker.join(GRACE)


def check_address(address: str) -> None:
    """Raise InputError for an address that cannot be posted to."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or any(sign.isspace() for sign in address):
        raise InputError("--webhook must be an address that begins with http:// or https://.")


def _put(lines: queue.Queue[str | None], line: str | None) -> None:
    while True:
        try:
            lines.put_nowait(line)
            return
        except queue.Full:
            try:
                lines.get_nowait()
                message("the webhook does not keep up, so its oldest line is given up.")
            except queue.Empty:
                pass


def _work(address: str, lines: queue.Queue[str | None], ending: threading.Event) -> None:
    opener = urllib.request.build_opener(_Straight)
    while (line := lines.get()) is not None:
        reason = _post(opener, address, line, ending)
        if reason:
            message(f"the webhook at {urlsplit(address).hostname} {reason}, so a line is given up.")


def _post(opener: urllib.request.OpenerDirector, address: str, line: str, ending: threading.Event) -> str:
    """Return why a line could not be posted, or "" where it was."""
    request = urllib.request.Request(address, line.encode(), {"Content-Type": "application/json"}, method="POST")
    reason = ""
    for wait in (0.0, *WAITS):
        if ending.wait(wait) and wait:
            break  # no time to try again
        try:
            with opener.open(request, timeout=TIMEOUT):
                return ""
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"answered {error.code}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, HTTPException, ValueError):
            reason = "did not answer"
    return reason
