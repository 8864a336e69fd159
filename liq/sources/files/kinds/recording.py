"""The project's own recordings: `open_time_ms`, candles, and open interest and liquidations where known."""

from __future__ import annotations

from liq.errors import InputError
from liq.market import SIDES
from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content, Kind, candle_content, liquidation_content
from liq.sources.files.table import Table


def read(table: Table) -> Content:
    """Return the candles of a recording, or its liquidations where it has no candles."""
    if not set(CANDLE_COLUMNS) & set(table.frame.columns) and set(SIDES) & set(table.frame.columns):
        if missing := [side for side in SIDES if side not in table.frame]:
            raise InputError(
                f"{table.name} lacks the column {missing[0]!r}; liquidations have open_time_ms, long, short."
            )
        return liquidation_content(table, KIND.name, "open_time_ms", *SIDES)
    return candle_content(table, KIND.name, "open_time_ms", {name: name for name in CANDLE_COLUMNS}, "open_interest")


KIND = Kind("a recording", frozenset({"open_time_ms"}), read)
