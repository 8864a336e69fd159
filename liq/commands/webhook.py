"""Post lines to the webhook that the user chose. The app must not reach this module; a test checks that."""

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
"""Seconds that one request may take."""

RETRY_DELAYS = (1.0, 5.0, 25.0)
"""Seconds before each retry."""

MAX_QUEUED = 100
"""Lines in the queue at most; when it is full, the oldest is dropped."""

SHUTDOWN_TIMEOUT = 5.0
"""Seconds at the end for lines that are still queued."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: a POST would become a GET, to an address that the user did not choose."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@contextmanager
def webhook_poster(address: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that posts a line of JSON to an address; a thread posts, so the function does not wait.

    A response of 429 or of 500 and above, or none, is retried after RETRY_DELAYS; another refusal is not. A dropped
    line is reported on stderr, without the path of the address, which may be a secret. At the end the queue has
    SHUTDOWN_TIMEOUT seconds. Raises InputError for an address that is not http or https.

        >>> with webhook_poster("ftp://example.org") as post:
        ...     post("{}")
        Traceback (most recent call last):
            ...
        liq.errors.InputError: --webhook must be an address that begins with http:// or https://.
    """
    check_address(address)
    lines: queue.Queue[str | None] = queue.Queue(MAX_QUEUED)
    stopping = threading.Event()
    worker = threading.Thread(target=_post_queued, args=(address, lines, stopping), daemon=True, name="webhook")
    worker.start()
    try:
        yield lambda line: _put(lines, line)
    finally:
        stopping.set()
        _put(lines, None)
        worker.join(SHUTDOWN_TIMEOUT)


def check_address(address: str) -> None:
    """Raise InputError for an address that is not http or https.

    >>> check_address("https://example.org/hook")
    """
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in address):
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


def _post_queued(address: str, lines: queue.Queue[str | None], stopping: threading.Event) -> None:
    opener = urllib.request.build_opener(_NoRedirect)
    while (line := lines.get()) is not None:
        reason = _post(opener, address, line, stopping)
        if reason:
            message(f"the webhook at {urlsplit(address).hostname} {reason}, so a line is given up.")


def _post(opener: urllib.request.OpenerDirector, address: str, line: str, stopping: threading.Event) -> str:
    """Return why a line could not be posted, or an empty string where it was."""
    request = urllib.request.Request(address, line.encode(), {"Content-Type": "application/json"}, method="POST")
    reason = ""
    for wait in (0.0, *RETRY_DELAYS):
        if stopping.wait(wait) and wait:
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
