"""Binance's liquidation orders, a row each, from the archive and from scripts that record the stream."""

from __future__ import annotations

import pandas as pd

from liq.errors import InputError, listed
from liq.sources.files.content import Content, Kind, closes_longs, event_content
from liq.sources.files.table import Table

FILLED = ("accumulated_fill_quantity", "order_filled_accumulated_quantity", "original_quantity")
PRICES = ("average_price", "price")
TIMES = ("time", "order_trade_time", "event_time")


def read(table: Table) -> Content:
    """Return liquidations summed to bars: a forced SELL closes a long; dollars are price times what was filled."""
    frame = table.frame
    time = next((name for name in TIMES if name in frame), None)
    if time is None:
        raise InputError(f"{table.name} has no column of times, {', '.join(TIMES)}; it has {listed(frame.columns)}.")
    coins = pd.Series(0.0, frame.index)
    for name in reversed([name for name in FILLED if name in frame]):
        numbers = pd.to_numeric(frame[name], errors="coerce")
        coins = numbers.where(numbers > 0, coins)
    price = pd.Series(0.0, frame.index)
    for name in reversed([name for name in PRICES if name in frame]):
        numbers = pd.to_numeric(frame[name], errors="coerce")
        price = numbers.where(numbers > 0, price)
    used = [name for name in ("symbol", "side", *FILLED, *PRICES, time) if name in frame]
    return event_content(table, KIND.name, time, closes_longs(table, "side"), coins * price, used)


KIND = Kind("Binance liquidation orders", frozenset({"side", "original_quantity", "average_price"}), read)
