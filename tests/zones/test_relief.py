"""Relief: one where nothing stands out, the same in any unit and at any price, and blind to what comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import liq
from liq.charts.heatmap.data import datasets
from liq.charts.heatmap.window import column_closes, relief_cells, usual_by_side, window
from liq.model.as_of import heatmap_up_to
from liq.sources.simulation.market import simulate
from liq.zones.relief import LEAST, relief, usual_dollars, zones_by_relief

books = arrays.arrays(float, (12, 20), elements=st.floats(0, 1e9, allow_subnormal=False))
prices = arrays.arrays(np.int64, 12, elements=st.integers(0, 20))


@given(prices, st.sampled_from(["long", "short"]))
def test_a_book_that_depends_on_distance_alone_has_no_relief(nearest, side):
    rows = np.arange(20)
    steps = rows - nearest[:, None] if side == "short" else nearest[:, None] - 1 - rows
    usd = np.where(steps >= 0, 1e6 * (10.0 + steps), 0.0)
    usual = usual_dollars(usd, nearest, side)
    cells = relief(usd, nearest, side, usual)
    assert np.allclose(cells[usd > 0], 1.0)
    assert not cells[usd == 0].any()


@given(books, prices, st.sampled_from(["long", "short"]), st.floats(1e-6, 1e6))
def test_the_unit_does_not_matter(usd, nearest, side, factor):
    one = relief(usd, nearest, side, usual_dollars(usd, nearest, side))
    other = relief(usd * factor, nearest, side, usual_dollars(usd * factor, nearest, side))
    assert np.allclose(one, other)


@given(books, prices, st.sampled_from(["long", "short"]))
def test_it_is_finite_and_not_negative_and_floored(usd, nearest, side):
    usual = usual_dollars(usd, nearest, side)
    cells = relief(usd, nearest, side, usual)
    assert np.isfinite(cells).all()
    assert (cells >= 0).all()
    positive = usual[np.isfinite(usual) & (usual > 0)]
    if len(positive):
        assert cells.max() <= usd.max() / (LEAST * np.median(positive)) * (1 + 1e-9)


@pytest.fixture(scope="module")
def heatmap():
    return liq.estimate(simulate("BTC", "1d", now="2026-09-01"))


def test_the_time_machine_uses_nothing_later_than_its_moment(heatmap):
    drawn, closes = window(heatmap), column_closes(heatmap)
    row = len(heatmap.times) // 2
    before = usual_by_side(drawn, closes, row)
    later = drawn.long.copy()
    later[row:] *= 50
    changed = type(drawn)(drawn.start, drawn.step, drawn.edges, later, drawn.short, drawn.top)
    after = usual_by_side(changed, closes, row)
    for side in ("long", "short"):
        assert np.array_equal(before[side], after[side], equal_nan=True)
    then = heatmap_up_to(heatmap, row)
    data = datasets(heatmap, drawn, then=then, scale="relief", usual=before)
    assert data["ticks"]["usd"].iloc[-1].startswith("×")


def test_the_picture_in_relief_is_another_one_and_says_so(heatmap):
    drawn = window(heatmap)
    usual = usual_by_side(drawn, column_closes(heatmap))
    dollars, multiples = (datasets(heatmap, drawn, scale=scale, usual=usual) for scale in ("dollars", "relief"))
    assert dollars["picture"]["url"].item() != multiples["picture"]["url"].item()
    assert "usual at this distance" in multiples["frame"]["unit"].item()
    assert "USD" in dollars["frame"]["unit"].item()
    cells = relief_cells(drawn, column_closes(heatmap), usual)
    assert 0.5 < np.median(cells[cells > 0]) < 2


def test_zones_are_ranked_by_how_far_they_stand_out_and_keep_their_dollars(heatmap):
    by_dollars, by_relief = liq.top_zones(heatmap, n=200), zones_by_relief(heatmap, n=5)
    columns = ["side", "low", "high", "usd"]
    assert len(by_relief.merge(by_dollars, on=columns)) == len(by_relief)
    for _, side in by_relief.groupby("side"):
        assert side["relief"].is_monotonic_decreasing
    assert not by_relief[columns].equals(liq.top_zones(heatmap, n=5)[columns])


def test_the_relief_of_a_zone_is_that_of_its_cells(heatmap):
    zone = zones_by_relief(heatmap).iloc[0]
    middle = np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:])
    nearest = np.searchsorted(middle, heatmap.market.candles["close"].reindex(heatmap.times))
    side = "short" if zone["side"] == "above" else "long"
    usd = getattr(heatmap, side)
    cells = relief(usd, nearest, side, usual_dollars(usd, nearest, side))[-1]
    inside = (heatmap.edges[:-1] >= zone["low"] * (1 - 1e-9)) & (heatmap.edges[1:] <= zone["high"] * (1 + 1e-9))
    assert cells[inside].min() - 1e-9 <= zone["relief"] <= cells[inside].max() + 1e-9


def test_where_few_levels_stand_and_some_moments_are_unknown_there_still_is_relief():
    usd = np.zeros((20, 12))
    usd[12:15, 9], usd[16:18, 11] = 8.0, 2.0
    nearest = np.full(20, 5)
    usual = usual_dollars(usd, nearest, "short")
    multiples = relief(usd, nearest, "short", usual)
    assert ((multiples > 0) == (usd > 0)).all()
    assert usual_dollars(usd[10:], nearest[10:], "short")[4] == pytest.approx(2 * usual[4])
    assert np.isnan(usual_dollars(usd[:0], nearest[:0], "short")).all()
