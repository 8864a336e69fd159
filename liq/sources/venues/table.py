"""Table of the venues: what differs between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from liq.sources.rate_limit import Limit

CALLS = 8
"""Maximum number of calls for one period of open interest, unless a row says otherwise."""

_HISTORY = ("5m", "15m", "30m", "1h", "4h", "1d")


class Venue(NamedTuple):
    """One venue's facts.

    name : ccxt's id; title : the name on screen; quotes : the quote that a coin alone means, first wins.
    options : ccxt options that keep the list of markets to one or two calls.
    limits : what the venue allows an address, with some room left, in ccxt's weights; the venue's own figure beside.
    candle_page : maximum number of candles in one answer; contracts : candle volume counts contracts, not coins.
    candle_count : parameter that counts candles, sent with an upper bound, "" where ccxt's own request suffices.
    contract_size : coins a contract where ccxt's figure is another, None where it is right.
    interest : how open interest is requested, ``"history"``, ``"analytics"`` or ``"present"``.
    interest_periods : the period to request for a bar, best first; where no period equals the bar,
        only the closes that fall on both are known.
    interest_pages : rows requested in one call; where a venue declines the first, the next is tried.
    interest_calls : maximum number of calls for a period, the newest first; `CALLS` where nothing is said.
    interest_reach : how far back the venue keeps it, None where that shows at run time.
    interest_contracts : it counts contracts, not coins.
    stamped_at_open : a row carries the time its period began and the value of its end; else the value's own time.
    liquidations : where realised liquidations are, ``"interest"`` (same rows), ``"analytics"`` or None.
    brackets : where margin brackets are, ``"tiers"``, ``"instrument"``, ``"leverage"``, ``"fractions"`` or
        None.
    tiers_in_contracts : the tiers' sizes count contracts, not USD.
    answer_symbol : path of keys to the symbol in an answer with candles, None where there is none.
    interest_until : it understands an upper bound in time.
    interest_of_coin : further back it gives the coin's open interest over all its contracts, by 1h and 1d.
    book_limit : maximum levels of the order book in one answer, None where the venue sends what it sends.
    funding_hours, funding_page : hours between settlements of its usual contract, and funding rates in one answer;
    funding : how they are requested, ``"history"``, which is ccxt's, or ``"fundings"``, Lighter's own.
    funding_until : the parameter that bounds them in time, "" where the venue sends them all.
    taker_volume : its candles state what takers bought.
    in_auto : ``auto`` and ``all`` use it; else it is used where it is chosen.
    coin_volume : the field of a ticker that counts a day's volume in coins, where ccxt's own counts contracts.

    >>> VENUES["okx"].title, VENUES["okx"].candle_page
    ('OKX', 300)
    """

    name: str
    title: str
    quotes: tuple[str, ...]
    options: Mapping[str, Any]
    candle_page: int
    interest_periods: Mapping[str, str]
    interest_pages: tuple[int, ...]
    limits: tuple[Limit, ...]
    contracts: bool = False
    candle_count: str = ""
    contract_size: float | None = None
    interest: str = "history"
    interest_calls: Mapping[str, int] = MappingProxyType({})
    interest_reach: pd.Timedelta | None = None
    interest_contracts: bool = False
    stamped_at_open: bool = False
    liquidations: str | None = None
    brackets: str | None = None
    tiers_in_contracts: bool = False
    answer_symbol: tuple[str | int, ...] | None = None
    interest_until: bool = True
    interest_of_coin: bool = False
    coin_volume: str | None = None
    book_limit: int | None = None
    funding: str = "history"
    funding_hours: int = 8
    funding_page: int = 100
    funding_until: str = "until"
    taker_volume: bool = False
    in_auto: bool = True


def _periods(offered: tuple[str, ...], finer: Mapping[str, str]) -> Mapping[str, str]:
    """Return the periods by bar: each offered one for itself, and those of finer bars."""
    return MappingProxyType({period: period for period in offered} | dict(finer))


def _swaps(**more: Any) -> Mapping[str, Any]:
    """Return ccxt options that load perpetuals only."""
    return MappingProxyType({"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}, **more})


VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        row.name: row
        for row in (
            Venue(
                name="binanceusdm",
                title="Binance",
                quotes=("USDT", "USDC"),
                options=MappingProxyType({"fetchMarkets": {"types": ["linear"]}}),
                book_limit=1000,
                funding_page=1000,
                taker_volume=True,
                candle_page=1000,
                interest_periods=_periods(_HISTORY, {"1m": "5m"}),
                interest_pages=(500,),
                # 2,400 of weight a minute; 1,000 requests in five minutes for each of its statistics ("LIMITS" and
                # "Open Interest Statistics" in its documentation of USDS-margined futures)
                limits=(Limit(2000, 60), Limit(900, 300, "openInterestHist")),
                # Kept for 30 days; a start before that is answered with an error, so stay well inside,
                # whatever the two clocks say.
                interest_reach=pd.Timedelta(days=30) - pd.Timedelta(hours=3),
            ),
            Venue(
                name="bybit",
                title="Bybit",
                quotes=("USDT", "USDC"),
                options=_swaps(fetchMarkets={"types": ["linear"]}),
                book_limit=500,
                funding_page=200,
                candle_page=1000,
                interest_periods=_periods(_HISTORY, {"1m": "5m"}),
                interest_pages=(200,),
                # 600 requests in five seconds ("Rate limit" in its documentation of API v5); ccxt counts 5 for one
                limits=(Limit(2500, 5),),
                brackets="tiers",
                answer_symbol=("result", "symbol"),
            ),
            Venue(
                name="okx",
                title="OKX",
                quotes=("USDT", "USDC"),
                options=_swaps(),
                book_limit=400,
                funding_until="after",
                candle_page=300,
                # candles: ccxt reads the column that counts coins, so contracts stays False
                # ccxt offers three periods here; one hundred rows a call make the fine one too dear beyond a day.
                interest_periods=_periods(
                    ("1h", "1d"), {"1m": "5m", "5m": "5m", "15m": "1h", "30m": "1h", "4h": "1d"}
                ),
                interest_pages=(100,),
                # of the endpoints used the tightest have 5 and 10 requests in two seconds, which ccxt counts as four
                # and two of twenty ("Rate Limit" with every endpoint of its API v5)
                limits=(Limit(18, 2, each=True),),
                interest_calls=MappingProxyType({"5m": 3, "1h": 1, "1d": 1}),
                interest_contracts=True,
                brackets="tiers",
                tiers_in_contracts=True,
                interest_of_coin=True,
                coin_volume="volCcy24h",
            ),
            Venue(
                name="gate",
                title="Gate",
                quotes=("USDT",),
                options=_swaps(swap={"fetchMarkets": {"settlementCurrencies": ["usdt"]}}),
                book_limit=100,
                funding_page=1000,
                candle_page=1999,
                contracts=True,
                interest_periods=_periods(_HISTORY, {"1m": "5m"}),
                interest_pages=(1000, 100),
                limits=(
                    Limit(180, 10, each=True),
                ),  # 200 requests in ten seconds and endpoint ("Rate limit", API v4)
                interest_contracts=True,
                stamped_at_open=True,
                liquidations="interest",
                brackets="tiers",
                interest_until=False,
            ),
            Venue(
                name="krakenfutures",
                title="Kraken Futures",
                quotes=("USD",),
                options=MappingProxyType({}),
                funding_hours=1,
                funding_page=100_000,
                funding_until="",
                candle_page=2000,
                contracts=True,  # a contract of the multi-collateral perpetuals is one coin, and says so itself
                interest="analytics",
                interest_periods=_periods((*_HISTORY, "1m"), {}),
                interest_pages=(2000,),
                # none is stated for market data: its limits count private requests alone ("Rate limits" of its
                # futures API), so this is politeness
                limits=(Limit(20, 1),),
                interest_contracts=True,
                stamped_at_open=True,
                liquidations="analytics",
                brackets="instrument",
            ),
            Venue(
                name="hyperliquid",
                title="Hyperliquid",
                quotes=("USDC",),
                options=_swaps(),
                funding_hours=1,
                funding_page=500,
                candle_page=5000,
                interest="present",
                interest_periods=_periods((), {}),
                interest_pages=(1,),
                limits=(Limit(290, 15),),  # 1,200 of weight a minute ("Rate limits and user limits")
                brackets="leverage",
                answer_symbol=(0, "s"),
            ),
            Venue(
                name="lighter",
                title="Lighter",
                quotes=("USDC",),
                options=MappingProxyType({}),
                book_limit=250,
                funding="fundings",
                funding_hours=1,
                funding_page=500,
                candle_page=500,
                candle_count="count_back",  # without a count it may send ten; ccxt sends 0
                contract_size=1.0,  # amounts are coins; ccxt takes the venue's quote_multiplier for a size
                interest="present",
                interest_periods=_periods((), {}),
                interest_pages=(1,),
                # 60 requests a minute and address without a key ("Rate Limits" of its API)
                limits=(Limit(55, 60),),
                brackets="fractions",
                in_auto=False,
            ),
        )
    }
)
"""The venues by ccxt id, in the order of HOME_ORDER."""

HOME_ORDER = tuple(name for name, row in VENUES.items() if row.in_auto)
"""Order of failover while no venue has refused this location."""

REFUSED_ORDER = ("okx", "gate", "hyperliquid", "krakenfutures", "bybit", "binanceusdm")
"""Order once Binance or Bybit refused this location, as in the United States; the largest market first."""
