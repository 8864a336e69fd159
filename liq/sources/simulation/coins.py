"""Coins of the simulated market: twelve with familiar names, and synthetic ones for scans."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from liq.errors import InputError
from liq.sources.simulation.price_path import Ticker
from liq.sources.simulation.synthetic_tickers import NAMES

COINS: Mapping[str, Ticker] = MappingProxyType(
    {
        "BTC": Ticker(68_000.0, 0.1, 0.001, 0.022, 90_000.0),
        "ETH": Ticker(2_450.0, 0.01, 0.001, 0.031, 2_100_000.0),
        "SOL": Ticker(110.0, 0.01, 0.01, 0.038, 9_000_000.0),
        "XRP": Ticker(1.60, 0.0001, 0.1, 0.037, 380_000_000.0),
        "DOGE": Ticker(0.105, 0.00001, 1.0, 0.042, 1_900_000_000.0),
        "BNB": Ticker(780.0, 0.01, 0.01, 0.025, 600_000.0),
        "ADA": Ticker(0.29, 0.0001, 1.0, 0.041, 300_000_000.0),
        "AVAX": Ticker(10.0, 0.001, 0.1, 0.043, 9_000_000.0),
        "LINK": Ticker(9.5, 0.001, 0.01, 0.041, 11_000_000.0),
        "SUI": Ticker(1.15, 0.0001, 0.1, 0.047, 110_000_000.0),
        "LTC": Ticker(58.0, 0.01, 0.001, 0.034, 2_100_000.0),
        "HYPE": Ticker(30.0, 0.001, 0.01, 0.050, 15_000_000.0),
    }
)
"""Round figures of the right order of magnitude for each coin."""

TICKERS: tuple[str, ...] = tuple(f"{coin}/USDT:USDT" for coin in COINS)
"""Symbols of the simulated market, by weight; `coins_to_simulate` has more."""


def coins_to_simulate(count: int) -> list[str]:
    """Return `count` coins to simulate, at most 1,011: those of COINS first, then synthetic ones. Raises InputError.

    >>> coins_to_simulate(14)[-3:]
    ['HYPE', 'SIM001', 'SIM002']
    """
    coins = [*COINS, *NAMES]
    if count > len(coins):
        raise InputError(f"The simulated market has {len(coins)} coins, not {count}.")
    return coins[:count]
