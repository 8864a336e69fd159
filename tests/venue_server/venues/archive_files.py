"""What the archives' files hold, as formulas of time, with the faults of the real ones."""

from __future__ import annotations

import functools
import gzip
import io
import zipfile
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tests.venue_server import formula
from tests.venue_server.formula import DAY, MINUTE
from tests.venue_server.wire import length, text

VENUE = "binanceusdm"

KLINE_NAMES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)

METRICS_NAMES = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)

LIQUIDATION_NAMES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"


class Listed(NamedTuple):
    """A symbol of the archive: the coin of the formula that it follows, its first day and the day after its last."""

    coin: str
    since: str
    until: str = "2100-01-01"


SYMBOLS = {
    "BTCUSDT": Listed("BTC", "2019-09-08"),
    "ETHUSDT": Listed("ETH", "2019-11-27"),
    "SOLUSDT": Listed("SOL", "2020-09-14"),
    "MATICUSDT": Listed("DOGE", "2020-10-22", "2024-09-11"),
    "POLUSDT": Listed("DOGE", "2024-09-13"),
    "1000PEPEUSDT": Listed("WIF", "2023-05-05"),
    "LUNAUSDT": Listed("WIF", "2021-02-10", "2022-05-13"),
    "WIFUSDT": Listed("WIF", "2024-01-18"),
    "WIFBUSD": Listed("WIF", "2024-01-18", "2024-02-01"),
}
"""Symbols that the archive has; one was renamed, one has ended, one has a multiple before it."""

HEADERS_SINCE = pd.Timestamp("2022-01-01")
"""From when on the klines have a line of names, as the real ones do."""

METRICS_SINCE = pd.Timestamp("2021-12-01")
MIDNIGHT_SINCE = pd.Timestamp("2025-08-01")
"""From when on a day of metrics begins at 00:00; before, it begins at 00:05 and ends with the next 00:00."""

SPIKES, SPIKE = 6 * 60 * MINUTE, 0.009
"""Every so often price leaps by so much within a bar, so that liquidations have a range to lie in."""

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")


def packed(name: str, content: str) -> bytes:
    """Return a zip of one CSV, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{name}.csv", (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@functools.lru_cache(512)
def klines(symbol: str, interval: str, period: str, mode: str | None) -> bytes:
    """Return the zip of klines of a day (2026-01-31) or a month (2026-01)."""
    since, until = span(period)
    coin, step = SYMBOLS[symbol].coin, length(interval)
    first, last = (pd.Timestamp(day) for day in SYMBOLS[symbol][1:])
    start, end = max(since, first).value // 1_000_000, min(until, last).value // 1_000_000
    rows = formula.candles(VENUE, coin, step, start, end, end)
    for times, price, column, outer in spikes(coin, start, end):
        bars = (times - start) // step
        outer(rows[:, column] if len(rows) else np.empty(0), bars, price)
    if mode == "short-day":
        rows = rows[: len(rows) // 2]
    scale = 1000 if mode == "microseconds" else 1
    lines = [
        f"{int(t) * scale},{','.join(text([o, h, lo, c, v]))},{(int(t) + step) * scale - 1},{v * c},9,"
        f"{v / 2},{v * c / 2},0"
        for t, o, h, lo, c, v in rows
    ]
    return packed(f"{symbol}-{interval}-{period}", table(KLINE_NAMES, lines, since >= HEADERS_SINCE, mode))


@functools.lru_cache(2048)
def metrics(symbol: str, period: str, mode: str | None) -> bytes:
    """Return the zip of a day's metrics: one row blank, one in seven days some seconds off the grid."""
    since, until = span(period)
    coin = SYMBOLS[symbol].coin
    start, end = since.value // 1_000_000, until.value // 1_000_000
    shift = 0 if since >= MIDNIGHT_SINCE else 5 * MINUTE
    times = np.arange(start + shift, end + shift, 5 * MINUTE)
    if mode == "short-day":
        times = times[: len(times) // 2]
    late = 3000 if start // DAY % 7 == 3 else 0
    coins = formula.interest(VENUE, coin, times)
    dollars = coins * formula.price(VENUE, coin, times)
    written = pd.to_datetime(times + late, unit="ms").strftime("%Y-%m-%d %H:%M:%S")
    lines = [
        f"{at},{symbol},{amount},{usd},1.1,1.2,1.3,{'' if row == 40 else 0.9}"
        if row != 41
        else f"{at},{symbol},,,,,,"
        for row, (at, amount, usd) in enumerate(zip(written, text(coins), text(dollars), strict=True))
    ]
    return packed(f"{symbol}-metrics-{period}", table(METRICS_NAMES, lines, True, mode))


@functools.lru_cache(256)
def liquidations(exchange: str, symbol: str, day: str, mode: str | None) -> bytes:
    """Return the gzip of a day's liquidations: one a minute and side, at the price in the middle of that minute."""
    if symbol not in SYMBOLS:
        return gzip.compress(b"", mtime=0)
    start = span(day)[0].value // 1_000_000
    coin, starts = SYMBOLS[symbol].coin, np.arange(start, start + DAY, MINUTE)
    longs, shorts = formula.liquidated(VENUE, coin, starts, starts + MINUTE)
    middle = starts + MINUTE // 2
    prices = formula.price(VENUE, coin, middle)
    lines = []
    for (times, _, column, _), side in zip(spikes(coin, start, start + DAY), ("sell", "buy"), strict=True):
        sign = -1 if column == 3 else 1
        for at, price in zip(times.tolist(), formula.price(VENUE, coin, times), strict=True):
            lines += [
                f"{exchange},{symbol},{at}000,{at + 20}000,,{side},{price * (1 + sign * SPIKE * part / 5)},0.5"
                for part in range(1, 5)
            ]
    for side, usd in (("sell", longs), ("buy", shorts)):
        lines += [
            f"{exchange},{symbol},{at}000,{at + 20}000,,{side},{price},{amount}"
            for at, price, amount in zip(middle.tolist(), text(prices), text(usd / prices), strict=True)
        ]
    return gzip.compress(table(LIQUIDATION_NAMES, sorted(lines), True, mode).encode(), mtime=0)


def spikes(coin: str, start: int, end: int) -> list[tuple[np.ndarray, np.ndarray, int, Any]]:
    """Return the moments at which price leaps down, and those at which it leaps up: times, prices, the column of a
    kline that they reach, and how they reach it."""
    down = np.arange(-(-start // SPIKES) * SPIKES, end, SPIKES)
    up = np.arange(-(-(start - SPIKES // 2) // SPIKES) * SPIKES, end - SPIKES // 2, SPIKES) + SPIKES // 2
    return [
        (down, formula.price(VENUE, coin, down) * (1 - SPIKE), 3, np.minimum.at),
        (up, formula.price(VENUE, coin, up) * (1 + SPIKE), 2, np.maximum.at),
    ]


def table(names: str, lines: list[str], has_names: bool, mode: str | None) -> str:
    """Return lines with names above them, in the way of a fault."""
    if mode == "twice":
        lines = [line for line in lines for _ in range(2)]
    if mode == "changed-header":
        names = ",".join("".join(part.capitalize() for part in name.split("_")) for name in names.split(","))
        has_names = True
    if mode == "no-header":
        has_names = False
    if mode == "nonsense":
        lines = [",".join("x" for _ in line.split(",")) for line in lines]
    return "\n".join([*([names] if has_names else []), *lines]) + "\n"


def span(period: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the begin of a day or a month, and of the next."""
    since = pd.Timestamp(period)
    return since, since + (pd.DateOffset(months=1) if len(period) == 7 else pd.Timedelta(days=1))
