"""Read a market from a file: CSV, CSV.gz or Parquet, without a network.

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

_COLUMNS = (TIME, *CANDLE_COLUMNS, "open_interest", *SIDES)
_TIME_RANGE = (1_230_768_000_000, 4_102_444_800_000)  # 2009 to 2100; other values are not in milliseconds
_WARMUP_BAR = pd.Timedelta(
    minutes=15
)  # a venue's warm-up is coarser because it has to be fetched; a file's need not be


def read_market(
    file: File, *, lookback: str = "7d", symbol: str | None = None, as_of: pd.Timestamp | str | None = None
) -> Market:
    r"""Return the market in a file, ending with the file or at `as_of`, over a lookback.

    file : a path, or a binary buffer (with a `name`, if the coin is to be read from it). lookback : a name of
    LOOKBACKS; its bars are summed from the file's where these are finer; else the file's own are used, with a note.
    symbol : such as "BTC"; default from a name like btcusdt_5m.csv. as_of : UTC; only bars that closed by then are
    used.

    The warm-up has bars of 15 minutes or the window's, whichever is longer, so that less is lost than with a
    venue's hourly warm-up. Raises InputError: one sentence with the column, the row and the value.

    >>> import io
    >>> rows = [f"{1767225600000 + 3600000 * hour},1,2,1,2,5" for hour in range(48)]
    >>> file = io.BytesIO("\n".join(["open_time_ms,open,high,low,close,volume", *rows]).encode())
    >>> file.name = "ethusdt_1h.csv"
    >>> read_market(file, lookback="1d").symbol
    'ETH/USDT:USDT'
    """
    window = named_lookback(lookback)
    name, frame = read_table(file, _COLUMNS)
    missing = [column for column in (TIME, *CANDLE_COLUMNS) if column not in frame]
    if missing:
        raise InputError(f"{name} lacks the column {missing[0]!r}; a recording has {', '.join(_COLUMNS[:6])}.")
    frame.index = _times(frame.pop(TIME), name)
    frame = pd.concat([check_candles(frame), _optional(frame)], axis=1)
    if len(frame) < 2:
        raise InputError(f"{name} holds one bar; the map needs at least two.")
    bar = _bar(frame.index)
    frame, end = _cut_at(frame, bar, as_of, name)
    notes = _gaps(frame.index, bar)
    visible_bar = window.bar_length
    if bar > visible_bar or visible_bar % bar:
        notes.append(f"The file has bars of {_duration_text(bar)}, so they are shown instead of {window.bar}.")
        visible_bar = bar
    grouped, start = _grouped(frame, window, visible_bar, end)
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
        bar=visible_bar,
        tick=_tick(frame),
        liquidations=grouped[list(SIDES)] if "long" in grouped else None,
        origins={"candles": Origin(name, end)}
        | ({"open interest": Origin(name, end)} if interest is not None else {}),
        notes=tuple(notes),
    )


def read_liquidations(file: File) -> pd.DataFrame:
    r"""Return realised liquidations in a file: USD in columns ``long short``, indexed by bar open time (UTC).

    Raises InputError, one sentence with the column, the row and the value.

    >>> import io
    >>> read_liquidations(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))["long"].item()
    5.0
    """
    name, frame = read_table(file, _COLUMNS)
    missing = [column for column in (TIME, *SIDES) if column not in frame]
    if missing:
        raise InputError(f"{name} lacks the column {missing[0]!r}; liquidations have {TIME}, long, short.")
    frame.index = _times(frame.pop(TIME), name)
    return check_liquidations(frame)


def _times(column: pd.Series, name: str) -> pd.DatetimeIndex:
    """Return bar open times; raise InputError naming the first value that is no time in milliseconds."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(numbers) | (numbers != np.round(numbers))
    bad |= (numbers < _TIME_RANGE[0]) | (numbers >= _TIME_RANGE[1])
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{name} has {column.iloc[row]!s:.40} in column {TIME!r}, row {row}, "
            "which is not a time in milliseconds since 1970."
        )
    return pd.DatetimeIndex(pd.to_datetime(numbers.astype(np.int64), unit="ms", utc=True))


def _optional(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the optional columns that are there as floats; raise InputError for what cannot be one."""
    columns = {}
    if "open_interest" in frame:
        # Market checks the range; a value that is no number is found here, before bars are summed.
        columns["open_interest"] = _numbers(frame["open_interest"], "open_interest")
    if all(side in frame for side in SIDES):
        checked = check_liquidations(frame)
        columns |= {side: checked[side] for side in SIDES}
    return pd.DataFrame(columns, index=frame.index)


def _numbers(column: pd.Series, name: str) -> pd.Series:
    """Return an optional column as floats; raise InputError naming the first value that is no number."""
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = (numbers.isna() & column.notna()) | (numbers < 0) | np.isinf(numbers)
    if bad.any():
        row = int(np.argmax(bad.to_numpy()))
        raise InputError(f"{name} must be a number, not negative, or empty: row {row} has {column.iloc[row]!s:.40}.")
    return numbers


def _bar(times: pd.Index) -> pd.Timedelta:
    """Return the file's bar: the most common spacing, the shorter of two."""
    lengths, counts = np.unique(np.diff(pd.DatetimeIndex(times).as_unit("ms").asi8), return_counts=True)
    return pd.Timedelta(int(lengths[np.argmax(counts)]), unit="ms")


def _cut_at(
    frame: pd.DataFrame, bar: pd.Timedelta, as_of: pd.Timestamp | str | None, name: str
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the bars that closed by a moment and the close of the last; raise InputError where there are fewer than
    two."""
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
    """Return a sentence on missing bars, or nothing."""
    opens = pd.DatetimeIndex(times)
    steps = opens[1:] - opens[:-1]
    gaps = steps[steps > bar]
    if not len(gaps):
        return []
    n_missing = int(np.round(np.asarray(gaps / bar) - 1).sum())
    largest_gap = opens[int(np.argmax(steps))] + bar
    places = "place" if len(gaps) == 1 else "places"
    return [
        f"The file lacks {n_missing:,} bars in {len(gaps):,} {places}, "
        f"most of them from {largest_gap:%Y-%m-%d %H:%M} UTC ({_duration_text(gaps.max() - bar)})."
    ]


def _grouped(
    frame: pd.DataFrame, window: Lookback, visible_bar: pd.Timedelta, end: pd.Timestamp
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the bars summed to the window's and the warm-up's lengths, and where the window starts."""
    last = frame.index[-1].floor(visible_bar)
    start = last - (max(window.window // visible_bar, 1) - 1) * visible_bar
    warmup_bar = _WARMUP_BAR if visible_bar < _WARMUP_BAR and not _WARMUP_BAR % visible_bar else visible_bar
    fine_start = start.floor(warmup_bar)
    frame = frame[frame.index >= (fine_start - window.warmup).floor(warmup_bar)]
    times = pd.DatetimeIndex(frame.index)
    opens = times.floor(visible_bar).where(times >= fine_start, times.floor(warmup_bar))
    bars = frame.groupby(opens)
    columns = {
        "open": bars["open"].first(),
        "high": bars["high"].max(),
        "low": bars["low"].min(),
        "close": bars["close"].last(),
        "volume": bars["volume"].sum(),
    }
    if "open_interest" in frame:
        # The reading at the bar's close or none: an older one would belong to another moment.
        columns["open_interest"] = bars["open_interest"].last(skipna=False)
    if "long" in frame:
        # An hour that was recorded in part is unknown, not an hour with few liquidations.
        columns |= {side: bars[side].sum(skipna=False) for side in SIDES}
    grouped = pd.DataFrame(columns)
    grouped.index.name = None
    return grouped, start


def _shortfall(times: pd.DatetimeIndex, start: pd.Timestamp, window: Lookback) -> list[str]:
    """Return a sentence where the file does not reach back far enough, or nothing."""
    if times[0] > start:
        return [f"The file begins {times[0]:%Y-%m-%d %H:%M} UTC, later than a window of {window.name}."]
    warmup = start - times[0]
    if warmup < 0.5 * window.warmup:
        return [f"The file holds {_duration_text(warmup)} before the window, so its left edge shows less than stood."]
    return []


def _symbol(symbol: str | None, name: str) -> str:
    """Return the given symbol, or the one that a file name like btcusdt_5m.csv or BTC-USDT.parquet begins with."""
    if symbol:
        return symbol if "/" in symbol else f"{symbol.upper()}/USDT:USDT"
    match = re.match(r"([A-Z0-9]{2,15}?)[-_]?(USDT|USDC|USD)(?![A-Z0-9])", name.upper())
    return f"{match[1]}/{match[2]}:{match[2]}" if match else "FILE/USDT:USDT"


def _tick(frame: pd.DataFrame) -> float:
    """Return the smallest power of ten that every recent close is a multiple of, 0 where there is none."""
    closes = frame["close"].to_numpy()[-5_000:]
    for places in range(10):
        if np.allclose(closes, np.round(closes, places), rtol=1e-12, atol=1e-12):
            return float(10.0**-places)
    return 0.0


def _duration_text(length: pd.Timedelta) -> str:
    """Return a length of time in words."""
    minutes = length.total_seconds() / 60
    if minutes < 60:
        return f"{minutes:g} min"
    return f"{minutes / 60:.3g} h" if minutes < 2 * 1440 else f"{minutes / 1440:.3g} days"
