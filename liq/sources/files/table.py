"""Read a table from a file: CSV, CSV.gz or Parquet, recognised by content and bounded in size."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Collection
from pathlib import PurePath
from typing import BinaryIO

import pandas as pd

from liq.errors import InputError

MAX_BYTES = 160_000_000
"""Maximum size of a file, unpacked: three years of one-minute bars."""

MAX_ROWS = 1_600_000
"""Maximum number of rows of a file."""

File = str | os.PathLike[str] | BinaryIO


def read_table(file: File, known: Collection[str]) -> tuple[str, pd.DataFrame]:
    r"""Return a file's name and those of its columns that are known; raise InputError where it is no table.

    file : a path, or a binary buffer, with a `name` where it has one. Column names are read without regard
    to case and surrounding space.

    >>> import io
    >>> read_table(io.BytesIO(b"Open,other\n1.5,2\n"), known=["open"])[1].to_dict("list")
    {'open': [1.5]}
    """
    if isinstance(file, (str, os.PathLike)):
        name = PurePath(file).name
        try:
            if os.path.getsize(file) > MAX_BYTES:
                raise InputError(_too_big(name))
            with open(file, "rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror or error}.") from None
    else:
        name = PurePath(str(getattr(file, "name", None) or "The file")).name
        file.seek(0)
        raw = file.read(MAX_BYTES + 1)
    name = name[:80]
    if not isinstance(raw, bytes):
        raise InputError(f"{name} must be opened in binary mode.")
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(raw, name)
    if len(raw) > MAX_BYTES:
        raise InputError(_too_big(name))
    if not raw.strip():
        raise InputError(f"{name} is empty.")
    frame = _parquet(raw, name, known) if raw[:4] == b"PAR1" else _csv(raw, name, known)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"{name} names the column {repeated[0]!r} twice.")
    if not len(frame.columns):
        raise InputError(f"{name} has none of the columns {', '.join(list(known)[:6])}.")
    if len(frame) > MAX_ROWS:
        raise InputError(f"{name} has more than {MAX_ROWS:,} rows; cut it to the days that matter.")
    if not len(frame):
        raise InputError(f"{name} has no rows.")
    return name, frame


def _too_big(name: str) -> str:
    """Return the sentence that refuses a file for its size."""
    return f"{name} is larger than {MAX_BYTES // 1_000_000} MB unpacked; cut it to the days that matter."


def _unpacked(raw: bytes, name: str) -> bytes:
    """Return the content of a gzip file, up to MAX_BYTES and one more byte."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            return stream.read(MAX_BYTES + 1)
    except (EOFError, zlib.error, OSError):
        raise InputError(f"{name} is a gzip file that is cut off or damaged.") from None


def _csv(raw: bytes, name: str, known: Collection[str]) -> pd.DataFrame:
    """Return the known columns of a CSV file."""
    if b"\0" in raw[:65_536]:
        raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet.")
    header, _, rest = raw.partition(b"\n")
    if rest.partition(b"\n")[0].rstrip(b"\r,").count(b",") > header.count(b","):
        # pandas would drop the surplus; with decimal commas that is half of every number.
        raise InputError(f"{name} has more values in row 0 than its header has columns.")
    try:
        frame = pd.read_csv(
            io.BytesIO(raw),
            encoding="utf-8-sig",
            index_col=False,
            nrows=MAX_ROWS + 1,
            low_memory=False,
        )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = "" if isinstance(error, UnicodeDecodeError) else f" ({str(error).splitlines()[0][:120].rstrip('.')})"
        raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet{reason}.") from None
    frame = frame.rename(columns=lambda column: str(column).strip().lower())
    return frame.loc[:, frame.columns.isin(list(known))]


def _parquet(raw: bytes, name: str, known: Collection[str]) -> pd.DataFrame:
    """Return the known columns of a Parquet file."""
    import pyarrow  # comes with streamlit, and only Parquet needs it
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(raw))
        rows, columns = file.metadata.num_rows, file.schema_arrow.names
        names = {column: column.strip().lower() for column in columns if column.strip().lower() in known}
        # A few bytes can unpack to any number of rows, so the file's own count is checked before it is read.
        frame = file.read(columns=list(names)).to_pandas(ignore_metadata=True) if rows <= MAX_ROWS else None
    except (pyarrow.ArrowException, OSError, ValueError):
        raise InputError(f"{name} is a Parquet file that is cut off or damaged.") from None
    if frame is None:
        raise InputError(f"{name} has {rows:,} rows, more than {MAX_ROWS:,}; cut it to the days that matter.")
    return frame.rename(columns=names)
