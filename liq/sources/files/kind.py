"""Recognise the kind of a table by its columns, and read it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from liq.errors import DateOrderError, InputError, listed
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
from liq.sources.files.kinds.column_names import plain_names, price_names
from liq.sources.files.kinds.date_and_time import with_one_time
from liq.sources.files.one_market import symbol_of
from liq.sources.files.open_interest import interest_columns
from liq.sources.files.table import Table
from liq.sources.files.times import decided_order

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
    return kind.read(found)._replace(symbol=symbol_of(found))


def read_contents(tables: Sequence[Table]) -> list[Content]:
    """Return what the tables of one set say; raise InputError.

    A table whose dates can be read in several orders is read in the one of the others that are written with the same
    sign between the numbers, where all of these that decide it agree.

    >>> import pandas as pd
    >>> frames = [pd.DataFrame({"date": [day], "long": 1.0, "short": 0.0}) for day in ("05.01.2026", "13.01.2026")]
    >>> read_contents([Table("mine.csv", frame) for frame in frames])[0].liquidations.index[0].month
    1
    """
    found: dict[int, Content] = {}
    questions: dict[int, DateOrderError] = {}
    for row, table in enumerate(tables):
        try:
            found[row] = read_content(table)
        except DateOrderError as error:
            questions[row] = error
    said = {(_sign(tables[row], one), order) for row, one in found.items() if (order := decided_order(one.times))}
    for row, question in questions.items():
        for order in sorted({order for _, order in said} & set(question.readings)):
            content = read_content(tables[row]._replace(dates=order))
            sign = _sign(tables[row], content)
            if sign and {other for theirs, other in said if theirs == sign} == {order}:
                found[row] = content
        if row not in found:
            raise question
    return [found[row] for row in range(len(tables))]


def _sign(table: Table, content: Content) -> str:
    """Return the sign between the numbers of a table's first date, or ""."""
    label = next((theirs for theirs, ours in content.columns.items() if ours == "time"), None)
    match = re.search(r"\d([-./])\d", str(table.frame[label].iloc[0])) if label in table.frame else None
    return match[1] if match else ""


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
    return hourly_series.INTEREST if interest_columns(map(str, columns))[0] else None


def _unknown(table: Table, columns: set[str]) -> str:
    """Return the sentence for a table of no known kind."""
    columns = {name for name in sorted(columns)[:60] if len(name) <= 40}

    def likeness(kind: Kind) -> float:
        near = sum(bool(difflib.get_close_matches(name, columns, n=1, cutoff=0.7)) for name in kind.columns)
        return near / max(1, len(kind.columns))

    nearest = max(KINDS, key=likeness)
    missing = sorted(nearest.columns - columns)
    more = f"; the nearest kind is {nearest.name}, which also has {', '.join(missing[:5])}" if missing else ""
    return f"{table.name} has none of the known layouts: it has the columns {listed(table.frame.columns)}{more}."
