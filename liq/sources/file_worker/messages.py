"""Messages between the server and the process that reads a file: a length, a header in JSON, and blocks of bytes.

Tables travel as Arrow streams and all else as JSON, never as pickles: whatever a file does to the process that reads
it, the server gets nothing from it but numbers and texts.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import pandas as pd

LENGTH = struct.Struct("<Q")

MAX_HEADER = 10_000_000
"""Bytes of a header; the largest carry a name and a bound for each of 400 files, and notes."""


def send(stream: BinaryIO, header: dict[str, Any], blocks: Sequence[bytes] = ()) -> None:
    """Write a message.

    >>> stream = io.BytesIO()
    >>> send(stream, {"task": "market"}, [b"time,open"])
    >>> _ = stream.seek(0)
    >>> receive(stream)
    ({'task': 'market'}, [b'time,open'])
    """
    text = json.dumps({**header, "sizes": [len(block) for block in blocks]}).encode()
    stream.write(LENGTH.pack(len(text)))
    stream.write(text)
    for block in blocks:
        stream.write(block)
    stream.flush()


def receive(stream: BinaryIO, most: int = 1 << 40) -> tuple[dict[str, Any], list[bytes]]:
    """Return a message's header and blocks; raise EOFError where the other end is gone, ValueError for a message of
    more than `most` bytes.

    >>> receive(io.BytesIO(b""))
    Traceback (most recent call last):
    EOFError
    """
    (size,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    if size > MAX_HEADER:
        raise ValueError(f"a header of {size:,} bytes")
    header: dict[str, Any] = json.loads(_exactly(stream, size))
    sizes = header.pop("sizes")
    if sum(sizes) > most:
        raise ValueError(f"a message of {sum(sizes):,} bytes")
    return header, [_exactly(stream, size) for size in sizes]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """Return that many bytes; raise EOFError where there are fewer."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def table_bytes(frame: pd.DataFrame) -> bytes:
    """Return a table with its index as an Arrow stream.

    >>> frame = pd.DataFrame({"open": [1.5]}, pd.DatetimeIndex(["2026-01-01"], tz="UTC"))
    >>> table_of(table_bytes(frame)).equals(frame)
    True
    """
    import pyarrow  # comes with streamlit, and is imported where a file is read

    table = pyarrow.Table.from_pandas(frame)
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def table_of(block: bytes) -> pd.DataFrame:
    """Return the table in an Arrow stream.

    >>> table_of(table_bytes(pd.DataFrame({"open": [1.5]})))["open"].item()
    1.5
    """
    import pyarrow

    frame: pd.DataFrame = pyarrow.ipc.open_stream(block).read_all().to_pandas()
    return frame
