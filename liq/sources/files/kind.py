"""Recognise the kind of a table by its columns, and read it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from liq.errors import InputError
from liq.sources.files.content import Content, Kind
from liq.sources.files.kinds import (
    binance_liquidations,
    binance_metrics,
    candles,
    hourly_series,
    recording,
    rows_of_numbers,
    tardis_liquidations,
)
from liq.sources.files.kinds.column_names import plain_names, price_names, stated_symbol
from liq.sources.files.kinds.date_and_time import with_one_time
from liq.sources.files.table import Table

KINDS: tuple[Kind, ...] = (
    recording.KIND,
    binance_liquidations.KIND,
    tardis_liquidations.KIND,
    binance_metrics.KIND,
    rows_of_numbers.KIND,
    *candles.KINDS,
    hourly_series.INTEREST,
)
"""The kinds, the most particular first."""


def read_content(table: Table) -> Content:
    """Return what a table says; raise InputError where its kind is unknown, naming its columns and the nearest kind.

    >>> import pandas as pd
    >>> hours = [1767225600000, 1767229200000]
    >>> frame = pd.DataFrame({"date": hours, "open": 1.0, "high": 2.0, "low": 1.0, "close": 2.0, "volume": 5.0})
    >>> read_content(Table("mine.csv", frame)).kind
    'freqtrade candles'
    """
    tables = [with_one_time(one) for one in (table, *table.others)]
    known = next(((one, kind) for one in tables if (kind := _kind(one.frame.columns))), None)
    if known is None:
        raise InputError(_unknown(table, _names(table.frame.columns)))
    found, kind = known
    return kind.read(found)._replace(symbol=stated_symbol(found.frame))


def _names(columns: Iterable[object]) -> set[str]:
    """Return the names of columns as they are, as they are compared, and those of the prices among them."""
    plain = plain_names(columns)
    return {*map(str, columns), *plain, *price_names(plain)}


def _kind(columns: Iterable[object]) -> Kind | None:
    """Return the kind of a table with some columns, or None."""
    names = _names(columns)
    if kind := next((kind for kind in KINDS if kind.columns <= names), None):
        return kind
    if hourly_series.looks_like_liquidations([str(name) for name in columns]):
        return hourly_series.LIQUIDATIONS
    return hourly_series.INTEREST if {"openinterest", "oi"} & names else None


def _unknown(table: Table, columns: set[str]) -> str:
    """Return the sentence for a table of no known kind."""
    shown = [f"{name!s:.40}" for name in table.frame.columns[:12]]
    columns = {name for name in sorted(columns)[:60] if len(name) <= 40}

    def likeness(kind: Kind) -> float:
        near = sum(bool(difflib.get_close_matches(name, columns, n=1, cutoff=0.7)) for name in kind.columns)
        return near / max(1, len(kind.columns))

    nearest = max(KINDS, key=likeness)
    missing = sorted(nearest.columns - columns)
    more = f"; the nearest kind is {nearest.name}, which also has {', '.join(missing[:5])}" if missing else ""
    return f"{table.name} has none of the known layouts: it has the columns {', '.join(shown)}{more}."
