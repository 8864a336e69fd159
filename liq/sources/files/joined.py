"""Put the tables of one or several files together on the candles' bars, and say how they were understood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError, shown
from liq.market import SIDES
from liq.market_checks import check_candles
from liq.sources.files.content import Content, spacing
from liq.sources.files.kind import read_contents
from liq.sources.files.one_market import by_time, candle_bars, one_coin, rows_of_one_coin, without_repeats
from liq.sources.files.table import File, read_tables
from liq.sources.files.times import duration_text
from liq.sources.files.units import in_coins

AGREE, SPREAD, MOST_TENS = 1.25, 0.05, 4
"""Ratio up to which open interest in coins agrees with that in dollars over price; largest spread (90 % of the rows)
of its logarithm to ten, and distance from a whole number, for it to be contracts of 0.1, 0.01, ... coins; and most of
these tens. A bar's close and the price that a venue takes differ by a few tenths of a percent."""

SAID_BELOW = 0.99
"""Share of bars with open interest or liquidations below which that share is said."""


class Joined(NamedTuple):
    """Candles with open interest and liquidations on their bars, and what came with them.

    name : the first file of candles; lengths : of each bar (timedelta64); coin, quote : "" where no file says;
    notes : what was converted, dropped or left out.
    """

    frame: pd.DataFrame
    name: str
    lengths: np.ndarray
    coin: str
    quote: str
    notes: tuple[str, ...]


def understood(contents: Sequence[Content]) -> str:
    r"""Return one sentence on how files were understood: kind, columns, times, rows, and what was dropped.

    >>> import io
    >>> file = io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n")
    >>> understood(contents(file))[:30]
    'Read as a recording: open_time'
    """
    said = []
    for kind in dict.fromkeys(one.kind for one in contents):
        own = [one for one in contents if one.kind == kind]
        times = pd.DatetimeIndex(np.concatenate([_index(one) for one in own]))
        renamed = [
            shown(theirs) if theirs == ours else f"{shown(theirs).strip() or 'the index'} as {ours}"
            for theirs, ours in own[0].columns.items()
        ]
        files = f" ({len(own)} files)" if len(own) > 1 else ""
        notes = dict.fromkeys(note for one in own for note in one.notes)
        said.append(
            f"Read as {kind}{files}: {', '.join(renamed)}; times in {own[0].times}, {times.min():%Y-%m-%d %H:%M} to "
            f"{times.max():%Y-%m-%d %H:%M} UTC, {len(times):,} rows."
        )
        said += notes
    return " ".join(said)


def _index(content: Content) -> np.ndarray:
    """Return the times of a content's rows, UTC."""
    for part in (content.candles, content.open_interest, content.liquidations):
        if part is not None:
            return pd.DatetimeIndex(part.index).tz_convert("UTC").tz_localize(None).as_unit("us").to_numpy()
    return np.empty(0, "datetime64[us]")


def contents(file: File | Sequence[File], dates: str = "", symbol: str = "") -> list[Content]:
    r"""Return what every table of the files says; raise InputError.

    dates : the order of day, month and year where a file leaves it open (`liq.sources.files.times.DATE_ORDERS`).
    symbol : the coin whose rows are read of a table of several, or "".

    >>> import io
    >>> contents(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))[0].kind
    'a recording'
    """
    files: list[File] = list(file) if isinstance(file, (list, tuple)) else [file]  # type: ignore[list-item]
    tables = [table for one in files for table in read_tables(one, dates)]
    return read_contents(rows_of_one_coin(tables, symbol))


def joined(contents: Sequence[Content], symbol: str = "") -> Joined:
    r"""Return candles with open interest and liquidations on their bars, in coins and dollars; raise InputError.

    symbol : the coin that was asked for, or ""; files of another are refused.

    >>> import io
    >>> file = io.BytesIO(b"date,open,high,low,close,volume\n2026-01-01,1,2,1,2,5\n2026-01-02,2,3,2,3,5\n")
    >>> len(joined(contents(file)).frame)
    2
    """
    with_candles = [one for one in contents if one.candles is not None]
    if not with_candles:
        raise InputError(
            f"{contents[0].name} holds {what(contents[0])}, but no candles; add a file of candles to it."
        )
    coin, quote = one_coin(contents, symbol)
    bars, lengths, notes = candle_bars(with_candles)
    frame = check_candles(bars)
    named, said = _add_interest(frame, lengths, contents)
    frame, converted = in_coins(frame, lengths, named) if len(frame) > 1 else (frame, [])
    notes += said + converted
    found = [one for one in contents if one.liquidations is not None]
    if found:
        liquidations = one_series(
            [(one.name, one.liquidations[list(SIDES)]) for one in found if one.liquidations is not None]
        )
        on_bars = _on_bars(liquidations, pd.DatetimeIndex(frame.index), lengths)
        notes += _coverage(
            "Liquidations are", on_bars.sum(axis=1, skipna=False), pd.DatetimeIndex(liquidations.index)
        )
        frame = frame.join(on_bars) if on_bars.notna().any(axis=None) else frame
    return Joined(frame, with_candles[0].name, lengths, coin, quote, tuple(notes))


def _add_interest(frame: pd.DataFrame, lengths: np.ndarray, contents: Sequence[Content]) -> tuple[str, list[str]]:
    """Add open interest to candles where there is any; return the unit that it is named to be in, and notes."""
    own = [one for one in contents if one.candles is not None and one.open_interest is not None]
    beside = [one for one in contents if one.candles is None and one.open_interest is not None]
    index, notes, columns, units = pd.DatetimeIndex(frame.index), [], [], set()
    groups: dict[tuple[str, bool], list[Content]] = {}
    for one in own or beside:
        groups.setdefault((one.unit, one.interest_usd is not None), []).append(one)
    for (unit, _), group in groups.items():
        parts = [
            (one.name, pd.DataFrame({"open_interest": one.open_interest, "usd": one.interest_usd})) for one in group
        ]
        readings = one_series([(name, part.dropna(axis=1, how="all").astype(float)) for name, part in parts])
        if own:
            on_bars = readings.reindex(index)
        else:
            on_bars = pd.DataFrame({column: _at_closes(readings[column], index, lengths) for column in readings})
        series = on_bars.get("open_interest", pd.Series(np.nan, index))
        if unit == "dollars":
            series = series / frame["close"]
            notes.append("Open interest is named to be in dollars: it is divided by price.")
        elif "usd" in on_bars:
            series, said = agreed(series, on_bars["usd"], frame["close"])
            notes += said
        columns.append(series)
        units.add("coins" if unit == "dollars" else unit)
    if not columns:
        return "", []
    if own and beside:
        notes.append(f"Open interest of {beside[0].name} is not used: the candles have their own.")
    series = columns[0]
    for other in columns[1:]:
        series = series.combine_first(other)
    times = pd.DatetimeIndex((own or beside)[0].open_interest.index)  # type: ignore[union-attr]
    frame["open_interest"] = series
    return units.pop() if len(units) == 1 else "", notes + _coverage("Open interest is", series, times)


def agreed(coins: pd.Series, dollars: pd.Series, close: pd.Series) -> tuple[pd.Series, list[str]]:
    """Return open interest in coins where a file has it in dollars as well, and a note where these do not agree.

    Where the two differ by a power of ten, a contract's size, coins are dollars over price. Raises InputError where
    they differ otherwise: dollars over coins are a price, and it is another's.

    >>> close, dollars = pd.Series([10.0, 11.0, 12.0]), pd.Series([1e3, 1.2e3, 1.1e3])
    >>> agreed(dollars / close * 100, dollars, close)[0].iloc[0]
    np.float64(100.0)
    """
    known = ((coins > 0) & (dollars > 0) & (close > 0)).to_numpy()
    if not known.any() or dollars[known].nunique() == 1 < known.sum():
        return coins, []  # a column of one value says nothing
    ratios = np.log10((coins * close / dollars).to_numpy(float)[known])
    middle = float(np.median(ratios))
    if abs(middle) <= np.log10(AGREE):
        return coins, []
    low, high = np.quantile(ratios, [0.05, 0.95])
    if high - low > SPREAD or abs(middle - round(middle)) > SPREAD or abs(middle) > MOST_TENS:
        implied, price = float((dollars / coins)[known].median()), float(close[known].median())
        raise InputError(
            f"open interest in dollars over that in coins is a price of {implied:,.6g}, where the candles have "
            f"{price:,.6g}: it is of another coin or contract; leave its file or column out."
        )
    return dollars / close, [
        f"Open interest is {10.0 ** round(middle):g} times its value in dollars over price, so it is not in coins: "
        "the value over price is used."
    ]


def _coverage(what: str, on_bars: pd.Series, times: pd.DatetimeIndex) -> list[str]:
    """Return a sentence on the share of bars that a series covers, or nothing; times : of its file."""
    share = float(on_bars.notna().mean())
    if share >= SAID_BELOW:
        return []
    if share:
        return [f"{what} known for {100 * share:.2g} % of the bars."]
    opens = pd.DatetimeIndex(on_bars.index)
    if len(times) > 1 and times[-1] > opens[0] and times[0] < opens[-1]:
        return [f"{what} by {duration_text(spacing(times).value)}, longer than the candles' bars, so no bar has any."]
    spans = [f"{part[0]:%Y-%m-%d %H:%M} to {part[-1]:%Y-%m-%d %H:%M}" for part in (times, opens)]
    return [f"{what} of {spans[0]} and the candles of {spans[1]} UTC, so no bar has any."]


def one_series(parts: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return parts put together by time, rows that several files repeat once; raise InputError where files differ.

    parts : the name of each file and its rows.

    >>> part = pd.DataFrame({"long": [1.0]}, pd.DatetimeIndex(["2026-01-01"], tz="UTC"))
    >>> len(one_series([("a.csv", part), ("b.csv", part)]))
    1
    """
    if len(parts) == 1:
        return parts[0][1]
    parts = [(name, part.dropna(how="all")) for name, part in parts]  # what one file knows the other may lack
    together, file, _ = by_time([part for _, part in parts])
    return without_repeats(together, file, [name for name, _ in parts])[0]


def _at_closes(readings: pd.Series, opens: pd.DatetimeIndex, lengths: np.ndarray) -> pd.Series:
    """Return the last reading inside each bar, its close included; NaN where there is none."""
    place = readings.index.searchsorted(opens + pd.TimedeltaIndex(lengths), side="right") - 1
    found = readings.to_numpy()[np.maximum(place, 0)]
    inside = (place >= 0) & (readings.index[np.maximum(place, 0)] > opens)
    return pd.Series(np.where(inside, found, np.nan), index=opens)


def _on_bars(liquidations: pd.DataFrame, opens: pd.DatetimeIndex, lengths: np.ndarray) -> pd.DataFrame:
    """Return liquidations summed to the candles' bars; NaN for bars that they do not cover or are shorter than."""
    length = pd.TimedeltaIndex(lengths)
    own = spacing(pd.DatetimeIndex(liquidations.index)) if len(liquidations) > 1 else length[0]
    row = opens.searchsorted(liquidations.index, side="right") - 1
    inside = (row >= 0) & (liquidations.index < (opens + length)[np.maximum(row, 0)])
    summed = liquidations[inside].groupby(opens[row[inside]]).sum(min_count=1).reindex(opens)
    # events are summed to shorter bars, and a bar between two of them without any had none
    covered = (opens + length > liquidations.index[0]) & (opens <= liquidations.index[-1]) & (own < length)
    summed[covered] = summed[covered].fillna(0.0)
    summed[own > length] = np.nan
    return summed


def what(content: Content) -> str:
    r"""Return what a content holds, in words.

    >>> import io
    >>> what(contents(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))[0])
    'liquidations'
    """
    parts = {"candles": content.candles, "open interest": content.open_interest, "liquidations": content.liquidations}
    return " and ".join(name for name, part in parts.items() if part is not None) or "nothing"
