"""Results of a scan on disk: the finished table in Parquet, and the journal of a running scan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from liq import system
from liq.errors import InputError
from liq.market import as_utc
from liq.scan.ranking import ScanRow
from liq.sources.file_worker.readers import read_table as opened
from liq.sources.files.table import File
from liq.zones.summary import MarketSummary

SCHEMA = "liq.scan/1"
"""Schema in the file's attributes; its number rises when a column goes, is renamed or changes its meaning."""

MAX_AGE = pd.Timedelta(hours=1)
"""Maximum age of an interrupted scan that is continued, or one bar where that is longer."""

MAX_NAME_LENGTH, MIN_TIME = 80, pd.Timestamp("2009-01-01", tz="UTC")
"""Maximum length of a name, and the earliest time, in a row."""

NUMBERS = tuple(name for name in MarketSummary._fields if name not in ("symbol", "source", "as_of"))

REQUIRED = ("price", "change")
"""Numeric columns that every market has; the others may be missing where a side has no zone."""

RANGES = {
    "price": (1e-12, 1e12),
    "change": (-1.0, 1e6),
    "above_distance": (0.0, 1e6),
    "below_distance": (-1.0, 0.0),
    "balance": (0.0, 1.0),
    "anchored": (0.0, 1.0),
}
"""Valid range of each numeric column; the default is non-negative."""


def write_scan(table: pd.DataFrame, path: Path, request: Mapping[str, str]) -> None:
    """Write a scan's table to Parquet, whole or not at all, with its schema and request as attributes.

    `read_scan` reads what the watchlist needs of it; `pandas.read_parquet` everything. Raises InputError where the
    file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_scan(pd.DataFrame({"symbol": ["BTC"]}), Path(folder) / "scan.parquet", {"source": "gate"})
    ...     pd.read_parquet(Path(folder) / "scan.parquet").attrs["source"]
    'gate'
    """
    table = table.copy(deep=False)
    table.attrs.update({"schema": SCHEMA, **request})
    try:
        system.write_in_one_step(path, lambda file: table.to_parquet(file, index=False))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from None


class ScanJournal:
    """Keep the rows of a running scan beside its target, one line each, so that it can be continued after any end.

    path : the target; request : what the rows are of, such as source, lookback and prior; bar : the visible
    bar's length; now : UTC. `rows` holds an earlier run's rows by ticker; `why` says in one clause why an
    earlier run's rows were not taken over, or is empty. Failures are not kept, so they are tried again. Raises
    InputError where the file cannot be written, or another scan is writing to it.

    >>> import tempfile
    >>> now, bar = pd.Timestamp("2026-09-01", tz="UTC"), pd.Timedelta("5min")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ScanJournal(Path(folder) / "scan.parquet", {"source": "gate"}, bar, now) as journal:
    ...         journal.rows
    {}
    """

    def __init__(self, path: Path, request: Mapping[str, str], bar: pd.Timedelta, now: pd.Timestamp) -> None:
        self.path = path.with_name(path.name + ".journal")
        header = {"schema": SCHEMA, **request}
        # The lock is the system's: it is free again when this process ends, however it ends, so no stale lock can
        # keep the next scan out.
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
            # as bytes on every system, "\n" included: places in the file are counted in them
            self._file = open(self.path, "a+", encoding="utf-8", newline="\n")  # noqa: SIM115  # closed by __exit__
        except Timeout:
            raise InputError(f"{self.path} cannot be written: another scan is writing to it.") from None
        except OSError as error:
            self._lock.release()
            raise InputError(f"{self.path} cannot be written: {error.strerror or error}.") from None
        self._file.seek(0)
        lines = self._file.read().split("\n")
        self.rows, self.why = _kept(lines, header, max(MAX_AGE, bar), now)
        # A kill may cut the last line off. Only lines that end with a newline count, and what follows the last
        # newline is cut from the file, so that the next row does not continue a torn line.
        if self.rows:
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
        self._lock.release()

    def add(self, row: ScanRow) -> None:
        """Keep a row that did not fail."""
        if row.summary is not None:
            fields = row.summary._asdict() | {"as_of": as_utc(row.summary.as_of, "as_of").isoformat()}
            self._write(json.dumps([row.ticker, row.score, *fields.values()]))

    def remove(self) -> None:
        """Delete the journal, once the target is written."""
        self._file.close()  # Windows deletes no open file
        self.path.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror or error}.") from None


def _kept(
    lines: list[str], header: Mapping[str, str], max_age: pd.Timedelta, now: pd.Timestamp
) -> tuple[dict[str, ScanRow], str]:
    """Return the rows of an earlier scan by ticker, or why they cannot be taken over."""
    if len(lines) < 2:
        return {}, ""
    try:
        stored_header: dict[str, Any] = json.loads(lines[0])
        began = as_utc(stored_header.pop("began"), "began")
        rows = {row.ticker: row for row in map(_row, lines[1:-1])}
    except (ValueError, KeyError, AttributeError, TypeError):
        return {}, "its journal cannot be read"
    if stored_header != header:
        return {}, "it has other arguments"
    if now - began > max_age:
        return {}, f"it was begun at {began:%Y-%m-%d %H:%M} UTC"
    return rows, ""


def _row(line: str) -> ScanRow:
    """Return the row in a line of the journal."""
    ticker, score, *fields = json.loads(line)
    summary = MarketSummary(*fields)
    return ScanRow(ticker, summary._replace(as_of=as_utc(summary.as_of, "as_of")), score)


def read_scan(file: File) -> tuple[str, pd.DataFrame]:
    r"""Return a file's name and its rows as a scan wrote them: a MarketSummary each and an `error`.

    They come by the scan's `rank`, where the file has it, else closest first. A market that failed has a symbol and
    its error, and NaN else. Parquet or CSV. Raises InputError for any other table, naming the column, the row and the
    value.

    >>> import io
    >>> read_scan(io.BytesIO(b"symbol,source\nBTC,gate\n"))
    Traceback (most recent call last):
    liq.errors.InputError: The file is no scan: it lacks the column 'as_of'.
    """
    name, frame = opened(file, (*MarketSummary._fields, "rank", "error"))
    missing = [column for column in MarketSummary._fields if column not in frame.columns]
    if missing:
        raise InputError(f"{name} is no scan: it lacks the column {missing[0]!r}.")
    errors = frame["error"] if "error" in frame.columns else [""] * len(frame)
    rows = frame.assign(error=[word.strip() if isinstance(word, str) else "" for word in errors])
    succeeded = (rows["error"] == "").to_numpy()
    for column, required in (("symbol", True), ("source", succeeded)):
        is_name = np.array(
            [isinstance(word, str) and 0 < len(word.strip()) <= MAX_NAME_LENGTH for word in rows[column]]
        )
        _refuse(name, rows[column], ~is_name & (required | rows[column].notna().to_numpy()), "must be a name")
    as_of = pd.to_datetime(rows["as_of"], utc=True, errors="coerce", format="ISO8601")
    _refuse(name, rows["as_of"], succeeded & ~(as_of >= MIN_TIME).to_numpy(), "must be a time")
    rows["as_of"] = as_of
    for column in NUMBERS:
        values = pd.to_numeric(rows[column], errors="coerce").astype(float)
        low, high = RANGES.get(column, (0.0, np.inf))
        is_wrong = (values.isna() & rows[column].notna()) | np.isinf(values) | (values < low) | (values > high)
        is_wrong |= values.isna() & succeeded & (column in REQUIRED)
        _refuse(name, rows[column], is_wrong.to_numpy(), f"must be a number from {low:g} to {high:g}")
        rows[column] = values
    sort_column = "rank" if "rank" in frame.columns else "closest"
    rows[sort_column] = pd.to_numeric(rows[sort_column], errors="coerce").astype(float)
    return name, rows.sort_values([sort_column, "symbol"], kind="stable", ignore_index=True)


def _refuse(name: str, column: pd.Series, is_wrong: np.ndarray, rule: str) -> None:
    """Raise InputError with the first row that breaks a rule, if any does."""
    if is_wrong.any():
        row = int(is_wrong.argmax())
        value = str(column.iloc[row])[:40]
        raise InputError(f"{name} is no scan: {column.name} {rule}, and row {row} has {value!r}.")
