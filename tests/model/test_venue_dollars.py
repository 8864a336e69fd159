"""Dollars of venues: one venue prints its own, several add up, and what was never measured says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import liq
from liq.model.venue_dollars import SHARES, dollar_scale
from tests.markets import candles

THREE = ("binanceusdm", "bybit", "okx")


def market(source: str, symbol: str = "BTC/USDT:USDT") -> liq.Market:
    """Return a few hours of a market that moves."""
    frame = candles([100.0, 101.0, 99.0, 100.5, 97.0, 103.0, 100.0])
    return liq.Market(symbol, source, frame, pd.Series(1000.0, frame.index))


@pytest.mark.parametrize("coin", list(SHARES))
def test_binances_part_of_three_venues_is_the_measured_one(coin):
    measured = {"BTC": 0.37, "ETH": 0.38, "SOL": 0.46, "XRP": 0.36}
    assert 1 / dollar_scale("binanceusdm", coin, THREE).factor == pytest.approx(measured[coin], abs=0.006)


def test_venues_print_their_own_dollars_and_several_add_up():
    own = liq.estimate(market("binanceusdm"), columns=1)
    three = liq.estimate(market("binanceusdm"), columns=1, venues=THREE)
    factor = dollar_scale("binanceusdm", "BTC", THREE).factor
    np.testing.assert_allclose(three.swept, own.swept * factor)
    np.testing.assert_allclose(three.long, own.long * factor)
    np.testing.assert_allclose(three.by_tier("short").sum(axis=0), three.short[-1])
    np.testing.assert_allclose(three.standing("long")["usd"].sum(), three.long[-1].sum())
    assert three.scale.venues == THREE
    assert own.scale.factor == 1.0


def test_of_several_venues_each_prints_its_own():
    parts = (market("binanceusdm"), market("bybit"))
    both = liq.Market("BTC/USDT:USDT", "binanceusdm", parts[0].candles, parts[0].open_interest, parts=parts)
    added = liq.estimate(both, columns=1)
    alone = [liq.estimate(part, columns=1, edges=added.edges) for part in parts]
    np.testing.assert_allclose(added.long, alone[0].long + alone[1].long)
    assert alone[1].swept.to_numpy().sum() == pytest.approx(3.01 / 1.39 * alone[0].swept.to_numpy().sum())
    with pytest.raises(liq.InputError, match="each prints its own"):
        liq.estimate(both, venues=THREE)


def test_what_was_never_measured_has_a_wider_interval():
    known, coin, venue = (
        dollar_scale(source, base)
        for source, base in (("binanceusdm", "BTC"), ("binanceusdm", "PEPE"), ("krakenfutures", "BTC"))
    )
    width = [scale.high / scale.low for scale in (known, coin, venue)]
    assert width == sorted(width)
    assert (known.measured, coin.measured, venue.measured) == (True, False, False)
    assert all(scale.low < scale.factor < scale.high for scale in (known, coin, venue))


@pytest.mark.parametrize("venues", [("kraken",), ("binanceusdm", "krakenfutures"), ()])
def test_a_venue_without_a_measured_share_is_refused_with_those_that_have_one(venues):
    with pytest.raises(liq.InputError, match="binanceusdm, bybit, okx, gate, hyperliquid"):
        liq.estimate(market("binanceusdm"), venues=venues)


def test_skill_and_calibrate_take_the_venues_that_were_recorded():
    from liq.sources.simulation.market import simulate

    subject = simulate("BTC", "7d", now="2026-09-01")
    heatmap = liq.estimate(subject, columns=1)
    own, three = liq.skill(heatmap, subject.liquidations), liq.skill(heatmap, subject.liquidations, venues=THREE)
    assert three.ratio == pytest.approx(own.ratio * dollar_scale("simulated", "BTC", THREE).factor)
    fitted = [liq.calibrate(subject, subject.liquidations, venues=venues, raw=True) for venues in (None, THREE)]
    assert sum(fitted[1].weights) < 0.6 * sum(fitted[0].weights)
