"""What was heard of liquidations, on disk: Parquet files by venue and day that are whole at every moment.

A folder holds ``liquidations/venue=NAME/DAY.parquet`` (one row a liquidation), ``listening/venue=NAME/DAY.parquet``
(one row a stretch of time that was listened to) and ``journal``, where everything goes first. `docs/recorder.md`
has the columns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pandas as pd

from liq.errors import InputError

LIQUIDATIONS, LISTENING = "liquidations", "listening"

ALL = "*"
"""In place of a symbol: every perpetual of the venue was listened to."""

DAY = 86_400_000
"""Milliseconds."""

MOST_HELD = 50_000
"""Liquidations held in memory at most before the files are brought up to date, whatever the time."""


class Liquidation(NamedTuple):
    """One liquidation: the venue's time (UTC ms), the side that was closed, price, coins and USD."""

    time: int
    symbol: str
    side: str
    price: float
    coins: float
    usd: float


class ListeningSpan(NamedTuple):
    """A stretch in which nothing about a symbol, or any with `ALL`, was missed: since and until in UTC ms."""

    since: int
    until: int
    symbol: str


KEY = ["time", "symbol", "side", "price", "coins"]
"""Two rows of a venue that agree in these are one liquidation, told twice."""


class LiquidationStore:
    """A folder that is being written to, by this process alone; made by `open_ledger`.

    `add` and `listened` hold, `flush` writes what is held to the journal, `settle` brings the files up to date.
    """

    def __init__(self, folder: Path, journal: TextIO) -> None:
        self.folder, self.journal = folder, journal
        self.fresh: list[tuple[str, Liquidation | ListeningSpan]] = []
        self.heard: dict[str, list[Liquidation]] = {}
        self.spans: dict[str, list[ListeningSpan]] = {}

    def add(self, venue: str, row: Liquidation) -> None:
        """Hold a liquidation."""
        self.fresh.append((venue, row))
        self.heard.setdefault(venue, []).append(row)

    def listened(self, venue: str, row: ListeningSpan) -> None:
        """Hold a stretch of listening; every liquidation in it must have been added before."""
        self.fresh.append((venue, row))
        held = self.spans.setdefault(venue, [])
        for place, before in enumerate(held):
            if before.symbol == row.symbol and before.until == row.since:  # the stretch goes on
                held[place] = ListeningSpan(before.since, row.until, row.symbol)
                return
        held.append(row)

    @property
    def held(self) -> int:
        """How many liquidations the files do not have yet."""
        return sum(map(len, self.heard.values()))

    def flush(self) -> None:
        """Write what is held to the journal; after that it outlives the process, and a loss of power."""
        if self.fresh:
            self.journal.write("".join(f"{json.dumps([venue, *row])}\n" for venue, row in self.fresh))
            self.journal.flush()
            os.fsync(self.journal.fileno())
            self.fresh.clear()
        if self.held > MOST_HELD:
            self.settle()

    def settle(self) -> None:
        """Bring the files up to date and begin the journal anew.

        Liquidations come first: who reads what was listened to, and then them, misses none. Ended halfway, by
        whatever, the journal is read again, and every row that the files have already is known by its values.
        """
        for venue, rows in self.heard.items():
            frame = _frame(rows, Liquidation)
            for day, part in frame.groupby(frame["time"] // DAY):
                path = day_file(self.folder, LIQUIDATIONS, venue, int(day))
                if not _merge(path, part, _distinct):  # then what it held is lost, and nobody may call it quiet
                    _put_aside(day_file(self.folder, LISTENING, venue, int(day)))
        for venue, spans in self.spans.items():
            cut = _frame([piece for span in spans for piece in by_day(span)], ListeningSpan)
            for day, part in cut.groupby(cut["since"] // DAY):
                _merge(day_file(self.folder, LISTENING, venue, int(day)), part, _joined)
        self.journal.seek(0)
        self.journal.truncate()
        self.heard.clear()
        self.spans.clear()


@contextmanager
def open_store(folder: Path) -> Iterator[LiquidationStore]:
    """Open a folder for writing, made if need be, and what an earlier process left in its journal.

    Raises InputError where it cannot be written to, or another process is writing to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), open(folder / "journal", "a+", encoding="utf-8") as journal:
            ledger = LiquidationStore(folder, journal)
            journal.seek(0)
            for line in journal:
                _recall(ledger, line)
            ledger.fresh.clear()
            ledger.settle()
            try:
                yield ledger
            finally:
                ledger.flush()
                ledger.settle()
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other recorders out; the system lets go of the lock when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:
        raise InputError("The recorder needs Linux or macOS, which can lock a folder.") from None
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder} is being written by another recorder; give this one a folder of its own."
            ) from None
        yield


def _recall(ledger: LiquidationStore, line: str) -> None:
    """Hold one line of a journal again; the last one may be cut off, and is then nothing."""
    try:
        venue, *values = json.loads(line)
        row = Liquidation(*values) if len(values) == len(Liquidation._fields) else ListeningSpan(*values)
    except (ValueError, TypeError):
        return
    if isinstance(row, Liquidation):
        ledger.add(venue, row)
    else:
        ledger.listened(venue, row)


def day_file(folder: Path, what: str, venue: str, day: int) -> Path:
    """Return the file of a venue's day, the number of days since 1970."""
    return folder / what / f"venue={venue}" / f"{pd.Timestamp(day * DAY, unit='ms'):%Y-%m-%d}.parquet"


def by_day(span: ListeningSpan) -> Iterator[ListeningSpan]:
    """Cut a stretch at midnights UTC.

    >>> [piece.until - piece.since for piece in by_day(Listened(DAY - 5, DAY + 7, "*"))]
    [5, 7]
    """
    since = span.since
    while since < span.until:
        until = min(span.until, (since // DAY + 1) * DAY)
        yield ListeningSpan(since, until, span.symbol)
        since = until


def _frame(rows: Sequence[tuple[Any, ...]], kind: type[Liquidation] | type[ListeningSpan]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(kind._fields))


def _distinct(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates(KEY).sort_values(KEY, kind="stable", ignore_index=True)


def _joined(rows: pd.DataFrame) -> pd.DataFrame:
    """Return stretches by symbol, those that touch or overlap made one."""
    rows = rows.sort_values(["symbol", "since"], kind="stable")
    reached = rows.groupby("symbol")["until"].cummax()
    before = reached.groupby(rows["symbol"]).shift()
    number = (before.isna() | (rows["since"] > before)).cumsum()
    joined = rows.groupby(number).agg({"since": "min", "until": "max", "symbol": "first"})
    return joined.sort_values(["since", "symbol"], ignore_index=True)


TIMES = ("time", "since", "until")

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading a damaged file, or one of somebody else's, may raise."""


def _merge(path: Path, rows: pd.DataFrame, tidy: Callable[[pd.DataFrame], pd.DataFrame]) -> bool:
    """Add rows to a file, and return whether what it held could be read.

    Written beside it, made safe, then put in its place in one step.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    readable = True
    if path.exists():
        try:
            rows = pd.concat([read_day(path), rows], ignore_index=True)
        except UNREADABLE:
            readable = False
            _put_aside(path)
    rows = tidy(rows)
    whole = rows.assign(**{name: pd.to_datetime(rows[name], unit="ms", utc=True) for name in TIMES if name in rows})
    beside = path.with_name(f".{path.name}")  # readers of a folder pass over names that begin with a dot
    with open(beside, "wb") as file:
        whole.to_parquet(file, index=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
    return readable


def _put_aside(path: Path) -> None:
    """Keep a file that cannot be used where no reader looks."""
    if path.exists():
        path.rename(path.with_name(f"_unreadable-{path.name}"))


def read_day(path: Path) -> pd.DataFrame:
    """Return a day's rows with times in UTC ms; raise one of `UNREADABLE` for what is no such file."""
    with open(path, "rb") as file:  # by its path pyarrow would open it twice, and find two files if it changed
        rows = pd.read_parquet(file)
    return rows.assign(
        **{name: pd.DatetimeIndex(rows[name]).as_unit("ms").asi8 for name in TIMES if name in rows.columns}
    )
