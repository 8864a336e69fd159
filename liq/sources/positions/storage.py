"""Folder of position snapshots: Parquet files that are whole at every moment, and a pass that survives its process.

A folder holds ``positions/venue=NAME/TIME.parquet`` (one row a position, what was asked in its metadata),
``accounts.parquet`` (hashes, when each was asked and whether it held), ``salt``, and ``pass.jsonl``, the answers of
the pass under way.
Addresses are never written: accounts are hashed with the folder's own salt. docs/positions.md has the columns.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from liq import system
from liq.errors import InputError
from liq.positions import COLUMNS
from liq.sources.positions.accounts import Position
from liq.sources.positions.reader import METADATA


class PositionStore:
    """A folder that one collector writes to; made by `open_store`.

    accounts : by hash, when each was last answered (UTC s) and whether it held anything wanted; pass_start : time of
    the pass under way (UTC s) or None; answers : by hash, what this pass was answered so far, None for a failure.
    """

    def __init__(self, folder: Path, venue: str) -> None:
        self.folder, self.venue = folder, venue
        self.salt = _salt(folder)
        self.accounts: dict[str, tuple[int, bool]] = {}
        self.pass_start: int | None = None
        self.answers: dict[str, list[Position] | None] = {}
        self.journal: TextIO | None = None
        self._load_accounts()
        self._resume()

    def account(self, address: str) -> str:
        """Return the hash that stands for an address in this folder."""
        return hashlib.blake2b(address.lower().encode(), key=self.salt, digest_size=8).hexdigest()

    def begin(self, start: int) -> None:
        """Begin a pass at a time, UTC s."""
        self.pass_start, self.answers = start, {}
        self._write_line({"pass": start}, fresh=True)

    def add(self, account: str, held: list[Position] | None) -> None:
        """Note what an account holds, or None where it did not answer."""
        self.answers[account] = held
        self._write_line([account, held])

    def take_back(self, count: int) -> None:
        """Forget the last answers, as if those accounts had not been asked."""
        for name in list(self.answers)[len(self.answers) - count :]:
            del self.answers[name]
        self._write_line({"take_back": count})
        self.flush()

    def flush(self) -> None:
        """Force what was noted to disk; from then on it survives the end of the process."""
        if self.journal is not None:
            self.journal.flush()
            system.sync_file(self.journal.fileno())

    def finish(self, carried: pd.DataFrame, open_interest: dict[str, float], asked: int) -> Path:
        """Write the snapshot of the pass under way, close the pass, and return the snapshot's path.

        carried : rows of accounts that were not asked in this pass, as the last snapshot had them.
        """
        assert self.pass_start is not None
        time = pd.Timestamp(self.pass_start, unit="s", tz="UTC")
        answered = {name: held for name, held in self.answers.items() if held is not None}
        fresh = [(time, *_columns(position), name) for name, held in answered.items() for position in held]
        rows = pd.DataFrame(fresh, columns=list(COLUMNS)).assign(answered=time)
        if len(carried):
            rows = pd.concat([rows, carried.assign(time=time)], ignore_index=True)
        metadata = {
            "source": self.venue,
            "asked": asked,
            "answered": len(answered),
            "failed": len(self.answers) - len(answered),
            "open_interest": open_interest,
        }
        path = snapshot_path(self.folder, self.venue, self.pass_start)
        # The order makes any interruption harmless: the snapshot is moved in place in one step, a pass whose
        # snapshot exists is not written again, and the journal is emptied last.
        _write_parquet(path, rows, metadata)
        for name, held in self.answers.items():
            if held is not None:
                self.accounts[name] = (self.pass_start, bool(held))
        self._save_accounts()
        self._close_pass()
        return path

    def _write_line(self, line: Any, fresh: bool = False) -> None:
        if self.journal is None or fresh:
            self.close()
            path = self.folder / "pass.jsonl"
            self.journal = open(  # noqa: SIM115 (open for a whole pass)
                path, "w" if fresh else "a", encoding="utf-8", newline="\n"
            )
        self.journal.write(f"{json.dumps(line)}\n")

    def close(self) -> None:
        """Close the journal; what was noted stays."""
        if self.journal is not None:
            self.flush()
            self.journal.close()
            self.journal = None

    def _close_pass(self) -> None:
        self.close()
        (self.folder / "pass.jsonl").unlink(missing_ok=True)
        self.pass_start, self.answers = None, {}

    def _resume(self) -> None:
        """Take over the pass that an earlier process left; a last line that was cut off is cut away."""
        path = self.folder / "pass.jsonl"
        if not path.exists():
            return
        whole = 0
        with open(path, "rb") as file:
            for line in file:
                try:
                    self._replay(json.loads(line))
                except (ValueError, TypeError, KeyError):
                    break
                whole += len(line) * line.endswith(b"\n")
        os.truncate(path, whole)  # so that the next line does not join a torn one
        if self.pass_start is None or snapshot_path(self.folder, self.venue, self.pass_start).exists():
            self._close_pass()

    def _replay(self, line: Any) -> None:
        """Take over one line of the journal."""
        if isinstance(line, list):
            name, held = line
            self.answers[str(name)] = None if held is None else [Position(*row) for row in held]
        elif "pass" in line:
            self.pass_start = int(line["pass"])
        else:
            for name in list(self.answers)[len(self.answers) - int(line["take_back"]) :]:
                del self.answers[name]

    def _load_accounts(self) -> None:
        path = self.folder / "accounts.parquet"
        if path.exists():
            try:
                with system.open_to_read(path) as file:
                    frame = pd.read_parquet(file)
                self.accounts = {
                    name: (int(time), bool(holds))
                    for name, time, holds in zip(frame["account"], frame["answered"], frame["holds"], strict=True)
                }
            except (OSError, ValueError, KeyError):
                self.accounts = {}  # it only says whom to ask first

    def _save_accounts(self) -> None:
        rows = [(name, *state) for name, state in self.accounts.items()]
        frame = pd.DataFrame(rows, columns=["account", "answered", "holds"])
        _write_parquet(self.folder / "accounts.parquet", frame, {})


@contextmanager
def open_store(folder: Path, venue: str) -> Iterator[PositionStore]:
    """Open a folder for writing, created if need be, and take over the pass that an earlier process left.

    Raises InputError where it cannot be written to, or another process is writing to it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder), "hyperliquid") as store:
    ...     store.begin(1_769_817_600)
    ...     store.add(store.account("0xa"), [Position("BTC", "long", 1.0, 8e4, 7e4, 10.0, "cross")])
    ...     store.finish(pd.DataFrame(), {"BTC": 2.0}, asked=1).name
    '2026-01-31T000000Z.parquet'
    """
    from filelock import FileLock, Timeout  # only a collector needs it

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0):
            store = PositionStore(folder, venue)
            try:
                yield store
            finally:
                store.close()
    except Timeout:
        raise InputError(
            f"{folder} is being written by another collector; give this one a folder of its own."
        ) from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.") from None


def snapshot_path(folder: Path, venue: str, start: int) -> Path:
    """Return the file of the snapshot of a pass that began at a time, UTC s.

    >>> snapshot_path(Path("seen"), "hyperliquid", 0).as_posix()
    'seen/positions/venue=hyperliquid/1970-01-01T000000Z.parquet'
    """
    name = f"{pd.Timestamp(start, unit='s'):%Y-%m-%dT%H%M%SZ}.parquet"
    return folder / "positions" / f"venue={venue}" / name


def _columns(position: Position) -> tuple[Any, ...]:
    """Return a position in the order of COLUMNS, between time and account."""
    return (
        position.coin,
        position.side,
        position.coins,
        position.entry,
        float("nan") if position.liquidation_price is None else position.liquidation_price,
        position.leverage,
        position.margin,
    )


def _salt(folder: Path) -> bytes:
    """Return the folder's salt, drawn once."""
    path = folder / "salt"
    if not path.exists():
        drawn = secrets.token_hex(16).encode()
        system.write_in_one_step(path, lambda file: file.write(drawn), private=True)
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


def _write_parquet(path: Path, rows: pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Write a table in one step, forced to disk."""
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pandas(rows, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: json.dumps(metadata).encode()})
    system.write_in_one_step(path, lambda file: pyarrow.parquet.write_table(table, file))
