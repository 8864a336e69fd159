"""Rows of numbers without names: which number is which is decided by what the numbers say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market_checks import CANDLE_COLUMNS
from liq.sources.files.content import Content, Kind
from liq.sources.files.kinds import candles
from liq.sources.files.table import Table

ALMOST = 0.95
"""Share of rows in which an order has to fit where none fits in all, so that the wrong row is named."""


Rows = Mapping[str, np.ndarray]
"""Columns of numbers by the names that an order gives them."""


class Order(NamedTuple):
    """An order of numbers in a row: who writes it, the names of the numbers, and what else must hold, if anything."""

    title: str
    names: tuple[str, ...]
    holds: Callable[[Rows], bool] | None = None


def _has_mean_price(rows: Rows) -> bool:
    """Return whether Kraken's mean price lies between low and high, or is 0 where nothing was traded."""
    vwap = rows["vwap"]
    return bool((((vwap >= rows["low"]) & (vwap <= rows["high"])) | (vwap == 0)).all())


def _has_close_times(rows: Rows) -> bool:
    """Return whether a column is a time after that of the open, the same length in every row."""
    length = rows["closetime"] - rows["time"]
    return bool((length > 0).all() and np.abs(length - np.median(length)).max() <= 1e-9 * rows["time"].max())


def _has_dollars(rows: Rows) -> bool:
    """Return whether dollars are coins times a price of the bar, to a hundredth."""
    coins, dollars = rows["volume"], rows["quotevolume"]
    traded = (coins > 0) & (dollars > 0)
    price = dollars[traded] / coins[traded]
    return bool(((price >= rows["low"][traded] * 0.99) & (price <= rows["high"][traded] * 1.01)).all())


_PRICES = ("open", "high", "low", "close")
_TOHLC = ("time", *_PRICES)

ORDERS = (
    Order(
        "Binance",
        (*_TOHLC, "volume", "closetime", "quotevolume", "count", "takerbuyvolume", "takerbuyquote", "ignore"),
    ),
    Order("Binance", (*_TOHLC, "volume", "closetime", "quotevolume", "count", "takerbuyvolume", "takerbuyquote")),
    Order("OKX", (*_TOHLC, "vol", "volccy", "volccyquote", "confirm")),
    Order("Kraken", (*_TOHLC, "vwap", "volume", "count"), _has_mean_price),
    Order("MEXC", (*_TOHLC, "volume", "closetime", "quotevolume"), _has_close_times),
    Order("Bitget", (*_TOHLC, "volume", "quotevolume", "usdtvolume"), _has_dollars),
    Order("Gate", ("time", "quotevolume", "close", "high", "low", "open", "volume", "closed"), _has_dollars),
    Order("Bybit, Bitget", (*_TOHLC, "volume", "turnover")),
    Order("KuCoin", ("time", "open", "close", "high", "low", "volume", "turnover")),
    Order("ccxt, freqtrade", (*_TOHLC, "volume")),
    Order("Bitfinex", ("time", "open", "close", "high", "low", "volume")),
    Order("Coinbase", ("time", "low", "high", "open", "close", "volume")),
)
"""Orders in the public documents of each venue's REST candles; names are plain names of `column_names`."""


def read(table: Table) -> Content:
    """Return the candles of rows of numbers; raise InputError where no order fits, or several that differ."""
    numbered = [name for name in table.frame.columns if str(name).isdigit()]
    rows = table.frame[sorted(numbered, key=lambda name: int(str(name)))]
    while rows.shape[1] > 6 and rows.iloc[:, -1].isna().all():  # a comma at the end of every line
        rows = rows.iloc[:, :-1]
    orders = [order for order in ORDERS if len(order.names) == rows.shape[1]]
    numbers = [_numbers(rows[name]) for name in rows]
    named = {order: dict(zip(order.names, numbers, strict=True)) for order in orders}
    shares = {order: _share(own) for order, own in named.items()}
    fitting = [order for order in orders if shares[order] == 1 and (not order.holds or order.holds(named[order]))]
    if not fitting:  # one row may be wrong: the check of the candles names it
        fitting = [order for order in orders if shares[order] >= ALMOST][:1]
    if not fitting:
        raise InputError(
            f"{table.name} has rows of {rows.shape[1]} numbers, and in no known order are highs the highest and lows "
            "the lowest; give the columns names: time, open, high, low, close, volume."
        )
    found = [_content(table, rows, order) for order in fitting]
    for order, other in zip(fitting[1:], found[1:], strict=True):
        if not _same(found[0], other):
            raise InputError(
                f"{table.name} has rows of {rows.shape[1]} numbers that can be read as {fitting[0].title} writes "
                f"them and as {order.title} does; give the columns names: time, open, high, low, close, volume."
            )
    return found[0]


def _numbers(column: pd.Series) -> np.ndarray:
    """Return a column as floats; text, such as of dates, is NaN."""
    if column.dtype.kind not in "iuf":
        return np.full(len(column), np.nan)
    return column.to_numpy(float, na_value=np.nan)


def _content(table: Table, rows: pd.DataFrame, order: Order) -> Content:
    """Return the candles of rows in one order."""
    others = table.frame[[name for name in table.frame.columns if name not in rows.columns]]
    frame = pd.concat([rows.set_axis(order.names, axis=1), others], axis=1)
    return candles.read(table._replace(frame=frame), f"{KIND.name} ({order.title})")


def _share(rows: Rows) -> float:
    """Return the share of rows whose high is the highest and whose low is the lowest of the four prices."""
    opens, highs, lows, closes = (rows[name] for name in _PRICES)
    if not all(np.isfinite(rows[name]).any() for name in ("volume", "quotevolume") if name in rows):
        return 0.0  # a column of text is no volume
    fits = (highs >= lows) & (highs >= opens) & (highs >= closes) & (lows <= opens) & (lows <= closes)
    known = np.isfinite(opens) & np.isfinite(highs) & np.isfinite(lows) & np.isfinite(closes)
    return float(fits[known].mean()) if known.any() else 0.0


def _same(first: Content, second: Content) -> bool:
    """Return whether two readings give the same bars."""
    one, other = first.candles, second.candles
    return (
        one is not None
        and other is not None
        and bool(np.array_equal(one[list(CANDLE_COLUMNS)], other[list(CANDLE_COLUMNS)]))
    )


KIND = Kind("rows of numbers", frozenset(map(str, range(6))), read)
