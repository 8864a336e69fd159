"""Notify people of events through Apprise: Telegram, Discord, Slack, mail, ntfy and a hundred more, by one address.

The app must not reach this module; only `watch` does.
"""

from __future__ import annotations

import json
import logging
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from liq.commands.options import message
from liq.errors import InputError

RETRY_DELAYS = (5.0, 25.0)
"""Seconds before each retry of a notification that was not delivered."""

MAX_QUEUED = 100
"""Events in the queue at most; when it is full, the oldest is dropped."""

SHUTDOWN_TIMEOUT = 10.0
"""Seconds at the end for events that are still queued."""


@contextmanager
def notifier(addresses: Sequence[str], picture: Callable[[str], bytes | None]) -> Iterator[Callable[[str], None]]:
    """Yield a function that notifies every address of an event (a line of JSON); a thread does it, so nobody waits.

    picture : returns the PNG of a symbol's heatmap, or None; it is attached where a service takes attachments. What
    is not delivered is retried after RETRY_DELAYS, then reported on stderr, without the address, which may hold a
    secret. Raises InputError where Apprise is not installed, or does not know an address.

    >>> with notifier(["nonsense"], lambda symbol: None):
    ...     pass
    Traceback (most recent call last):
        ...
    liq.errors.InputError: --notify: address 1 is none that Apprise knows, such as tgram://TOKEN/CHAT or ntfy://TOPIC.
    """
    services = _services(addresses)
    events: queue.Queue[str | None] = queue.Queue(MAX_QUEUED)
    stopping = threading.Event()
    worker = threading.Thread(target=_notify_queued, args=(services, events, picture, stopping), daemon=True)
    worker.start()
    try:
        yield lambda line: _put(events, line)
    finally:
        stopping.set()
        _put(events, None)
        worker.join(SHUTDOWN_TIMEOUT)


def _services(addresses: Sequence[str]) -> list[Any]:
    """Return an object of Apprise for each address, so that each is retried alone; raise InputError."""
    try:
        import apprise  # an extra: only who is notified needs it
    except ImportError:
        raise InputError('--notify needs Apprise: pip install "liq[notify]".') from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # what it logs may hold the address
    services = [apprise.Apprise() for _ in addresses]
    for number, (service, address) in enumerate(zip(services, addresses, strict=True), 1):
        if not service.add(address):
            raise InputError(
                f"--notify: address {number} is none that Apprise knows, such as tgram://TOKEN/CHAT or ntfy://TOPIC."
            )
    return services


def _put(events: queue.Queue[str | None], line: str | None) -> None:
    """Put an event into the queue; when it is full, the oldest goes."""
    while True:
        try:
            events.put_nowait(line)
            return
        except queue.Full:
            try:
                events.get_nowait()
                message("notifications do not keep up, so the oldest is given up.")
            except queue.Empty:
                pass


def _notify_queued(
    services: list[Any],
    events: queue.Queue[str | None],
    picture: Callable[[str], bytes | None],
    stopping: threading.Event,
) -> None:
    """Notify of the queued events until None comes."""
    takes_pictures = any(target.attachment_support for service in services for target in service)
    while (line := events.get()) is not None:
        event = json.loads(line)
        image = picture(event["symbol"]) if takes_pictures else None
        if not _delivered(services, event, image, stopping):
            message(f"a notification of {event['symbol']} was not delivered by every service.")


def _delivered(services: list[Any], event: dict[str, Any], image: bytes | None, stopping: threading.Event) -> bool:
    """Return whether every service took an event, tried again after RETRY_DELAYS."""
    title = f"{event['symbol'].split('/')[0]}: {event['event']}{' (simulated)' if event['simulated'] else ''}"
    body = f"{event['sentence']} {event['disclaimer']}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heatmap.png"
        if image is not None:
            path.write_bytes(image)
        for wait in (0.0, *RETRY_DELAYS):
            if wait and stopping.wait(wait):
                return False
            attached = str(path) if image is not None else None
            services = [one for one in services if not one.notify(title=title, body=body, attach=attached)]
            if not services:
                return True
    return False
