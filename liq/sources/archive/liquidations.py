"""Realised liquidations of the first days of months, which Tardis gives to everybody, one a row with its price.

https://docs.tardis.dev/downloadable-csv-files: the files of a month's first day need no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import pandas as pd

from liq.errors import InputError, SourceError
from liq.market import SIDES, Market
from liq.sources.archive import hosts, storage
from liq.sources.file_worker import messages, readers
from liq.sources.files.table import named_buffer
from liq.sources.venues import client
from liq.sources.venues.failures import VenueFailure, usual_budget

EXCHANGES: Mapping[str, str] = MappingProxyType(
    {"archive": "binance-futures", "binanceusdm": "binance-futures", "bybit": "bybit"}
)
"""Tardis's name of a source's venue; of these the amount of a liquidation is in coins."""

FIRST = pd.Timestamp("2019-12-01", tz="UTC")
"""First month that is asked for; which feed begins when is in docs/archive.md."""

GZIP = b"\x1f\x8b"
"""How a gzip file begins (RFC 1952); one that was unpacked on the way begins with the name of the first column."""

EVENTS_PER = "1min"
"""Bar to which liquidations are summed; a minute without any has none, since the day is known whole."""


def first_days(market: Market) -> tuple[pd.DataFrame, list[pd.Timestamp]]:
    """Return the liquidations of every month's first day inside a market's window, and which days these are.

    The rows have time (UTC), side of the position, price and usd (`liq.validation.place`). Raises InputError where
    the window holds no such day whole, or the source is of none of EXCHANGES; SourceError where Tardis
    does not answer.
    """
    exchange = EXCHANGES.get(market.source)
    if exchange is None:
        raise InputError(
            f"--liquidations tardis is for {', '.join(EXCHANGES)}; source {market.source} has no file there that is "
            "read here."
        )
    days = days_in(market)
    if not days:
        raise InputError(
            "Tardis gives the first day of each month, and this window holds none; --as-of the second of a month, "
            "such as 2026-02-02, shows one."
        )
    symbol = market.symbol.split(":")[0].replace("/", "")
    with ThreadPoolExecutor(4, thread_name_prefix="archive") as pool:
        found = list(pool.map(lambda day: _events(exchange, symbol, day), days))
    known = [(day, events) for day, events in zip(days, found, strict=True) if events is not None]
    if not known:
        raise SourceError(
            f"Tardis has no liquidations of {symbol} on {exchange} on {days[-1]:%Y-%m-%d}; try another day."
        )
    return pd.concat([events for _, events in known], ignore_index=True), [day for day, _ in known]


def days_in(market: Market) -> list[pd.Timestamp]:
    """Return the first days of months that lie whole in a market's visible window.

    >>> hours = pd.date_range("2026-01-30", periods=72, freq="1h", tz="UTC")
    >>> bars = pd.DataFrame(dict(open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0), index=hours)
    >>> [f"{day:%Y-%m-%d}" for day in days_in(Market("BTC/USDT:USDT", "archive", bars))]
    ['2026-02-01']
    >>> days_in(Market("BTC/USDT:USDT", "archive", bars[:71]))
    []
    """
    days = pd.date_range(max(market.start, FIRST).floor("D"), market.as_of, freq="MS")
    return [day for day in days if day >= market.start and day + pd.Timedelta(days=1) <= market.as_of]


def by_minute(events: pd.DataFrame, days: list[pd.Timestamp]) -> pd.DataFrame:
    """Return liquidations summed to minutes, columns ``long short`` in USD, zero where there were none.

    >>> day = pd.Timestamp("2026-02-01", tz="UTC")
    >>> events = pd.DataFrame({"time": [day], "side": ["long"], "price": [9.0], "usd": [5.0]})
    >>> by_minute(events, [day]).sum().tolist()
    [5.0, 0.0]
    """
    minutes = [pd.date_range(day, day + pd.Timedelta(days=1), freq=EVENTS_PER, inclusive="left") for day in days]
    index = pd.DatetimeIndex(pd.concat([pd.Series(one) for one in minutes]))
    at = pd.DatetimeIndex(events["time"]).floor(EVENTS_PER)
    summed = {side: events["usd"].where(events["side"] == side, 0.0).groupby(at).sum() for side in SIDES}
    return pd.DataFrame({side: usd.reindex(index, fill_value=0.0) for side, usd in summed.items()})


def remark(days: list[pd.Timestamp]) -> str:
    """Return what these liquidations are, in one sentence.

    >>> remark([pd.Timestamp("2026-02-01", tz="UTC")])
    "Scored against Tardis's liquidations of 2026-02-01, those of the venue shown."
    """
    said = " and ".join(f"{day:%Y-%m-%d}" for day in days)
    return f"Scored against Tardis's liquidations of {said}, those of the venue shown."


def _events(exchange: str, symbol: str, day: pd.Timestamp) -> pd.DataFrame | None:
    """Return a day's liquidations, from disk or from Tardis, None where there is no such file; raise SourceError."""
    path = f"v1/{exchange}/liquidations/{day:%Y/%m/%d}/{symbol}.csv.gz"
    place = f"tardis/{client.gateway()}/{path}"
    if packed := storage.read([place]).get(place):
        return messages.table_of(packed)
    try:
        content = hosts.fetch(hosts.TARDIS, path, usual_budget(), begins=(GZIP, b"exchange"))
    except VenueFailure as failure:
        raise SourceError(f"Tardis {failure.reason}; try again later.") from failure
    if content is None:
        return None
    try:
        events = readers.read_events(named_buffer(content, f"{symbol}-liquidations-{day:%Y-%m-%d}.csv.gz"))
    except InputError as error:
        if str(error).endswith(" is empty."):  # that is how Tardis says that it has nothing of a day
            return None
        raise SourceError(f"Tardis sent a file that cannot be used ({error})") from error
    storage.write({place: messages.table_bytes(events)})
    return events
