"""Funding rates and taker volume through real ccxt: what comes out is what the formula says, or one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from liq.errors import SourceError
from liq.sources import context
from liq.sources.fetch import fetch
from liq.sources.venues.table import VENUES
from tests.venue_server import VenueServer, formula


@pytest.fixture(autouse=True)
def nothing_cached():
    """Forget what another test has read."""
    for series in (context._funding, context._taker):
        series.cache_clear()


@pytest.mark.parametrize("timeframe", ["1d", "6M"])
@pytest.mark.parametrize("name", VENUES)
def test_funding_rates_fill_the_window_without_gap(venues: VenueServer, name: str, timeframe: str):
    market = fetch("BTC", timeframe, name)
    read = context.funding_rates(market)
    times = read.values.index
    assert read.source == name
    np.testing.assert_allclose(read.values, formula.funding(name, "BTC", times.as_unit("ms").asi8), rtol=1e-9)
    step = pd.Timedelta(hours=VENUES[name].funding_hours)
    assert (np.diff(times) == step).all()
    assert times[0] <= market.start + step
    assert market.as_of - times[-1] <= step


@pytest.mark.parametrize("timeframe", ["12h", "7d", "1M"])
def test_taker_delta_is_what_was_bought_less_what_was_sold(venues: VenueServer, timeframe: str):
    market = fetch("ETH", timeframe, "binanceusdm")
    bars = market.visible.iloc[:-1]
    delta = context.taker_delta(market).values.reindex(bars.index)
    share = formula.taker_share("binanceusdm", "ETH", delta.index.as_unit("ms").asi8)
    np.testing.assert_allclose(delta, (2 * share - 1) * bars["volume"] * bars["close"], rtol=1e-4)


def test_what_a_venue_does_not_state_is_one_sentence(venues: VenueServer):
    with pytest.raises(SourceError, match="No taker volume: Bybit does not state in its candles what takers bought"):
        context.taker_delta(fetch("BTC", "1d", "bybit"))


def test_of_several_venues_the_first_that_has_it_is_named(venues: VenueServer):
    market = fetch("BTC", "1d", "all")
    assert context.taker_delta(market).source == "binanceusdm"
    venues.fail("binanceusdm", "503", only="fundingRate")
    assert context.funding_rates(market).source == market.parts[1].source


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("mode", ["503", "html", "empty", "cut", "nonsense"])
def test_a_fault_is_one_sentence_and_nothing_is_cached(venues: VenueServer, name: str, mode: str):
    market = fetch("BTC", "1d", name)
    only = {"hyperliquid": "info", "krakenfutures": "historicalfundingrates"}.get(name, "fund")
    venues.fail(name, mode, only=only)
    with pytest.raises(SourceError, match=f"^No funding rates: {VENUES[name].title} .*\\.$"):
        context.funding_rates(market)
    venues.heal()
    assert len(context.funding_rates(market).values) > 1
