"""Coins that nobody lists, by the hundred, so that a scan has as many simulated markets as it asks for."""

from __future__ import annotations

import zlib

import numpy as np

from liq.sources.simulation.price_path import Ticker

NAMES: tuple[str, ...] = tuple(f"SIM{number:03}" for number in range(1, 1000))
"""Every made-up coin, by falling open interest."""


def synthetic_ticker(name: str) -> Ticker:
    """Return one of NAMES as a coin: always the same, and unlike the others in price, jumpiness and size.

    Assumptions: prices from 0.01 to 3,000 USD alike in their logs, 2.5 to 7.5 % a day, open interest from some
    $200 M down to $1 M as the reciprocal of its place, five digits of price, and a lot of about a dollar.
    """
    place, chance = 1 + NAMES.index(name), np.random.default_rng(zlib.crc32(name.encode()))
    price = float(np.exp(chance.uniform(np.log(0.01), np.log(3_000.0))))
    digits = int(np.floor(np.log10(price)))
    dollars = 1e6 + 2e8 / place * float(np.exp(0.3 * chance.standard_normal()))
    volatility = float(chance.uniform(0.025, 0.075))
    return Ticker(round(price, 4 - digits), 10.0 ** (digits - 4), 10.0**-digits, volatility, dollars / price)
