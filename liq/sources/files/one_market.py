"""Hold a set of files to one market: one coin, bars that do not overlap, prices that meet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from liq.errors import InputError, shown
from liq.model.margin import known_coins
from liq.sources.files.content import Content, spacing
from liq.sources.files.kinds.column_names import plain_names
from liq.sources.files.table import Table
from liq.sources.files.times import duration_text
from liq.sources.venues.symbols import coin_in_name, coin_in_symbol

SYMBOLS = ("symbol", "instid", "instrument", "instrumentname", "pair", "coin", "ticker", "market", "s")
"""Names of the column that says what a row is of (`kinds.column_names.plain_names`)."""

UNNAMED = "FILE"
"""The coin of a market whose files name none."""

MULTIPLE = re.compile(r"(10{3,6}|1M)(?=[A-Z]{2})")
"""What stands before a coin whose contract is of so many."""

NEAR_BARS, MAX_LEAP = 10, 1.5
"""Bars between two files within which prices are compared, and the ratio at which they do not meet: the recordings'
largest move within ten 5-minute bars is below a tenth."""


def symbols(table: Table) -> pd.Series | None:
    """Return the column of a table that says what each row is of, None where there is none.

    >>> symbols(Table("mine.csv", pd.DataFrame({"s": [1.5]}))) is None
    True
    >>> symbols(Table("mine.csv", pd.DataFrame({"symbol": ["BTCUSDT"]}))).item()
    'BTCUSDT'
    """
    names = plain_names(table.frame.columns)
    for name in SYMBOLS:
        if name in names and table.frame[names[name]].dtype.kind not in "iufbM":
            column = table.frame[names[name]].astype("string")
            found = [coin_in_symbol(text) for text in column.dropna().unique().tolist()]
            is_pair = name not in ("ticker", "market", "s") or all(
                quote or coin in known_coins() for coin, quote in found
            )
            if found and is_pair and all(re.fullmatch(r"[A-Z0-9]{1,15}", coin) for coin, _ in found):
                return column
    return None


def rows_of_one_coin(tables: Sequence[Table], symbol: str = "") -> list[Table]:
    """Return tables without the rows of other coins where one has several; raise InputError where none says which.

    symbol : what the user asked for, or "". The other tables say it otherwise, by their columns or names.

    >>> frame = pd.DataFrame({"symbol": ["BTCUSDT", "ETHUSDT"], "price": [5e4, 2e3]})
    >>> rows_of_one_coin([Table("mine.csv", frame)], "ETH")[0].frame["price"].tolist()
    [2000.0]
    """
    columns = [symbols(table) for table in tables]
    texts = [{} if one is None else {text: coin_in_symbol(text) for text in one.dropna().unique()} for one in columns]
    coins = [{_single(coin) for coin, _ in found.values()} for found in texts]
    told = {_single(asked)} if (asked := _asked(symbol)) else set()
    told = told or set().union(*(one for one in coins if len(one) == 1))
    told = told or {_single(coin) for table in tables if (coin := coin_in_name(table.name)[0])}
    kept = []
    for table, column, found, own in zip(tables, columns, texts, coins, strict=True):
        if len(own) > 1 and column is not None:
            wanted = next(iter(told)) if len(told) == 1 else ""
            if wanted not in own:
                missing = f", none of {wanted}" if wanted else ""
                raise InputError(
                    f"{table.name} has rows of {_listed(sorted(own))}{missing}: leave only those of one coin in it, "
                    "or name the file after it."
                )
            keep = column.isin([text for text, (coin, _) in found.items() if _single(coin) == wanted]).to_numpy(bool)
            note = f"Rows of {wanted} are used; {int((~keep).sum()):,} of other coins are left out."
            table = table._replace(
                frame=table.frame[keep].reset_index(drop=True), notes=(*table.notes, f"{table.name}: {note}")
            )
            found = {text: pair for text, pair in found.items() if _single(pair[0]) == wanted}
        if len(found) > 1 and {"open", "close"} <= set(table.frame.columns):
            raise InputError(f"{table.name} has candles of {_listed(sorted(found))}: leave only those of one in it.")
        kept.append(table)
    return kept


def symbol_of(table: Table) -> str:
    """Return the text in a table's column of symbols, the first where it has several of a coin, or "".

    >>> symbol_of(Table("mine.csv", pd.DataFrame({"pair": ["BTCUSDT", "BTCUSDT"]})))
    'BTCUSDT'
    """
    column = symbols(table)
    return "" if column is None or not column.notna().any() else str(column.dropna().iloc[0])


def one_coin(contents: Sequence[Content], symbol: str = "") -> tuple[str, str]:
    """Return the coin and the quote that files are of, "" where none says; raise InputError for two coins.

    symbol : what the user asked for, or ""; files of another coin are refused.

    >>> one_coin([Content("", "btcusdt.csv", None, None, None, {}, "", ())])
    ('BTC', 'USDT')
    """
    pairs = [coin_in_symbol(one.symbol) if one.symbol else coin_in_name(one.name) for one in contents]
    files: dict[str, list[str]] = {}
    for (coin, _), one in zip(pairs, contents, strict=True):
        if coin:
            files.setdefault(_single(coin), []).append(one.name)
    if len(files) > 1:
        named = [f"{coin} ({_listed(names)})" for coin, names in files.items()]
        count = {2: "two", 3: "three"}.get(len(files), f"{len(files)}")
        rest = "one of them" if len(files) == 2 else "all but one"
        raise InputError(f"The files are of {count} coins, {_listed(named)}: leave {rest} out.")
    asked = _asked(symbol)
    if asked and files and _single(asked) not in files:
        ((coin, names),) = files.items()
        verb = "is" if len(set(names)) == 1 else "are"
        raise InputError(
            f"{_listed(names)} {verb} of {coin}, not of {asked}: give files of {asked}, or ask for {coin}."
        )
    candles = [(pair, one) for pair, one in zip(pairs, contents, strict=True) if one.candles is not None]
    _refuse_two_quotes([(coin + quote, one) for (coin, quote), one in candles if quote])
    return next((pair for pair, _ in candles if pair[0]), next((pair for pair in pairs if pair[0]), ("", "")))


def _refuse_two_quotes(candles: list[tuple[str, Content]]) -> None:
    """Raise InputError where candles in two quotes of a coin overlap."""
    spans = []
    for pair, one in candles:
        assert one.candles is not None
        spans.append((one.candles.index[0], one.candles.index[-1], pair, one.name))
    spans.sort(key=lambda span: span[0])
    for before, after in pairwise(spans):
        if before[2] != after[2] and after[0] <= before[1]:
            raise InputError(
                f"The candles are of two markets, {before[2]} ({before[3]}) and {after[2]} ({after[3]}), whose times "
                "overlap: leave one of them out."
            )


def candle_bars(contents: Sequence[Content]) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Return the candles of several files by time, the length of each bar (timedelta64), and what was dropped.

    Bars need not be of one length, but they must not overlap. Raises InputError, naming both files, for lengths that
    overlap, for a time with different values, and for prices that do not meet.

    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h", tz="UTC")
    >>> bars = pd.DataFrame(dict(open=1.0, high=1.0, low=1.0, close=1.0, volume=5.0), index=hours)
    >>> candle_bars([Content("", "mine.csv", bars, None, None, {}, "", ())])[1].astype("timedelta64[m]")
    array([60, 60], dtype='timedelta64[m]')
    """
    parts = [one.candles for one in contents if one.candles is not None]
    opens = [pd.DatetimeIndex(part.index) for part in parts]
    own = [spacing(times) if len(times) > 1 else None for times in opens]
    known = [length for length in own if length is not None]
    if known:
        usual = max(set(known), key=known.count)
    else:  # files of one bar each: archives by the day
        together = np.unique(np.concatenate([times.as_unit("ns").asi8 for times in opens]))
        usual = spacing(pd.DatetimeIndex(together)) if len(together) > 1 else pd.Timedelta(0)
    lengths = np.repeat([(length or usual).to_timedelta64() for length in own], [len(part) for part in parts])
    lengths = lengths.astype("timedelta64[ns]")
    if len(parts) == 1:
        return parts[0], lengths, []
    names = [one.name for one in contents]
    frame, file, order = by_time(parts)
    lengths = lengths[order]
    _refuse_overlap(pd.DatetimeIndex(frame.index), lengths, file, names)
    frame, keep = without_repeats(frame, file, names)
    file, lengths = file[keep], lengths[keep]
    _refuse_leap(frame, lengths, file, names)
    dropped = int((~keep).sum())
    words = "1 bar that two files have is" if dropped == 1 else f"{dropped:,} bars that two files have are"
    notes = [f"{words} taken once."] if dropped else []
    runs = runs_of_one_length(pd.DatetimeIndex(frame.index), lengths)
    if len(runs) > 1:
        each = [f"{duration_text(length.value)} from {part[0]:%Y-%m-%d %H:%M}" for part, length in runs[:6]]
        notes.append(f"Bars are not of one length: {', '.join(each)}{' and so on' if len(runs) > 6 else ''}.")
    return frame, lengths, notes


def by_time(parts: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the rows of several files by time, the number of each row's file, and each row's place before.

    Rows of one time stay in the order of their files.

    >>> parts = [pd.DataFrame({"long": 1.0}, pd.DatetimeIndex([day])) for day in ("2026-01-02", "2026-01-01")]
    >>> by_time(parts)[1].tolist()
    [1, 0]
    """
    frame = pd.concat(parts)
    file = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = np.argsort(pd.DatetimeIndex(frame.index).as_unit("ns").asi8, kind="stable")
    return frame.iloc[order], file[order], order


def without_repeats(frame: pd.DataFrame, file: np.ndarray, names: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows by time without those that two files have alike, and which rows these are; raise InputError for a
    time with different values.

    frame : sorted by time; file : of each row, a number of names.

    >>> frame = pd.DataFrame({"long": [1.0, 1.0]}, pd.DatetimeIndex(["2026-01-01"] * 2, tz="UTC"))
    >>> len(without_repeats(frame, np.array([0, 1]), ["a.csv", "b.csv"])[0])
    1
    """
    again = np.concatenate([[False], np.asarray(frame.index[1:] == frame.index[:-1])])
    if not again.any():
        return frame, ~again
    values = frame.to_numpy(float)
    before = np.roll(values, 1, axis=0)
    other = again[:, None] & (values != before) & ~(np.isnan(values) & np.isnan(before))
    if other.any():
        row, column = (int(places[0]) for places in np.nonzero(other))
        one, two = names[file[row - 1]], names[file[row]]
        raise InputError(
            f"{one} and {two} differ at {frame.index[row]:%Y-%m-%d %H:%M} UTC: {frame.columns[column]} is "
            f"{before[row, column]:,.10g} in one and {values[row, column]:,.10g} in the other; leave one of them out."
        )
    return frame[~again], ~again


def runs_of_one_length(opens: pd.DatetimeIndex, lengths: np.ndarray) -> list[tuple[pd.DatetimeIndex, pd.Timedelta]]:
    """Return the stretches in which bars are of one length: opens, with the one after the last, and the length.

    >>> opens = pd.DatetimeIndex(["2026-01-01 00:00", "2026-01-01 01:00", "2026-01-01 01:05"])
    >>> [(len(part), length) for part, length in runs_of_one_length(opens, np.array([60, 5, 5], "timedelta64[m]"))]
    [(2, Timedelta('0 days 01:00:00')), (2, Timedelta('0 days 00:05:00'))]
    """
    cuts = [0, *(np.flatnonzero(np.diff(lengths) != np.timedelta64(0)) + 1).tolist(), len(opens)]
    return [(opens[start : end + 1], pd.Timedelta(lengths[start])) for start, end in pairwise(cuts)]


def _refuse_overlap(opens: pd.DatetimeIndex, lengths: np.ndarray, file: np.ndarray, names: Sequence[str]) -> None:
    """Raise InputError where a bar opens inside one of another length."""
    starts = opens.as_unit("ns").asi8
    ends = starts + lengths.astype(np.int64)
    furthest = np.maximum.accumulate(ends)
    owner = np.maximum.accumulate(np.where(ends == furthest, np.arange(len(ends)), 0))[:-1]
    inside = np.flatnonzero((starts[1:] < furthest[:-1]) & (lengths[1:] != lengths[owner])) + 1
    if not len(inside):
        return
    first = lengths[owner[inside[0] - 1]], lengths[inside[0]]
    involved = np.unique(np.concatenate([file[owner[inside - 1]], file[inside]])).tolist()
    of_length = {int(number): length for number, length in zip(file, lengths, strict=True)} if involved else {}
    groups = []
    for length in sorted(first):
        own = [names[number] for number in involved if of_length[number] == length]
        groups.append(f"bars of {duration_text(pd.Timedelta(length).value)} ({_listed(own)})")
    raise InputError(
        f"The files have {_listed(groups)} for the same time, {opens[inside[0]]:%Y-%m-%d %H:%M} to "
        f"{opens[inside[-1]]:%Y-%m-%d %H:%M} UTC: leave those of one length out."
    )


def _refuse_leap(frame: pd.DataFrame, lengths: np.ndarray, file: np.ndarray, names: Sequence[str]) -> None:
    """Raise InputError where the prices of two files do not meet."""
    starts = pd.DatetimeIndex(frame.index).as_unit("ns").asi8
    ends = starts + lengths.astype(np.int64)
    close, opened = frame["close"].to_numpy(float)[:-1], frame["open"].to_numpy(float)[1:]
    near = starts[1:] - ends[:-1] <= NEAR_BARS * np.maximum(lengths[1:], lengths[:-1]).astype(np.int64)
    leaps = np.flatnonzero((file[1:] != file[:-1]) & near & (np.abs(np.log(opened / close)) > np.log(MAX_LEAP)))
    if len(leaps):
        row = int(leaps[0])
        raise InputError(
            f"The prices of {names[file[row]]} and {names[file[row + 1]]} do not meet: one closes at "
            f"{close[row]:,.10g} in the bar of {frame.index[row]:%Y-%m-%d %H:%M}, the other opens at "
            f"{opened[row]:,.10g} at {frame.index[row + 1]:%Y-%m-%d %H:%M} UTC; leave one out if they are not "
            "of one coin."
        )


def _asked(symbol: str) -> str:
    """Return the coin of a symbol, "" for that of files that name none."""
    coin = coin_in_symbol(symbol)[0]
    return "" if coin == UNNAMED else coin


def _single(coin: str) -> str:
    """Return a coin without a multiple before it."""
    return MULTIPLE.sub("", coin)


def _listed(names: Sequence[str]) -> str:
    """Return names in a sentence, at most four."""
    some = [shown(name, 60) for name in dict.fromkeys(names)]
    if len(some) > 4:
        return f"{', '.join(some[:3])} and {len(some) - 3:,} more"
    return " and ".join([*([", ".join(some[:-1])] if len(some) > 1 else []), *some[-1:]])
