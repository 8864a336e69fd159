"""Columns of open interest: which one it is, in what unit its name says, and its values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from liq.errors import InputError, shown
from liq.sources.files.table import Table

INTEREST_NAMES = ("openinterest", "oi", "sumopeninterest", "openinterestamount")
"""Columns of open interest that name no unit, letters alone."""

INTEREST_UNITS: Mapping[str, frozenset[str]] = {
    "coins": frozenset({"coins", "coin", "ccy", "base", "tokens"}),
    "dollars": frozenset({"usd", "usdt", "usdc", "dollars", "value", "notional"}),
    "contracts": frozenset({"contracts", "contract", "lots"}),
}
"""Words behind one of INTEREST_NAMES that name a unit: openInterestUsd, sum_open_interest_value, oiCcy."""

CONTRACT_SIZES = ("contract_size", "contractsize", "ctval", "contract_value", "multiplier")
"""Columns of the coins in one contract."""


def interest_columns(columns: Iterable[str]) -> tuple[str, str, str]:
    """Return the column of open interest, the unit that it names, and the column of dollars beside it, each or "".

    A column in coins is preferred to one that names no unit, that to dollars, those to contracts.

    >>> interest_columns(["time", "sum_open_interest", "sum_open_interest_value"])
    ('sum_open_interest', '', 'sum_open_interest_value')
    >>> interest_columns(["t", "open interest (usd)"])
    ('open interest (usd)', 'dollars', '')
    """
    found: dict[str, str] = {}
    for name in map(str, columns):
        letters = re.sub(r"[^a-z]", "", name.lower())
        stem = next((stem for stem in (*INTEREST_NAMES, "sumoi") if letters.startswith(stem)), None)
        if letters in INTEREST_NAMES:
            found.setdefault("", name)
        elif stem is not None:
            words = letters.removeprefix(stem).removeprefix("in")
            if unit := next((unit for unit, known in INTEREST_UNITS.items() if words in known), ""):
                found.setdefault(unit, name)
    unit = next((unit for unit in ("coins", "", "dollars", "contracts") if unit in found), "")
    return found.get(unit, ""), unit, found.get("dollars", "") if unit in ("coins", "") else ""


def interest_of(table: Table, column: str) -> tuple[pd.DataFrame, str]:
    """Return open interest of a column, dollars beside it as `usd`, and the unit that the names say.

    >>> frame = pd.DataFrame({"oi_usd": ["100", None]})
    >>> interest_of(Table("mine.csv", frame), "oi_usd")[1]
    'dollars'
    """
    named, unit, dollars = interest_columns(table.frame.columns)
    unit, dollars = (unit, dollars) if named == column else ("", "")
    frame = pd.DataFrame({"open_interest": optional_numbers(table.frame[column], column)})
    size = next((name for name in CONTRACT_SIZES if name in table.frame), "")
    if unit == "contracts" and size:
        frame["open_interest"] *= optional_numbers(table.frame[size], size)
        unit = "coins"
    if dollars:
        frame["usd"] = optional_numbers(table.frame[dollars], dollars)
    return frame, unit


def optional_numbers(column: pd.Series, name: str) -> pd.Series:
    """Return a column that may have holes as floats; raise InputError naming the first value that is no number.

    >>> optional_numbers(pd.Series(["1.5", None]), "open_interest").tolist()
    [1.5, nan]
    """
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = (numbers.isna() & column.notna()) | (numbers < 0) | np.isinf(numbers)
    if bad.any():
        row = int(np.argmax(bad.to_numpy()))
        raise InputError(f"{name} must be a number, not negative, or empty: row {row} has {shown(column.iloc[row])}.")
    return numbers
