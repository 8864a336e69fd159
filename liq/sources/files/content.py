"""What a file says once its kind is known: candles, open interest or liquidations, and how it was understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError, listed, shown
from liq.market import SIDES
from liq.market_checks import CANDLE_COLUMNS, check_candles, check_liquidations
from liq.sources.files.open_interest import interest_columns, interest_of
from liq.sources.files.table import Table
from liq.sources.files.times import on_bars, parse_times
from liq.sources.files.times import spacing as spacing

EVENTS_PER = "1min"
"""Bar to which single liquidations are summed; later ones are made of it."""


MAX_CELL = 1_000
"""Maximum number of characters of a cell that is read; no number or time comes near it."""


class Content(NamedTuple):
    """What one table says.

    kind : of file, as in docs/files.md; name : the file's; candles, open_interest, liquidations : indexed by time
    (UTC), None where the table has none; open interest that is not of a bar is indexed by the time of its reading;
    columns : our name of each column by the file's; times : how times were written; notes : what was dropped;
    symbol : the file's own text for what it is of, or ""; unit : of open interest as its column is named: "coins",
    "dollars", "contracts" or ""; interest_usd : open interest in dollars where the table has both.
    """

    kind: str
    name: str
    candles: pd.DataFrame | None
    open_interest: pd.Series | None
    liquidations: pd.DataFrame | None
    columns: Mapping[str, str]
    times: str
    notes: tuple[str, ...]
    symbol: str = ""
    unit: str = ""
    interest_usd: pd.Series | None = None


class Kind(NamedTuple):
    """A kind of file: its name, the columns that tell it apart, and the function that reads it."""

    name: str
    columns: frozenset[str]
    read: Callable[[Table], Content]


def candle_content(
    table: Table, kind: str, time: str, columns: Mapping[str, str], interest: str = "", closes: bool = False
) -> Content:
    """Return the candles of a table; raise InputError naming what is wrong.

    time : the column of bar open times; columns : the table's column for each of CANDLE_COLUMNS; interest : its
    column of open interest at bar close, by default the one that `interest_columns` finds; closes : whether times
    are closes of bars.

    >>> frame = pd.DataFrame({"t": [1767225600, 1767229200], "o": 1.0, "h": 2.0, "l": 1.0, "c": 2.0, "v": 5.0})
    >>> names = dict(zip(CANDLE_COLUMNS, "ohlcv"))
    >>> candle_content(Table("mine.csv", frame), "example", "t", names).candles["volume"].sum()
    np.float64(10.0)
    """
    for name in CANDLE_COLUMNS:
        if columns.get(name) not in table.frame:
            raise InputError(_lacks(table, kind, name))
    _check_cells(table, [time, interest, *columns.values()])
    times, words = parse_times(table.frame[time], time, table.name, table.dates)
    if closes and len(times) > 1:
        times = opens_before(times)
    times, moved = on_bars(times)
    frame = pd.DataFrame({name: table.frame[columns[name]] for name in CANDLE_COLUMNS}, copy=False)
    interest = interest if interest in table.frame else interest_columns(table.frame.columns)[0]
    unit = ""
    if interest:
        amounts, unit = interest_of(table, interest)
        frame = frame.join(amounts)
    both_sides = all(side in table.frame for side in SIDES)
    if both_sides:
        frame[list(SIDES)] = table.frame[list(SIDES)]
    frame, notes = in_order(frame, times)
    if closes and len(frame) > 1:
        notes.append("Times are those of closes: each bar opens one bar length earlier.")
    mapped = {time: "time", **{columns[name]: name for name in CANDLE_COLUMNS}}
    return Content(
        kind,
        table.name,
        check_candles(frame),
        frame["open_interest"].astype(float) if interest else None,
        check_liquidations(frame[list(SIDES)]) if both_sides else None,
        {**mapped, **({interest: "open_interest"} if interest else {})},
        words,
        (*table.notes, *moved, *notes),
        unit=unit,
        interest_usd=frame["usd"].astype(float) if "usd" in frame else None,
    )


def interest_content(table: Table, kind: str, time: str, column: str, closes: bool) -> Content:
    """Return the open interest of a table, coins, by the time of each reading.

    closes : whether times are opens of intervals at whose close the value was read, instead of times of readings.

    >>> frame = pd.DataFrame({"t": [1767225600, 1767229200], "c": [5.0, 6.0]})
    >>> interest_content(Table("mine.csv", frame), "example", "t", "c", closes=True).open_interest.index[0].hour
    1
    """
    _check_cells(table, [time, column])
    times, words = parse_times(table.frame[time], time, table.name, table.dates)
    times, moved = on_bars(times, bars=closes)
    values, unit = interest_of(table, column)
    frame, notes = in_order(values, times)
    if frame.index.has_duplicates:
        row = int(np.argmax(frame.index.duplicated()))
        first, second = frame["open_interest"].iloc[[row - 1, row]]
        raise InputError(f"{table.name} repeats a time: {frame.index[row]} has {column} {first:g} and {second:g}.")
    if closes and len(frame) > 1:
        frame.index = frame.index + spacing(pd.DatetimeIndex(frame.index))
    series, usd = frame["open_interest"].astype(float), frame.get("usd")
    columns = {time: "time", column: "open_interest"}
    said = (*table.notes, *moved, *notes)
    return Content(kind, table.name, None, series, None, columns, words, said, unit=unit, interest_usd=usd)


def liquidation_content(table: Table, kind: str, time: str, long: str, short: str, price: str = "") -> Content:
    """Return the liquidations of a table, USD a bar.

    long, short : columns of dollars, or of coins where there is a column `price`.

    >>> frame = pd.DataFrame({"t": [1767225600, 1767229200], "l": [5.0, 0.0], "s": [0.0, 6.0]})
    >>> liquidation_content(Table("mine.csv", frame), "example", "t", "l", "s").liquidations["long"].sum()
    np.float64(5.0)
    """
    _check_cells(table, [time, long, short, price])
    times, words = parse_times(table.frame[time], time, table.name, table.dates)
    times, moved = on_bars(times)
    usd = table.frame[[long, short]].set_axis(list(SIDES), axis=1)
    if price:
        usd = usd.apply(pd.to_numeric, errors="coerce").mul(
            pd.to_numeric(table.frame[price], errors="coerce"), axis=0
        )
    frame, notes = in_order(usd, times)
    columns = {time: "time", long: "long", short: "short", **({price: "price"} if price else {})}
    checked = check_liquidations(frame)
    return Content(kind, table.name, None, None, checked, columns, words, (*table.notes, *moved, *notes))


def event_content(
    table: Table, kind: str, time: str, is_long: pd.Series, usd: pd.Series, columns: list[str]
) -> Content:
    """Return single liquidations summed to bars of EVENTS_PER; a minute without any is zero up to the last.

    is_long : whether each closed a long; usd : dollars of each.

    >>> frame = pd.DataFrame({"t": [1767225600, 1767225601]})
    >>> long, usd = pd.Series([True, False]), pd.Series([5.0, 6.0])
    >>> event_content(Table("mine.csv", frame), "example", "t", long, usd, ["t"]).liquidations["short"].sum()
    np.float64(6.0)
    """
    _check_cells(table, columns)
    times, words = parse_times(table.frame[time], time, table.name, table.dates)
    dollars = pd.to_numeric(usd, errors="coerce").to_numpy(float)
    bad = ~np.isfinite(dollars) | (dollars < 0)
    notes = list(table.notes)
    if bad.any():
        notes.append(f"{int(bad.sum()):,} liquidations without a price or a size are dropped.")
    repeated = table.frame.duplicated().to_numpy()
    if repeated.any():
        notes.append(f"{int(repeated.sum()):,} repeated rows are dropped.")
    keep = ~bad & ~repeated
    if not keep.any():
        raise InputError(f"{table.name} has no liquidation with a price and a size.")
    long = is_long.to_numpy(bool)
    frame = pd.DataFrame({"long": np.where(long, dollars, 0.0), "short": np.where(long, 0.0, dollars)}, index=times)
    summed = frame[keep].sort_index().resample(EVENTS_PER).sum()
    return Content(
        kind, table.name, None, None, check_liquidations(summed), {c: c for c in columns}, words, tuple(notes)
    )


def closes_longs(table: Table, column: str) -> pd.Series:
    """Return whether each forced order closed a long, a sale; raise InputError for a side that is neither.

    >>> closes_longs(Table("mine.csv", pd.DataFrame({"side": ["SELL", "buy "]})), "side").tolist()
    [True, False]
    """
    sides = table.frame[column].astype("string").str.strip().str.lower()
    unknown = ~sides.isin(("buy", "sell")).to_numpy(bool)
    if unknown.any():
        row = int(np.argmax(unknown))
        raise InputError(
            f"{table.name} has {shown(table.frame[column].iloc[row])!r} in column {column!r}, row {row}; the side of "
            "a forced order is buy or sell."
        )
    return sides == "sell"


def in_order(frame: pd.DataFrame, times: pd.DatetimeIndex) -> tuple[pd.DataFrame, list[str]]:
    """Return a frame by ascending time, repeated rows dropped, and what was done; nothing else is repaired.

    Rows of one time stay in the order they have in the file.

    >>> times = pd.DatetimeIndex(["2026-01-02", "2026-01-01"], tz="UTC")
    >>> in_order(pd.DataFrame({"a": [2, 1]}), times)[1]
    ['Rows were newest first.']
    """
    frame, notes = frame.set_axis(times, axis=0), []
    if len(times) > 1 and times.is_monotonic_decreasing and times[0] != times[-1]:
        frame = frame.iloc[::-1]
        notes.append("Rows were newest first.")
    elif not times.is_monotonic_increasing:
        frame = frame.sort_index(kind="stable")
        notes.append("Rows were in no order and are sorted by time.")
    same_time = np.append(False, np.diff(pd.DatetimeIndex(frame.index).asi8) == 0)
    if not same_time.any():
        return frame, notes
    same_row = (frame == frame.shift()).all(axis=1).to_numpy() | (frame.isna() & frame.shift().isna()).all(
        axis=1
    ).to_numpy()
    repeated = same_time & same_row
    if repeated.any():
        frame = frame[~repeated]
        notes.append(
            f"{int(repeated.sum()):,} repeated rows are dropped."
            if repeated.sum() > 1
            else "A repeated row is dropped."
        )
    return frame, notes


def opens_before(closes: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the opens of bars from their closes, which may be written as the last moment before: 23:59:59.999.

    >>> opens_before(pd.DatetimeIndex(["2026-01-01 00:59:59.999", "2026-01-01 01:59:59.999"]))[0]
    Timestamp('2026-01-01 00:00:00')
    """
    ends = closes.ceil("s")
    if (ends.second == 59).all():
        ends = ends + pd.Timedelta(seconds=1)
    return ends - spacing(closes)


def _check_cells(table: Table, columns: Iterable[str]) -> None:
    """Raise InputError naming the first cell that is longer than any number or time."""
    for name in columns:
        if name in table.frame and table.frame[name].dtype.kind not in "iufbM":
            lengths = table.frame[name].astype("string").str.len().fillna(0)
            if lengths.max() > MAX_CELL:
                row = int(np.argmax(lengths.to_numpy(float) > MAX_CELL))
                raise InputError(
                    f"{table.name} has {int(lengths.iloc[row]):,} characters in column {shown(name)!r}, row {row}; a "
                    "number or a time is shorter."
                )


def _lacks(table: Table, kind: str, name: str) -> str:
    """Return the sentence for a column that is missing."""
    why = " Volume says how much was opened in each bar." if name == "volume" else ""
    has = listed(table.frame.columns)
    return f"{table.name} lacks the column {shown(name)!r}; it looks like {kind} and has {has}.{why}"
