"""The context panels: every value is the series' own at its bar, and none is later than the moment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liq.app.parts.context import FUNDING, INTEREST, NAMES, TAKER, context_panels
from liq.charts.heatmap.strips.context import STEPS, Panel, below_heat, panel_columns, panel_rows, values_by_bar
from liq.charts.heatmap.strips.panels import KEYS
from liq.model.as_of import first_bars
from liq.sources import context
from liq.sources.fetch import fetch
from liq.sources.simulation.market import simulate
from tests.venue_server import VenueServer

MARKET = simulate("BTC", "1d", now="2026-09-01 12:00")
numbers = st.one_of(st.just(float("nan")), st.floats(-1e12, 1e12))


@given(st.lists(numbers, min_size=1, max_size=30), st.booleans())
def test_a_value_is_read_back_to_a_thousandth_of_the_panels_range(values, signed):
    panel = Panel("a", np.array(values), signed, ".3s")
    row, sent = panel_rows([panel]).iloc[0], panel_columns([panel])["c1"]
    read = row["base"] + row["span"] * sent.to_numpy(float, na_value=np.nan) / STEPS
    assert np.array_equal(np.isnan(read), np.isnan(values))
    known = np.isfinite(read)
    assert (np.abs(read - values)[known] <= 0.51 * row["span"] / STEPS + 1e-9 * np.abs(np.array(values))[known]).all()
    drawn = row["zero"] - row["reach"] * sent.to_numpy(float, na_value=0.0) / STEPS
    assert ((drawn >= row["top"]) & (drawn <= 1)).all()


def test_panels_lie_under_each_other_and_under_the_strip():
    panels = [Panel(name, np.array([1.0, 2.0]), False, "s") for name in NAMES]
    rows = panel_rows(panels)
    assert len(KEYS) >= len(NAMES)
    assert np.allclose(np.diff(rows["top"]), rows["top"].diff().iloc[1])
    assert rows["top"].iloc[0] >= 1 - below_heat(len(panels))


def test_nothing_later_than_the_moment_is_shown():
    then = first_bars(MARKET, len(MARKET.candles) - 100)
    (panel,), (sentence,) = context_panels((INTEREST,), MARKET, then)
    visible = MARKET.visible
    expected = MARKET.open_interest.reindex(visible.index).to_numpy()
    assert np.isnan(panel.values[-100:]).all()
    np.testing.assert_array_equal(panel.values[:-100], expected[:-100])
    assert sentence.startswith("Open interest: ")
    times = pd.date_range(MARKET.start, MARKET.as_of, freq="1h")
    rates = pd.Series(np.arange(len(times), dtype=float), times if times.tz else times.tz_localize("UTC"))
    values = values_by_bar(rates, MARKET, then.as_of, lasts=True)
    assert np.isnan(values[-100:]).all()
    assert (np.diff(values[:-100]) >= 0).all()
    assert np.nanmax(values) == rates[rates.index <= pd.Timestamp(then.as_of).tz_convert("UTC")].iloc[-1]


def test_what_a_source_does_not_have_is_said_and_the_rest_is_drawn():
    panels, said = context_panels(NAMES, MARKET, MARKET)
    assert len(panels) == 1
    assert said[1:] == [
        "No funding rates: the simulated market has none.",
        "No taker volume: the simulated market has none.",
    ]


@pytest.mark.parametrize("mode", ["503", "nonsense", "cut"])
def test_a_panel_whose_venue_fails_leaves_the_others(venues: VenueServer, mode: str):
    context._funding.cache_clear()
    market = fetch("BTC", "1d", "binanceusdm")
    venues.fail("binanceusdm", mode, only="fundingRate")
    panels, said = context_panels((FUNDING, TAKER), market, market)
    assert [panel.words for panel in panels] == ["takers bought less sold, USD"]
    assert said[0].startswith("No funding rates: Binance ")
    assert "Taker delta: Binance, last of" in said[1]
