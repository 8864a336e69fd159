"""Recognise the kind of a table by its columns, and read it."""

from __future__ import annotations

import difflib

from liq.errors import InputError
from liq.sources.files.content import Content, Kind, interest_columns
from liq.sources.files.kinds import (
    binance_klines,
    binance_liquidations,
    binance_metrics,
    dated_candles,
    hourly_series,
    recording,
    rows_of_six,
    tardis_liquidations,
)
from liq.sources.files.one_market import symbol_of
from liq.sources.files.table import Table

KINDS: tuple[Kind, ...] = (
    recording.KIND,
    binance_liquidations.KIND,
    tardis_liquidations.KIND,
    binance_metrics.KIND,
    binance_klines.KIND,
    binance_klines.WITHOUT_HEADER,
    rows_of_six.KIND,
    dated_candles.KIND,
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
    columns = {str(name) for name in table.frame.columns}
    kind = next((kind for kind in KINDS if kind.columns <= columns), None)
    if kind is None and hourly_series.looks_like_liquidations(list(columns)):
        kind = hourly_series.LIQUIDATIONS
    if kind is None and interest_columns(sorted(columns))[0]:
        kind = hourly_series.INTEREST
    if kind is None:
        raise InputError(_unknown(table, columns))
    return kind.read(table)._replace(symbol=symbol_of(table))


def _unknown(table: Table, columns: set[str]) -> str:
    """Return the sentence for a table of no known kind."""
    shown = [str(name) for name in table.frame.columns[:12]]

    def likeness(kind: Kind) -> float:
        near = sum(bool(difflib.get_close_matches(name, columns, n=1, cutoff=0.7)) for name in kind.columns)
        return near / max(1, len(kind.columns))

    nearest = max(KINDS, key=likeness)
    missing = sorted(nearest.columns - columns)
    more = f"; the nearest kind is {nearest.name}, which also has {', '.join(missing[:5])}" if missing else ""
    return f"{table.name} has none of the known layouts: it has the columns {', '.join(shown)}{more}."
