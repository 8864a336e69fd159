"""Market data that the estimate works on: candles, open interest and a lookback; plain data, validated on entry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market_checks import MAX_TIME, check_candles, check_liquidations, check_open_interest
from liq.market_checks import SIDES as SIDES


class Lookback(NamedTuple):
    """A window that can be shown: its length, the length of its bars, and the coarse bars that warm it up."""

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
    """Where one input came from and how recent it is: the source's name and a UTC time."""

    source: str
    as_of: pd.Timestamp


class Quote(NamedTuple):
    """A live price: symbol, price in quote currency, UTC time, the source, and the last 24 hours' change.

    >>> Quote("BTC/USDT:USDT", 64_000.0, pd.Timestamp("2026-01-01", tz="UTC"), "gate").price
    64000.0
    """

    symbol: str
    price: float
    time: pd.Timestamp
    source: str
    change: float = float("nan")


class OrderBook(NamedTuple):
    """What rests in an order book: bids and asks as rows (n, 2) of price and USD, and when it was read (UTC).

    >>> import numpy as np
    >>> book = OrderBook(np.array([[99.0, 5e4]]), np.array([[101.0, 5e4]]), pd.Timestamp("2026-01-01", tz="UTC"))
    >>> float(book.asks[0, 0])
    101.0
    """

    bids: np.ndarray
    asks: np.ndarray
    time: pd.Timestamp
    sources: tuple[str, ...] = ()


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
        reports no sides has NaN in both and a third column, ``total``.
    origins : for every input where it came from and how old it is.
    notes : sentences about the data's quality, for the user.
    parts : where several venues were requested, one Market each; this one is then the reference.
    left_out : venues that were requested and are not in `parts`, each with the reason.

    Raises InputError, one sentence naming the column, the row and the value. Nothing is repaired: a last
    bar that `as_of` cuts short is only marked, by `forming`.

    >>> hours = pd.date_range("2026-01-01", periods=3, freq="1h", tz="UTC")
    >>> bars = pd.DataFrame(dict(open=1.0, high=2.0, low=1.0, close=2.0, volume=5.0), index=hours)
    >>> market = Market("BTC/USDT:USDT", "example", candles=bars)
    >>> market.price, market.base
    (2.0, 'BTC')
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
        set_field = object.__setattr__  # the one way to fill a default in a frozen dataclass
        set_field(self, "candles", candles)
        set_field(self, "open_interest", check_open_interest(self.open_interest, candles))
        if self.bar is None:
            set_field(self, "bar", times[-1] - times[-2] if len(times) > 1 else pd.Timedelta(hours=1))
        set_field(self, "start", _moment(self.start, times, "start") if self.start is not None else times[0])
        set_field(
            self, "as_of", _moment(self.as_of, times, "as_of") if self.as_of is not None else times[-1] + self.bar
        )
        if self.price is None:
            set_field(self, "price", float(candles["close"].iloc[-1]))
        elif not (np.isfinite(self.price) and self.price > 0):
            raise InputError(f"price must be a positive number, not {self.price!r}.")
        if self.start > times[-1]:
            raise InputError(f"start is {self.start}, after the last bar ({times[-1]}).")
        if self.liquidations is not None:
            set_field(self, "liquidations", check_liquidations(self.liquidations))

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
        return self.candles.iloc[self.candles.index.searchsorted(self.start) :]  # a mask would copy it

    def hours(self) -> np.ndarray:
        """Return each bar's length in hours, float (n,)."""
        starts = self.times.as_unit("ns").asi8
        ends = np.append(starts[1:], starts[-1] + self.bar.value)
        return np.asarray((ends - starts) / 3.6e12)


def epoch(times: pd.Series | pd.Index, unit: Literal["ms", "ns"] = "ns") -> np.ndarray:
    """Return times as whole milliseconds or nanoseconds since 1970 UTC; naive ones are taken as UTC.

    >>> epoch(pd.DatetimeIndex(["1970-01-01 00:00:01"])).tolist()
    [1000000000]
    """
    return np.asarray(pd.DatetimeIndex(times).as_unit(unit).asi8)


def as_utc(value: object, what: str) -> pd.Timestamp:
    """Return a moment as a timestamp aware in UTC, a naive one taken as UTC; raise InputError naming `what`.

    Text has at most MAX_TIME characters, and does not begin with a day or a month in numbers: 01/12/2025 is read
    differently in different places.

    >>> as_utc("2026-01-31 12:00", "moment")
    Timestamp('2026-01-31 12:00:00+0000', tz='UTC')
    """
    if isinstance(value, str):
        if len(value) > MAX_TIME:
            raise InputError(f"{what} must be a time, not {value[:MAX_TIME]!r}... of {len(value):,} characters.")
        if re.match(r"\s*\d{1,2}[-./]\d{1,2}[-./]", value):
            raise InputError(f"{what} must be a time such as 2026-01-31 12:00, not {value!r}.")
    try:
        moment = pd.Timestamp(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what} must be a time, not {value!r}.") from None
    if moment is pd.NaT:
        raise InputError(f"{what} must be a time, not {value!r}.")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _moment(value: object, times: pd.DatetimeIndex, what: str) -> pd.Timestamp:
    """Return a timestamp as the index has them, aware in UTC or naive."""
    moment = as_utc(value, what)
    return moment if times.tz is not None else moment.tz_localize(None)
