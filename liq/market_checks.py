"""Validation of candles, open interest and liquidations: one sentence with the column, the row and the value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.errors import InputError, shown

CANDLE_COLUMNS = ("open", "high", "low", "close", "volume")
SIDES = ("long", "short")

MAX_TIME = 40
"""Maximum number of characters of a time in text: ISO 8601 with nanoseconds and an offset has 35. pandas reads other
texts in a time that grows with the square of their length."""


def check_candles(candles: pd.DataFrame) -> pd.DataFrame:
    """Return the five candle columns as float64; raise InputError naming the first thing that is wrong.

    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h")
    >>> bars = pd.DataFrame(dict(open=1.0, high=2.0, low=1.0, close=2.0, volume=[5.0, -1.0]), index=hours)
    >>> check_candles(bars)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    liq.errors.InputError: candles column 'volume' must be not negative ...
    """
    if not isinstance(candles, pd.DataFrame):
        raise InputError(f"candles must be a DataFrame, not {type(candles).__name__}.")
    _check_times(candles.index, "candles")
    missing = [name for name in CANDLE_COLUMNS if name not in candles.columns]
    if missing:
        raise InputError(f"candles lack the column {missing[0]!r}.")
    columns = {name: _floats(candles[name], f"candles column {name!r}") for name in CANDLE_COLUMNS}
    for name, values in columns.items():
        floor = "not negative" if name == "volume" else "positive"
        bad = ~np.isfinite(values) | ((values < 0) if name == "volume" else (values <= 0))
        _refuse(bad, f"candles column {name!r} must be {floor} and finite", candles.index, values)
    _refuse(columns["high"] < columns["low"], "candles column 'high' is below 'low'", candles.index, columns["high"])
    for name in ("open", "close"):
        outside = (columns[name] > columns["high"]) | (columns[name] < columns["low"])
        _refuse(outside, f"candles column {name!r} lies outside low to high", candles.index, columns[name])
    return pd.DataFrame(columns, index=candles.index)


def check_open_interest(series: pd.Series | None, candles: pd.DataFrame) -> pd.Series | None:
    """Return open interest as float64 on the candles' index, or None; raise InputError.

    >>> check_open_interest(None, pd.DataFrame()) is None
    True
    """
    if series is None:
        return None
    if not isinstance(series, pd.Series):
        raise InputError(f"open_interest must be a Series, not {type(series).__name__}.")
    if not series.index.equals(candles.index):
        raise InputError(
            f"open_interest must be on the candles' index: it has {len(series)} rows, the candles {len(candles)}."
        )
    values = _floats(series, "open_interest")
    _refuse((values < 0) | np.isinf(values), "open_interest must be not negative, or NaN", series.index, values)
    return pd.Series(values, index=series.index, name="open_interest")


def check_liquidations(frame: pd.DataFrame) -> pd.DataFrame:
    """Return realised liquidations, USD in columns ``long short`` and ``total`` if given, as float64.

    NaN means that the bar was not recorded, or that the side is unknown; it is not zero. Raises InputError.

    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h")
    >>> check_liquidations(pd.DataFrame({"long": [0, 5], "short": [1, 0]}, index=hours))["long"].sum()
    np.float64(5.0)
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"liquidations must be a DataFrame, not {type(frame).__name__}.")
    _check_times(frame.index, "liquidations")
    columns = {}
    for name in (*SIDES, "total"):
        if name not in frame.columns:
            if name == "total":
                continue
            raise InputError(f"liquidations lack the column {name!r}.")
        values = _floats(frame[name], f"liquidations column {name!r}")
        _refuse(
            (values < 0) | np.isinf(values), f"liquidations column {name!r} must be not negative", frame.index, values
        )
        columns[name] = values
    return pd.DataFrame(columns, index=frame.index)


def utc_times(column: pd.Series, what: str) -> pd.Series:
    """Return times aware in UTC, of dates or of text in ISO 8601, missing ones NaT; raise InputError naming the row.

    >>> utc_times(pd.Series(["2026-01-31 12:00", None]), "positions: time").tolist()
    [Timestamp('2026-01-31 12:00:00+0000', tz='UTC'), NaT]
    """
    if column.dtype.kind in "Miuf":
        return pd.to_datetime(column, utc=True)
    lengths = np.fromiter((len(value) if isinstance(value, str) else 0 for value in column), int, len(column))
    if (lengths > MAX_TIME).any():
        row = int(np.argmax(lengths > MAX_TIME))
        value = shown(column.iloc[row], MAX_TIME)
        raise InputError(f"{what} cannot be read in row {row}: {value} has {lengths[row]:,} characters.")
    times = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
    unread = np.asarray(times.isna() & column.notna())
    if unread.any():
        row = int(np.argmax(unread))
        raise InputError(f"{what} cannot be read in row {row}: {shown(column.iloc[row])} is no date in ISO 8601.")
    return times


def _check_times(index: pd.Index, name: str) -> None:
    """Raise InputError where an index is no increasing index of bar open times in UTC."""
    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(f"{name} must be indexed by bar open time, not by {type(index).__name__}.")
    if len(index) == 0:
        raise InputError(f"{name} are empty.")
    if index.tz is not None and str(index.tz) not in ("UTC", "utc", "UTC+00:00"):
        raise InputError(f"{name} must be in UTC, not in {index.tz}.")
    if index.hasnans:
        raise InputError(f"{name} have no time in row {int(np.argmax(index.isna()))}.")
    spacing = np.diff(index.as_unit("ns").asi8)
    if (spacing <= 0).any():
        row = int(np.argmax(spacing <= 0)) + 1
        problem = "repeats a time" if spacing[row - 1] == 0 else "is not in order"
        raise InputError(f"{name} index {problem} in row {row}: {index[row]}.")


def _floats(column: pd.Series, name: str) -> np.ndarray:
    """Return a column as floats; raise InputError naming the first value that is no number."""
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        for row, value in enumerate(column):
            try:
                float(value)
            except (TypeError, ValueError):
                raise InputError(f"{name} has {shown(repr(value))} in row {row}, which is not a number.") from None
        raise InputError(f"{name} is not numeric.") from None


def _refuse(bad: np.ndarray, sentence: str, index: pd.Index, values: np.ndarray) -> None:
    """Raise InputError with the first row that is bad, if any is."""
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{sentence}: row {row} ({index[row]}) has {float(values[row])!r}.")
