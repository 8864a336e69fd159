"""Trapped positions: what is under water, by the price it was opened at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from benchmarks import recordings
from liq.charts.trapped import datasets
from liq.validation.positions.trapped import BUCKETS, LARGEST, trapped
from tests.markets import needs_recordings
from tests.served import ROOT
from tests.validation.positions.worlds import positions, row


def test_longs_above_and_shorts_below_price_are_under_water():
    seen = positions(
        row(account="a", entry=110.0, coins=2.0),
        row(account="b", entry=90.0, coins=1.0),
        row(account="c", side="short", entry=95.0),
        row(account="d", side="short", entry=105.0),
        row(account="e", side="short", entry=100.0),
    )
    found = trapped(seen, "BTC", 100.0)
    assert found.shares["long"]["all"] == pytest.approx(220 / 310)
    assert found.shares["short"]["all"] == pytest.approx(95 / 300), "at its own entry nobody loses"
    assert found.usd["long"].loc["all"].to_dict() == {"under": 220.0, "held": 90.0}
    assert "71 % of $310 of longs are under water" in found.sentence
    assert trapped(seen, "ETH", 100.0) is None


def test_the_largest_accounts_are_apart():
    crowd = [row(account=f"crowd {n}", entry=90.0) for n in range(30)]
    whales = [row(account=f"whale {n}", entry=120.0, coins=50.0) for n in range(LARGEST)]
    found = trapped(positions(*crowd, *whales), "BTC", 100.0)
    assert found.accounts == {"largest": LARGEST, "others": 30}
    assert found.shares["long"].to_dict() == {"others": 0.0, "largest": 1.0, "all": pytest.approx(0.957, abs=1e-3)}
    assert "(largest accounts 100 %, all others 0 %)" in found.sentence
    few = trapped(positions(*crowd[:3]), "BTC", 100.0)
    assert few.accounts == {"largest": 3, "others": 0}
    assert np.isnan(few.shares["long"]["others"])
    assert "no short was seen" in few.sentence
    assert datasets(few)["others"].empty


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["long", "short"]), st.floats(1.0, 1e5), st.floats(0.01, 1e4), st.integers(0, 20)),
        min_size=1,
        max_size=40,
    ),
    st.floats(10.0, 1e4),
    st.sampled_from([0.01, 4.0]),
)
def test_dollars_are_all_there_and_price_parts_them(drawn, price, factor):
    assume(all(abs(entry / price - 1) > 1e-9 for _, entry, _, _ in drawn))
    rows = [row(account=str(n), side=side, entry=entry, coins=coins) for side, entry, coins, n in drawn]
    found = trapped(positions(*rows), "BTC", price)
    total = sum(entry * coins for _, entry, coins, _ in drawn)
    assert found.usd.loc["all"].sum() == pytest.approx(total)
    assert found.table["usd"].sum() + sum(found.outside.values()) == pytest.approx(total)
    for side, sign in (("long", 1), ("short", -1)):
        own = found.table[found.table["side"] == side]
        assert (own["under_water"] == (sign * (own["low"] + own["high"]) / 2 > sign * price)).all()
        curve = found.curve[side].dropna().to_numpy()
        assert ((curve >= 0) & (curve <= 1 + 1e-9)).all()
        assert (sign * np.diff(curve) <= 1e-9).all(), "the higher the price, the fewer longs lose"
    assert len(found.curve) <= BUCKETS + 3
    at = np.abs(found.curve["price"] / price - 1).argmin()
    assert found.curve["price"][at] == pytest.approx(price)
    scaled = [row(account=str(n), side=side, entry=factor * entry, coins=coins) for side, entry, coins, n in drawn]
    again = trapped(positions(*scaled), "BTC", factor * price)
    np.testing.assert_allclose(again.shares.to_numpy(float), found.shares.to_numpy(float))


@needs_recordings
def test_after_a_fall_the_recorded_longs_are_all_under_water():
    prices = recordings.market_2026("eth")
    found = trapped(recordings.positions(), "ETH", prices.price, prices.as_of)
    assert found.shares["long"]["all"] > 0.99
    assert found.shares["short"]["all"] < 0.05


@pytest.mark.parametrize(
    ("query", "shown"),
    [({"observed": "true"}, True), ({"map": "real positions"}, True), ({"map": "estimate"}, False), ({}, False)],
)
def test_the_liquidation_map_draws_them_where_positions_are_at_hand(query, shown):
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in {"source": "simulated", **query}.items():
        app.query_params[name] = value
    app = app.switch_page("pages/liquidation_map.py").run()
    assert not app.exception
    assert ("Trapped" in [heading.value for heading in app.subheader]) == shown
    labels = [metric.label for metric in app.metric]
    assert ("Longs under water" in labels) == shown
    assert len(app.get("vega_lite_chart")) == 1 + 3 * shown


def test_a_side_that_nobody_holds_is_drawn_as_nothing():
    data = datasets(trapped(positions(row(entry=110.0)), "BTC", 100.0))
    assert set(data["shares"]["name"]) == {"Longs"}
    assert data["largest"]["usd"].tolist() == [110.0]
