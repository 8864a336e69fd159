"""Tables in Parquet and Feather files, bounded before they unpack to more than they look."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from liq.errors import InputError, shown
from liq.sources.files.formats.bounds import check_columns, no_memory

MAX_UNPACKED = 300_000_000
"""Maximum number of bytes of a file's columns in memory."""

_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")
"""Column in which pandas and pyarrow store an index that has no name."""

MAX_TEXT = 100_000_000
"""Characters of a text column, rows times the longest; one that may have more is left out."""


def parquet_table(raw: bytes, name: str, max_rows: int) -> pd.DataFrame:
    """Return a Parquet file's flat columns; raise InputError where it is damaged or too large inside.

    >>> buffer = io.BytesIO()
    >>> pd.DataFrame({"open": [1.5]}).to_parquet(buffer)
    >>> parquet_table(buffer.getvalue(), "mine.parquet", 10)["open"].item()
    1.5
    """
    import pyarrow.parquet  # comes with streamlit, and only such files need it

    with _damage_as_error(name, "Parquet"):
        file = pyarrow.parquet.ParquetFile(io.BytesIO(raw))
        rows, schema = file.metadata.num_rows, file.schema_arrow
        _check_shape(rows, len(schema.names), name, max_rows)
        groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > MAX_UNPACKED:
            raise InputError(_too_large(name))
        flat = [field.name for field in schema if _is_flat(field.type)]
        texts = [field.name for field in schema if field.name in flat and _is_text(field.type)]
        # text is read as a dictionary: a few bytes can stand for a long text in every row
        file = pyarrow.parquet.ParquetFile(io.BytesIO(raw), read_dictionary=texts)
        table = file.read(columns=flat)
        if table.nbytes > MAX_UNPACKED:
            raise InputError(_too_large(name))
        return _frame(table, name)


def feather_table(raw: bytes, name: str, max_rows: int) -> pd.DataFrame:
    """Return a Feather file's flat columns; raise InputError where it is damaged or too large inside.

    >>> buffer = io.BytesIO()
    >>> pd.DataFrame({"open": [1.5]}).to_feather(buffer)
    >>> feather_table(buffer.getvalue(), "mine.feather", 10)["open"].item()
    1.5
    """
    import pyarrow
    import pyarrow.ipc

    with _damage_as_error(name, "Feather"):
        schema = pyarrow.ipc.open_file(raw).schema
        flat = [row for row, field in enumerate(schema) if _is_flat(field.type)]
        options = pyarrow.ipc.IpcReadOptions(included_fields=flat)
        file = pyarrow.ipc.open_file(raw, options=options)
        _check_shape(0, len(schema.names), name, max_rows)
        batches, rows, size = [], 0, 0
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            _check_shape(rows, len(schema.names), name, max_rows)
            if size > MAX_UNPACKED:
                raise InputError(_too_large(name))
            batches.append(batch)
        return _frame(pyarrow.Table.from_batches(batches, file.schema), name)


@contextmanager
def _damage_as_error(name: str, kind: str) -> Iterator[None]:
    """Raise InputError in place of what pyarrow raises for a file that is damaged, or too large for the memory."""
    import pyarrow

    try:
        yield
    except InputError:
        raise
    except MemoryError:
        raise InputError(no_memory(name)) from None
    except (pyarrow.ArrowException, OSError, ValueError):
        raise InputError(f"{name} is a {kind} file that is cut off or damaged.") from None


def _frame(table: Any, name: str) -> pd.DataFrame:
    """Return an Arrow table as a DataFrame with plain columns; one with long text is left out."""
    import pyarrow
    import pyarrow.compute as compute

    repeated = next((column for column in table.column_names if table.column_names.count(column) > 1), None)
    if repeated is not None:
        raise InputError(f"{name} names the column {shown(repeated)!r} twice.")
    kept = {}
    for column in table.column_names:
        values = table[column].combine_chunks()
        distinct = values.dictionary if pyarrow.types.is_dictionary(values.type) else values
        longest = compute.max(compute.utf8_length(distinct)).as_py() if _is_text(distinct.type) else 0
        if (longest or 0) * len(values) > MAX_TEXT:
            continue
        if pyarrow.types.is_decimal(values.type):
            values = values.cast(pyarrow.float64())
        kept["" if _UNNAMED_INDEX.fullmatch(column) else column] = _without_far_times(values.to_pandas())
    if not kept and table.num_columns:
        raise InputError(f"{name} has no column of numbers, times or short texts.")
    frame = pd.DataFrame(kept)
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].astype("str")
    return frame


def _without_far_times(column: pd.Series) -> pd.Series:
    """Return a column in which times that Python cannot write, after the year 9999, are missing."""
    if column.dtype.kind != "M":
        return column
    seconds = column.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    return column.mask((seconds < np.datetime64("1000-01-01")) | (seconds > np.datetime64("9999-01-01")))


def _check_shape(rows: int, columns: int, name: str, max_rows: int) -> None:
    """Raise InputError for too many rows or columns."""
    if rows > max_rows:
        raise InputError(f"{name} has {rows:,} rows, more than {max_rows:,}; cut it to the days that matter.")
    check_columns(columns, name)


def _is_flat(kind: Any) -> bool:
    """Return whether values of an Arrow type are single numbers, times or texts."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _is_flat(kind.value_type)
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind)
    is_time = types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind)
    return bool(is_number or is_time) or _is_text(kind)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _too_large(name: str) -> str:
    return f"{name} unpacks to more than {MAX_UNPACKED // 1_000_000} MB; cut it to the days that matter."
