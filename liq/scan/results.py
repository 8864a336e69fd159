"""What a scan leaves on disk: its table in Parquet, and while it runs, the rows that it has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import as_utc
from liq.scan.ranking import ScanRow
from liq.sources.files.table import File
from liq.sources.files.table import read_table as opened
from liq.zones.summary import MarketSummary

SCHEMA = "liq.scan/1"
"""Stated in the file's attributes; its number rises when a column is taken away, renamed or changes its meaning."""

KEPT = pd.Timedelta(hours=1)
"""An interrupted scan is continued within this time of its beginning, or within one bar where that is longer."""

LONGEST, EARLIEST = 80, pd.Timestamp("2009-01-01", tz="UTC")
"""Letters of the longest name, and the earliest time, that a row can have."""

NUMBERS = tuple(name for name in MarketSummary._fields if name not in ("symbol", "source", "as_of"))

NEEDED = ("price", "change")
"""Numbers that every market has; the others may be missing where a side has no zone."""

LIMITS = {
    "price": (1e-12, 1e12),
    "change": (-1.0, 1e6),
    "above_distance": (0.0, 1e6),
    "below_distance": (-1.0, 0.0),
    "balance": (0.0, 1.0),
    "anchored": (0.0, 1.0),
}
"""What a number can be, where that is not from 0 upward."""


def write_scan(table: pd.DataFrame, path: Path, question: Mapping[str, str]) -> None:
    """Write a scan's table to Parquet, whole or not at all, with its schema and question as attributes.

    `liq.zones.summary.read` reads what the watchlist needs of it; `pandas.read_parquet` everything.
    Raises InputError where the file cannot be written.
    """
    table = table.copy(deep=False)
    table.attrs.update({"schema": SCHEMA, **question})
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        table.to_parquet(half, index=False)
        os.replace(half, path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from None


class ScanJournal:
    """Keep the rows of a running scan beside its target, one line each, so that it can be continued after any end.

    path : the target; question : what the rows answer, such as source, lookback and prior; bar : the visible
    bar's length; now : UTC. `rows` holds what an earlier run had found by ticker; `why` says in one clause why an
    earlier run's rows were not taken over, or is empty. Failures are not kept, so they are tried again. Raises
    InputError where the file cannot be written, or another scan is writing to it.
    """

    def __init__(self, path: Path, question: Mapping[str, str], bar: pd.Timedelta, now: pd.Timestamp) -> None:
        self.path = path.with_name(path.name + ".journal")
        header = {"schema": SCHEMA, **question}
        try:
            self._file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115  # closed by __exit__
            _own(self._file)
        except OSError as error:
            reason = "another scan is writing to it" if isinstance(error, BlockingIOError) else error.strerror
            raise InputError(f"{self.path} cannot be written: {reason or error}.") from None
        self._file.seek(0)
        lines = self._file.read().split("\n")
        self.rows, self.why = _kept(lines, header, max(KEPT, bar), now)
        if self.rows:  # the last piece is empty, or a line that was cut off: its market is done again
            self._file.truncate(len("\n".join([*lines[:-1], ""]).encode()))
        else:
            self._file.truncate(0)
            self._write(json.dumps({**header, "began": now.isoformat()}))

    def __enter__(self) -> ScanJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, row: ScanRow) -> None:
        """Keep a row that did not fail."""
        if row.summary is not None:
            fields = row.summary._asdict() | {"as_of": as_utc(row.summary.as_of, "as_of").isoformat()}
            self._write(json.dumps([row.ticker, row.score, *fields.values()]))

    def remove(self) -> None:
        """Take the journal away, once the target stands."""
        self.path.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror or error}.") from None


def _own(file: IO[str]) -> None:
    """Hold the file for this process until it is closed; raise BlockingIOError where another one does."""
    try:
        import fcntl  # not on Windows, where two scans of one target are not told apart
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _kept(
    lines: list[str], header: Mapping[str, str], age: pd.Timedelta, now: pd.Timestamp
) -> tuple[dict[str, ScanRow], str]:
    """Return the rows of an earlier scan by ticker, or why they cannot be taken over."""
    if len(lines) < 2:
        return {}, ""
    try:
        found: dict[str, Any] = json.loads(lines[0])
        began = as_utc(found.pop("began"), "began")
        rows = {row.ticker: row for row in map(_row, lines[1:-1])}
    except (ValueError, KeyError, AttributeError, TypeError):
        return {}, "its journal cannot be read"
    if found != header:
        return {}, "it asked for something else"
    if now - began > age:
        return {}, f"it was begun at {began:%Y-%m-%d %H:%M} UTC"
    return rows, ""


def _row(line: str) -> ScanRow:
    ticker, score, *fields = json.loads(line)
    seen = MarketSummary(*fields)
    return ScanRow(ticker, seen._replace(as_of=pd.Timestamp(seen.as_of)), score)


def read_scan(file: File) -> tuple[str, pd.DataFrame]:
    """Return a file's name and its rows as a scan wrote them: a Glance each and an `error`.

    They come by the scan's `rank`, where the file has it, else closest first. A market that could not be had has a
    symbol and its error, and NaN else. Parquet or CSV. Raises InputError for what is no such table, naming the
    column, the row and the value.
    """
    name, frame = opened(file, (*MarketSummary._fields, "rank", "error"))
    missing = [column for column in MarketSummary._fields if column not in frame.columns]
    if missing:
        raise InputError(f"{name} is no scan: it lacks the column {missing[0]!r}.")
    words = frame["error"] if "error" in frame.columns else [""] * len(frame)
    rows = frame.assign(error=[word.strip() if isinstance(word, str) else "" for word in words])
    answered = (rows["error"] == "").to_numpy()
    for column, needed in (("symbol", True), ("source", answered)):
        named = np.array([isinstance(word, str) and 0 < len(word.strip()) <= LONGEST for word in rows[column]])
        _refuse(name, rows[column], ~named & (needed | rows[column].notna().to_numpy()), "must be a name")
    times = pd.to_datetime(rows["as_of"], utc=True, errors="coerce", format="ISO8601")
    _refuse(name, rows["as_of"], answered & ~(times >= EARLIEST).to_numpy(), "must be a time")
    rows["as_of"] = times
    for column in NUMBERS:
        values = pd.to_numeric(rows[column], errors="coerce").astype(float)
        low, high = LIMITS.get(column, (0.0, np.inf))
        wrong = (values.isna() & rows[column].notna()) | np.isinf(values) | (values < low) | (values > high)
        wrong |= values.isna() & answered & (column in NEEDED)
        _refuse(name, rows[column], wrong.to_numpy(), f"must be a number from {low:g} to {high:g}")
        rows[column] = values
    first = "rank" if "rank" in frame.columns else "closest"
    rows[first] = pd.to_numeric(rows[first], errors="coerce").astype(float)
    return name, rows.sort_values([first, "symbol"], kind="stable", ignore_index=True)


def _refuse(name: str, column: pd.Series, wrong: np.ndarray, rule: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        found = str(column.iloc[row])[:40]
        raise InputError(f"{name} is no scan: {column.name} {rule}, and row {row} has {found!r}.")
