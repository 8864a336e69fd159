"""Store of recorded liquidations on disk: Parquet files by venue and day that are whole at every moment.

A folder holds ``liquidations/venue=NAME/DAY.parquet`` (one row a liquidation), ``listening/venue=NAME/DAY.parquet``
(one row a listening span) and ``journal``, to which everything is written first. `docs/recorder.md` has the columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pandas as pd

from liq import system
from liq.errors import InputError
from liq.market_checks import utc_times

LIQUIDATIONS, LISTENING = "liquidations", "listening"

ALL = "*"
"""In place of a symbol: all perpetuals of the venue were listened to."""

DAY = 86_400_000
"""Milliseconds."""

MAX_PENDING = 50_000
"""Maximum number of liquidations in memory before the files are updated, whatever the time."""


class Liquidation(NamedTuple):
    """One liquidation: the venue's time (UTC ms), the side that was closed, price, coins and USD."""

    time: int
    symbol: str
    side: str
    price: float
    coins: float
    usd: float


class ListeningSpan(NamedTuple):
    """A time span in which nothing about a symbol, or any with `ALL`, was missed: since and until in UTC ms."""

    since: int
    until: int
    symbol: str


KEY = ["time", "symbol", "side", "price", "coins"]
"""Two rows of a venue that agree in these columns are one liquidation, sent twice."""


class LiquidationStore:
    """A folder that is being written to, by this process alone; made by `open_store`.

    `add` and `add_span` keep rows in memory, `flush` writes them to the journal, `settle` updates the files.
    """

    def __init__(self, folder: Path, journal: TextIO) -> None:
        self.folder, self.journal = folder, journal
        self.unwritten: list[tuple[str, Liquidation | ListeningSpan]] = []
        self.liquidations: dict[str, list[Liquidation]] = {}
        self.spans: dict[str, list[ListeningSpan]] = {}

    def add(self, venue: str, row: Liquidation) -> None:
        """Keep a liquidation in memory."""
        self.unwritten.append((venue, row))
        self.liquidations.setdefault(venue, []).append(row)

    def add_span(self, venue: str, row: ListeningSpan) -> None:
        """Keep a listening span in memory; every liquidation in it must have been added before."""
        self.unwritten.append((venue, row))
        venue_spans = self.spans.setdefault(venue, [])
        for number, earlier in enumerate(venue_spans):
            if earlier.symbol == row.symbol and earlier.until == row.since:  # the same span continues
                venue_spans[number] = ListeningSpan(earlier.since, row.until, row.symbol)
                return
        venue_spans.append(row)

    @property
    def pending(self) -> int:
        """Number of liquidations that the files do not have yet."""
        return sum(map(len, self.liquidations.values()))

    def flush(self) -> None:
        """Write new rows to the journal; from then on they survive the end of the process, and a loss of power."""
        if self.unwritten:
            self.journal.write("".join(f"{json.dumps([venue, *row])}\n" for venue, row in self.unwritten))
            self.journal.flush()
            system.sync_file(self.journal.fileno())
            self.unwritten.clear()
        if self.pending > MAX_PENDING:
            self.settle()

    def settle(self) -> None:
        """Update the files and empty the journal.

        Liquidations come first: a reader that reads the listening spans, and then the liquidations, misses none.
        Where this is interrupted, the journal is read again by the next process, and rows that the files have already
        are recognised by their values. After an OSError it can be called again.
        """
        # The order makes any interruption harmless: a file is replaced in one step; a span is written after its
        # liquidations, so no span ever covers missing ones; and the journal is emptied only when all files have its
        # rows. Reading it twice adds nothing, since equal rows are one.
        for venue, rows in self.liquidations.items():
            frame = _frame(rows, Liquidation)
            for day, part in frame.groupby(frame["time"] // DAY):
                path = day_file(self.folder, LIQUIDATIONS, venue, int(day))
                if not _update_file(path, part, _distinct):
                    # its rows are lost, so its span must not count as recorded
                    _put_aside(day_file(self.folder, LISTENING, venue, int(day)))
        for venue, spans in self.spans.items():
            cut = _frame([piece for span in spans for piece in by_day(span)], ListeningSpan)
            for day, part in cut.groupby(cut["since"] // DAY):
                _update_file(day_file(self.folder, LISTENING, venue, int(day)), part, _merge_spans)
        self.journal.seek(0)
        self.journal.truncate()
        self.liquidations.clear()
        self.spans.clear()


def write_pending(store: LiquidationStore, settle: bool, report: Callable[[str], None]) -> None:
    """Write new rows to the journal and, if `settle`, update the files; a file that is in use elsewhere waits.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
    ...     write_pending(store, True, print)
    """
    try:
        store.flush()
        if settle:
            store.settle()
    except OSError as error:
        if not system.is_in_use(error):
            raise
        report(f"{error.filename2 or error.filename} is open in another program; its rows wait in the journal.")


@contextmanager
def open_store(folder: Path) -> Iterator[LiquidationStore]:
    """Open a folder for writing, created if need be, and take over what an earlier process left in its journal.

    Raises InputError where it cannot be written to, or another process is writing to it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_store(Path(folder)) as store:
    ...         store.add("okx", Liquidation(0, "BTC/USDT:USDT", "long", 100.0, 2.0, 200.0))
    ...     read_day(day_file(Path(folder), LIQUIDATIONS, "okx", 0))["usd"].item()
    200.0
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder), open(folder / "journal", "a+", encoding="utf-8", newline="\n") as journal:
            store = LiquidationStore(folder, journal)
            journal.seek(0)
            for line in journal:
                _replay(store, line)
            store.unwritten.clear()
            store.settle()
            try:
                yield store
            finally:
                store.flush()
                store.settle()
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other recorders out; the system frees the lock when the process ends, however it ends."""
    from filelock import FileLock, Timeout  # only a recorder needs it

    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout:
        raise InputError(
            f"{folder} is being written by another recorder; give this one a folder of its own."
        ) from None


def _replay(store: LiquidationStore, line: str) -> None:
    """Add one line of a journal to the store; a last line that was cut off is skipped."""
    try:
        venue, *values = json.loads(line)
        row = Liquidation(*values) if len(values) == len(Liquidation._fields) else ListeningSpan(*values)
    except (ValueError, TypeError):
        return
    if isinstance(row, Liquidation):
        store.add(venue, row)
    else:
        store.add_span(venue, row)


def day_file(folder: Path, kind: str, venue: str, day: int) -> Path:
    """Return the file of a venue's day, given as the number of days since 1970.

    >>> day_file(Path("recordings"), LIQUIDATIONS, "okx", 1).as_posix()
    'recordings/liquidations/venue=okx/1970-01-02.parquet'
    """
    return folder / kind / f"venue={venue}" / f"{pd.Timestamp(day * DAY, unit='ms'):%Y-%m-%d}.parquet"


def by_day(span: ListeningSpan) -> Iterator[ListeningSpan]:
    """Cut a listening span at midnights UTC.

    >>> [piece.until - piece.since for piece in by_day(ListeningSpan(DAY - 5, DAY + 7, "*"))]
    [5, 7]
    """
    since = span.since
    while since < span.until:
        until = min(span.until, (since // DAY + 1) * DAY)
        yield ListeningSpan(since, until, span.symbol)
        since = until


def _frame(rows: Sequence[tuple[Any, ...]], kind: type[Liquidation] | type[ListeningSpan]) -> pd.DataFrame:
    """Return rows as a DataFrame."""
    return pd.DataFrame(rows, columns=list(kind._fields))


def _distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Return liquidations without repeats, by time."""
    return rows.drop_duplicates(KEY).sort_values(KEY, kind="stable", ignore_index=True)


def _merge_spans(rows: pd.DataFrame) -> pd.DataFrame:
    """Return listening spans by symbol, those that touch or overlap joined."""
    rows = rows.sort_values(["symbol", "since"], kind="stable")
    end_so_far = rows.groupby("symbol")["until"].cummax()
    end_before = end_so_far.groupby(rows["symbol"]).shift()
    number = (end_before.isna() | (rows["since"] > end_before)).cumsum()
    joined = rows.groupby(number).agg({"since": "min", "until": "max", "symbol": "first"})
    return joined.sort_values(["since", "symbol"], ignore_index=True)


TIMES = ("time", "since", "until")

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""Exceptions that reading a damaged or foreign file may raise."""


def _update_file(path: Path, rows: pd.DataFrame, tidy: Callable[[pd.DataFrame], pd.DataFrame]) -> bool:
    """Add rows to a file in one step, and return whether its content could be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    readable = True
    if path.exists():
        try:
            rows = pd.concat([read_day(path), rows], ignore_index=True)
        except UNREADABLE as error:
            if system.is_in_use(error):
                raise  # its content is whole, and can be read later
            readable = False
            _put_aside(path)
    rows = tidy(rows)
    with_times = rows.assign(
        **{name: pd.to_datetime(rows[name], unit="ms", utc=True) for name in TIMES if name in rows}
    )
    system.write_in_one_step(path, lambda file: with_times.to_parquet(file, index=False))
    return readable


def _put_aside(path: Path) -> None:
    """Rename a file that cannot be used, so that no reader finds it."""
    if path.exists():
        system.move_in_place(path, path.with_name(f"_unreadable-{path.name}"))


def read_day(path: Path) -> pd.DataFrame:
    """Return a day's rows with times in UTC ms; raise one of `UNREADABLE` for any other file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "1970-01-01.parquet"
    ...     pd.DataFrame({"time": pd.to_datetime([5], unit="ms", utc=True)}).to_parquet(path)
    ...     read_day(path)["time"].item()
    5
    """
    # by its path pyarrow would open it twice, and find two files if it changed
    with system.open_to_read(path) as file:
        rows = pd.read_parquet(file)
    return rows.assign(
        **{
            name: pd.DatetimeIndex(utc_times(rows[name], name)).as_unit("ms").asi8
            for name in TIMES
            if name in rows.columns
        }
    )
