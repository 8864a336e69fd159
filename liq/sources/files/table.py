"""Read tables from files: text, JSON, Parquet, Feather and spreadsheets, packed or not, told apart by content."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

import pandas as pd

from liq.errors import InputError, shown
from liq.sources.files.formats.bounds import too_big
from liq.sources.files.formats.columnar import feather_table, parquet_table
from liq.sources.files.formats.json_text import json_table
from liq.sources.files.formats.numbers import with_numbers
from liq.sources.files.formats.packing import is_beside, unpacked
from liq.sources.files.formats.spreadsheet import is_workbook, workbook_tables
from liq.sources.files.formats.text import begins_with, csv_table, decoded

MAX_BYTES = 160_000_000
"""Maximum size of a file, unpacked: three years of one-minute bars."""

MAX_ROWS = 1_600_000
"""Maximum number of rows of a file."""

MAX_FILES = 400
"""Maximum number of files in a folder or a zip: a year of daily ones."""

FILE_TYPES = (
    *("csv", "txt", "tsv", "json", "jsonl", "ndjson", "parquet", "feather", "arrow", "xlsx", "xlsm", "xls", "ods"),
    *("gz", "xz", "bz2", "zip"),
)
"""Endings of files to choose from where files are uploaded; what is in them decides how they are read."""

File = str | os.PathLike[str] | BinaryIO


class Table(NamedTuple):
    """One table as it was found: the file's name, its columns (names in lower case), and what was dropped.

    Single letters that differ by case only are two columns, such as Hyperliquid's t and T.
    dates : the order of dates (`liq.sources.files.times.DATE_ORDERS`) that the user chose, or "".
    others : further sheets of a spreadsheet, of which the first of a known kind is read.
    """

    name: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    dates: str = ""
    others: tuple[Table, ...] = ()


def read_tables(file: File, dates: str = "", timed: bool = True) -> list[Table]:
    r"""Return the tables in a file, a zip or a folder; raise InputError where there is none.

    file : a path, or a binary buffer, with a `name` where it has one. dates : see `Table`.
    timed : whether every row has a time, so that a last line without one is none.

    >>> import io
    >>> read_tables(io.BytesIO(b"Open;other\n1,5;2\n"))[0].frame.to_dict("list")
    {'open': [1.5], 'other': [2]}
    """
    passed_over: list[str] = []
    contents = _contents(file, passed_over)[::-1]
    found = []
    while contents:  # each is let go before the next is read
        found.append(_table(*contents.pop(), dates, timed))
    found[0] = found[0]._replace(notes=(*found[0].notes, *dict.fromkeys(passed_over)))
    return found


def read_table(file: File, known: Collection[str]) -> tuple[str, pd.DataFrame]:
    r"""Return a file's name and those of its columns that are known; raise InputError where it is no table.

    file : as for `read_tables`. Column names are read without regard to case and surrounding space.

    >>> import io
    >>> read_table(io.BytesIO(b"Open,other\n1.5,2\n"), known=["open"])[1].to_dict("list")
    {'open': [1.5]}
    """
    name, frame = read_tables(file, timed=False)[0][:2]
    frame = frame.loc[:, frame.columns.isin(list(known))]
    if not len(frame.columns):
        raise InputError(f"{name} has none of the columns {', '.join(list(known)[:6])}.")
    return name, frame


def file_name(file: File) -> str:
    """Return a file's name as a sentence shows it, of a path or of a buffer that may have none.

    >>> file_name("folder/mine.csv")
    'mine.csv'
    """
    path = file if isinstance(file, (str, os.PathLike)) else str(getattr(file, "name", None) or "The file")
    return shown(PurePath(path).name, 80)


def named_buffer(content: bytes, name: str) -> BinaryIO:
    """Return a file's content as a buffer with its name.

    >>> file_name(named_buffer(b"time", "mine.csv"))
    'mine.csv'
    """
    buffer = io.BytesIO(content)
    buffer.name = name
    return buffer


def _contents(file: File, notes: list[str]) -> list[tuple[str, bytes]]:
    """Return the names and contents of a file, of the files in a zip, or of those in a folder, unpacked."""
    name = file_name(file)
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        if path.is_dir():
            return _folder(path, notes)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InputError(too_big(name, MAX_BYTES))
            raw = path.read_bytes()
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror or error}.") from None
    else:
        file.seek(0)
        raw = file.read(MAX_BYTES + 1)
    if not isinstance(raw, bytes):
        raise InputError(f"{name} must be opened in binary mode.")
    return unpacked(name, raw, MAX_BYTES, MAX_FILES, notes)


def _folder(path: Path, notes: list[str]) -> list[tuple[str, bytes]]:
    """Return the contents of a folder's files, by name."""
    files = sorted(one for one in path.iterdir() if one.is_file() and not is_beside(one.name, notes))
    if not files:
        raise InputError(f"{path.name} holds no file of data." if notes else f"{path.name} holds no file.")
    if len(files) > MAX_FILES:
        raise InputError(f"{path.name} holds {len(files):,} files, more than {MAX_FILES}.")
    found: list[tuple[str, bytes]] = []
    size = 0
    for one in files:
        size += one.stat().st_size
        if size > MAX_BYTES:
            raise InputError(too_big(path.name, MAX_BYTES))
        try:
            raw = one.read_bytes()
        except OSError as error:
            raise InputError(f"{file_name(one)} cannot be read: {error.strerror or error}.") from None
        found += unpacked(file_name(one), raw, MAX_BYTES, MAX_FILES, notes)
        if sum(len(raw) for _, raw in found) > MAX_BYTES:
            raise InputError(too_big(path.name, MAX_BYTES))
    return found


def _table(name: str, raw: bytes, dates: str, timed: bool) -> Table:
    """Return the table in one file's content."""
    notes: list[str] = []
    if is_workbook(raw):
        first, *others = [
            _checked(name, frame, notes, dates) for frame, notes in workbook_tables(raw, name, MAX_BYTES)
        ]
        return first._replace(others=tuple(others))
    if raw[:4] == b"PAR1":
        frame = with_numbers(parquet_table(raw, name, MAX_ROWS), notes)
    elif raw[:6] == b"ARROW1":
        frame = with_numbers(feather_table(raw, name, MAX_ROWS), notes)
    elif begins_with(raw, "[{"):
        frame = json_table(decoded(raw, name), name, notes)
    else:
        frame = csv_table(raw, name, MAX_ROWS, notes, timed)
    return _checked(name, frame, notes, dates)


def _checked(name: str, frame: pd.DataFrame, notes: list[str], dates: str) -> Table:
    """Return a table with names in lower case; raise InputError for a name twice, too many rows, or none."""
    names = [_printable(str(column)) for column in frame.columns]
    lower = [own.lower() for own in names]
    columns = [
        own if len(own) == 1 and own != low and low in names else low for own, low in zip(names, lower, strict=True)
    ]
    frame = frame.set_axis(columns, axis=1)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"{name} names the column {shown(repeated[0])!r} twice.")
    if len(frame) > MAX_ROWS:
        raise InputError(f"{name} has more than {MAX_ROWS:,} rows; cut it to the days that matter.")
    if not len(frame):
        raise InputError(f"{name} has no rows.")
    return Table(name, frame, tuple(notes), dates)


def _printable(name: str) -> str:
    """Return a column's name on one line and without signs that cannot be shown, at most 200 characters."""
    return "".join(sign if sign.isprintable() else " " for sign in name[:200]).strip()
