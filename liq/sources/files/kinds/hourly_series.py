"""Liquidations and open interest by the hour, as Coinalyze and Coinglass give them."""

from __future__ import annotations

import re

from liq.errors import InputError, listed
from liq.sources.files.content import Content, Kind, interest_content, liquidation_content
from liq.sources.files.kinds.column_names import first_of, plain_names
from liq.sources.files.open_interest import interest_columns
from liq.sources.files.table import Table

TIMES = ("t", "time", "timestamp", "unix", "date", "datetime", "create_time", "createtime")

LONG = re.compile(r"(.*long.*(liq|vol|usd|amount|turnover).*|.*(liq).*long.*|longs?|l)")
SHORT = re.compile(r"(.*short.*(liq|vol|usd|amount|turnover).*|.*(liq).*short.*|shorts?|s)")


def read_liquidations(table: Table) -> Content:
    """Return dollars of longs and shorts a bar; coins where the columns say so and a price is there."""
    columns = [str(name) for name in table.frame.columns]
    time = _time(columns, table)
    long, short = _one(columns, LONG), _one(columns, SHORT)
    if not (long and short):
        raise InputError(f"{table.name} lacks a column of longs or of shorts; it has {listed(columns)}.")
    in_coins = not re.search("usd|turnover", long) and "price" in columns
    return liquidation_content(table, LIQUIDATIONS.name, time, long, short, "price" if in_coins else "")


def read_interest(table: Table) -> Content:
    """Return open interest at the close of each interval."""
    columns = [str(name) for name in table.frame.columns]
    column = interest_columns(columns)[0] or first_of(plain_names(columns), ("c", "close")) or columns[-1]
    return interest_content(table, INTEREST.name, _time(columns, table), column, closes=True)


def looks_like_liquidations(columns: list[str]) -> bool:
    """Return whether columns are a time, longs and shorts.

    >>> looks_like_liquidations(["time", "longVolUsd".lower(), "shortVolUsd".lower()])
    True
    """
    return bool(_one(columns, LONG) and _one(columns, SHORT) and set(TIMES) & set(columns))


def _one(columns: list[str], pattern: re.Pattern[str]) -> str:
    """Return the first column that a pattern matches, one in dollars before others."""
    found = [name for name in columns if pattern.fullmatch(name) and not re.search("ratio|rate|account", name)]
    return next((name for name in found if re.search("usd|turnover", name)), found[0] if found else "")


def _time(columns: list[str], table: Table) -> str:
    time = next((name for name in TIMES if name in columns), None)
    if time is None:
        raise InputError(f"{table.name} has no column of times; it has {listed(columns)}.")
    return time


LIQUIDATIONS = Kind("liquidations by the hour (Coinalyze, Coinglass)", frozenset(), read_liquidations)
INTEREST = Kind(
    "open interest by the hour (Coinalyze, Coinglass)", frozenset({"t", "o", "h", "l", "c"}), read_interest
)
