"""Read real positions: a collector's folder, a Parquet or CSV file, or a CSV of addresses as scripts write it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
from bisect import bisect_right
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from liq.errors import InputError, listed, shown
from liq.market import as_utc
from liq.positions import COLUMNS, MAX_ROWS, PASS_COLUMNS, Positions
from liq.sources.files.table import MAX_BYTES, file_name, named_buffer, read_table
from liq.sources.files.times import decided_order, parse_times

METADATA = b"liq.positions"
"""Key of a snapshot's own metadata in its Parquet schema."""

NAMED = "%Y-%m-%dT%H%M%SZ"
"""How a snapshot's file is named by its time; no colon, which Windows allows in no name."""

MAX_HEAD = 1_000
"""Maximum number of characters of a scan's first line: its time, price and a few numbers."""

MAX_SNAPSHOTS = 400
"""Maximum number of snapshots read from a folder, the newest."""

SALT = secrets.token_bytes(16)
"""Of this process: addresses in a file are hashed as they are read, alike as long as it lives, and kept nowhere."""


def read_positions(
    file: str | Path | BinaryIO,
    coin: str = "",
    dates: str = "",
    *,
    source: str = "",
    since: Any = None,
    salt: bytes = SALT,
) -> Positions:
    """Return the positions in a folder, a file or a binary buffer with a `name`; raise InputError for anything else.

    coin : of a CSV that does not name one, default BTC. dates : "day-first", "month-first" or "year-first", for dates
    that can be read in several orders; without it such a file raises DateOrderError. source : of a folder that holds
    several venues, the one to read, default the first that it has. since : of a folder, only the snapshots from the
    last one at or before a time (UTC) on. salt : of the hashes by which addresses are
    replaced.

    >>> text = b"#ts,2026-01-31T00:00:00Z,px,80000,mode,full,scanned,9,btc_positions,1,elapsed_s,2\\n"
    >>> text += b"addr,size,entry,liq,lev,margin,pnl,acct_value\\n0xab,-2,81000,95000,10,cross,1,2\\n"
    >>> read_positions(io.BytesIO(text)).rows["side"].tolist()
    ['short']
    """
    if isinstance(file, (str, Path)):
        if Path(file).is_dir():
            return _read_folder(Path(file), source, since)
        try:
            with open(file, "rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
            return read_positions(named_buffer(raw, PurePath(file).name), coin, dates, source=source, salt=salt)
        except OSError as error:
            raise InputError(f"{PurePath(file).name} cannot be read: {error.strerror or error}.") from None
    name = file_name(file)
    file.seek(0)
    raw = file.read(MAX_BYTES + 1)
    if raw[:4].lower() == b"#ts,":
        return _read_scan(raw, name, coin, salt)
    if raw[:4] == b"PAR1" and (found := _own_snapshot(raw, name)) is not None:
        return found
    known = {*COLUMNS, "answered", "open_interest"}
    _, frame = read_table(named_buffer(raw, name), known=sorted(known))
    if missing := [column for column in COLUMNS if column not in frame and column != "account"]:
        raise InputError(
            f"{name} lacks the column {missing[0]!r}; positions need {', '.join(COLUMNS[:-1])}, it has "
            f"{listed(frame.columns)}."
        )
    if "account" in frame:
        _check_once(frame, name)
    else:
        frame["account"] = [f"row {row}" for row in range(len(frame))]
    frame["account"] = [_hashed(str(value), salt) for value in frame["account"]]
    frame["time"], words = parse_times(frame["time"], "time", name, dates)
    if "answered" in frame and (asked := frame["answered"].notna()).any():
        order = decided_order(words) or dates
        answered, _ = parse_times(frame["answered"][asked], "answered", name, order)
        frame["answered"] = pd.Series(answered, frame.index[asked]).reindex(frame.index)
    return Positions(frame, "hyperliquid")


def _check_once(frame: pd.DataFrame, name: str) -> None:
    """Raise InputError where a file has one position of an account twice, which would count twice."""
    again = frame.duplicated().to_numpy()
    if again.any():
        raise InputError(
            f"{name} repeats {int(again.sum()):,} rows, the first in row {int(np.argmax(again))}; leave out what is "
            "repeated, else it counts twice."
        )


def snapshot_files(folder: Path, venue: str = "hyperliquid") -> list[Path]:
    """Return a folder's snapshots, oldest first.

    >>> snapshot_files(Path("nowhere"))
    []
    """
    return sorted((folder / "positions" / f"venue={venue}").glob("[0-9]*.parquet"))


def snapshot_time(path: Path) -> pd.Timestamp:
    """Return the time that a snapshot's file is named by.

    >>> snapshot_time(Path("2026-01-31T000000Z.parquet")).isoformat()
    '2026-01-31T00:00:00+00:00'
    """
    return pd.Timestamp(pd.to_datetime(path.stem, format=NAMED, utc=True))


def read_snapshot(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows and the metadata of a collector's snapshot; raise InputError where it is none.

    >>> read_snapshot(Path("nowhere.parquet"))
    Traceback (most recent call last):
    liq.errors.InputError: nowhere.parquet cannot be read: No such file or directory.
    """
    try:
        found = _table(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    if found is None:
        raise InputError(f"{path.name} is not a snapshot of positions, or is damaged.")
    return found


def _table(raw: bytes) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Return rows and metadata of a Parquet file that a collector wrote, or None."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(raw))
        metadata = (file.schema_arrow.metadata or {}).get(METADATA)
        if metadata is None or file.metadata.num_rows > MAX_ROWS:
            return None
        return file.read().to_pandas(), json.loads(metadata)
    except (pyarrow.ArrowException, OSError, ValueError):
        return None


def _own_snapshot(raw: bytes, name: str) -> Positions | None:
    """Return a collector's snapshot out of one file, or None where it is another Parquet file."""
    found = _table(raw)
    if found is None:
        return None
    if not len(found[0]):
        raise InputError(f"{name} is a snapshot without a position.")
    return _joined([found])


def collected_venues(folder: Path) -> list[str]:
    """Return the venues of which a folder has snapshots, Hyperliquid first.

    >>> collected_venues(Path("nowhere"))
    []
    """
    names = {path.parent.name.partition("=")[2] for path in (folder / "positions").glob("venue=*/[0-9]*.parquet")}
    return sorted(names, key=lambda name: (name != "hyperliquid", name))


def is_url(path: object) -> bool:
    """Return whether a path is the address of what somebody publishes.

    >>> is_url("https://example.org/seen/"), is_url("seen")
    (True, False)
    """
    return isinstance(path, str) and path.startswith(("https://", "http://"))


def venue_to_read(path: str | Path, source: str) -> str:
    """Return a venue's name where a path is a folder that has snapshots of it, else an empty string.

    >>> venue_to_read("nowhere", "lighter")
    ''
    """
    return source if source in collected_venues(Path(path)) else ""


def _read_folder(folder: Path, source: str, since: Any = None) -> Positions:
    """Return the newest snapshots of a collector's folder; those that cannot be read are passed over."""
    found, unreadable, venues = [], 0, collected_venues(folder)
    venue = source or (venues[0] if venues else "hyperliquid")
    if venues and venue not in venues:
        raise InputError(f"{folder.name} holds no positions of {venue}, but of {' and '.join(venues)}.")
    files = snapshot_files(folder, venue)
    if since is not None:
        first = as_utc(since, "since").strftime(NAMED)
        files = files[max(0, bisect_right([path.stem for path in files], first) - 1) :]
    for path in files[-MAX_SNAPSHOTS:]:
        try:
            found.append(read_snapshot(path))
        except InputError:
            unreadable += 1
    found = [one for one in found if len(one[0])]
    if not found:
        more = f"; {unreadable} files cannot be read" if unreadable else ""
        raise InputError(f"{folder.name} holds no snapshot of positions{more}.")
    return _joined(found)


def _joined(found: list[tuple[pd.DataFrame, dict[str, Any]]]) -> Positions:
    """Return snapshots put together."""
    # a published file holds several snapshots and says the time of each, a collector's is one
    facts = [
        (as_utc(one.get("time", rows["time"].iloc[0]), "time"), one)
        for rows, data in found
        for one in data.get("snapshots", [data])
    ]
    facts.sort(key=lambda fact: fact[0])
    passes = pd.DataFrame(
        [(time, *(int(one.get(name, 0)) for name in PASS_COLUMNS[1:])) for time, one in facts],
        columns=list(PASS_COLUMNS),
    )
    times = pd.DatetimeIndex([time for time, _ in facts])
    interest = pd.DataFrame([one.get("open_interest", {}) for _, one in facts], index=times)
    rows = pd.concat([rows for rows, _ in found], ignore_index=True)
    return Positions(rows, str(found[0][1].get("source", "hyperliquid")), passes, interest)


def _read_scan(raw: bytes, name: str, coin: str, salt: bytes) -> Positions:
    """Return the positions of a CSV whose first line names time, price and numbers of accounts."""
    head, _, rest = raw.partition(b"\n")
    if len(head) > MAX_HEAD:
        raise InputError(f"{name} has a first line of {len(head):,} characters; that of a scan has a few numbers.")
    words = [word.strip() for word in head.decode("utf-8", "replace").strip().lstrip("#").split(",")]
    said = dict(zip(words[::2], words[1::2], strict=False))
    named = next((key.removesuffix("_positions").upper() for key in said if key.endswith("_positions")), "")
    time = as_utc(said.get("ts"), f"{name}: ts")
    known = ("addr", "size", "entry", "liq", "lev", "margin")
    _, frame = read_table(named_buffer(rest, name), known=known)
    if missing := [column for column in known if column not in frame]:
        raise InputError(f"{name} lacks the column {missing[0]!r}; it has {listed(frame.columns)}.")
    size, level = (pd.to_numeric(frame[column], errors="coerce") for column in ("size", "liq"))
    lost = (level.isna() & frame["liq"].notna() & (frame["liq"].astype("string").str.strip() != "")).to_numpy(bool)
    if lost.any():  # what is blank or 0 has no liquidation price; any other text must not look like it
        row = int(np.argmax(lost))
        raise InputError(
            f"{name} has {shown(frame['liq'].iloc[row])!r} in column 'liq', row {row}, which is no price."
        )
    _check_once(frame, name)
    rows = pd.DataFrame(
        {
            "time": time,
            "coin": coin or named or "BTC",
            "side": ["long" if value > 0 else "short" for value in size],
            "coins": size.abs(),
            "entry": pd.to_numeric(frame["entry"], errors="coerce"),
            "liquidation_price": level.where(level > 0),
            "leverage": pd.to_numeric(frame["lev"], errors="coerce"),
            "margin": frame["margin"].astype(str).str.strip().str.lower(),
            "account": [_hashed(str(value), salt) for value in frame["addr"]],
        }
    )
    scanned = int(said["scanned"]) if re.fullmatch("[0-9]{1,12}", said.get("scanned", "")) else 0
    passes = pd.DataFrame([(time, scanned, scanned, 0)], columns=list(PASS_COLUMNS))
    return Positions(rows, "hyperliquid", passes)


def _hashed(text: str, salt: bytes) -> str:
    """Return what stands for an address; a hash as a collector writes it stays."""
    if len(text) == 16 and all(letter in "0123456789abcdef" for letter in text):
        return text
    return hashlib.blake2b(text.lower().encode(), key=salt, digest_size=8).hexdigest()
