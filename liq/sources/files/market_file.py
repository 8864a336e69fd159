"""Read a market from files: every kind that `liq.sources.files.kind` knows, without a network.

Files of candles, of open interest and of liquidations may come together, in a folder or a zip: they are put together
by time. What was understood is the market's first note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Lookback, Market, Origin, as_utc
from liq.market import lookback as named_lookback
from liq.market_checks import CANDLE_COLUMNS, check_liquidations
from liq.market_quality import checked_open_interest, leap_sentences, quality_sentences
from liq.sources.files.content import Content, spacing
from liq.sources.files.joined import contents, joined, one_series, understood, what
from liq.sources.files.one_market import UNNAMED, one_coin, runs_of_one_length
from liq.sources.files.table import File
from liq.sources.files.times import duration_text, shared_phase
from liq.wording import LEFT_EDGE

# a venue's warm-up is coarser because it has to be fetched; a file's need not be
_WARMUP_BAR = pd.Timedelta(minutes=15)


def read_market(
    file: File | Sequence[File],
    *,
    lookback: str = "7d",
    symbol: str | None = None,
    as_of: pd.Timestamp | str | None = None,
    dates: str = "",
) -> Market:
    r"""Return the market in a file, ending with the file or at `as_of`, over a lookback.

    file : a path, a folder, or a binary buffer (with a `name`, if the coin is to be read from it), or several of
    them. lookback : a name of LOOKBACKS; its bars are summed from the file's where these are finer; else the file's
    own are used, with a note.
    symbol : such as "BTC"; default from a column of symbols or a name like btcusdt_5m.csv; files that are plainly of
    another coin are refused. as_of : UTC; only bars that closed by then are
    used. dates : "day-first", "month-first" or "year-first", for dates that can be read in several orders; without
    it such a file raises DateOrderError.

    The warm-up has bars of 15 minutes or the window's, whichever is longer, so that less is lost than with a
    venue's hourly warm-up. Raises InputError: one sentence with the column, the row and the value.

    >>> import io
    >>> rows = [f"{1767225600000 + 3600000 * hour},1,2,1,2,5" for hour in range(48)]
    >>> file = io.BytesIO("\n".join(["open_time_ms,open,high,low,close,volume", *rows]).encode())
    >>> file.name = "ethusdt_1h.csv"
    >>> read_market(file, lookback="1d").symbol
    'ETH/USDT:USDT'
    """
    return market_of(contents(file, dates, symbol or ""), lookback=lookback, symbol=symbol, as_of=as_of)


def market_of(
    found: Sequence[Content],
    *,
    lookback: str,
    symbol: str | None = None,
    as_of: pd.Timestamp | str | None = None,
    source: str = "file",
    called: str = "The file",
) -> Market:
    """Return the market that contents of files make, see `read_market`; raise InputError.

    source : of the market; called : what sentences call the files.

    >>> hours = pd.date_range("2026-01-01", periods=48, freq="1h", tz="UTC")
    >>> bars = pd.DataFrame(dict(open=1.0, high=2.0, low=1.0, close=2.0, volume=5.0), index=hours)
    >>> market_of([Content("", "ethusdt.csv", bars, None, None, {}, "", ())], lookback="1d").base
    'ETH'
    """
    window = named_lookback(lookback)
    data = joined(found, symbol or "")
    frame, name = data.frame, data.name
    if len(frame) < 2:
        raise InputError(f"{name} holds one bar; the map needs at least two.")
    bar = spacing(pd.DatetimeIndex(frame.index))
    frame, end = _cut_at(frame, data.lengths, as_of, name)
    notes = [understood(found), *data.notes]
    for opens, length in runs_of_one_length(pd.DatetimeIndex(frame.index), data.lengths[: len(frame)]):
        notes += _gaps(opens, length, called)
    notes += leap_sentences(frame)
    if "open_interest" in frame:
        frame["open_interest"], dropped = checked_open_interest(frame["open_interest"])
        notes += dropped
    visible_bar = window.bar_length
    if bar > visible_bar or visible_bar % bar:
        notes.append(f"{called} has bars of {duration_text(bar.value)}, so they are shown instead of {window.bar}.")
        visible_bar = bar
    grouped, start = _grouped(frame, window, bar, visible_bar)
    notes += _shortfall(pd.DatetimeIndex(grouped.index), start, window, called)
    seen = grouped[grouped.index >= start]
    notes += quality_sentences(seen, visible_bar, end, pd.Timestamp.now("UTC"))
    interest = grouped.get("open_interest")
    interest = interest if interest is not None and interest.notna().any() else None
    if interest is None:
        notes.append(f"{called} has no open interest, so openings are estimated from volume.")
    return Market(
        symbol=_symbol(symbol, data.coin, data.quote),
        source=source,
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


def read_liquidations(file: File | Sequence[File], dates: str = "", symbol: str = "") -> pd.DataFrame:
    r"""Return realised liquidations in a file: USD in columns ``long short``, indexed by bar open time (UTC).

    dates : as for `read_market`. symbol : the coin that is wanted, or ""; a file of another is refused. Raises
    InputError, one sentence with the column, the row and the value.

    >>> import io
    >>> read_liquidations(io.BytesIO(b"open_time_ms,long,short\n1767225600000,5,0\n"))["long"].item()
    5.0
    """
    read = contents(file, dates, symbol)
    one_coin(read, symbol)
    found = [(one.name, one.liquidations[list(SIDES)]) for one in read if one.liquidations is not None]
    if not found:
        raise InputError(
            f"{read[0].name} holds {what(read[0])}, but no liquidations: dollars of longs and of shorts by time."
        )
    return check_liquidations(one_series(found))


def _cut_at(
    frame: pd.DataFrame, lengths: np.ndarray, as_of: pd.Timestamp | str | None, name: str
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the bars that closed by a moment and the close of the last; raise InputError where there are fewer than
    two."""
    opens = pd.DatetimeIndex(frame.index)
    ends = opens + pd.TimedeltaIndex(lengths)
    if as_of is None:
        return frame, ends[-1]
    moment = as_utc(as_of, "as_of")
    ended = int((ends <= moment).sum())
    if ended < 2:
        raise InputError(f"as_of is {moment:%Y-%m-%d %H:%M}, before {name} has two bars.")
    return frame.iloc[:ended], ends[ended - 1]


def _gaps(times: pd.Index, bar: pd.Timedelta, called: str) -> list[str]:
    """Return a sentence on missing bars, or nothing."""
    opens = pd.DatetimeIndex(times)
    steps = opens[1:] - opens[:-1]
    lacking = np.round(np.asarray(steps / bar)).astype(np.int64) - 1  # a step shorter than 1.5 bars lacks none
    places = lacking[lacking > 0]
    if not len(places):
        return []
    largest_gap = opens[int(np.argmax(lacking))] + bar
    bars = "a bar" if places.sum() == 1 else f"{int(places.sum()):,} bars in {len(places):,} place"
    bars += "s, most of them" if len(places) > 1 else "," if places.sum() > 1 else ""
    length = duration_text(int(places.max()) * bar.value)
    return [f"{called} lacks {bars} from {largest_gap:%Y-%m-%d %H:%M} UTC ({length})."]


def _grouped(
    frame: pd.DataFrame, window: Lookback, bar: pd.Timedelta, visible_bar: pd.Timedelta
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the bars summed to the window's and the warm-up's lengths, and where the window starts.

    Summed bars open as long after a multiple of their length as the file's do. Days and longer bars are shown as they
    are: they open by a local clock, on Mondays or on the first of a month.
    """
    times = pd.DatetimeIndex(frame.index)
    phase = shared_phase(times, bar)

    def opened(moments: Any, length: pd.Timedelta) -> Any:
        return moments if bar >= pd.Timedelta(days=1) else (moments - phase).floor(length) + phase

    start = opened(times[-1], visible_bar) - (max(window.window // visible_bar, 1) - 1) * visible_bar
    warmup_bar = _WARMUP_BAR if visible_bar < _WARMUP_BAR and not _WARMUP_BAR % visible_bar else visible_bar
    fine_start = opened(start, warmup_bar)
    frame = frame[times >= opened(fine_start - window.warmup, warmup_bar)]
    times = pd.DatetimeIndex(frame.index)
    bars = frame.groupby(opened(times, visible_bar).where(times >= fine_start, opened(times, warmup_bar)))
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


def _shortfall(times: pd.DatetimeIndex, start: pd.Timestamp, window: Lookback, called: str) -> list[str]:
    """Return a sentence where the file does not reach back far enough, or nothing."""
    if times[0] > start:
        return [f"{called} begins {times[0]:%Y-%m-%d %H:%M} UTC, later than a window of {window.name}."]
    warmup = start - times[0]
    if warmup < 0.5 * window.warmup:
        held = duration_text(warmup.value) if warmup > pd.Timedelta(0) else "nothing"
        return [f"{called} holds {held} before the window, {LEFT_EDGE}"]
    return []


def _symbol(symbol: str | None, coin: str, quote: str) -> str:
    """Return the given symbol, or that of the coin and the quote that the files are of."""
    if symbol:
        return symbol if "/" in symbol else f"{symbol.upper()}/USDT:USDT"
    quote = quote or "USDT"
    return f"{coin or UNNAMED}/{quote}:{quote}"


def _tick(frame: pd.DataFrame) -> float:
    """Return the smallest power of ten that every recent close is a multiple of, 0 where there is none."""
    closes = frame["close"].to_numpy()[-5_000:]
    for places in range(10):
        if np.allclose(closes, np.round(closes, places), rtol=1e-12, atol=1e-12):
            return float(10.0**-places)
    return 0.0
