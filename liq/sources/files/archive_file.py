"""Read one zip of Binance's archive, whose columns are known also where it has no line of names."""

from __future__ import annotations

import io
import re
from typing import Any

import pandas as pd

from liq.errors import InputError
from liq.market import SIDES
from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content
from liq.sources.files.formats.packing import unpacked
from liq.sources.files.kind import read_content
from liq.sources.files.table import MAX_BYTES, File, Table, file_name, named_buffer, read_tables

NAMES = {
    "klines": b"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    b"taker_buy_quote_volume,ignore\n",
    "metrics": b"create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    b"sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n",
}
"""Columns of the archive's files, which older ones do not name (https://github.com/binance/binance-public-data)."""


def read_archive_file(file: File) -> Content:
    """Return what one file says; raise InputError.

    Rows of one time that differ, as early metrics have, are left out, with a note: which of them is right is unknown.

    >>> rows = b"1767225600000,1,2,1,2,5,1767225659999,9,1,2,3,0\\n1767225660000,2,2,1,2,5,1767225719999,9,1,2,3,0\\n"
    >>> read_archive_file(named_buffer(rows, "BTCUSDT-1m-2026-01-01.csv")).candles["volume"].sum()
    np.float64(10.0)
    """
    name, notes = file_name(file), list[str]()
    with open(file, "rb") if not hasattr(file, "read") else io.BytesIO(file.read(MAX_BYTES + 1)) as stream:
        ((own, content),) = unpacked(name, stream.read(MAX_BYTES + 1), MAX_BYTES, 1, notes)
    kind = "metrics" if "-metrics-" in own else "klines"
    first, _, rest = content.partition(b"\n")
    if first[:1].isdigit():
        content = NAMES[kind] + content
    elif _letters(first) == _letters(NAMES[kind]):  # createTime for create_time
        content = NAMES[kind] + rest
    (table,) = read_tables(named_buffer(content, own))
    return read_content(_without_doubt(table) if kind == "metrics" else table)


def _letters(line: bytes) -> bytes:
    """Return a line of names without what differs between two ways of writing them."""
    return re.sub(rb"[^a-z,]", b"", line.lower())


def _without_doubt(table: Table) -> Table:
    """Return a table of metrics without rows of one time that differ."""
    if "create_time" not in table.frame or not table.frame["create_time"].duplicated().any():
        return table
    once = table.frame.drop_duplicates()
    doubtful = once["create_time"].duplicated(keep=False)
    if not doubtful.any():
        return table
    if doubtful.all():
        raise InputError(f"{table.name} has no time with one reading.")
    count = int(doubtful.sum())
    notes = (
        *table.notes,
        f"{count:,} rows of open interest whose times are repeated with other values are left out.",
    )
    return table._replace(frame=once[~doubtful].reset_index(drop=True), notes=notes)


def content_parts(content: Content) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a content as one table of numbers by time and facts in JSON's types; `content_of` takes both.

    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h", tz="UTC")
    >>> interest = Content("example", "mine.csv", None, pd.Series([5.0, 6.0], hours), None, {}, "dates", ())
    >>> content_of(*content_parts(interest)).open_interest.tolist()
    [5.0, 6.0]
    """
    series = {"open_interest": content.open_interest, "usd": content.interest_usd}
    named = [part.rename(name) for name, part in series.items() if part is not None]
    parts = [part for part in (content.candles, *named, content.liquidations) if part is not None]
    facts = {
        "kind": content.kind,
        "name": content.name,
        "columns": dict(content.columns),
        "times": content.times,
        "notes": list(content.notes),
        "symbol": content.symbol,
        "unit": content.unit,
    }
    return pd.concat(parts, axis=1), facts


def content_of(frame: pd.DataFrame, facts: dict[str, Any]) -> Content:
    """Return the content whose table and facts these are, see `content_parts`.

    >>> facts = dict(kind="example", name="mine.csv", columns={}, times="", notes=[], symbol="", unit="coins")
    >>> content_of(pd.DataFrame({"open_interest": [5.0]}), facts).unit
    'coins'
    """
    return Content(
        kind=facts["kind"],
        name=facts["name"],
        candles=frame[list(CANDLE_COLUMNS)] if "open" in frame else None,
        open_interest=frame.get("open_interest"),
        liquidations=frame[list(SIDES)] if SIDES[0] in frame else None,
        columns=facts["columns"],
        times=facts["times"],
        notes=tuple(facts["notes"]),
        symbol=facts["symbol"],
        unit=facts["unit"],
        interest_usd=frame.get("usd"),
    )
