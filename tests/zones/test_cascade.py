"""The cascade: what lies on the way, what an order book stops, and what it never does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from liq.market import OrderBook
from liq.sources.fetch import fetch
from liq.sources.order_book import books, order_book
from liq.sources.simulation.market import simulate
from liq.sources.venues.table import VENUES
from liq.zones.cascade import cascade, cascade_table, forced_on_the_way
from tests.venue_server import VenueServer, formula

HEATMAP = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
PRICE = float(HEATMAP.market.price)
targets = st.floats(0.9, 1.1).filter(lambda factor: abs(factor - 1) > 1e-3).map(lambda factor: PRICE * factor)


def even_book(usd: float, reach: float = 0.3, levels: int = 3000) -> OrderBook:
    """Return an order book with so many dollars in each level."""
    away = np.linspace(0, reach, levels + 1)[1:]
    sides = [np.column_stack([PRICE * np.exp(sign * away), np.full(levels, usd)]) for sign in (-1, 1)]
    return OrderBook(sides[0], sides[1], HEATMAP.market.as_of)


@given(targets)
def test_an_infinite_book_at_the_target_forces_what_lies_on_the_way_and_no_more(target):
    wall = np.array([[target, 1e15]])
    found = cascade(HEATMAP, target, OrderBook(wall, wall, HEATMAP.market.as_of))
    assert found.stop == target
    assert found.forced == pytest.approx(forced_on_the_way(HEATMAP, target)["usd"].sum())


@given(targets)
def test_an_empty_book_stops_nowhere(target):
    none = np.empty((0, 2))
    found = cascade(HEATMAP, target, OrderBook(none, none, HEATMAP.market.as_of))
    on_the_way = forced_on_the_way(HEATMAP, target)["usd"].sum()
    assert np.isnan(found.stop) or on_the_way == 0
    if on_the_way:
        side = "short" if target > PRICE else "long"
        levels = HEATMAP.standing(side)
        beyond = levels["price"] > PRICE if side == "short" else levels["price"] < PRICE
        assert found.forced == pytest.approx(levels.loc[beyond, "usd"].sum())


@settings(max_examples=60)
@given(targets, st.floats(1e2, 1e8), st.floats(1.01, 50))
def test_more_depth_never_carries_further(target, usd, factor):
    less, more = (cascade(HEATMAP, target, even_book(dollars)) for dollars in (usd, usd * factor))
    if np.isnan(less.stop):
        assert more.forced <= less.forced * (1 + 1e-9)
    else:
        assert abs(np.log(more.stop / PRICE)) <= abs(np.log(less.stop / PRICE)) + 1e-12
        assert more.forced <= less.forced * (1 + 1e-9)
    thinned = cascade(HEATMAP, target, even_book(usd * factor), left=1 / factor)
    assert thinned.forced == pytest.approx(less.forced)


@given(targets)
def test_price_never_stops_before_the_target_and_covers_what_was_forced(target):
    found = cascade(HEATMAP, target, even_book(5e4))
    if not np.isnan(found.stop):
        assert abs(np.log(found.stop / PRICE)) >= abs(np.log(target / PRICE)) - 1e-12
        assert found.rested >= found.forced or found.forced == 0


def test_thinner_books_carry_further_and_the_table_says_so():
    table = cascade_table(HEATMAP, PRICE * 0.97, even_book(2e4), liq.top_zones(HEATMAP))
    forced = table["forced"].to_numpy()
    assert (np.diff(forced) >= 0).all()
    assert forced[0] > 0


@pytest.mark.parametrize("name", VENUES)
def test_order_books_are_in_usd_on_every_venue(venues: VenueServer, name: str):
    market = fetch("BTC", "7d", name)
    book = order_book(market)
    expected = formula.COINS["BTC"].volume * formula.SHARE[name] * market.price
    assert book.sources == (name,)
    np.testing.assert_allclose(book.asks[:, 1], expected, rtol=0.02)
    assert book.bids[:, 0].max() < book.asks[:, 0].min()
    assert abs(book.asks[:, 0].min() / market.price - 1) < 0.01


def test_several_venues_order_books_are_one_and_a_failing_one_is_left_out(venues: VenueServer):
    market = fetch("BTC", "7d", "all")
    venues.fail("okx", "503", only="books")
    book = order_book(market)
    assert set(book.sources) == {part.source for part in market.parts} - {"okx"}
    venues.fail("*", "503")
    books.cache_clear()
    with pytest.raises(liq.SourceError, match="No order book"):
        order_book(market)


@pytest.mark.parametrize("mode", ["html", "cut", "empty", "429"])
def test_a_faulty_order_book_is_one_sentence(venues: VenueServer, mode: str):
    market = fetch("BTC", "7d", "gate")
    books.cache_clear()
    venues.fail("gate", mode, only="order_book")
    with pytest.raises(liq.SourceError):
        order_book(market)
