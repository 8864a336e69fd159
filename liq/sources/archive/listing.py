"""Which files Binance's archive has: of a symbol by day and by month, which symbols, and the newest day.

The archive is a bucket of Amazon's S3, which lists its keys by prefix, a page of a thousand at a time
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html). A listing names what exists, so that no day is
asked for in vain and the newest one is found in one request.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd
from cachetools import TTLCache

from liq.sources import disk_cache
from liq.sources.archive import hosts
from liq.sources.single_flight import single_flight
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure

ROOT = "data/futures/um"
"""Where linear perpetuals lie in the archive."""

PAGE = 1000
"""Keys a page; S3 gives no more."""

MAX_PAGES = 12

MAX_LISTING = 4_000_000
"""Bytes of a page of a listing; a thousand keys have 400,000."""

RECENT = pd.Timedelta(days=10)
"""Age up to which a day may still come in; daily files are one to two days late, monthly ones up to a week."""

RECENT_SECONDS, FINISHED_SECONDS = 600, 7 * 86_400
"""Seconds for which a listing that ends in RECENT days is kept, and an older one: holes are filled now and then."""

SYMBOLS_SECONDS = 86_400
"""Seconds for which the list of symbols is kept."""

KEY = re.compile(rb"<Key>([\w./-]{1,200})</Key>")
FOLDER = re.compile(rb"<CommonPrefixes>\s*<Prefix>([\w./-]{1,200})/</Prefix>", re.ASCII)


class Series(NamedTuple):
    """One kind of file of a symbol: ``metrics``, or klines of an interval such as ``15m``.

    >>> Series("BTCUSDT", "15m").key("2026-01")
    'data/futures/um/monthly/klines/BTCUSDT/15m/BTCUSDT-15m-2026-01.zip'
    """

    symbol: str
    kind: str

    def folder(self, period: str) -> str:
        """Return the folder of a period's file, a month such as 2026-01 or a day such as 2026-01-31."""
        own = "metrics/" + self.symbol if self.kind == "metrics" else f"klines/{self.symbol}/{self.kind}"
        return f"{ROOT}/{'monthly' if len(period) == 7 else 'daily'}/{own}/"

    def key(self, period: str) -> str:
        """Return the place of a period's file in the archive."""
        return f"{self.folder(period)}{self.symbol}-{self.kind}-{period}.zip"


def periods(series: Series, since: str, until: str, now: pd.Timestamp, budget: RetryBudget) -> list[str]:
    """Return the days (or months, where `since` is one) from since to until of which the archive has a file.

    now : the present, which says how long the answer may be kept. Raises VenueFailure.
    """
    name = ("archive", client.gateway(), *series, since, until)
    saved = disk_cache.read(name)
    if isinstance(saved, list) and all(isinstance(period, str) for period in saved):
        return saved
    folder, first, last = series.folder(since), series.key(since), series.key(until)
    days = (pd.Timestamp(until) - pd.Timestamp(since)).days
    expected = 2 * (days + 2) if len(since) == 10 else PAGE
    found = set()
    pages = _pages(folder, first.removesuffix(".zip"), last, expected, budget)
    for key in (key for page in pages for key in page):
        match = re.fullmatch(re.escape(series.key("9" * len(since))).replace("9" * len(since), "([0-9-]+)"), key)
        if match and since <= match[1] <= until:
            found.add(match[1])
    is_recent = pd.Timestamp(until, tz="UTC") > now - RECENT - pd.Timedelta(days=31 if len(since) == 7 else 0)
    disk_cache.write(name, sorted(found), RECENT_SECONDS if is_recent else FINISHED_SECONDS)
    return sorted(found)


def known_symbols() -> list[str]:
    """Return the archive's symbols as they were listed within SYMBOLS_SECONDS, none where they were not.

    >>> isinstance(known_symbols(), list)
    True
    """
    if (listed := symbols.cache.get(client.gateway())) is not None:
        return list(listed)
    saved = disk_cache.read(("archive symbols", client.gateway()))
    return saved if isinstance(saved, list) and all(isinstance(symbol, str) for symbol in saved) else []


@single_flight(TTLCache(4, ttl=SYMBOLS_SECONDS), key=lambda budget: client.gateway(), failure=VenueFailure)
def symbols(budget: RetryBudget) -> list[str]:
    """Return every symbol of which the archive has monthly klines, delisted ones included; raise VenueFailure."""
    if saved := known_symbols():
        return saved
    prefix = f"{ROOT}/monthly/klines/"
    found, marker = list[str](), ""
    for _ in range(MAX_PAGES):
        page = _page({"prefix": prefix, "delimiter": "/", "marker": marker}, budget)
        names = [place.decode().removeprefix(prefix) for place in FOLDER.findall(page)]
        new = [name for name in names if name not in found]
        found += new
        if b"<IsTruncated>true" not in page or not new:
            break
        marker = f"{prefix}{new[-1]}/"
    disk_cache.write(("archive symbols", client.gateway()), found, SYMBOLS_SECONDS)
    return found


def _pages(folder: str, after: str, until: str, expected: int, budget: RetryBudget) -> list[list[str]]:
    """Return the keys of a folder behind one key up to another, page by page."""
    found, marker = list[list[str]](), after
    for _ in range(MAX_PAGES):
        query = {"prefix": folder, "marker": marker, "max-keys": str(min(PAGE, expected))}
        page = _page(query, budget)
        keys = [key.decode() for key in KEY.findall(page)]
        found.append(keys)
        if b"<IsTruncated>true" not in page or not keys or keys[-1] <= marker or keys[-1] > f"{until}.CHECKSUM":
            break
        marker = keys[-1]
    return found


def _page(query: dict[str, str], budget: RetryBudget) -> bytes:
    """Return a page of the bucket's listing, from the archive's own host or from the bucket's; raise VenueFailure."""
    failure = VenueFailure("has no listing")
    query = {name: value for name, value in query.items() if value}
    remembered = _listing_host.get(client.gateway())
    places = [(hosts.BINANCE, ""), (hosts.BUCKET, "data.binance.vision")]
    for host, path in [place for place in places if remembered in (None, place[0])]:
        try:
            once = budget if host == remembered else RetryBudget(budget.left, 1)
            page = hosts.fetch(host, path, once, query=query, begins=b"<", max_bytes=MAX_LISTING)
        except VenueFailure as error:
            failure = error
            continue
        if page is not None and b"<ListBucketResult" in page:
            _listing_host[client.gateway()] = host
            return page
        failure = VenueFailure("answered with a web page instead of a listing")
    raise failure


_listing_host: dict[str, str] = {}
"""By gateway, the host that answered with a listing in this process."""


def clear() -> None:
    """Forget which host has the listing, as in a new process.

    >>> clear()
    """
    _listing_host.clear()
    symbols.cache_clear()
