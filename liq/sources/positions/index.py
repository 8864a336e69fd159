"""Index of published snapshots: which files there are, what they hold, and which snapshots are kept for how long.

A publication is a folder of plain files of one venue: ``index.json``, and Parquet files of one snapshot or several.
docs/positions.md describes it for those who read it without this package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from liq.errors import InputError, shown

SCHEMA = "liq.positions/1"
"""Name and version of the layout; the number rises when a field goes, is renamed or changes its meaning."""

INDEX = "index.json"

HOURLY_DAYS = 7
"""Whole days before the newest snapshot's own for which one snapshot an hour is kept."""

QUARTER_DAYS = 91
"""Days for which one snapshot a day is kept: thirteen weeks."""

MAX_INDEX_BYTES = 1_000_000
"""Maximum size of an index; that of a quarter has 40 kB."""

MAX_FILES, MAX_SNAPSHOTS, MAX_COINS = 100, 400, 2_000
"""Maximum number of files, snapshots and coins in an index; a quarter has 44 files and 280 snapshots at most."""

MAX_FILE_BYTES, MAX_TOTAL_BYTES = 32_000_000, 120_000_000
"""Maximum size of a file, and of all of them; a quarter of 4,500 positions a snapshot has 25 MB."""

MAX_SNAPSHOT_ROWS, MAX_TOTAL_ROWS = 100_000, 4_000_000
"""Maximum number of positions in a snapshot, and in all of them."""

NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,80}\.parquet")
"""What a file may be called: a plain name, in no other folder and at no other address."""

VENUE = re.compile(r"[a-z][a-z0-9]{0,30}")

COIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z:._/@-]{0,39}")


class Snapshot(NamedTuple):
    """A published snapshot: its time (UTC), positions, and how many accounts were asked, answered and failed."""

    time: pd.Timestamp
    rows: int
    asked: int
    answered: int
    failed: int


class PublishedFile(NamedTuple):
    """A published file: its name, size in bytes, sha256 in hexadecimal digits, and its snapshots, oldest first."""

    name: str
    size: int
    sha256: str
    snapshots: tuple[Snapshot, ...]

    @property
    def rows(self) -> int:
        """Number of positions in the file."""
        return sum(snapshot.rows for snapshot in self.snapshots)


class Index(NamedTuple):
    """What is published: the venue, an id that is the same while accounts can be followed, coins, and files, newest
    first."""

    venue: str
    accounts: str
    coins: tuple[str, ...]
    files: tuple[PublishedFile, ...]

    @property
    def newest(self) -> pd.Timestamp:
        """Time of the newest snapshot."""
        return max(snapshot.time for file in self.files for snapshot in file.snapshots)


def kept_times(times: Iterable[pd.Timestamp]) -> list[pd.Timestamp]:
    """Return the times of the snapshots that a publication keeps, oldest first.

    Of the newest snapshot's day and the HOURLY_DAYS before it the last of each hour, before that the last of each
    day, for whole weeks of at most QUARTER_DAYS. Days and weeks (from Monday) are UTC's, so that files of older ones
    change once a day.

    >>> hours = pd.date_range("2026-01-01", "2026-06-01", freq="30min", tz="UTC")
    >>> kept = kept_times(hours)
    >>> len(kept), kept[0].isoformat(), kept[-1] == hours[-1]
    (253, '2026-03-02T23:30:00+00:00', True)
    """
    ordered = sorted(set(times))
    if not ordered:
        return []
    today = ordered[-1].normalize()
    hourly, oldest = today - pd.Timedelta(days=HOURLY_DAYS), today - pd.Timedelta(days=QUARTER_DAYS)
    last: dict[pd.Timestamp, pd.Timestamp] = {}
    for time in ordered:
        if monday(time) >= oldest:
            last[time.floor("h") if time >= hourly else time.normalize()] = time
    return sorted(last.values())


def grouped(times: list[pd.Timestamp]) -> dict[str, list[pd.Timestamp]]:
    """Return times as `kept_times` gives them by the file that they share, named by its first moment.

    Snapshots of the newest one's day have a file each, so that what is new is small; those of an earlier day of the
    week share one, and older ones one a week, so that a quarter is few requests.

    >>> list(grouped(kept_times(pd.date_range("2026-05-20", "2026-06-01T01:00", freq="12h", tz="UTC"))))[:3]
    ['week-2026-05-18', 'day-2026-05-25', 'day-2026-05-26']
    """
    groups: dict[str, list[pd.Timestamp]] = {}
    today = times[-1].normalize()
    for time in times:
        if time >= today:
            name = f"{time:%Y-%m-%dT%H%M%SZ}"
        elif time >= today - pd.Timedelta(days=HOURLY_DAYS):
            name = f"day-{time:%Y-%m-%d}"
        else:
            name = f"week-{monday(time):%Y-%m-%d}"
        groups.setdefault(name, []).append(time)
    return groups


def monday(time: pd.Timestamp) -> pd.Timestamp:
    """Return the start of a time's week.

    >>> monday(pd.Timestamp("2026-06-03 12:00", tz="UTC")).isoformat()
    '2026-06-01T00:00:00+00:00'
    """
    return time.normalize() - pd.Timedelta(days=time.weekday())


def index_text(index: Index) -> str:
    """Return an index as JSON.

    >>> parse_index(index_text(Index("hyperliquid", "", (), ())).encode(), "mine")
    Traceback (most recent call last):
    liq.errors.InputError: mine names no file.
    """
    files = [
        {
            "file": file.name,
            "bytes": file.size,
            "sha256": file.sha256,
            "snapshots": [
                {"time": f"{one.time:%Y-%m-%dT%H:%M:%SZ}", **dict(zip(Snapshot._fields[1:], one[1:], strict=True))}
                for one in file.snapshots
            ],
        }
        for file in index.files
    ]
    head = {"schema": SCHEMA, "venue": index.venue, "accounts": index.accounts, "coins": list(index.coins)}
    return json.dumps({**head, "files": files}, separators=(",", ":"))


def parse_index(raw: bytes, name: str) -> Index:
    """Return the index in JSON from anywhere; raise InputError, with the name that the sentence gives it.

    >>> parse_index(b"<html>", "the index of example.org")
    Traceback (most recent call last):
    liq.errors.InputError: the index of example.org is not JSON.
    """
    if len(raw) > MAX_INDEX_BYTES:
        raise InputError(f"{name} is larger than {MAX_INDEX_BYTES / 1e6:g} MB.")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError(f"{name} is not JSON.") from None
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{name} is not of published positions: its schema must be {SCHEMA}, not {shown(schema)!r}.")
    try:
        return _checked(found, name)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} lacks a field, or has one of another kind ({shown(error)}).") from None


def _checked(found: dict[str, Any], name: str) -> Index:
    """Return an index of fields that were found; raise InputError for one that is out of bounds."""
    files, coins = found["files"], found["coins"]
    if not isinstance(files, list) or not isinstance(coins, list):
        raise TypeError("files and coins are lists")
    if not files:
        raise InputError(f"{name} names no file.")
    snapshots = sum(len(one["snapshots"]) for one in files)
    if len(files) > MAX_FILES or len(coins) > MAX_COINS or snapshots > MAX_SNAPSHOTS:
        raise InputError(
            f"{name} names more than {MAX_FILES} files, {MAX_SNAPSHOTS} snapshots or {MAX_COINS:,} coins."
        )
    index = Index(
        _text(found["venue"], VENUE, name),
        str(found.get("accounts", ""))[:40],
        tuple(_text(coin, COIN, name) for coin in coins),
        tuple(_file(one, name) for one in files),
    )
    names = [file.name for file in index.files]
    times = [snapshot.time for file in index.files for snapshot in file.snapshots]
    for what, values in (("file", names), ("snapshot", times)):
        if len(set(values)) < len(values):
            raise InputError(f"{name} names a {what} twice.")
    if sum(file.size for file in index.files) > MAX_TOTAL_BYTES:
        raise InputError(f"{name} names more than {MAX_TOTAL_BYTES // 1_000_000} MB of files.")
    if sum(file.rows for file in index.files) > MAX_TOTAL_ROWS:
        raise InputError(f"{name} names more than {MAX_TOTAL_ROWS:,} positions.")
    return index._replace(files=tuple(sorted(index.files, key=lambda file: file.snapshots[-1].time, reverse=True)))


def _file(found: dict[str, Any], name: str) -> PublishedFile:
    """Return one file of an index."""
    size = _count(found["bytes"], MAX_FILE_BYTES, "bytes", name)
    sha256 = _text(found["sha256"], re.compile("[0-9a-f]{64}"), name)
    snapshots = tuple(sorted(_snapshot(one, name) for one in found["snapshots"]))
    if not snapshots:
        raise InputError(f"{name} names a file without a snapshot.")
    return PublishedFile(_text(found["file"], NAME, name), size, sha256, snapshots)


def _snapshot(found: dict[str, Any], name: str) -> Snapshot:
    """Return one snapshot of an index."""
    text = _text(found["time"], re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), name)
    try:
        time = pd.Timestamp(text)
    except ValueError:
        raise InputError(f"{name} has {text!r} where a time is due.") from None
    rows = _count(found["rows"], MAX_SNAPSHOT_ROWS, "rows", name)
    asked, answered, failed = (_count(found[key], 10**9, key, name) for key in Snapshot._fields[2:])
    return Snapshot(time, rows, asked, answered, failed)


def _text(value: Any, pattern: re.Pattern[str], name: str) -> str:
    """Return a text of a known form; raise InputError for any other value."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InputError(f"{name} has {shown(value)!r} where {pattern.pattern} is due.")
    return value


def _count(value: Any, most: int, what: str, name: str) -> int:
    """Return a whole number from 0 to a bound; raise InputError for any other value."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise InputError(f"{name} has {shown(value)!r} for {what}, where 0 to {most:,} is due.")
    return value
