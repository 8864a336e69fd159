"""Load files from the one host that a user named: over https, several at once, bounded in bytes and in time."""

from __future__ import annotations

import functools
import http.client
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from liq.errors import InputError, shown

AT_ONCE = 8
"""Connections at the same time; a browser opens six to a host."""

READ_SECONDS = 5.0
"""Seconds for which a host may be silent, while it is connected to and while it sends."""

MAX_REDIRECTS = 3

PIECE = 65_536
"""Bytes that are read at a time."""

LOCAL_NAMES = re.compile(r"localhost|.*\.(localhost|local|internal|lan|home\.arpa)")


class Site(NamedTuple):
    """A folder on a host: its address, which ends in a slash, and what it consists of."""

    url: str
    scheme: str
    host: str
    port: int
    path: str


class Wanted(NamedTuple):
    """A file to load: its name in the site's folder, its bytes at most, and the ETag of what is known of it."""

    name: str
    most: int
    etag: str = ""


class Reply(NamedTuple):
    """What a host answered: content, or None where what is known still holds, and its ETag."""

    content: bytes | None
    etag: str


class Failed(Exception):
    """A host did not send a file; the text goes on from the host's name."""


def site(url: str) -> Site:
    """Return the folder that a URL names; raise InputError for one that is not to be asked.

    It must be https, or http on this machine, and carry no name, password or question.

    >>> site("https://example.org/seen/index.json").url
    'https://example.org/seen/'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or not re.fullmatch(r"[!-~]+", url):
        raise InputError(
            f"{shown(url, 80)!r} is no address of published positions, such as https://example.org/seen/."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError("The address of published positions must have no password, no ? and no #.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise InputError(f"{host} must be asked over https; http is for this machine alone.")
    path = parts.path.removesuffix("index.json")
    path = path if path.endswith("/") else f"{path}/"
    port = port or (443 if parts.scheme == "https" else 80)
    return Site(f"{parts.scheme}://{parts.netloc}{path}", parts.scheme, host, port, path)


def load(place: Site, wanted: Sequence[Wanted], seconds: float) -> list[Reply | Failed]:
    """Return the answer to each request, in order, after so many seconds at most.

    Redirects are followed on the same host, port and scheme alone. No cookie, name or password is sent, and nothing
    packed is accepted. HTTPS_PROXY and NO_PROXY hold.

    >>> load(site("http://127.0.0.1:9/"), [Wanted("index.json", 100)], 2.0)
    [Failed('refuses the connection')]
    """
    deadline = time.monotonic() + seconds
    answers: list[Reply | Failed] = [Failed(f"takes longer than {seconds:g} seconds") for _ in wanted]
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(wanted)):
        waiting.put(number)
    opened: list[http.client.HTTPConnection] = []

    def work() -> None:
        connection = _connection(place)
        opened.append(connection)
        with suppress(queue.Empty):
            while time.monotonic() < deadline:
                number = waiting.get_nowait()
                try:
                    answer: Reply | Failed = _answer(connection, place, wanted[number], deadline)
                except Failed as failure:
                    answer = failure
                if time.monotonic() < deadline:  # what was cut by the end of time is out of time
                    answers[number] = answer
        connection.close()

    threads = [threading.Thread(target=work, daemon=True, name="published") for _ in wanted[:AT_ONCE]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    for connection in opened:  # ends a read in another thread at once
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)
    return list(answers)


def _answer(connection: http.client.HTTPConnection, place: Site, wanted: Wanted, deadline: float) -> Reply:
    """Return the answer to one request; raise Failed. The connection is open for the next, or closed."""
    url = urljoin(place.url, wanted.name)
    reused = connection.sock is not None
    for _ in range(MAX_REDIRECTS + 1):
        try:
            reply = _exchange(connection, url, wanted, deadline)
        except (ConnectionError, http.client.BadStatusLine) as error:
            connection.close()
            if not reused:
                raise Failed(_reason(error)) from None
            reused = False  # a host may close a connection that nobody used for a while
            continue
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise Failed(_reason(error)) from None
        except Failed:
            connection.close()
            raise
        if isinstance(reply, Reply):
            return reply
        connection.close()
        url = _followed(place, url, reply)
    raise Failed("redirects in a circle")


def _exchange(connection: http.client.HTTPConnection, url: str, wanted: Wanted, deadline: float) -> Reply | str:
    """Return an answer, or the address that it redirects to; raise Failed, and what http.client raises."""
    headers = {"User-Agent": "liq", "Accept-Encoding": "identity"}
    if wanted.etag:
        headers["If-None-Match"] = wanted.etag
    if connection.sock is None:
        connection.connect()
    if time.monotonic() > deadline:  # nobody waits, and nobody would end what this begins
        raise Failed("answers too late")
    connection.request("GET", urlsplit(url).path, headers=headers)
    answer = connection.getresponse()
    if answer.status in (301, 302, 303, 307, 308):
        return answer.getheader("Location") or ""
    etag = (answer.getheader("ETag") or "")[:200]
    if answer.status == 304 and wanted.etag:
        answer.read()
        return Reply(None, wanted.etag)
    if answer.status != 200:
        raise Failed(f"answers {answer.status} ({shown(answer.reason or 'without a word')})")
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise Failed("sends packed what was asked for as it is")
    expected = answer.length
    content = bytearray()
    while len(content) <= wanted.most and (expected is None or expected <= wanted.most):
        piece = answer.read1(PIECE)
        content += piece
        if not piece:
            if expected is not None and len(content) < expected:
                raise Failed("ends before the file does")
            answer.close()  # else the connection takes no further request
            return Reply(bytes(content), etag)
        if time.monotonic() > deadline:
            raise Failed("sends too slowly")
    raise Failed(f"sends more than {wanted.most:,} bytes for {wanted.name}")


def _followed(place: Site, asked: str, location: str) -> str:
    """Return the address that a redirect leads to where it is on the same host; raise Failed for any other."""
    try:
        url = urljoin(asked, location)
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Failed("redirects to what is no address") from None
    if (parts.scheme, host, port) == (place.scheme, place.host, place.port) and "@" not in parts.netloc:
        return url
    if parts.scheme != place.scheme:
        raise Failed(f"redirects to {shown(parts.scheme or 'nothing')}, and only {place.scheme} is followed")
    if _is_local(host):
        raise Failed("redirects to an address in a local network, which is not followed")
    raise Failed(
        f"redirects to {shown(parts.netloc)}, which is not followed; name that address if it is the right one"
    )


def _connection(place: Site) -> http.client.HTTPConnection:
    """Return a connection to a host that is opened when it is used, through the proxy of the environment, if any."""
    if place.scheme == "http":
        return http.client.HTTPConnection(place.host, place.port, timeout=READ_SECONDS)
    proxy = urllib.request.getproxies().get("https", "")
    if not proxy or urllib.request.proxy_bypass(place.host):
        return http.client.HTTPSConnection(place.host, place.port, timeout=READ_SECONDS, context=_certificates())
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = http.client.HTTPSConnection(
        through.hostname or "", through.port or 8080, timeout=READ_SECONDS, context=_certificates()
    )
    connection.set_tunnel(place.host, place.port)
    return connection


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return the system's certificate authorities, and those that requests carries: python.org's Python on macOS
    finds none of the system's."""
    context = ssl.create_default_context()
    with suppress(ImportError, OSError):
        import certifi  # comes with requests, which ccxt and streamlit bring

        context.load_verify_locations(certifi.where())
    return context


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _is_local(host: str) -> bool:
    """Return whether a host is by its name on this machine or in a network that is not public."""
    with suppress(ValueError):
        return not ipaddress.ip_address(host).is_global
    return bool(LOCAL_NAMES.fullmatch(host.lower())) or "." not in host


def _reason(error: Exception) -> str:
    """Return what an error of a connection means."""
    reasons: list[tuple[type[Exception], str]] = [
        (TimeoutError, f"is silent for {READ_SECONDS:g} seconds"),
        (ssl.SSLError, "has no valid certificate"),
        (socket.gaierror, "is not found"),
        (ConnectionRefusedError, "refuses the connection"),
        (OSError, "ends the connection"),
    ]
    return next((text for kind, text in reasons if isinstance(error, kind)), "sends what is not HTTP")
