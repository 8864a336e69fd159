"""Snapshot files of a collector's folder: writing one in one step, and which of those on the way are kept.

A pass over every account takes more than an hour, so a snapshot is also written on the way, of what is known by
then. Of these the newest two are kept, and one for each KEEP_EVERY before them; a reader that is about to open one
finds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from liq import system
from liq.sources.positions.accounts import Position
from liq.sources.positions.reader import METADATA, NAMED, snapshot_files, snapshot_time

KEEP_EVERY = 900
"""Seconds of which one snapshot on the way is kept for good: the usual time between two passes."""

NEWEST = 2
"""Number of the newest snapshots on the way that are kept, so that a reader's list of files is true for a while."""

MAX_AGE = 86_400
"""Seconds after which the last known state of an account that no longer answers is dropped."""

_TIME = pyarrow.timestamp("ns", tz="UTC")

SCHEMA = pyarrow.schema(
    [
        ("time", _TIME),
        ("coin", pyarrow.string()),
        ("side", pyarrow.string()),
        ("coins", pyarrow.float64()),
        ("entry", pyarrow.float64()),
        ("liquidation_price", pyarrow.float64()),
        ("leverage", pyarrow.float64()),
        ("margin", pyarrow.string()),
        ("account", pyarrow.string()),
        ("answered", _TIME),
    ]
)
"""Columns of a snapshot, `liq.positions.COLUMNS` and when the account was asked."""

Book = dict[str, tuple[int, list[Position]]]
"""What is known of every account that holds something: when it answered (UTC s), and its positions."""


def snapshot_path(folder: Path, venue: str, moment: int) -> Path:
    """Return the file of a snapshot of a moment, UTC s.

    >>> snapshot_path(Path("seen"), "hyperliquid", 0).as_posix()
    'seen/positions/venue=hyperliquid/1970-01-01T000000Z.parquet'
    """
    name = f"{datetime.fromtimestamp(moment, UTC):{NAMED}}.parquet"
    return folder / "positions" / f"venue={venue}" / name


def snapshot_moment(path: Path) -> int:
    """Return the moment that a snapshot's file is named by, UTC s.

    >>> snapshot_moment(snapshot_path(Path("seen"), "hyperliquid", 1_769_817_600))
    1769817600
    """
    return int(snapshot_time(path).timestamp())


def write_snapshot(path: Path, moment: int, book: Book, metadata: Mapping[str, Any]) -> None:
    """Write what is known at a moment (UTC s), whole or not at all; answers older than MAX_AGE are left out.

    metadata : source, asked, answered, failed, open_interest, and for one on the way partial and of, how many are to
    be asked.
    """
    rows = [
        (moment, *position[:4], _level(position), *position[5:], account, answered)
        for account, (answered, held) in book.items()
        if answered > moment - MAX_AGE
        for position in held
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [
        pyarrow.array([value * 1_000_000_000 for value in values], pyarrow.int64()).cast(_TIME)
        if column.type == _TIME
        else pyarrow.array(values, column.type)
        for column, values in zip(SCHEMA, columns, strict=True)
    ]
    write_table(path, pyarrow.Table.from_arrays(arrays, schema=SCHEMA), metadata)


def write_table(path: Path, table: pyarrow.Table, metadata: Mapping[str, Any]) -> None:
    """Write a table in one step, forced to disk.

    >>> write_table.__name__  # tests/sources/positions holds it to that
    'write_table'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    table = table.replace_schema_metadata({METADATA: json.dumps(dict(metadata)).encode()})
    system.write_in_one_step(path, lambda file: pyarrow.parquet.write_table(table, file))


def read_book(path: Path) -> Book:
    """Return what a snapshot says of every account that holds something, nothing where it cannot be read.

    >>> read_book(Path("nowhere.parquet"))
    {}
    """
    book: Book = {}
    try:
        with system.open_to_read(path) as file:
            table = pyarrow.parquet.read_table(file, columns=SCHEMA.names)
    except (OSError, ValueError, KeyError):
        return book
    columns = [
        table["answered"].cast(_TIME).cast(pyarrow.int64()).to_pylist(),
        *(table[name].to_pylist() for name in SCHEMA.names[1:9]),
    ]
    for answered, *position, account in zip(*columns, strict=True):
        coin, side, coins, price, level, leverage, margin = position
        known = level if level is not None and level > 0 else None
        held = book.setdefault(account, (answered // 1_000_000_000, []))[1]
        held.append(Position(coin, side, coins, price, known, leverage, margin))
    return book


def read_metadata(path: Path) -> dict[str, Any]:
    """Return a snapshot's own metadata, nothing where there is none.

    >>> read_metadata(Path("nowhere.parquet"))
    {}
    """
    try:
        with system.open_to_read(path) as file:
            said = json.loads((pyarrow.parquet.read_schema(file).metadata or {})[METADATA])
    except (OSError, ValueError, KeyError):
        return {}
    return said if isinstance(said, dict) else {}


def is_complete(path: Path) -> bool:
    """Return whether a file is the snapshot of a finished pass.

    >>> is_complete(Path("nowhere.parquet"))
    False
    """
    said = read_metadata(path)
    return bool(said) and not said.get("partial", False)


class OnTheWay:
    """The snapshots on the way in a folder: which are kept and which are removed as further ones are written.

    newest : the last snapshot of any kind, or None; has_complete : whether one of a finished pass is there.
    """

    def __init__(self, folder: Path, venue: str) -> None:
        files = snapshot_files(folder, venue)
        self.newest: Path | None = files[-1] if files else None
        self._removable: list[Path] = []
        self._kept = 0
        self.has_complete = False
        for path in reversed(files):
            if is_complete(path):
                self._kept, self.has_complete = snapshot_moment(path), True
                break
            if len(self._removable) < NEWEST:
                self._removable.insert(0, path)
            elif not self._kept:
                self._kept = snapshot_moment(path)

    @property
    def newest_moment(self) -> int | None:
        """Moment of the last snapshot, UTC s, or None."""
        return None if self.newest is None else snapshot_moment(self.newest)

    def written(self, path: Path, partial: bool) -> None:
        """Note that a snapshot was written, and remove those on the way that are not kept."""
        self.newest = path
        if not partial:
            self._kept, self.has_complete = snapshot_moment(path), True
            self._removable = [old for old in self._removable if old != path]
        elif path not in self._removable:
            self._removable.append(path)
        while len(self._removable) > NEWEST:
            oldest = self._removable.pop(0)
            moment = snapshot_moment(oldest)
            if moment - self._kept >= KEEP_EVERY:
                self._kept = moment
                continue
            with suppress(OSError):  # on Windows one that is being read stays
                oldest.unlink()


def _level(position: Position) -> float:
    return float("nan") if position.liquidation_price is None else position.liquidation_price


def accounts_table(rows: Iterable[tuple[str, tuple[int, bool]]]) -> pyarrow.Table:
    """Return the table of accounts: hash, when it last answered (UTC s), whether it held anything.

    >>> accounts_table([("a1", (5, True))]).to_pylist()
    [{'account': 'a1', 'answered': 5, 'holds': True}]
    """
    rows = list(rows)
    columns = [[name for name, _ in rows], [time for _, (time, _) in rows], [holds for _, (_, holds) in rows]]
    types = [pyarrow.string(), pyarrow.int64(), pyarrow.bool_()]
    arrays = [pyarrow.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    return pyarrow.Table.from_arrays(arrays, names=["account", "answered", "holds"])
