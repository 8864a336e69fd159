"""Read tables from files: CSV, JSON, Parquet and Feather, in gzip or zip, told apart by content and bounded."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

import pandas as pd

from liq.errors import InputError
from liq.sources.files.columnar import feather_table, parquet_table
from liq.sources.files.text import csv_table, decoded, json_table

MAX_BYTES = 160_000_000
"""Maximum size of a file, unpacked: three years of one-minute bars."""

MAX_ROWS = 1_600_000
"""Maximum number of rows of a file."""

MAX_FILES = 400
"""Maximum number of files in a folder or a zip: a year of daily ones."""

File = str | os.PathLike[str] | BinaryIO


class Table(NamedTuple):
    """One table as it was found: the file's name, its columns (names in lower case), and what was dropped.

    dates : the order of dates (`liq.sources.files.times.DATE_ORDERS`) that the user chose, or "".
    """

    name: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    dates: str = ""


def read_tables(file: File, dates: str = "") -> list[Table]:
    r"""Return the tables in a file, a zip or a folder; raise InputError where there is none.

    file : a path, or a binary buffer, with a `name` where it has one. dates : see `Table`.

    >>> read_tables(io.BytesIO(b"Open;other\n1,5;2\n"))[0].frame.to_dict("list")
    {'open': [1.5], 'other': [2]}
    """
    found = []
    for name, raw in _contents(file):
        found.append(_table(name, raw)._replace(dates=dates))
    return found


def read_table(file: File, known: Collection[str]) -> tuple[str, pd.DataFrame]:
    r"""Return a file's name and those of its columns that are known; raise InputError where it is no table.

    file : as for `read_tables`. Column names are read without regard to case and surrounding space.

    >>> read_table(io.BytesIO(b"Open,other\n1.5,2\n"), known=["open"])[1].to_dict("list")
    {'open': [1.5]}
    """
    name, frame = read_tables(file)[0][:2]
    frame = frame.loc[:, frame.columns.isin(list(known))]
    if not len(frame.columns):
        raise InputError(f"{name} has none of the columns {', '.join(list(known)[:6])}.")
    return name, frame


def _contents(file: File) -> list[tuple[str, bytes]]:
    """Return the names and contents of a file, of the files in a zip, or of those in a folder, gzip unpacked."""
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        if path.is_dir():
            return _folder(path)
        name = path.name
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InputError(_too_big(name))
            raw = path.read_bytes()
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror or error}.") from None
    else:
        name = PurePath(str(getattr(file, "name", None) or "The file")).name
        file.seek(0)
        raw = file.read(MAX_BYTES + 1)
    name = name[:80]
    if not isinstance(raw, bytes):
        raise InputError(f"{name} must be opened in binary mode.")
    return _unpacked(name, raw)


def _unpacked(name: str, raw: bytes) -> list[tuple[str, bytes]]:
    """Return a file's content, those of a zip's members, or that of a gzip."""
    if raw[:2] == b"\x1f\x8b":
        raw = _gunzipped(raw, name)
    if raw[:4] == b"PK\x03\x04":
        return _zipped(raw, name)
    if len(raw) > MAX_BYTES:
        raise InputError(_too_big(name))
    if not raw.strip():
        raise InputError(f"{name} is empty.")
    return [(name, raw)]


def _folder(path: Path) -> list[tuple[str, bytes]]:
    """Return the contents of a folder's files, by name."""
    files = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
    if not files:
        raise InputError(f"{path.name} holds no file.")
    if len(files) > MAX_FILES:
        raise InputError(f"{path.name} holds {len(files):,} files, more than {MAX_FILES}.")
    found, size = [], 0
    for one in files:
        size += one.stat().st_size
        if size > MAX_BYTES:
            raise InputError(_too_big(path.name))
        found += _unpacked(one.name[:80], one.read_bytes())
        if sum(len(raw) for _, raw in found) > MAX_BYTES:
            raise InputError(_too_big(path.name))
    return found


def _zipped(raw: bytes, name: str) -> list[tuple[str, bytes]]:
    """Return the contents of a zip's files, by name; a zip in a zip is refused."""
    found, size = [], 0
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename]
            if len(members) > MAX_FILES:
                raise InputError(f"{name} holds {len(members):,} files, more than {MAX_FILES}.")
            for member in sorted(members, key=lambda one: one.filename):
                with archive.open(member) as stream:  # what a member says of its size may be wrong
                    content = stream.read(MAX_BYTES - size + 1)
                size += len(content)
                if size > MAX_BYTES:
                    raise InputError(_too_big(name))
                if content[:4] == b"PK\x03\x04":
                    raise InputError(f"{name} holds a zip inside a zip; unpack it first.")
                found.append((PurePath(member.filename).name[:80], content))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
        raise InputError(f"{name} is a zip that is cut off, damaged or locked.") from None
    if not found:
        raise InputError(f"{name} is an empty zip.")
    return found


def _gunzipped(raw: bytes, name: str) -> bytes:
    """Return the content of a gzip file, up to MAX_BYTES and one more byte."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            return stream.read(MAX_BYTES + 1)
    except (EOFError, zlib.error, OSError):
        raise InputError(f"{name} is a gzip file that is cut off or damaged.") from None


def _table(name: str, raw: bytes) -> Table:
    """Return the table in one file's content."""
    notes: list[str] = []
    if raw[:4] == b"PAR1":
        frame = parquet_table(raw, name, MAX_ROWS)
    elif raw[:6] == b"ARROW1":
        frame = feather_table(raw, name, MAX_ROWS)
    else:
        text = decoded(raw, name)
        frame = json_table(text, name) if text.lstrip()[:1] in ("[", "{") else csv_table(text, name, MAX_ROWS, notes)
    frame.columns = [str(column).strip().lower() for column in frame.columns]
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"{name} names the column {repeated[0]!r} twice.")
    if len(frame) > MAX_ROWS:
        raise InputError(f"{name} has more than {MAX_ROWS:,} rows; cut it to the days that matter.")
    if not len(frame):
        raise InputError(f"{name} has no rows.")
    return Table(name, frame, tuple(notes))


def _too_big(name: str) -> str:
    """Return the sentence that refuses a file for its size."""
    return f"{name} is larger than {MAX_BYTES // 1_000_000} MB unpacked; cut it to the days that matter."
