"""Read published files of snapshots, which anyone may have written, and hold them against their index."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from liq.errors import InputError, listed, shown
from liq.positions import COLUMNS, PASS_COLUMNS, Positions
from liq.sources.positions.index import PublishedFile
from liq.sources.positions.reader import METADATA

READ = (*COLUMNS, "answered")
"""Columns of a published file; others are not read."""


def read_published(
    files: list[BinaryIO], entries: list[PublishedFile], coins: tuple[str, ...], coin: str | None
) -> tuple[list[pd.DataFrame], dict[str, str]]:
    """Return rows, passes and open interest of published files, and by name what is wrong with those left out.

    entries : what the index says of each; coins : what it says that they hold; coin : None for all of them.
    A file is left out as a whole where its columns, times, number of rows, coins or values are not as they should be.

    >>> import io
    >>> entry = PublishedFile("a.parquet", 4, "", ())
    >>> read_published([io.BytesIO(b"PAR1")], [entry], (), None)[1]
    {'a.parquet': 'a.parquet is no Parquet file, or is damaged.'}
    """
    tables, passes, wrong = [pd.DataFrame(columns=list(READ))], list[tuple[Any, ...]](), dict[str, str]()
    interest: dict[pd.Timestamp, dict[str, float]] = {}
    for file, entry in zip(files, entries, strict=True):
        try:
            rows, metadata = _rows(file, entry, set(coins), coin)
            if len(rows):
                tables.append(Positions(rows, "").rows)
        except InputError as error:
            wrong[entry.name] = str(error)
            continue
        passes += [(one.time, one.asked, one.answered, one.failed) for one in entry.snapshots]
        interest |= _open_interest(metadata, entry, coin)
    frame = pd.concat(tables[1:] or tables, ignore_index=True)
    times = pd.DatetimeIndex(list(interest)) if interest else pd.DatetimeIndex([], tz="UTC")
    by_time = pd.DataFrame(list(interest.values()), index=times).sort_index()
    by_pass = pd.DataFrame(passes, columns=list(PASS_COLUMNS)).sort_values("time", ignore_index=True)
    return [frame, by_pass, by_time], wrong


def _rows(
    file: BinaryIO, entry: PublishedFile, coins: set[str], coin: str | None
) -> tuple[pd.DataFrame, dict[bytes, bytes]]:
    """Return one file's rows of a coin, and its metadata; raise InputError where it is not what the index says."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    name = entry.name
    try:
        opened = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(file.read()))
        schema = opened.schema_arrow
        if missing := [column for column in READ if column not in schema.names]:
            raise InputError(f"{name} lacks the column {missing[0]!r}; it has {listed(schema.names)}.")
        if opened.metadata.num_rows != entry.rows:
            raise InputError(
                f"{name} holds {opened.metadata.num_rows:,} positions, where its index says {entry.rows:,}."
            )
        table = opened.read(columns=list(READ))
        times = table["time"].cast(pyarrow.timestamp("ms", "UTC")).to_pandas()
        held = set(pyarrow.compute.unique(table["coin"]).to_pylist())
        if coin is not None:
            table = table.filter(pyarrow.compute.equal(table["coin"], coin))
        rows = table.to_pandas()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is no Parquet file, or is damaged.") from None
    counted = times.value_counts()
    if counted.to_dict() != {one.time: one.rows for one in entry.snapshots if one.rows} or times.isna().any():
        raise InputError(f"{name} holds snapshots of other times than its index says.")
    if unknown := held - coins:
        raise InputError(f"{name} holds positions in {shown(sorted(map(str, unknown))[0])}, which its index lacks.")
    return rows, schema.metadata or {}


def _open_interest(
    metadata: dict[bytes, bytes], entry: PublishedFile, coin: str | None
) -> dict[pd.Timestamp, dict[str, float]]:
    """Return the venue's open interest by time and coin, as far as a file states it."""
    known = {one.time for one in entry.snapshots}
    found: dict[pd.Timestamp, dict[str, float]] = {}
    try:
        for one in json.loads(metadata[METADATA])["snapshots"]:
            time, values = pd.Timestamp(one["time"]), one["open_interest"]
            wanted = values if coin is None else {coin: values[coin]} if coin in values else {}
            numbers = {str(name): float(value) for name, value in wanted.items()}
            if time in known:
                found[time] = {name: value for name, value in numbers.items() if 0 < value < np.inf}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}
    return found
