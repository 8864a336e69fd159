"""A market read from a file of the user's own: CSV, CSV.gz or Parquet, without a network.

Columns: `open_time_ms` (bar open, milliseconds since 1970 UTC), `open high low close` (quote currency),
`volume` (coins); optional `open_interest` (coins, at the bar's close), and `long short` (USD liquidated
during the bar). One row a bar, oldest first.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Lookback, Market, Origin
from liq.market import lookback as named_lookback
from liq.market_checks import CANDLE_COLUMNS, check_candles, check_liquidations
from liq.sources.files.table import File, read_table

TIME = "open_time_ms"

_KNOWN = (TIME, *CANDLE_COLUMNS, "open_interest", *SIDES)
_YEARS = (1_230_768_000_000, 4_102_444_800_000)  # 2009 to 2100: outside, the column is not in milliseconds
_WARM = pd.Timedelta(minutes=15)  # a venue's warm-up is coarser because it has to be fetched; a file's need not be


def read_market(
    file: File, *, lookback: str = "7d", symbol: str | None = None, as_of: pd.Timestamp | str | None = None
) -> Market:
    """Return the market that a file holds, ending with the file or at `as_of`, seen through a lookback.

    file : a path, or a binary buffer (with a `name`, if the coin is to be read from it). lookback : a name of
    LOOKBACKS; its bars are summed from the file's where these are finer, and the file's own are used, with a
    note, where they are not. symbol : such as "BTC"; default from a name like btcusdt_5m.csv. as_of : UTC;
    only bars that ended by then are used.

    The warm-up keeps bars of 15 minutes or the window's, whichever is longer, so that less is lost than a
    venue's hourly warm-up loses. Raises InputError: one sentence with the column, the row and the value.
    """
    window = named_lookback(lookback)
    name, frame = read_table(file, _KNOWN)
    missing = [column for column in (TIME, *CANDLE_COLUMNS) if column not in frame]
    if missing:
        raise InputError(f"{name} lacks the column {missing[0]!r}; a recording has {', '.join(_KNOWN[:6])}.")
    frame.index = _times(frame.pop(TIME), name)
    frame = pd.concat([check_candles(frame), _optional(frame)], axis=1)
    if len(frame) < 2:
        raise InputError(f"{name} holds one bar; the map needs at least two.")
    bar = _bar(frame.index)
    frame, end = _until(frame, bar, as_of, name)
    notes = _gaps(frame.index, bar)
    shown = window.bar_length
    if bar > shown or shown % bar:
        notes.append(f"The file has bars of {_spoken(bar)}, so they are shown instead of {window.bar}.")
        shown = bar
    grouped, start = _grouped(frame, window, shown, end)
    notes += _shortfall(pd.DatetimeIndex(grouped.index), start, window)
    interest = grouped.get("open_interest")
    interest = interest if interest is not None and interest.notna().any() else None
    if interest is None:
        notes.append("The file has no open interest, so openings are estimated from volume.")
    return Market(
        symbol=_symbol(symbol, name),
        source="file",
        candles=grouped[list(CANDLE_COLUMNS)],
        open_interest=interest,
        start=max(start, grouped.index[0]),
        as_of=end,
        bar=shown,
        tick=_tick(frame),
        liquidations=grouped[list(SIDES)] if "long" in grouped else None,
        origins={"candles": Origin(name, end)}
        | ({"open interest": Origin(name, end)} if interest is not None else {}),
        notes=tuple(notes),
    )


def read_liquidations(file: File) -> pd.DataFrame:
    """Return realised liquidations from a file: USD in columns ``long short``, indexed by bar open time (UTC).

    Raises InputError, one sentence with the column, the row and the value.
    """
    name, frame = read_table(file, _KNOWN)
    missing = [column for column in (TIME, *SIDES) if column not in frame]
    if missing:
        raise InputError(f"{name} lacks the column {missing[0]!r}; liquidations have {TIME}, long, short.")
    frame.index = _times(frame.pop(TIME), name)
    return check_liquidations(frame)


def _times(column: pd.Series, name: str) -> pd.DatetimeIndex:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(numbers) | (numbers != np.round(numbers))
    bad |= (numbers < _YEARS[0]) | (numbers >= _YEARS[1])
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{name} has {column.iloc[row]!s:.40} in column {TIME!r}, row {row}, "
            "which is not a time in milliseconds since 1970."
        )
    return pd.DatetimeIndex(pd.to_datetime(numbers.astype(np.int64), unit="ms", utc=True))


def _optional(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the optional columns that are there as floats; raise InputError for what cannot be one."""
    found = {}
    if "open_interest" in frame:
        # Market checks the range; a value that is no number is found here, before bars are summed.
        found["open_interest"] = _numbers(frame["open_interest"], "open_interest")
    if all(side in frame for side in SIDES):
        checked = check_liquidations(frame)
        found |= {side: checked[side] for side in SIDES}
    return pd.DataFrame(found, index=frame.index)


def _numbers(column: pd.Series, what: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = (numbers.isna() & column.notna()) | (numbers < 0) | np.isinf(numbers)
    if bad.any():
        row = int(np.argmax(bad.to_numpy()))
        raise InputError(f"{what} must be a number, not negative, or empty: row {row} has {column.iloc[row]!s:.40}.")
    return numbers


def _bar(times: pd.Index) -> pd.Timedelta:
    """Return the file's bar: the most common spacing, the shorter of two."""
    lengths, counts = np.unique(np.diff(pd.DatetimeIndex(times).as_unit("ms").asi8), return_counts=True)
    return pd.Timedelta(int(lengths[np.argmax(counts)]), unit="ms")


def _until(
    frame: pd.DataFrame, bar: pd.Timedelta, as_of: pd.Timestamp | str | None, name: str
) -> tuple[pd.DataFrame, pd.Timestamp]:
    opens = pd.DatetimeIndex(frame.index)
    if as_of is None:
        return frame, opens[-1] + bar
    try:
        moment = pd.Timestamp(as_of)
    except (TypeError, ValueError):
        raise InputError(f"as_of must be a time, not {as_of!r}.") from None
    if moment is pd.NaT:
        raise InputError(f"as_of must be a time, not {as_of!r}.")
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    ended = int((opens + bar <= moment).sum())
    if ended < 2:
        raise InputError(f"as_of is {moment:%Y-%m-%d %H:%M}, before {name} has two bars.")
    return frame.iloc[:ended], opens[ended - 1] + bar


def _gaps(times: pd.Index, bar: pd.Timedelta) -> list[str]:
    opens = pd.DatetimeIndex(times)
    steps = opens[1:] - opens[:-1]
    wide = steps[steps > bar]
    if not len(wide):
        return []
    lost = int(np.round(np.asarray(wide / bar) - 1).sum())
    worst = opens[int(np.argmax(steps))] + bar
    places = "place" if len(wide) == 1 else "places"
    return [
        f"The file lacks {lost:,} bars in {len(wide):,} {places}, "
        f"most of them from {worst:%Y-%m-%d %H:%M} UTC ({_spoken(wide.max() - bar)})."
    ]


def _grouped(
    frame: pd.DataFrame, window: Lookback, shown: pd.Timedelta, end: pd.Timestamp
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the bars summed to the window's and the warm-up's lengths, and where the window starts."""
    last = frame.index[-1].floor(shown)
    start = last - (max(window.window // shown, 1) - 1) * shown
    warm = _WARM if shown < _WARM and not _WARM % shown else shown
    fine_start = start.floor(warm)
    frame = frame[frame.index >= (fine_start - window.warmup).floor(warm)]
    times = pd.DatetimeIndex(frame.index)
    opens = times.floor(shown).where(times >= fine_start, times.floor(warm))
    bars = frame.groupby(opens)
    columns = {
        "open": bars["open"].first(),
        "high": bars["high"].max(),
        "low": bars["low"].min(),
        "close": bars["close"].last(),
        "volume": bars["volume"].sum(),
    }
    if "open_interest" in frame:
        # At the bar's close or not at all: an older reading would be one of another moment.
        columns["open_interest"] = bars["open_interest"].last(skipna=False)
    if "long" in frame:
        # An hour heard in part is not an hour with little.
        columns |= {side: bars[side].sum(skipna=False) for side in SIDES}
    grouped = pd.DataFrame(columns)
    grouped.index.name = None
    return grouped, start


def _shortfall(times: pd.DatetimeIndex, start: pd.Timestamp, window: Lookback) -> list[str]:
    if times[0] > start:
        return [f"The file begins {times[0]:%Y-%m-%d %H:%M} UTC, later than a window of {window.name}."]
    held = start - times[0]
    if held < 0.5 * window.warmup:
        return [f"The file holds {_spoken(held)} before the window, so its left edge shows less than stood."]
    return []


def _symbol(symbol: str | None, name: str) -> str:
    """Return the symbol given, or the one a file name like btcusdt_5m.csv or BTC-USDT.parquet begins with."""
    if symbol:
        return symbol if "/" in symbol else f"{symbol.upper()}/USDT:USDT"
    found = re.match(r"([A-Z0-9]{2,15}?)[-_]?(USDT|USDC|USD)(?![A-Z0-9])", name.upper())
    return f"{found[1]}/{found[2]}:{found[2]}" if found else "FILE/USDT:USDT"


def _tick(frame: pd.DataFrame) -> float:
    """Return the smallest power of ten that every recent close is a multiple of, 0 where there is none."""
    closes = frame["close"].to_numpy()[-5_000:]
    for places in range(10):
        if np.allclose(closes, np.round(closes, places), rtol=1e-12, atol=1e-12):
            return float(10.0**-places)
    return 0.0


def _spoken(length: pd.Timedelta) -> str:
    minutes = length.total_seconds() / 60
    if minutes < 60:
        return f"{minutes:g} min"
    return f"{minutes / 60:.3g} h" if minutes < 2 * 1440 else f"{minutes / 1440:.3g} days"
