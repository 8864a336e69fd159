"""Candles with named columns, whatever names they have: what venues and tools write as CSV, JSON or a spreadsheet."""

from __future__ import annotations

from functools import partial

from liq.errors import InputError, listed
from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content, Kind, candle_content
from liq.sources.files.kinds.column_names import (
    CLOSE_TIMES,
    OPEN_TIMES,
    first_of,
    plain_names,
    price_names,
)
from liq.sources.files.kinds.volumes import volume_of
from liq.sources.files.open_interest import interest_columns
from liq.sources.files.table import Table

NAMED = {
    "Binance klines": ("opentime",),
    "CryptoDataDownload candles": ("unix",),
    "MetaTrader 5 candles": ("tickvol",),
    "Hyperliquid candles": ("t", "T", "i"),
    "Gate futures candles": ("t", "sum"),
    "HTX candles": ("id", "amount", "vol"),
    "MEXC futures candles": ("amount", "vol", "realopen"),
    "dYdX candles": ("startedat", "basetokenvolume"),
    "CryptoCompare candles": ("volumefrom", "volumeto"),
    "BitMEX candles": ("homenotional", "foreignnotional"),
    "Dukascopy candles": ("gmttime",),
    "investing.com candles": ("date", "price", "change%"),
    "Yahoo candles": ("adjclose",),
    "candles with short names (Coinalyze, Finnhub, TradingView's data feed)": ("t", "o"),
    "TradingView candles": ("time",),
    "freqtrade candles": ("date", "volume"),
    "candles with dates": (),
}
"""Plain names that tell where candles are from, beside those of the prices; the most particular first."""


def read(table: Table, kind: str) -> Content:
    """Return the candles of a table; where volume is missing, open interest must be there in its place."""
    columns = list(table.frame.columns)
    names = plain_names(columns)
    prices = price_names(names)
    time, closes = first_of(names, OPEN_TIMES), "homenotional" in names
    if time is None:
        time, closes = first_of(names, CLOSE_TIMES), True
    if time is None:
        raise InputError(
            f"{table.name} has no column of times: unix, time, timestamp, date, datetime or open_time_ms; it has "
            f"{listed(columns)}."
        )
    if kind == "freqtrade candles" and columns[:6] != ["date", *CANDLE_COLUMNS]:
        kind = "candles with dates"
    interest = interest_columns(columns)[0]
    volume = volume_of(table.frame, names, prices, table.name)
    if volume is not None:
        frame = table.frame.assign(**{volume.column: volume.coins})
        table = table._replace(frame=frame, notes=(*table.notes, *volume.notes))
        return candle_content(table, kind, time, {**prices, "volume": volume.column}, interest, closes)
    if not interest:
        raise InputError(
            f"{table.name} lacks a volume, without which the map cannot tell how much was opened; show volume in the "
            f"chart before exporting it. It has {listed(columns)}."
        )
    notes = (*table.notes, "The file has no volume: openings are read from rises of open interest alone.")
    table = table._replace(frame=table.frame.assign(volume=0.0), notes=notes)
    return candle_content(table, kind, time, {**prices, "volume": "volume"}, interest, closes)


KINDS = tuple(
    Kind(name, frozenset((*CANDLE_COLUMNS[:4], *known)), partial(read, kind=name)) for name, known in NAMED.items()
)
