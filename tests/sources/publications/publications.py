"""Collectors' folders and publications for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from liq.sources.positions.accounts import Position
from liq.sources.positions.index import INDEX, Index, parse_index
from liq.sources.positions.reader import read_snapshot, snapshot_files
from liq.sources.positions.storage import open_store
from tests.clock import NOW

NEWEST = NOW.floor("h")

COINS = ("BTC", "ETH", "SOL", "XRP")
"""More than the few of which one process reads all."""


def address(number: int) -> str:
    """Return the address of an account."""
    return f"0x{number:040x}"


def collect(folder: Path, times: Iterable[pd.Timestamp], accounts: int = 8) -> None:
    """Write a collector's snapshots: every account holds one position, which grows from one to the next."""
    with open_store(folder, "hyperliquid") as store:
        for number, time in enumerate(times):
            moment = int(time.timestamp())
            store.begin(moment)
            for account in range(accounts):
                side, level = ("long", 7e4) if account % 2 else ("short", 9e4)
                coins = 1.25 + account + number / 4
                held = Position(COINS[account % len(COINS)], side, coins, 8e4, level + account, 10.0, "cross")
                store.add(store.account(address(account)), [held], moment)
            store.finish({coin: 1000.0 for coin in COINS}, moment)


def hours(count: int, end: pd.Timestamp = NEWEST) -> list[pd.Timestamp]:
    """Return the last so many hours."""
    return list(pd.date_range(end=end, periods=count, freq="h"))


def read_index(public: Path) -> Index:
    """Return a publication's index, after a look at every file that it names."""
    index = parse_index((public / INDEX).read_bytes(), "it")
    for file in index.files:
        content = (public / file.name).read_bytes()
        assert len(content) == file.size
        assert hashlib.sha256(content).hexdigest() == file.sha256
        rows, _ = read_snapshot(public / file.name)
        assert rows["time"].value_counts().to_dict() == {one.time: one.rows for one in file.snapshots}
    return index


def published_times(index: Index) -> list[pd.Timestamp]:
    """Return the times of all snapshots that an index names, oldest first."""
    return sorted(one.time for file in index.files for one in file.snapshots)


def collected_rows(folder: Path) -> pd.DataFrame:
    """Return all rows of a collector's folder."""
    return pd.concat([read_snapshot(path)[0] for path in snapshot_files(folder)], ignore_index=True)


def tree(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
