"""Synthetic tickers for scans of the simulated market (SIM001 to SIM999)."""

from __future__ import annotations

import zlib

import numpy as np

from liq.sources.simulation.price_path import Ticker

NAMES: tuple[str, ...] = tuple(f"SIM{number:03}" for number in range(1, 1000))
"""Names of the synthetic coins, by falling open interest."""


def synthetic_ticker(name: str) -> Ticker:
    """Return one of NAMES as a coin: always the same, and different from the others in price, volatility and size.

    Assumptions: log prices uniform from 0.01 to 3,000 USD, 2.5 to 7.5 % a day, open interest from some
    $200 M down to $1 M in proportion to 1 / number, five digits of price, and a lot of about a dollar.

    >>> synthetic_ticker("SIM001").price > 0
    True
    """
    number, rng = 1 + NAMES.index(name), np.random.default_rng(zlib.crc32(name.encode()))
    price = float(np.exp(rng.uniform(np.log(0.01), np.log(3_000.0))))
    digits = int(np.floor(np.log10(price)))
    dollars = 1e6 + 2e8 / number * float(np.exp(0.3 * rng.standard_normal()))
    volatility = float(rng.uniform(0.025, 0.075))
    return Ticker(round(price, 4 - digits), 10.0 ** (digits - 4), 10.0**-digits, volatility, dollars / price)
