"""Publish a collector's snapshots as plain files that any static host can serve: an index, the newest, a history."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liq import system
from liq.errors import InputError
from liq.positions import COLUMNS
from liq.sources.positions import index as layout
from liq.sources.positions.index import INDEX, Index, PublishedFile, Snapshot
from liq.sources.positions.reader import METADATA, read_snapshot, snapshot_files, snapshot_time

MAX_PUBLISHED_BYTES = 60_000_000
"""Maximum size of what an index names; the oldest files are left out beyond it. Free hosts bound a site at 1 GB, and
whoever reads a quarter loads it once."""

DIGITS = {"coins": 6, "entry": 8, "liquidation_price": 7, "leverage": 4}
"""Significant digits that are published: a cent at 80,000 dollars, and sizes to a millionth of themselves."""

OWN_FILE = re.compile(r"(?P<group>\d{4}-\d\d-\d\dT\d{6}Z|(day|week)-\d{4}-\d\d-\d\d)-[0-9a-f]{8}\.parquet")
"""Names of files that a publication writes, and therefore removes; no other file is touched."""

LOCK_SECONDS = 60
"""Seconds for which a second publication of the same folder waits."""

Snapshots = dict[pd.Timestamp, tuple[pd.DataFrame, dict[str, Any]]]


def publish(folder: str | Path, to: str | Path, venue: str = "hyperliquid") -> Index:
    """Write a venue's snapshots out of a collector's folder as plain files, and return their index.

    What is published already stays as long as `liq.sources.positions.index.kept_times` keeps it, also where the
    collector's folder no longer has it. Accounts are hashed once more, with a salt that is made of the folder's own
    and written nowhere; where that is another than before, the history begins anew, since no account could be
    followed.
    The index is written last and in one step. A file that it no longer names stays until the next change, for readers
    that have the index before. Raises InputError where there is nothing to publish or a folder cannot be written.

    >>> import tempfile
    >>> from liq.sources.positions.accounts import Position
    >>> from liq.sources.positions.storage import open_store
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder, public = Path(place) / "seen", Path(place) / "public"
    ...     with open_store(folder, "hyperliquid") as store:
    ...         store.begin(1_769_817_600)
    ...         held = [Position("BTC", "long", 1.0, 8e4, 7e4, 10.0, "cross")]
    ...         _ = store.add(store.account("0xa"), held, 1_769_817_600)
    ...         _ = store.finish({"BTC": 2.0}, 1_769_817_600)
    ...     publish(folder, public).newest.isoformat(), len(list(public.iterdir()))
    ('2026-01-31T00:00:00+00:00', 2)
    """
    from filelock import FileLock, Timeout

    folder, to = Path(folder), Path(to)
    if folder.resolve().is_relative_to(to.resolve()):
        raise InputError(f"{to} holds the collector's folder with its salt; publish into a folder of its own.")
    try:
        salt = _publishing_salt(folder)
        to.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "publish.lock", timeout=LOCK_SECONDS):
            return _publish(folder, to, venue, salt)
    except Timeout:
        raise InputError(f"{folder} is being published by another process; try again later.") from None
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror or error}.") from None


def _publish(folder: Path, to: Path, venue: str, salt: bytes) -> Index:
    """Write the files and the index, and remove what neither it nor the one before names."""
    accounts = hashlib.blake2b(b"accounts", key=salt, digest_size=4).hexdigest()
    before = _index(to / INDEX)
    if before is not None and before.venue != venue:
        raise InputError(f"{to} holds positions of {before.venue}; publish those of {venue} in another folder.")
    earlier = before if before is not None and before.accounts == accounts else None
    collected = {snapshot_time(path): path for path in snapshot_files(folder, venue)}
    published = {one.time: file for file in (earlier.files if earlier else ()) for one in file.snapshots}
    times = layout.kept_times([*collected, *published])
    if not times:
        raise InputError(f"{folder} holds no snapshot of {venue} to publish.")
    files: list[PublishedFile] = []
    coins: set[str] = set()
    for group, members in reversed(layout.grouped(times).items()):
        file = _unchanged(to, earlier, group, members)
        if file is None:
            found = _snapshots(members, collected, published, to, salt)
            if not found:
                continue
            file, held = _write(to, venue, group, found)
            coins |= held
        if sum(one.size for one in [*files, file]) > MAX_PUBLISHED_BYTES:
            break
        files.append(file)
    if not files:
        raise InputError(f"{folder} holds no snapshot of {venue} that can be published.")
    index = Index(venue, accounts, tuple(sorted(coins | set(earlier.coins if earlier else ()))), tuple(files))
    if index != before:
        text = layout.index_text(index).encode()
        layout.parse_index(text, "the new index")  # a reader refuses what is out of bounds
        system.write_in_one_step(to / INDEX, lambda stream: stream.write(text))
        _remove_all_but(to, {file.name for one in (index, before) if one for file in one.files})
    return index


def _publishing_salt(folder: Path) -> bytes:
    """Return the salt of what is published, made of the collector's own, which cannot be found from it."""
    try:
        own = bytes.fromhex((folder / "salt").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        raise InputError(f"{folder} is no folder of a collector: it has no salt.") from None
    return hashlib.blake2b(b"published", key=own, digest_size=16).digest()


def _index(path: Path) -> Index | None:
    """Return the index that is there, or None where there is none that can be read."""
    with suppress(OSError, InputError), system.open_to_read(path) as file:
        return layout.parse_index(file.read(), path.name)
    return None


def _unchanged(to: Path, earlier: Index | None, group: str, times: list[pd.Timestamp]) -> PublishedFile | None:
    """Return the published file that holds exactly these snapshots, if it is there and whole."""
    for file in earlier.files if earlier else ():
        match = OWN_FILE.fullmatch(file.name)
        if match and match["group"] == group and [one.time for one in file.snapshots] == times:
            with suppress(OSError):
                return file if hashlib.sha256((to / file.name).read_bytes()).hexdigest() == file.sha256 else None
    return None


def _snapshots(
    times: list[pd.Timestamp],
    collected: dict[pd.Timestamp, Path],
    published: dict[pd.Timestamp, PublishedFile],
    to: Path,
    salt: bytes,
) -> Snapshots:
    """Return rows and facts of the snapshots that can be read, the collector's or published before."""
    found: Snapshots = {}
    for time in times:
        with suppress(InputError):
            if time in collected:
                rows, facts = read_snapshot(collected[time])
                if len(rows):
                    found[time] = _for_others(rows, time, salt), facts
    for file in {published[time] for time in times if time not in found and time in published}:
        with suppress(InputError):
            rows, data = read_snapshot(to / file.name)
            facts_by_time = {pd.Timestamp(one["time"]): one for one in data["snapshots"]}
            for time in set(times) & set(facts_by_time) - set(found):
                found[time] = rows[rows["time"] == time], facts_by_time[time]
    return found


def _for_others(rows: pd.DataFrame, time: pd.Timestamp, salt: bytes) -> pd.DataFrame:
    """Return a snapshot's rows as they are published: accounts hashed once more, numbers rounded."""
    again = {
        name: hashlib.blake2b(str(name).encode(), key=salt, digest_size=8).hexdigest()
        for name in rows["account"].unique()
    }
    answered = rows["answered"] if "answered" in rows else rows["time"]
    rounded = {name: _rounded(rows[name].to_numpy(float), digits) for name, digits in DIGITS.items()}
    rows = rows.assign(account=rows["account"].map(again), time=time, answered=answered.dt.floor("min"), **rounded)
    return rows[[*COLUMNS, "answered"]]


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    """Return numbers rounded to so many significant digits; NaN stays."""
    return np.array([float(f"{value:.{digits}g}") for value in values])


def _write(to: Path, venue: str, group: str, found: Snapshots) -> tuple[PublishedFile, set[str]]:
    """Write one file of snapshots, named by its content, and return its entry and its coins."""
    import pyarrow
    import pyarrow.parquet

    rows = pd.concat([found[time][0] for time in sorted(found)], ignore_index=True)
    # what hardly changes from hour to hour stands together, which takes a sixth off a day's file
    rows = rows.sort_values(["coin", "account", "time"], kind="stable", ignore_index=True)
    stamps = {name: rows[name].astype("datetime64[ms, UTC]") for name in ("time", "answered")}
    facts = [_facts(time, *found[time]) for time in sorted(found)]
    metadata = {"source": venue, "snapshots": facts}
    table = pyarrow.Table.from_pandas(rows.assign(**stamps), preserve_index=False)
    table = table.replace_schema_metadata({METADATA: json.dumps(metadata, separators=(",", ":")).encode()})
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, compression="zstd", compression_level=9)
    raw = sink.getvalue()
    sha256 = hashlib.sha256(raw).hexdigest()
    name = f"{group}-{sha256[:8]}.parquet"
    system.write_in_one_step(to / name, lambda stream: stream.write(raw))
    counts = tuple(
        Snapshot(time, len(found[time][0]), *(int(one[key]) for key in Snapshot._fields[2:]))
        for time, one in zip(sorted(found), facts, strict=True)
    )
    return PublishedFile(name, len(raw), sha256, counts), set(map(str, rows["coin"].unique()))


def _facts(time: pd.Timestamp, rows: pd.DataFrame, data: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a snapshot besides its rows: accounts asked, and open interest of the coins in it."""
    held, interest = set(rows["coin"].unique()), data.get("open_interest", {})
    return {
        "time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        **{key: int(data.get(key, 0)) for key in Snapshot._fields[2:]},
        "open_interest": {coin: float(f"{interest[coin]:.6g}") for coin in sorted(held & set(interest))},
    }


def _remove_all_but(to: Path, names: Iterable[str]) -> None:
    """Remove files of earlier publications, and what a kill left half written."""
    for path in to.iterdir():
        if OWN_FILE.fullmatch(path.name.removeprefix(".")) and path.name not in set(names):
            with suppress(OSError):  # on Windows somebody reads it; the next time will do
                path.unlink()
