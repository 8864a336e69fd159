"""Names of columns as venues and tools write them: compared without case, blanks, underscores and brackets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from liq.sources.files.formats import numbers

OPEN_TIMES = (
    *("opentimems", "opentime", "timeopen", "timeperiodstart", "starttime", "startedat", "periodstart", "start"),
    *("begin", "candlebegintime", "candledatetime", "klinetime", "dateandtime", "unix", "unixtime", "unixtimestamp"),
    *("epoch", "timems", "timestampms", "tsms", "time", "timestamp", "ts", "t", "date", "datetime"),
    *("dt", "gmttime", "localtime", "id", "unnamed:0", "", "index", "ticks"),
)
"""Names of the column of bar open times, the most exact first; HTX says id, Deribit ticks, pandas nothing."""

CLOSE_TIMES = (
    "closetimems",
    "closetime",
    "timeclose",
    "timeperiodend",
    "endtime",
    "endedat",
    "periodend",
    "end",
    "T",
)
"""Names of the column of bar close times, read where there is none of open times."""

PRICES: Mapping[str, tuple[str, ...]] = {
    "open": ("open", "openprice", "priceopen", "openingprice"),
    "high": ("high", "highprice", "pricehigh", "max"),
    "low": ("low", "lowprice", "pricelow", "min"),
    "close": ("close", "closeprice", "priceclose", "close/last", "last", "tradeprice", "price"),
}
"""Names of the prices of a bar; investing.com's "Price" is the close, beside the other three."""

LETTERS = {"open": "o", "high": "h", "low": "l", "close": "c"}
"""One-letter names of prices, which Coinalyze gives open interest too: they are prices where there is a volume."""

TICKS = ("tickvol", "tickvolume")
"""MetaTrader's number of price changes in a bar."""

COINS = (
    *("volume", "v", "baseassetvolume", "basevolume", "volumebase", "basetokenvolume", "basecurrencyvolume"),
    *("homenotional", "volumefrom", "volumetraded", "volccy", "basevol", "volumecoin", "tradevolume", "realvolume"),
    *("candleacctradevolume", "amount", "vol"),
)
"""Names of volume in coins, the surest first; of some venues it is volume in contracts."""

DOLLARS = (
    *(
        "quotevolume",
        "quoteassetvolume",
        "volumequote",
        "volccyquote",
        "volquote",
        "quotevol",
        "turnover",
        "usdvolume",
    ),
    *("tradeturnover", "quotetokenvolume", "quotecurrencyvolume", "foreignnotional", "volumeto", "volumenotional"),
    *("dollarvolume", "candleacctradeprice", "cost", "sum", "q", "value"),
)
"""Names of volume in dollars, or in whatever the price is in."""

EITHER = ("amount", "vol")
"""Names that some venues give to coins and others to dollars: HTX's amount is in coins, MEXC's in dollars."""

CURRENCIES = (*numbers.DOLLARS, "quote")

NO_COINS = (
    "ma",
    "sma",
    "ema",
    "delta",
    "change",
    "chg",
    "ratio",
    "buy",
    "sell",
    "up",
    "down",
    "profile",
    "osc",
    "avg",
    "24h",
)
"""What may follow "volume" in the name of an indicator."""


def plain_name(name: object) -> str:
    """Return a column's name as it is compared.

    >>> plain_name("Open time"), plain_name("<OPEN>"), plain_name("Timestamp (UTC)"), plain_name("T")
    ('opentime', 'open', 'timestamp', 'T')
    """
    text = str(name)[:80].strip()
    if len(text) == 1:
        return text
    text = re.sub(r"[\s_()\[\]<>{}.*-]", "", text.lower())
    return text.removesuffix("utc") or text


def plain_names(columns: Iterable[object]) -> dict[str, str]:
    """Return the columns by their plain names, the first of those that have the same.

    >>> plain_names(["open_time", "Open"])
    {'opentime': 'open_time', 'open': 'Open'}
    """
    found: dict[str, str] = {}
    for column in columns:
        found.setdefault(plain_name(column), str(column))
    return found


def first_of(names: Mapping[str, str], known: Iterable[str]) -> str | None:
    """Return the column of the first known name that is there.

    >>> first_of({"vol": "Vol."}, ["volume", "vol"])
    'Vol.'
    """
    return next((names[name] for name in known if name in names), None)


def volume_names(names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the columns that may be volume in coins and those that may be in dollars, the surest first.

    >>> volume_names({"volumeusdt": "volume usdt", "volumebtc": "volume btc", "volumema": "volume ma"})
    (['volume btc'], ['volume usdt'])
    """
    coins = [names[name] for name in COINS if name in names]
    dollars = [names[name] for name in DOLLARS if name in names]
    for name, column in names.items():
        match = re.fullmatch(r"vol(?:ume)?([a-z0-9]{2,10})", name)
        if not match or column in coins or column in dollars:
            continue
        if match[1] in CURRENCIES:
            dollars.append(column)
        elif not match[1].startswith(NO_COINS) and "volume" in name:
            coins.append(column)
    return coins, [*dollars, *(names[name] for name in EITHER if name in names)]


def price_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of open, high, low and close, as many as there are.

    >>> price_names({"open": "Open", "high": "High", "low": "Low", "price": "Price"})["close"]
    'Price'
    """
    found = {ours: column for ours, known in PRICES.items() if (column := first_of(names, known))}
    if set(LETTERS.values()) <= set(names) and any(volume_names(names)):
        return {ours: names[letter] for ours, letter in LETTERS.items()} | found
    return found
