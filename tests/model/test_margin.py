"""Liquidation prices against examples worked by hand from the venues' formulae."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import liq
from liq.market import Bracket
from liq.model.margin import bracket_for, brackets, liquidation_factors, liquidation_price

# Worked by hand. Each row: what, arguments, price.
WORKED = [
    # Binance, first bracket: long (50000 - 500 - 0) / 0.996; short (50000 + 500) / 1.004
    ("binance long 100x", dict(side="long", entry=50_000, leverage=100, rate=0.004), 49_698.7951807),
    ("binance short 100x", dict(side="short", entry=50_000, leverage=100, rate=0.004), 50_298.8047809),
    # Binance, 40 BTC = 2M USD at 20x in the 0.65 % bracket (amount 1500): (50000 - 2500 - 1500/40) / 0.9935
    (
        "binance long 20x, third bracket",
        dict(side="long", entry=50_000, leverage=20, rate=0.0065, amount=1500, quantity=40),
        47_773.0246603,
    ),
    # the same short: (50000 + 2500 + 37.5) / 1.0065
    (
        "binance short 20x, third bracket",
        dict(side="short", entry=50_000, leverage=20, rate=0.0065, amount=1500, quantity=40),
        52_198.2116244,
    ),
    # Bybit, 0.5 %: long 50000 - (500 - 250); short 50000 + (500 - 250)
    ("bybit long 100x", dict(side="long", entry=50_000, leverage=100, rate=0.005, rule="entry"), 49_750.0),
    ("bybit short 100x", dict(side="short", entry=50_000, leverage=100, rate=0.005, rule="entry"), 50_250.0),
    # Bybit, 50 BTC = 2.5M at 25x, 0.56 % less 1200: IM 2000, MM 280 - 24 a coin: 50000 - (2000 - 256)
    (
        "bybit long 25x, second tier",
        dict(side="long", entry=50_000, leverage=25, rate=0.0056, amount=1200, quantity=50, rule="entry"),
        48_256.0,
    ),
    # OKX, 0.4 % and a taker fee of 0.05 %: (50000 - 1000) / (1 - 0.0045); (50000 + 1000) / 1.0045
    ("okx long 50x", dict(side="long", entry=50_000, leverage=50, rate=0.004, fee=0.0005), 49_221.4967353),
    ("okx short 50x", dict(side="short", entry=50_000, leverage=50, rate=0.004, fee=0.0005), 50_771.5281234),
    # Hyperliquid BTC, 1.25 %: (50000 - 1250) / 0.9875; (50000 + 1250) / 1.0125
    ("hyperliquid long 40x", dict(side="long", entry=50_000, leverage=40, rate=0.0125), 49_367.0886076),
    ("hyperliquid short 40x", dict(side="short", entry=50_000, leverage=40, rate=0.0125), 50_617.2839506),
    # without leverage a long is never closed
    ("long 1x", dict(side="long", entry=50_000, leverage=1, rate=0.004), 0.0),
]


@pytest.mark.parametrize(("arguments", "price"), [row[1:] for row in WORKED], ids=[row[0] for row in WORKED])
def test_worked_examples(arguments, price):
    assert liquidation_price(**arguments) == pytest.approx(price, rel=1e-9)


def test_the_table_is_continuous():
    """Each bracket's amount makes maintenance margin continuous at its floor, as the venue defines it."""
    for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"):
        steps = brackets(symbol)
        for below, above in itertools.pairwise(steps):
            assert below.cap == above.floor
            expected = below.amount + above.floor * (above.rate - below.rate)
            assert above.amount == pytest.approx(expected, abs=1.0)


def test_bracket_slides_down_until_the_leverage_is_allowed():
    steps = brackets("BTC/USDT:USDT")
    assert bracket_for(steps, 10, notional=2_000_000).rate == 0.0065
    assert bracket_for(steps, 100, notional=2_000_000).rate == 0.005
    assert bracket_for(steps, 150).rate == 0.004
    assert bracket_for(steps, 10, notional=1e12).max_leverage >= 10


def test_an_unlisted_coin_gets_the_default_brackets():
    assert brackets("NOBODY/USDT:USDT") == brackets("SUI/USDT:USDT")


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "SUI/USDT:USDT"])
def test_more_leverage_lies_nearer_and_on_the_right_side(side, symbol):
    leverages = np.array([2, 3, 5, 10, 25, 50, 75, 100, 125, 150, 250, 500, 1000], float)
    distance = np.log(liquidation_factors(side, leverages, brackets(symbol)))
    distance = -distance if side == "long" else distance
    assert (np.diff(distance) <= 1e-12).all()
    assert (distance > 0).all()


def test_wrong_words_are_refused():
    with pytest.raises(liq.InputError):
        liquidation_price("up", 1.0, 10, 0.004)
    with pytest.raises(liq.InputError):
        liquidation_price("long", 1.0, 10, 0.004, rule="guess")
    with pytest.raises(liq.InputError):
        bracket_for([], 10)
    assert Bracket(0, 1, 0.1, 5, 0).max_leverage == 5
