"""Put the tables of one or several files together on the candles' bars, and say how they were understood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES
from liq.market_checks import check_candles
from liq.sources.files.content import Content, in_order, spacing
from liq.sources.files.kind import read_contents
from liq.sources.files.table import File, read_tables


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
        renamed = [theirs if theirs == ours else f"{theirs} as {ours}" for theirs, ours in own[0].columns.items()]
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


def contents(file: File | Sequence[File], dates: str = "") -> list[Content]:
    r"""Return what every table of the files says; raise InputError.

    dates : the order of day, month and year where a file leaves it open (`liq.sources.files.times.DATE_ORDERS`).

    >>> import io
    >>> contents(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))[0].kind
    'a recording'
    """
    files: list[File] = list(file) if isinstance(file, (list, tuple)) else [file]  # type: ignore[list-item]
    tables = [table for one in files for table in read_tables(one, dates)]
    return read_contents(tables)


def joined(contents: list[Content]) -> tuple[pd.DataFrame, str]:
    r"""Return candles with open interest and liquidations on their bars, and the name of the first file of candles.

    >>> import io
    >>> file = io.BytesIO(b"date,open,high,low,close,volume\n2026-01-01,1,2,1,2,5\n2026-01-02,2,3,2,3,5\n")
    >>> len(joined(contents(file))[0])
    2
    """
    with_candles = [one for one in contents if one.candles is not None]
    if not with_candles:
        raise InputError(
            f"{contents[0].name} holds {what(contents[0])}, but no candles; add a file of candles to it."
        )
    name = with_candles[0].name
    frame = check_candles(one_series([one.candles for one in with_candles if one.candles is not None]))
    index = pd.DatetimeIndex(frame.index)
    own = [one.open_interest for one in with_candles if one.open_interest is not None]
    others = [one.open_interest for one in contents if one.candles is None and one.open_interest is not None]
    if own:
        frame["open_interest"] = one_series([one.to_frame("oi") for one in own])["oi"].reindex(index)
    elif others:
        frame["open_interest"] = _at_closes(one_series([one.to_frame("oi") for one in others])["oi"], index)
    liquidations = [one.liquidations for one in contents if one.liquidations is not None]
    if liquidations:
        frame = frame.join(_on_bars(one_series([part[list(SIDES)] for part in liquidations]), index))
    return frame, name


def one_series(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return parts put together by time, rows that several files repeat once.

    >>> part = pd.DataFrame({"long": [1.0]}, pd.DatetimeIndex(["2026-01-01"], tz="UTC"))
    >>> len(one_series([part, part]))
    1
    """
    if len(parts) == 1:
        return parts[0]
    together = pd.concat(parts).sort_index(kind="stable")
    return in_order(together, pd.DatetimeIndex(together.index))[0]


def _at_closes(readings: pd.Series, opens: pd.DatetimeIndex) -> pd.Series:
    """Return the last reading inside each bar, its close included; NaN where there is none."""
    length = spacing(opens) if len(opens) > 1 else pd.Timedelta(0)
    place = readings.index.searchsorted(opens + length, side="right") - 1
    found = readings.to_numpy()[np.maximum(place, 0)]
    inside = (place >= 0) & (readings.index[np.maximum(place, 0)] > opens)
    return pd.Series(np.where(inside, found, np.nan), index=opens)


def _on_bars(liquidations: pd.DataFrame, opens: pd.DatetimeIndex) -> pd.DataFrame:
    """Return liquidations summed to the candles' bars; NaN for bars that they do not cover or are shorter than."""
    length = spacing(opens) if len(opens) > 1 else pd.Timedelta(0)
    own = spacing(pd.DatetimeIndex(liquidations.index)) if len(liquidations) > 1 else length
    if own > length:
        return pd.DataFrame(np.nan, opens, list(SIDES))
    row = opens.searchsorted(liquidations.index, side="right") - 1
    inside = (row >= 0) & (liquidations.index < opens[np.maximum(row, 0)] + length)
    summed = liquidations[inside].groupby(opens[row[inside]]).sum(min_count=1).reindex(opens)
    if own < length:  # events are summed to shorter bars, and a bar between two of them without any had none
        covered = (opens >= liquidations.index[0].floor(length)) & (opens <= liquidations.index[-1])
        summed[covered] = summed[covered].fillna(0.0)
    return summed


def what(content: Content) -> str:
    r"""Return what a content holds, in words.

    >>> import io
    >>> what(contents(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))[0])
    'liquidations'
    """
    parts = {"candles": content.candles, "open interest": content.open_interest, "liquidations": content.liquidations}
    return " and ".join(name for name, part in parts.items() if part is not None) or "nothing"
