"""Folder of position snapshots: Parquet files that are whole at every moment, and a pass that survives its process.

A folder holds ``positions/venue=NAME/TIME.parquet`` (one row a position, what was asked in its metadata),
``accounts.parquet`` (hashes, when each was asked and whether it held), ``salt``, and ``pass.jsonl``, the answers of
the pass under way. Several venues share a folder and its salt; each has its own files (`own_file`).
Addresses are never written: accounts are hashed with the folder's own salt. docs/positions.md has the columns.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow.parquet

from liq import system
from liq.errors import InputError
from liq.sources.positions.accounts import Position
from liq.sources.positions.snapshots import (
    Book,
    OnTheWay,
    accounts_table,
    is_complete,
    read_book,
    snapshot_path,
    write_snapshot,
    write_table,
)

FIRST = "hyperliquid"
"""The venue whose files in a folder have no name of a venue: folders were written before there was a second."""


class Taken(InputError):
    """Another process collects into the folder."""


class PositionStore:
    """A folder that one collector of a venue writes to; made by `open_store`.

    accounts : by hash, when each was last answered (UTC s) and whether it held anything wanted; book : what is known
    of those that hold something; pass_start : time of the pass under way (UTC s) or None; answers : by hash, what
    this pass was answered so far, None for a failure; silent : those without an answer in the last pass that this
    process finished; resumed : whether an earlier process left that pass.
    """

    def __init__(self, folder: Path, venue: str) -> None:
        self.folder, self.venue = folder, venue
        self.salt = _salt(folder)
        self.accounts: dict[str, tuple[int, bool]] = {}
        self.snapshots = OnTheWay(folder, venue)
        self.book: Book = read_book(self.snapshots.newest) if self.snapshots.newest else {}
        self.pass_start: int | None = None
        self.answers: dict[str, list[Position] | None] = {}
        self.silent: frozenset[str] = frozenset()
        self.journal: TextIO | None = None
        self._times: dict[str, int] = {}
        self._load_accounts()
        self._resume()
        self.resumed = self.pass_start is not None

    def account(self, address: str) -> str:
        """Return the hash that stands for an address in this folder."""
        return hashlib.blake2b(address.lower().encode(), key=self.salt, digest_size=8).hexdigest()

    def begin(self, start: int) -> None:
        """Begin a pass at a time, UTC s."""
        self.pass_start, self.answers, self._times, self.resumed = start, {}, {}, False
        self._write_line({"pass": start}, fresh=True)

    def add(self, account: str, held: list[Position] | None, moment: int | None = None) -> bool:
        """Note what an account holds, or None where it did not answer, at a moment (UTC s), default now.

        Returns whether it was noted: that an account did not answer says nothing where it has answered in this pass.
        """
        if held is None and self.answers.get(account) is not None:
            return False
        moment = int(time.time()) if moment is None else moment
        self._note(account, held, moment)
        self._write_line([account, held, moment])
        return True

    def _note(self, account: str, held: list[Position] | None, moment: int) -> None:
        self.answers[account] = held
        if held is not None:
            self._times[account] = moment
            self.book.pop(account, None)
            if held:
                self.book[account] = (moment, held)

    def take_back(self, accounts: list[str]) -> None:
        """Forget that accounts did not answer, as if they had not been asked."""
        self._forget(accounts)
        self._write_line({"take_back": accounts})
        self.flush()

    def flush(self) -> None:
        """Force what was noted to disk; from then on it survives the end of the process."""
        if self.journal is not None:
            self.journal.flush()
            system.sync_file(self.journal.fileno())

    def save(self, open_interest: dict[str, float], of: int, moment: int | None = None) -> Path:
        """Write a snapshot on the way, of what is known so far, and return its path.

        of : how many accounts the pass is to ask. Accounts that were not asked yet keep what was last known of them.
        """
        moment = int(time.time()) if moment is None else moment
        path = snapshot_path(self.folder, self.venue, moment)
        if path == self.snapshots.newest and is_complete(path):
            return path  # of this very second
        self.flush()
        write_snapshot(path, moment, self.book, {**self._counts(open_interest), "partial": True, "of": of})
        self.snapshots.written(path, partial=True)
        return path

    def finish(self, open_interest: dict[str, float], moment: int | None = None) -> Path:
        """Write the snapshot of the pass under way, close the pass, and return the snapshot's path."""
        moment = int(time.time()) if moment is None else moment
        path = snapshot_path(self.folder, self.venue, moment)
        # The order makes any interruption harmless: the journal says which file ends the pass before that is moved in
        # place in one step, a pass whose file is there is not written again, and the journal is emptied last.
        self._write_line({"ends": moment})
        self.flush()
        write_snapshot(path, moment, self.book, self._counts(open_interest))
        self.snapshots.written(path, partial=False)
        self._close_pass()
        return path

    def _counts(self, open_interest: dict[str, float]) -> dict[str, Any]:
        answered = sum(held is not None for held in self.answers.values())
        return {
            "source": self.venue,
            "asked": len(self.answers),
            "answered": answered,
            "failed": len(self.answers) - answered,
            "open_interest": open_interest,
        }

    def _write_line(self, line: Any, fresh: bool = False) -> None:
        if self.journal is None or fresh:
            self.close()
            path = own_file(self.folder, self.venue, "pass.jsonl")
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
        """Note in the list of accounts who answered, and remove the journal."""
        self.silent = frozenset(name for name, held in self.answers.items() if held is None)
        for name, held in self.answers.items():
            if held is not None:
                self.accounts[name] = (self._times[name], bool(held))
        path = own_file(self.folder, self.venue, "accounts.parquet")
        write_table(path, accounts_table(self.accounts.items()), {})
        self.close()
        own_file(self.folder, self.venue, "pass.jsonl").unlink(missing_ok=True)
        self.pass_start, self.answers, self._times = None, {}, {}

    def _resume(self) -> None:
        """Take over the pass that an earlier process left; a last line that was cut off is cut away."""
        path = own_file(self.folder, self.venue, "pass.jsonl")
        if not path.exists():
            return
        whole, ends = 0, None
        with open(path, "rb") as file:
            for line in file:
                try:
                    ends = self._replay(json.loads(line))
                except (ValueError, TypeError, KeyError):
                    break
                whole += len(line) * line.endswith(b"\n")
        os.truncate(path, whole)  # so that the next line does not join a torn one
        if self.pass_start is None:
            path.unlink()
            self.answers, self._times = {}, {}
        elif ends is not None and is_complete(snapshot_path(self.folder, self.venue, ends)):
            self._close_pass()

    def _replay(self, line: Any) -> int | None:
        """Take over one line of the journal; return the moment of the snapshot that ends the pass, if it says so."""
        if isinstance(line, list):
            name, held, *moment = line
            positions = None if held is None else [Position(*row) for row in held]
            self._note(str(name), positions, int(moment[0] if moment else self.pass_start or 0))
        elif "pass" in line:
            self.pass_start = int(line["pass"])
        elif "ends" in line:
            return int(line["ends"])
        else:
            names = line["take_back"]  # a number in the journals of earlier versions: so many of the last
            self._forget(list(self.answers)[-names:] if isinstance(names, int) else names)
        return None

    def _forget(self, accounts: list[str]) -> None:
        for name in accounts:
            if self.answers.get(name, []) is None:
                del self.answers[name]

    def _load_accounts(self) -> None:
        path = own_file(self.folder, self.venue, "accounts.parquet")
        if path.exists():
            try:
                with system.open_to_read(path) as file:
                    columns = pyarrow.parquet.read_table(file).to_pydict()
                self.accounts = {
                    name: (int(answered), bool(holds))
                    for name, answered, holds in zip(
                        columns["account"], columns["answered"], columns["holds"], strict=True
                    )
                }
            except (OSError, ValueError, KeyError):
                self.accounts = {}  # it only says whom to ask first


def own_file(folder: Path, venue: str, name: str) -> Path:
    """Return the file of a venue in a folder.

    >>> own_file(Path("seen"), "lighter", "pass.jsonl").as_posix(), own_file(Path("seen"), FIRST, "lock").as_posix()
    ('seen/pass.lighter.jsonl', 'seen/lock')
    """
    path = folder / name
    return path if venue == FIRST else path.with_name(f"{path.stem}.{venue}{path.suffix}")


@contextmanager
def open_store(folder: Path, venue: str) -> Iterator[PositionStore]:
    """Open a folder for writing, created if need be, and take over the pass that an earlier process left.

    Raises Taken where another process collects from the venue into it, InputError where it cannot be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder), "hyperliquid") as store:
    ...     store.begin(1_769_817_590)
    ...     store.add(store.account("0xa"), [Position("BTC", "long", 1.0, 8e4, 7e4, 10.0, "cross")], 1_769_817_599)
    ...     store.finish({"BTC": 2.0}, 1_769_817_600).name
    True
    '2026-01-31T000000Z.parquet'
    """
    from filelock import FileLock, Timeout  # only a collector needs it

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(own_file(folder, venue, "lock"), timeout=0):
            store = PositionStore(folder, venue)
            try:
                yield store
            finally:
                store.close()
    except Timeout:
        raise Taken(f"{folder} is being written by another collector; give this one a folder of its own.") from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.") from None


def _salt(folder: Path) -> bytes:
    """Return the folder's salt, drawn once, whichever venue's collector comes first."""
    from filelock import FileLock

    path = folder / "salt"
    if not path.exists():
        with FileLock(folder / "salt.lock", timeout=10):
            if not path.exists():
                drawn = secrets.token_hex(16).encode()
                system.write_in_one_step(path, lambda file: file.write(drawn), private=True)
    return bytes.fromhex(path.read_text(encoding="ascii").strip())
