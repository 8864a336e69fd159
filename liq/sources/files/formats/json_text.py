"""Tables in JSON: lists of rows wherever an answer holds them, objects of columns, pandas' layouts, a row a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from liq.errors import InputError, listed, shown
from liq.sources.files.formats.bounds import MAX_COLUMNS, check_columns
from liq.sources.files.formats.numbers import with_numbers

MAX_JSON = 30_000_000
"""Maximum number of characters of a JSON file: parsing takes ten times as much memory."""

MAX_OBJECTS = 2_000_000
"""Maximum number of lists and objects in a JSON file: ten million empty ones in 29 MB take 800 MB of memory."""

MAX_DEPTH = 5
"""Maximum number of objects around the rows; venues' answers have two or three."""

MAX_KEYS = 1000
"""Maximum number of entries of an object in which rows are looked for."""

PRICES = frozenset(("open", "high", "low", "close", "o", "h", "l", "c"))
"""Names of which one is among the columns of an object of columns."""

SYMBOLS = ("symbol", "pair", "instId", "ticker")
"""Names under which an object around the rows states the coin."""


def json_table(text: str, name: str, notes: list[str]) -> pd.DataFrame:
    """Return the table in JSON; columns of rows that are lists are numbered. Raises InputError.

    Rows are lists or objects, in a list, one a line, or in a list inside objects; or columns are lists, or objects
    by row, as `pandas.DataFrame.to_json` writes them. Nested values become a text, which no column of
    numbers may hold.

    >>> json_table("[[1, 2.5], [2, 3.5]]", "mine.json", [])[1].tolist()
    [2.5, 3.5]
    >>> json_table('{"s": "ok", "t": [1, 2], "o": [2.5, 3.5], "h": [3, 4]}', "mine.json", [])["o"].tolist()
    [2.5, 3.5]
    """
    if len(text) > MAX_JSON:
        raise InputError(f"{name} is JSON of more than {MAX_JSON // 1_000_000} MB; cut it to the days that matter.")
    if text.count("{") + text.count("[") > MAX_OBJECTS:
        raise InputError(f"{name} is JSON of more than {MAX_OBJECTS:,} rows; cut it to the days that matter.")
    found = _frames(_parsed(text, name, notes), name)
    if not found:
        raise InputError(f"{name} is JSON, but no list of rows.")
    if len(found) > 1:
        places = listed([place or "the list" for place, _ in found], 4)
        raise InputError(f"{name} is JSON with several lists of rows, in {places}; keep the one that is meant.")
    frame = found[0][1]
    for place, column in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if values.dtype == object:
            frame[column] = values.map(_flat)
    return with_numbers(frame, notes)


def _parsed(text: str, name: str, notes: list[str]) -> Any:
    """Return the value in a JSON text, or the list of those in its lines; raise InputError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return an object; raise InputError for a name twice, of which JSON's reader would keep the last."""
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(one for one in names if names.count(one) > 1)
            raise InputError(f"{name} names {shown(twice)!r} twice in one object.")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except InputError:
        raise
    except (ValueError, RecursionError):
        lines = [line for line in text.splitlines() if line.strip()]
    for cut in (False, True):  # the last line of a file that is being written may be half a row
        rows = lines[: len(lines) - cut]
        if len(rows) > 1 and all(line.rstrip()[-1] in "]}" for line in rows):
            try:
                found = json.loads(f"[{','.join(rows)}]", object_pairs_hook=unique)
            except InputError:
                raise
            except (ValueError, RecursionError):
                continue
            notes += ["The last line was cut off and is dropped."] * cut
            return found
    raise InputError(f"{name} is JSON that is cut off or damaged.")


def _frames(value: Any, name: str) -> list[tuple[str, pd.DataFrame]]:
    """Return the tables that are nearest to the top of a JSON value, each with its place."""
    level: list[tuple[str, Any, str]] = [("", value, "")]
    for _ in range(MAX_DEPTH):
        found = [
            (place, _with_symbol(frame, symbol))
            for place, one, symbol in level
            if (frame := _frame(one, name)) is not None
        ]
        if found or not level:
            return found
        level = [
            (f"{place}.{key}" if place else str(key), inner, _symbol(one) or symbol)
            for place, one, symbol in level
            for key, inner in _inside(one)
            if isinstance(inner, (dict, list))
        ]
    return []


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the entries of an object, or of a list of objects that hold rows, such as Coinalyze's ``history``."""
    if isinstance(value, dict):
        yield from list(value.items())[:MAX_KEYS]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from enumerate(value[:MAX_KEYS])


def _flat(value: Any) -> Any:
    """Return a value, or a text for one that no number is: nested, a boolean, an integer without end."""
    if isinstance(value, (list, dict)):
        return "[...]" if isinstance(value, list) else "{...}"
    return str(value) if isinstance(value, bool) or (isinstance(value, int) and abs(value) >= 1 << 63) else value


def _symbol(value: Any) -> str:
    """Return the coin that an object states, or ""."""
    if not isinstance(value, dict):
        return ""
    return next((value[key] for key in SYMBOLS if isinstance(value.get(key), str)), "")[:40]


def _with_symbol(frame: pd.DataFrame, symbol: str) -> pd.DataFrame:
    return frame.assign(symbol=symbol) if symbol and "symbol" not in frame.columns else frame


def _frame(value: Any, name: str) -> pd.DataFrame | None:
    """Return the table that a JSON value is, or None where it is none by itself."""
    if isinstance(value, list):
        return _of_rows(value, name) if value and _is_rows(value) else None
    if not isinstance(value, dict) or not value:
        return None
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return _split(value, name)
    columns = {str(key): inner for key, inner in value.items() if isinstance(inner, list)}
    lengths = {len(inner) for inner in columns.values()}
    if len(columns) > 2 and len(lengths) == 1 and lengths != {0} and not any(map(_nested, columns.values())):
        return _of_columns(columns, name)
    first = next(iter(value.values()))
    if isinstance(first, dict) and first and all(isinstance(inner, dict) for inner in value.values()):
        return _of_objects(value, name)
    return None


def _is_rows(rows: list[Any]) -> bool:
    """Return whether a list has rows: lists, or objects that hold none."""
    if isinstance(rows[0], dict):
        inner = rows[0].values()
        return bool(rows[0]) and not any(
            isinstance(one, list) and one and isinstance(one[0], (list, dict)) for one in inner
        )
    return isinstance(rows[0], list)


def _nested(values: list[Any]) -> bool:
    return bool(values) and isinstance(values[0], (list, dict))


def _of_rows(rows: list[Any], name: str) -> pd.DataFrame:
    """Return a list of lists or of objects as a table."""
    if not all(type(row) is type(rows[0]) for row in rows):
        raise InputError(f"{name} is a JSON list whose rows are not alike.")
    width = max(len(row) for row in rows[:1000])
    check_columns(width, name)
    try:
        frame = pd.DataFrame(rows)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{name} is a JSON list whose rows are not alike.") from None
    check_columns(len(frame.columns), name)
    return frame


def _of_columns(columns: dict[str, list[Any]], name: str) -> pd.DataFrame:
    """Return an object of lists, as TradingView's data feeds, Finnhub and Deribit write it, as a table."""
    check_columns(len(columns), name)
    try:
        return pd.DataFrame(columns)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{name} is a JSON object whose columns are not alike.") from None


def _split(value: dict[str, Any], name: str) -> pd.DataFrame | None:
    """Return pandas' layout "split" as a table."""
    rows, index = value["data"], value.get("index")
    if not rows or not all(isinstance(row, list) and len(row) == len(value["columns"]) for row in rows):
        return None
    frame = _of_rows(rows, name).set_axis([str(column) for column in value["columns"]], axis=1)
    return _with_index(frame, index) if isinstance(index, list) and len(index) == len(frame) else frame


def _of_objects(value: dict[str, Any], name: str) -> pd.DataFrame | None:
    """Return pandas' layouts "columns" and "index", objects by column and row or by row and column, as a table."""
    outer = {str(key).lower() for key in list(value)[:MAX_COLUMNS]}
    inner = next(iter(value.values()))
    by_column = bool(outer & PRICES)
    if not by_column and not {str(key).lower() for key in list(inner)[:MAX_COLUMNS]} & PRICES:
        return None
    check_columns(len(value) if by_column else max(len(row) for row in value.values()), name)
    index = list(inner) if by_column else list(value)
    try:
        if by_column:
            frame = pd.DataFrame({str(key): [column.get(row) for row in index] for key, column in value.items()})
        else:
            frame = pd.DataFrame(list(value.values()))
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{name} is a JSON object whose columns are not alike.") from None
    return _with_index(frame, index)


def _with_index(frame: pd.DataFrame, index: list[Any]) -> pd.DataFrame:
    """Return a table with its index as a first column without a name, unless it only counts the rows."""
    if [str(value) for value in index] == [str(row) for row in range(len(index))] or "" in frame.columns:
        return frame
    frame.insert(0, "", index)
    return frame
