"""Candles with a column of times under a usual name: TradingView, freqtrade, CryptoDataDownload, pandas."""

from __future__ import annotations

import re

from liq.errors import InputError
from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content, Kind, candle_content, interest_columns
from liq.sources.files.table import Table

TIMES = ("unix", "time", "timestamp", "date", "datetime", "open_time", "unnamed: 0", "")
"""Names of the column of bar open times, the most exact first."""

DOLLARS = ("usd", "usdt", "usdc", "busd", "fdusd", "quote")


def read(table: Table) -> Content:
    """Return the candles of a table; where volume is missing, open interest must be there in its place."""
    columns = list(table.frame.columns)
    time = next((name for name in TIMES if name in columns), None)
    if time is None:
        raise InputError(
            f"{table.name} has no column of times: {', '.join(TIMES[:5])} or open_time_ms; it has "
            f"{', '.join(map(str, columns[:12]))}."
        )
    names = {name: name for name in CANDLE_COLUMNS[:4]}
    interest = interest_columns(columns)[0]
    volume = volume_column(columns)
    if volume:
        return candle_content(table, _kind(columns, time), time, {**names, "volume": volume}, interest)
    if not interest:
        raise InputError(
            f"{table.name} lacks a volume, without which the map cannot tell how much was opened; show volume in the "
            f"chart before exporting it. It has {', '.join(map(str, columns[:12]))}."
        )
    frame = table.frame.assign(volume=0.0)
    notes = (*table.notes, "The file has no volume: openings are read from rises of open interest alone.")
    return candle_content(
        table._replace(frame=frame, notes=notes), _kind(columns, time), time, {**names, "volume": "volume"}, interest
    )


def volume_column(columns: list[str]) -> str:
    """Return the column of volume in coins, or "".

    >>> volume_column(["unix", "volume usdt", "volume btc"])
    'volume btc'
    """
    if "volume" in columns:
        return "volume"
    for name in columns:
        match = re.fullmatch(r"volume[ _(]?(\w+)\)?", str(name))
        if match and match[1].lower() not in DOLLARS and not match[1].lower().startswith(("ma", "from", "to")):
            return str(name)
    return next((name for name in ("vol", "volume_base", "base_volume", "volumefrom") if name in columns), "")


def _kind(columns: list[str], time: str) -> str:
    if time == "unix":
        return "CryptoDataDownload candles"
    if time == "time":
        return "TradingView candles"
    return "freqtrade candles" if columns[:6] == ["date", *CANDLE_COLUMNS] else "candles with dates"


KIND = Kind("candles with dates", frozenset({"open", "high", "low", "close"}), read)
