"""Klines of the Binance archive, with and without a header, spot and futures."""

from __future__ import annotations

from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content, Kind, candle_content
from liq.sources.files.table import Table

HEADER = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)


def read(table: Table) -> Content:
    """Return the candles of an archive file."""
    return candle_content(table, KIND.name, "open_time", {name: name for name in CANDLE_COLUMNS}, "open_interest")


def read_without_header(table: Table) -> Content:
    """Return the candles of an archive file without a header, by the places of its columns."""
    frame = table.frame.iloc[:, : len(HEADER)].set_axis(list(HEADER[: len(table.frame.columns)]), axis=1)
    return read(table._replace(frame=frame))


KIND = Kind("Binance klines", frozenset({"open_time", "open", "high", "low", "close"}), read)
WITHOUT_HEADER = Kind("Binance klines without a header", frozenset(map(str, range(11))), read_without_header)
