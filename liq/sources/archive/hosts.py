"""Requests to the archives' hosts: through LIQ_GATEWAY like every venue's, bounded in size and time, retried."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cachetools import LRUCache, cached

from liq.sources.venues import client, failures
from liq.sources.venues.failures import Reply, RetryBudget, VenueFailure, classify_failure, retry

BINANCE = "data.binance.vision"
"""Binance's archive (https://github.com/binance/binance-public-data)."""

BUCKET = "s3-ap-northeast-1.amazonaws.com"
"""Where that archive's listing is where its own host answers with a page for people: the bucket's own address, under
the path of its name, which that page itself lists from."""

TARDIS = "datasets.tardis.dev"
"""Tardis's files, the first day of each month for everybody (https://docs.tardis.dev/downloadable-csv-files)."""

TITLES = {BINANCE: "Binance's archive", BUCKET: "Binance's archive", TARDIS: "Tardis"}
"""The hosts that are asked, by the name that sentences give them; a redirect to any other is not followed."""

AT_ONCE = 20
"""Requests beside each other; a window of 6M is 700 of them. The files lie in object storage behind a content
network, which states no limit."""

MAX_BODY = 40_000_000
"""Bytes of a file; a month of one-minute klines has three million."""

BODY_SECONDS = 30.0
"""Seconds that a body may take to arrive, however steadily it drips."""

MAX_REDIRECTS = 3

CHUNK = 1 << 16


def fetch(
    host: str,
    path: str,
    budget: RetryBudget,
    *,
    query: Mapping[str, str] | None = None,
    begins: bytes | tuple[bytes, ...] = b"",
    max_bytes: int = MAX_BODY,
) -> bytes | None:
    """Return the body at a path of a host, None where there is none (404); raise VenueFailure.

    begins : the first bytes of what is wanted; anything else, such as a page about an error, is a failure.

    >>> fetch("example.org", "", RetryBudget(1.0, 1))
    Traceback (most recent call last):
    ValueError: example.org is none of the hosts
    """
    if host not in TITLES:
        raise ValueError(f"{host} is none of the hosts")

    def attempt() -> bytes | None:
        status, headers, content = _received(host, path, dict(query or {}), max_bytes)
        if status == 404:
            return None
        if status != 200:
            text = content[:4000].decode("utf-8", "replace")
            raise classify_failure(Reply(status, headers, text), timed_out=False, refused=False)
        if not content.lstrip().startswith(begins):
            if content.lstrip()[:1] == b"<":
                raise VenueFailure("answered with a web page instead of data", passing=True)
            raise VenueFailure("sent an answer that cannot be read", passing=True)
        return content

    if budget.left <= 0:
        raise VenueFailure("did not answer in time", passing=True)
    return retry(attempt, budget, failures.RETRY_POLICY)


def _received(host: str, path: str, query: dict[str, str], max_bytes: int) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers in lower case and body of one request, redirects followed; raise VenueFailure."""
    address = f"{_front(host)}/{path}"
    deadline = time.monotonic() + BODY_SECONDS
    try:
        for _ in range(MAX_REDIRECTS + 1):
            with _session().get(
                address, params=query, stream=True, allow_redirects=False, timeout=failures.RETRY_POLICY.timeout
            ) as reply:
                headers = {str(name).lower(): str(value) for name, value in reply.headers.items()}
                if not 300 <= reply.status_code < 400:
                    return reply.status_code, headers, _body(reply, deadline, max_bytes)
                address, query = _redirected(host, headers.get("location", "")), {}
    except VenueFailure:
        raise
    except Exception as error:  # of the libraries below ccxt, which are not imported here
        late = "Timeout" in type(error).__name__
        reason = "did not answer in time" if late else "could not be reached, or broke off its answer"
        raise VenueFailure(reason, passing=True) from None
    raise VenueFailure("leads from one address to another without end")


def _body(reply: Any, deadline: float, max_bytes: int) -> bytes:
    """Return a reply's body; raise VenueFailure where it is too large or too slow."""
    content = bytearray()
    while piece := reply.raw.read1(CHUNK, decode_content=True):  # what is there, so that a drip meets the deadline
        content += piece
        if len(content) > max_bytes:
            raise VenueFailure(f"sent more than {max_bytes // 1_000_000} MB for one file")
        if time.monotonic() > deadline:
            raise VenueFailure("did not answer in time", passing=True)
    return bytes(content)


def _redirected(host: str, location: str) -> str:
    """Return the address that a redirect leads to; raise VenueFailure where it is on a host that is not asked."""
    split = urlsplit(location)
    rest = split._replace(scheme="", netloc="", fragment="").geturl().lstrip("/")
    if not split.netloc:
        target = host
    elif f"{split.scheme}://{split.netloc}" == client.gateway():
        target, _, rest = rest.partition("/")
    else:
        target = split.hostname or ""
    if target not in TITLES:
        raise VenueFailure(f"leads to another host ({target[:60]}), which is not asked")
    return f"{_front(target)}/{rest}"


def _front(host: str) -> str:
    """Return the address in front of a host's paths."""
    return f"{client.gateway()}/{host}" if client.gateway() else f"https://{host}"


@cached(LRUCache(1), condition=threading.Condition())
def _session() -> Any:
    """Return the process's one pool of connections."""
    return client.http_session(AT_ONCE)
