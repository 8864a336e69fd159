"""What the estimate works on: candles, open interest and a window; plain data, validated on entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError

CANDLE_COLUMNS = ("open", "high", "low", "close", "volume")
SIDES = ("long", "short")


class Lookback(NamedTuple):
    """A window that can be looked at: its length, its bar, and the coarse bars that warm it up."""

    name: str
    window: pd.Timedelta
    bar: str
    warmup: pd.Timedelta
    warmup_bar: str

    @property
    def bar_length(self) -> pd.Timedelta:
        """Length of one visible bar."""
        return bar_length(self.bar)


def bar_length(bar: str) -> pd.Timedelta:
    """Return the length of a bar given in venue notation, such as ``"5m"``, ``"4h"`` or ``"1d"``.

    >>> bar_length("15m")
    Timedelta('0 days 00:15:00')
    """
    minutes = {"m": 1, "h": 60, "d": 1440}.get(bar[-1:])
    if minutes is None or not bar[:-1].isdigit():
        raise InputError(f"bar must look like 5m, 4h or 1d, not {bar!r}.")
    return pd.Timedelta(minutes=minutes * int(bar[:-1]))


def _lookback(name: str, days: float, bar: str, warmup_days: int = 30, warmup_bar: str = "1h") -> Lookback:
    return Lookback(name, pd.Timedelta(days=days), bar, pd.Timedelta(days=warmup_days), warmup_bar)


LOOKBACKS: Mapping[str, Lookback] = MappingProxyType(
    {
        row.name: row
        for row in (
            _lookback("12h", 0.5, "1m"),
            _lookback("1d", 1, "5m"),
            _lookback("3d", 3, "5m"),
            _lookback("7d", 7, "15m"),
            _lookback("14d", 14, "30m"),
            _lookback("1M", 30, "1h"),
            _lookback("3M", 90, "4h", 180, "1d"),
            _lookback("6M", 180, "4h", 180, "1d"),
        )
    }
)
"""Every window on offer, shortest first. 30 days of 1 h bars warm up the short ones, 180 days of 1 d the long."""


def lookback(name: str) -> Lookback:
    """Return the lookback of that name; raise InputError for one that does not exist.

    >>> lookback("7d").bar
    '15m'
    """
    if name not in LOOKBACKS:
        raise InputError(f"lookback must be one of {', '.join(LOOKBACKS)}, not {name!r}.")
    return LOOKBACKS[name]


class Origin(NamedTuple):
    """Where one input came from and how fresh it was: the source's name and a UTC time."""

    source: str
    as_of: pd.Timestamp


class Quote(NamedTuple):
    """A live price: symbol, price in quote currency, UTC time, the source, and the last 24 hours' change."""

    symbol: str
    price: float
    time: pd.Timestamp
    source: str
    change: float = float("nan")


class Bracket(NamedTuple):
    """One step of a venue's margin table: notional range (USD), maintenance rate, top leverage, amount (USD)."""

    floor: float
    cap: float
    rate: float
    max_leverage: float
    amount: float


@dataclass(frozen=True, eq=False)
class Market:
    """Hold one perpetual's public data, validated.

    symbol : such as ``"BTC/USDT:USDT"``; source : such as ``"binanceusdm"``.
    candles : DataFrame indexed by bar open time (UTC, naive or aware; increasing, unique), float columns
        ``open high low close volume``; prices in quote currency, volume in coins. Bars may differ in
        length: each lasts until the next one opens, the last as long as `bar`.
    open_interest : Series in coins at each bar's close, on the candles' index, NaN where unknown; or None.
    start : where the visible window begins; bars before it are warm-up. Default: the first bar.
    price : the latest price. Default: the last close.
    as_of : UTC time the data were complete. Default: the end of the last bar.
    bar : length of a visible bar. Default: the last spacing between bars.
    tick : the smallest price step, 0 where unknown.
    brackets : margin brackets of this market, or None for the package's own table.
    liquidations : realised USD per bar, columns ``long short``, where the source has them; or None. One that
        does not tell sides apart has NaN in both and a third column, ``total``.
    origins : for every input where it came from and how old it is.
    notes : sentences about the data's quality, for the user.
    parts : where several venues were asked, one Market each; this one is then the reference.
    left_out : venues that were asked and are not in `parts`, each with the reason.

    Raises InputError, one sentence naming the column, the row and the value. Nothing is repaired: a last
    bar that `as_of` cuts short is only marked, by `forming`.
    """

    symbol: str
    source: str
    candles: pd.DataFrame
    open_interest: pd.Series | None = None
    start: pd.Timestamp = None  # type: ignore[assignment]  # these four are filled below where not given
    price: float = None  # type: ignore[assignment]
    as_of: pd.Timestamp = None  # type: ignore[assignment]
    bar: pd.Timedelta = None  # type: ignore[assignment]
    tick: float = 0.0
    brackets: tuple[Bracket, ...] | None = None
    liquidations: pd.DataFrame | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parts: tuple[Market, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        candles = check_candles(self.candles)
        times = pd.DatetimeIndex(candles.index)
        put = object.__setattr__  # the one way to fill a default in a frozen dataclass
        put(self, "candles", candles)
        put(self, "open_interest", check_open_interest(self.open_interest, candles))
        if self.bar is None:
            put(self, "bar", times[-1] - times[-2] if len(times) > 1 else pd.Timedelta(hours=1))
        put(self, "start", _moment(self.start, times, "start") if self.start is not None else times[0])
        put(self, "as_of", _moment(self.as_of, times, "as_of") if self.as_of is not None else times[-1] + self.bar)
        if self.price is None:
            put(self, "price", float(candles["close"].iloc[-1]))
        elif not (np.isfinite(self.price) and self.price > 0):
            raise InputError(f"price must be a positive number, not {self.price!r}.")
        if self.start > times[-1]:
            raise InputError(f"start is {self.start}, after the last bar ({times[-1]}).")
        if self.liquidations is not None:
            put(self, "liquidations", check_liquidations(self.liquidations))

    @property
    def forming(self) -> bool:
        """Whether the last bar is still unfinished as of `as_of`."""
        return bool(self.as_of < self.times[-1] + self.bar)

    @property
    def times(self) -> pd.DatetimeIndex:
        """Every bar's open time, warm-up included."""
        return pd.DatetimeIndex(self.candles.index)

    @property
    def base(self) -> str:
        """The coin, such as ``"BTC"``."""
        return self.symbol.split("/")[0]

    @property
    def visible(self) -> pd.DataFrame:
        """The candles of the window, without the warm-up."""
        return self.candles.loc[self.candles.index >= self.start]

    def hours(self) -> np.ndarray:
        """Return each bar's length in hours, float (n,)."""
        starts = self.times.as_unit("ns").asi8
        ends = np.append(starts[1:], starts[-1] + self.bar.value)
        return np.asarray((ends - starts) / 3.6e12)


def check_candles(candles: pd.DataFrame) -> pd.DataFrame:
    """Return the five candle columns as float64; raise InputError naming the first thing that is wrong."""
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
    """Return open interest as float64 on the candles' index, or None; raise InputError."""
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

    NaN means that nobody was listening during that bar, or could not tell the side; it is not zero. Raises
    InputError.
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


def _check_times(index: pd.Index, what: str) -> None:
    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(f"{what} must be indexed by bar open time, not by {type(index).__name__}.")
    if len(index) == 0:
        raise InputError(f"{what} are empty.")
    if index.tz is not None and str(index.tz) not in ("UTC", "utc", "UTC+00:00"):
        raise InputError(f"{what} must be in UTC, not in {index.tz}.")
    if index.hasnans:
        raise InputError(f"{what} have no time in row {int(np.argmax(index.isna()))}.")
    step = np.diff(index.as_unit("ns").asi8)
    if (step <= 0).any():
        row = int(np.argmax(step <= 0)) + 1
        word = "repeats a time" if step[row - 1] == 0 else "is not in order"
        raise InputError(f"{what} index {word} in row {row}: {index[row]}.")


def _floats(column: pd.Series, what: str) -> np.ndarray:
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        for row, value in enumerate(column):
            try:
                float(value)
            except (TypeError, ValueError):
                raise InputError(f"{what} has {value!r} in row {row}, which is not a number.") from None
        raise InputError(f"{what} is not numeric.") from None


def _refuse(bad: np.ndarray, sentence: str, index: pd.Index, values: np.ndarray) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{sentence}: row {row} ({index[row]}) has {float(values[row])!r}.")


def as_utc(value: object, what: str) -> pd.Timestamp:
    """Return a moment as a timestamp aware in UTC, a naive one taken as UTC; raise InputError naming `what`."""
    try:
        moment = pd.Timestamp(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{what} must be a time, not {value!r}.") from None
    if moment is pd.NaT:
        raise InputError(f"{what} must be a time, not {value!r}.")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _moment(value: object, times: pd.DatetimeIndex, what: str) -> pd.Timestamp:
    """Return a timestamp in the index's own convention, aware in UTC or naive."""
    moment = as_utc(value, what)
    return moment if times.tz is not None else moment.tz_localize(None)
