"""The archives of past days: Binance's with its bucket's listing, and Tardis's first days of a month."""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import Any, NamedTuple

import pandas as pd

from tests.venue_server.venues import archive_files as files
from tests.venue_server.venues.archive_files import INTERVALS, METRICS_SINCE, SYMBOLS, span
from tests.venue_server.wire import Answer, Knobs, now_ms

ROOT = "data/futures/um/"
NAME = re.compile(r"([A-Z0-9]+)-(metrics|\d+[mhd])-(\d{4}-\d{2}(?:-\d{2})?)\.zip(\.CHECKSUM)?")

XML_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code>'
    "<Message>We encountered an internal error. Please try again.</Message></Error>"
)
NO_SUCH_KEY = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'


class Body(NamedTuple):
    """An answer that is no JSON: its type, its bytes and further headers."""

    type: str
    content: bytes
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed


def page(text: str, type: str = "application/xml") -> Body:
    """Return a text as an answer."""
    return Body(type, text.encode())


def vision(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for data.binance.vision, and for its bucket under the name that Amazon gives it."""
    of_bucket = path.startswith("data.binance.vision")
    path = path.removeprefix("data.binance.vision").lstrip("/")
    if mode == "xml-error":
        return 200, page(XML_ERROR)
    if not path and mode == "no-listing":
        return 503, page(XML_ERROR)
    if not path:
        if knobs.listing_is_page and not of_bucket:
            return 200, page("<!DOCTYPE html><html><title>Binance Data Collection</title></html>", "text/html")
        return 200, page(listing(query, knobs))
    match = NAME.fullmatch(path.rsplit("/", 1)[-1])
    if mode == "404" or match is None or not exists(path, match, knobs):
        return 404, page(NO_SUCH_KEY)
    symbol, kind, period, is_checksum = match.groups()
    if mode in ("redirect", "redirect-away") and "moved" not in query:
        host = "data.binance.vision" if mode == "redirect" else "elsewhere.example.org"
        return 302, Body("text/plain", b"", {"Location": f"https://{host}/{path}?moved=1"})
    own = mode if mode != "short-day" or len(period) == 10 else None
    body = files.metrics(symbol, period, own) if kind == "metrics" else files.klines(symbol, kind, period, own)
    if mode == "damaged":
        body = body[: len(body) - 30]
    if is_checksum:
        digest = "0" * 64 if mode == "wrong-checksum" else hashlib.sha256(body).hexdigest()
        return 200, page(f"{digest}  {match.group().removesuffix('.CHECKSUM')}\n", "binary/octet-stream")
    return 200, Body("application/zip", body)


def exists(path: str, match: re.Match[str], knobs: Knobs) -> bool:
    """Return whether the archive has a file at a path."""
    symbol, kind, period, _ = match.groups()
    folder = f"{ROOT}{'monthly' if len(period) == 7 else 'daily'}/"
    folder += f"metrics/{symbol}/" if kind == "metrics" else f"klines/{symbol}/{kind}/"
    if symbol not in SYMBOLS or not path.startswith(folder) or (kind == "metrics" and len(period) == 7):
        return False
    first, last = (pd.Timestamp(day) for day in SYMBOLS[symbol][1:])
    first = max(first, METRICS_SINCE) if kind == "metrics" else first
    since, until = span(period)
    if kind != "metrics" and kind not in INTERVALS:
        return False
    return first < until and since < last and until <= newest(knobs) and not missing(match.group(), knobs)


def newest(knobs: Knobs) -> pd.Timestamp:
    """Return the end of the newest day that the archive has."""
    return pd.Timestamp(now_ms(), unit="ms").floor("D") - pd.Timedelta(days=knobs.archive_days_late)


def missing(name: str, knobs: Knobs) -> bool:
    """Return whether a file is one of those that a test has taken away."""
    return any(part in name for part in knobs.archive_missing)


def listing(query: dict[str, Any], knobs: Knobs) -> str:
    """Return a page of the bucket's listing (S3 ListObjects), by prefix, delimiter, marker and max-keys."""
    prefix, marker = query.get("prefix", ""), query.get("marker", "")
    most = min(int(query.get("max-keys", 1000)), 1000)
    found = re.fullmatch(rf"{ROOT}(daily|monthly)/(metrics|klines)/(?:([A-Z0-9]+)/(?:(\d+[mhd])/)?)?", prefix)
    keys: list[str] = []
    if found and query.get("delimiter") and not found[3]:
        names = sorted(symbol for symbol in SYMBOLS if not missing(f"{symbol}-listing", knobs))
        shown = "".join(f"<CommonPrefixes><Prefix>{prefix}{symbol}/</Prefix></CommonPrefixes>" for symbol in names)
        return _listed(prefix, shown, False)
    if found and found[3] in SYMBOLS and (found[2] == "metrics") == (found[4] is None):
        keys = _keys(found[1], found[3], found[4] or "metrics", prefix, knobs, marker, most)
    rows = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>9</Size></Contents>"
        for key in keys[:most]
    )
    return _listed(prefix, rows, len(keys) > most)


def _keys(rhythm: str, symbol: str, kind: str, prefix: str, knobs: Knobs, marker: str, most: int) -> list[str]:
    """Return the keys under a prefix and behind a marker, in the order of the bucket, a few more than `most`."""
    first, last = pd.Timestamp(SYMBOLS[symbol].since), min(pd.Timestamp(SYMBOLS[symbol].until), newest(knobs))
    days = rhythm == "daily"
    periods = pd.date_range(first if days else first.replace(day=1), last, freq="D" if days else "MS")
    names = [f"{symbol}-{kind}-{period:{'%Y-%m-%d' if days else '%Y-%m'}}.zip" for period in periods]
    names = [name for name in names if f"{prefix}{name}.CHECKSUM" > marker]
    there = (name for name in names if exists(prefix + name, NAME.fullmatch(name), knobs))  # type: ignore[arg-type]
    keys = (prefix + name + end for name in there for end in ("", ".CHECKSUM"))
    return list(itertools.islice((key for key in keys if key > marker), most + 1))


def _listed(prefix: str, rows: str, cut: bool) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>data.binance.vision</Name><Prefix>{prefix}</Prefix><IsTruncated>{str(cut).lower()}</IsTruncated>"
        f"{rows}</ListBucketResult>"
    )


def tardis(path: str, query: dict[str, Any], mode: str | None, knobs: Knobs) -> Answer:
    """Answer for datasets.tardis.dev: liquidations of the first day of a month, for nobody's key."""
    match = re.fullmatch(r"v1/([a-z-]+)/liquidations/(\d{4})/(\d{2})/(\d{2})/([A-Z0-9]+)\.csv\.gz", path)
    if mode == "xml-error":
        return 200, page(XML_ERROR)
    if match is None or mode == "404":
        return 404, {"code": 104, "message": "There is no such dataset."}
    exchange, year, month, day, symbol = match.groups()
    if day != "01":
        return 401, {"code": 100, "message": "Unauthorized: an API key is needed for days other than the first."}
    if span(f"{year}-{month}-01")[1] > newest(knobs):
        return 404, {"code": 104, "message": "There is no such dataset yet."}
    content = files.liquidations(exchange, symbol, f"{year}-{month}-01", mode)
    return 200, Body("application/gzip", content[: len(content) - 20] if mode == "damaged" else content)
