"""What differs between the venues, as rows of a table; pure data, no network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

CALLS = 8
"""Most calls spent on one period of open interest, unless a row says otherwise."""

_HISTORY = ("5m", "15m", "30m", "1h", "4h", "1d")


class Venue(NamedTuple):
    """One venue's facts.

    name : ccxt's id; title : what the user reads; quotes : which quote a bare ticker means, first wins.
    options : ccxt options that keep the list of markets to one or two calls.
    candle_page : most candles in one answer; contracts : candle volume counts contracts, not coins.
    interest : how open interest is asked, ``"history"``, ``"analytics"`` or ``"present"``.
    interest_periods : which period answers for which bar, best first; where no period equals the bar,
        only the closes that fall on both are known.
    interest_pages : rows asked for in one call; where a venue refuses the first, the next is tried.
    interest_calls : most calls spent on a period, the newest first; `CALLS` where nothing is said.
    interest_reach : how far back the venue keeps it, None where that shows at run time.
    interest_contracts : it counts contracts, not coins.
    stamped_at_open : a row carries the time its period began and the value of its end; else the value's own time.
    liquidations : where realised liquidations are, ``"interest"`` (same rows), ``"analytics"`` or None.
    brackets : where margin brackets are, ``"tiers"``, ``"instrument"``, ``"leverage"`` or None.
    tiers_in_contracts : the tiers' sizes count contracts, not USD.
    answer_symbol : where an answer with candles repeats the symbol it is about, as a path of keys.
    interest_until : it understands an upper bound in time.
    interest_of_coin : further back it gives the coin's open interest over all its contracts, by 1h and 1d.
    coin_volume : the field of a ticker that counts a day's volume in coins, where ccxt's own counts contracts.
    """

    name: str
    title: str
    quotes: tuple[str, ...]
    options: Mapping[str, Any]
    candle_page: int
    contracts: bool
    interest: str
    interest_periods: Mapping[str, str]
    interest_pages: tuple[int, ...]
    interest_calls: Mapping[str, int]
    interest_reach: pd.Timedelta | None
    interest_contracts: bool
    stamped_at_open: bool
    liquidations: str | None
    brackets: str | None
    tiers_in_contracts: bool
    answer_symbol: tuple[str | int, ...] | None
    interest_until: bool = True
    interest_of_coin: bool = False
    coin_volume: str | None = None


def _periods(offered: tuple[str, ...], finer: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({period: period for period in offered} | dict(finer))


def _swaps(**more: Any) -> Mapping[str, Any]:
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
                candle_page=1000,
                contracts=False,
                interest="history",
                interest_periods=_periods(_HISTORY, {"1m": "5m"}),
                interest_pages=(500,),
                interest_calls=MappingProxyType({}),
                # Kept for 30 days; a start before that is answered with an error, so stay well inside,
                # whatever the two clocks say.
                interest_reach=pd.Timedelta(days=30) - pd.Timedelta(hours=3),
                interest_contracts=False,
                stamped_at_open=False,
                liquidations=None,
                brackets=None,
                tiers_in_contracts=False,
                answer_symbol=None,
            ),
            Venue(
                name="bybit",
                title="Bybit",
                quotes=("USDT", "USDC"),
                options=MappingProxyType({"defaultType": "swap", "fetchMarkets": {"types": ["linear"]}}),
                candle_page=1000,
                contracts=False,
                interest="history",
                interest_periods=_periods(_HISTORY, {"1m": "5m"}),
                interest_pages=(200,),
                interest_calls=MappingProxyType({}),
                interest_reach=None,
                interest_contracts=False,
                stamped_at_open=False,
                liquidations=None,
                brackets="tiers",
                tiers_in_contracts=False,
                answer_symbol=("result", "symbol"),
            ),
            Venue(
                name="okx",
                title="OKX",
                quotes=("USDT", "USDC"),
                options=_swaps(),
                candle_page=300,
                contracts=False,  # ccxt reads the column that counts coins
                interest="history",
                # ccxt offers three periods here; one hundred rows a call make the fine one too dear beyond a day.
                interest_periods=_periods(
                    ("1h", "1d"), {"1m": "5m", "5m": "5m", "15m": "1h", "30m": "1h", "4h": "1d"}
                ),
                interest_pages=(100,),
                interest_calls=MappingProxyType({"5m": 3, "1h": 1, "1d": 1}),
                interest_reach=None,
                interest_contracts=True,
                stamped_at_open=False,
                liquidations=None,
                brackets="tiers",
                tiers_in_contracts=True,
                answer_symbol=None,
                interest_of_coin=True,
                coin_volume="volCcy24h",
            ),
            Venue(
                name="gate",
                title="Gate",
                quotes=("USDT",),
                options=_swaps(swap={"fetchMarkets": {"settlementCurrencies": ["usdt"]}}),
                candle_page=1999,
                contracts=True,
                interest="history",
                interest_periods=_periods(_HISTORY, {"1m": "5m"}),
                interest_pages=(1000, 100),
                interest_calls=MappingProxyType({}),
                interest_reach=None,
                interest_contracts=True,
                stamped_at_open=True,
                liquidations="interest",
                brackets="tiers",
                tiers_in_contracts=False,
                answer_symbol=None,
                interest_until=False,
            ),
            Venue(
                name="krakenfutures",
                title="Kraken Futures",
                quotes=("USD",),
                options=MappingProxyType({}),
                candle_page=2000,
                contracts=True,  # a contract of the multi-collateral perpetuals is one coin, and says so itself
                interest="analytics",
                interest_periods=_periods((*_HISTORY, "1m"), {}),
                interest_pages=(2000,),
                interest_calls=MappingProxyType({}),
                interest_reach=None,
                interest_contracts=True,
                stamped_at_open=True,
                liquidations="analytics",
                brackets="instrument",
                tiers_in_contracts=False,
                answer_symbol=None,
            ),
            Venue(
                name="hyperliquid",
                title="Hyperliquid",
                quotes=("USDC",),
                options=_swaps(),
                candle_page=5000,
                contracts=False,
                interest="present",
                interest_periods=_periods((), {}),
                interest_pages=(1,),
                interest_calls=MappingProxyType({}),
                interest_reach=None,
                interest_contracts=False,
                stamped_at_open=False,
                liquidations=None,
                brackets="leverage",
                tiers_in_contracts=False,
                answer_symbol=(0, "s"),
            ),
        )
    }
)
"""The six venues, in the order they are tried from a place that none of them refuses."""

HOME_ORDER = tuple(VENUES)
"""Order of trial while no venue has refused this place."""

REFUSED_ORDER = ("krakenfutures", "okx", "gate", "hyperliquid", "bybit", "binanceusdm")
"""Order once Binance or Bybit refused this place, as both do in the United States; the deepest public data first."""
