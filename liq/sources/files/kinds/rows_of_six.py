"""Rows of six numbers, as ccxt returns and freqtrade stores them: time, open, high, low, close, volume."""

from __future__ import annotations

from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content, Kind, candle_content
from liq.sources.files.table import Table


def read(table: Table) -> Content:
    """Return the candles of rows of six."""
    frame = table.frame.iloc[:, :6].set_axis(["time", *CANDLE_COLUMNS], axis=1)
    return candle_content(table._replace(frame=frame), KIND.name, "time", {name: name for name in CANDLE_COLUMNS})


KIND = Kind("rows of six (ccxt, freqtrade)", frozenset(map(str, range(6))), read)
