"""Numbers written as text: thousands separators, decimal commas, currency signs, units, K, M and B."""

from __future__ import annotations

import re
from itertools import filterfalse, islice

import numpy as np
import pandas as pd

from liq.errors import shown

MAX_CELL = 60
"""Maximum number of characters of a number; a cell that is longer is text, and no pattern is tried on it."""

NUMBER = re.compile(r"[-+]?(\d[\d\s_.,'’]*)([eE][-+]?\d+)?")
GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")

MARKED = re.compile(
    r"(?P<before>[-+]?\s?(?:US)?[$€£¥₿]?\s?)(?P<number>[-+]?\d[\d_.,'’]*(?:[  ]\d[\d_.,'’]*)*(?:[eE][-+]?\d+)?)"
    r"\s?(?P<scale>[KMBTkmbt](?![A-Za-z]))?(?P<unit>\s?[A-Za-z]{3,5}|\s?[$€£¥₿])?"
)
"""A number with a currency sign before it, a scale and a unit after it; every part begins with other characters."""

DATE = re.compile(r"\d{1,4}\.\d{1,2}\.\d{1,4}")
"""A date with points: thousands are not grouped like that."""

SCALES = {"k": "e3", "m": "e6", "b": "e9", "t": "e12"}

UNITS = (
    "usd",
    "usdt",
    "usdc",
    "busd",
    "fdusd",
    "tusd",
    "eur",
    "gbp",
    "jpy",
    "btc",
    "xbt",
    "eth",
    "sol",
    "xrp",
    "bnb",
)
"""Units that may follow a number without a blank; 1INCH and 5MIN are no numbers."""

DOLLARS = ("usd", "usdt", "usdc", "busd", "fdusd", "tusd", "dai")
"""Currencies that are dollars, in which prices are quoted."""

MISSING = ("-", "--", "–", "—", "n/a", "N/A")
"""What stands where there is no number."""


LENGTHS = ("i", "interval", "timeframe", "period", "resolution", "granularity", "bar")
"""Names of columns that say how long a bar is: their 5m are no five million."""


def with_numbers(frame: pd.DataFrame, notes: list[str], decimal_comma: bool = False) -> pd.DataFrame:
    """Return a table with columns of numbers in text as numbers; booleans become text; notes says what was rounded.

    A column is read as numbers where all of its cells are: with separators, currency signs, scales, units. Where both
    separators occur, the last one is the decimal sign; a comma alone is one too unless digits are grouped by threes
    throughout. A column of volume whose cells name dollars is renamed to say so.

    >>> frame = pd.DataFrame({"price": ["$94,874.00"], "volume": ["1.2K USDT"], "done": [True]})
    >>> with_numbers(frame, []).to_dict("list")
    {'price': [94874.0], 'volume usdt': [1200.0], 'done': ['True']}
    >>> frame = pd.DataFrame({"a": ["1,234.5", "12"], "b": ["1.234,5", "12,25"], "c": ["3.4M", "-"]})
    >>> with_numbers(frame, []).to_dict("list")
    {'a': [1234.5, 12.0], 'b': [1234.5, 12.25], 'c': [3400000.0, nan]}
    """
    columns, names = {}, []
    for place, name in enumerate(frame.columns):
        column, unit = frame.iloc[:, place], ""
        if column.dtype.kind == "b":
            column = column.map({True: "True", False: "False"})
        elif column.dtype.kind not in "iufM" and str(name).strip().lower() not in LENGTHS:
            column, unit, rounded = _read(column, decimal_comma)
            if rounded:
                notes.append(f"Values of {shown(name)} are rounded in the file: {rounded}.")
        if column.dtype == object:
            column = column.map(_without_bounds)
        if unit in (*DOLLARS, "$") and re.fullmatch(r"vol(ume)?\.?", str(name).strip().lower()):
            name = f"{name!s} {unit.replace('$', 'usd')}"
        columns[place] = column
        names.append(name)
    return pd.DataFrame(columns, frame.index, copy=False).set_axis(names, axis=1)


def _without_bounds(value: object) -> object:
    """Return a value, or the text of an integer that no column of numbers holds."""
    return str(value) if isinstance(value, int) and abs(value) >= 1 << 63 else value


def _read(column: pd.Series, decimal_comma: bool) -> tuple[pd.Series, str, str]:
    """Return a column as numbers, or as it is; the unit of its cells, and one with a scale, or ""."""
    known_head = column.iloc[:200].dropna()
    known_head = known_head if len(known_head) else column.dropna()
    head = [value for one in known_head.head(50) if (value := str(one).strip()) not in MISSING and value]
    if not len(known_head) or not all(len(value) <= MAX_CELL and MARKED.fullmatch(value) for value in head):
        return column, "", ""
    if any(DATE.fullmatch(value) for value in head):
        return column, "", ""
    text = column.astype("string").str.strip()
    text = text.mask(text.isin(("", *MISSING)))
    known = text[text.notna()]
    if not len(known) or int(known.str.len().max()) > MAX_CELL:
        return column, "", ""
    cells, unit, rounded = known.tolist(), "", ""
    if (numbers := _floats(cells)) is None:
        sample = [MARKED.fullmatch(value) for value in islice(filterfalse(_is_float, cells), 500)]
        found = [one for one in sample if one is not None]
        units = {(one["unit"] or one["before"].strip(" +-")).strip() for one in found} - {""}
        unit = min(units, default="").lower().replace("us$", "$")
        if len(found) < len(sample) or {one.lower() for one in units} - {unit, "us$"} or not _is_unit(unit, found):
            return column, "", ""
        rounded = next((one[0] for one in found if one["scale"]), "")
        numbers = _floats(_plain(cells, units, bool(rounded), decimal_comma))
        if numbers is None or len(numbers) != len(cells):
            return column, "", ""
    values = np.full(len(column), np.nan)
    values[text.notna().to_numpy()] = numbers
    return pd.Series(values, column.index), unit, rounded


def _floats(cells: list[str]) -> np.ndarray | None:
    """Return texts as numbers, or None where one is no number."""
    try:
        return np.array(list(map(float, cells)))
    except ValueError:
        return None


def _is_float(cell: str) -> bool:
    return _floats([cell]) is not None


def _plain(cells: list[str], units: set[str], scaled: bool, decimal_comma: bool) -> list[str]:
    """Return numbers in text without separators, signs and units, with a point as the decimal sign.

    All cells are one text meanwhile, which is ten times faster than one by one.
    """
    text = "\n".join(cells) + "\n"
    for sign in ("US$", *" \u00a0\u202f\t_'’$€£¥₿"):
        text = text.replace(sign, "")
    for unit in units:
        text = text.replace(f"{unit}\n", "\n")
    for scale, exponent in SCALES.items() if scaled else ():
        text = text.replace(f"{scale}\n", f"{exponent}\n").replace(f"{scale.upper()}\n", f"{exponent}\n")
    if "," in text:
        sample = [cell for cell in text.split("\n") if "," in cell][:500]
        both = next((cell for cell in sample if "." in cell), "")
        if both:
            decimal_comma = both.rindex(",") > both.rindex(".")
        elif not decimal_comma:
            decimal_comma = not all(GROUPED.fullmatch(re.sub("[eE].*", "", cell)) for cell in sample)
        if _two_notations(text, decimal_comma):
            return []
        text = text.replace(".", "").replace(",", ".") if decimal_comma else text.replace(",", "")
    return text.split("\n")[:-1]


def _is_unit(unit: str, found: list[re.Match[str]]) -> bool:
    """Return whether a unit may stand as it does: no part of a date, and known where no blank is before it."""
    if len(unit) < 2:
        return True
    apart = all(
        not one["unit"] or one["unit"][:1].isspace() or one.string[one.start("unit") - 1].isspace() for one in found
    )
    return unit in UNITS or (
        apart and not re.fullmatch("jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|utc|gmt", unit)
    )


def _two_notations(text: str, decimal_comma: bool) -> bool:
    r"""Return whether numbers, one a line, have a sign between digits that is neither decimal nor between groups.

    Points alone beside commas alone are two notations: 103.125 beside 1,5 is no hundred thousand.

    >>> _two_notations("1.234,5\n50163.7\n", True), _two_notations("1,234.5\n2,000\n", False)
    (True, False)
    """
    if decimal_comma and "." in text and not re.search(r"\.[^\n,]*,", text):
        return True
    between, sign = (r"\.", ",") if decimal_comma else (",", r"\.")
    grouped = rf"[-+]?\d{{1,3}}(?:{between}\d{{2,3}})*{between}\d{{3}}(?:{sign}\d*)?(?:[eE][-+]?\d+)?$"
    return bool(re.search(rf"^(?!{grouped})[^\n]*{between}", text, re.MULTILINE))
