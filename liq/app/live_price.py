"""The price on show and its age, refreshed every few seconds without touching the rest of the page."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from liq.app import session_cache
from liq.app.current_market import is_live
from liq.app.view import View
from liq.errors import LiqError
from liq.market import Market, Quote
from liq.sources import fetch, market_cache

INTERVAL = "5s"
"""Time between two requests for the live price."""


def live_price(market: Market, view: View) -> None:
    """Draw the price of a market and its age; it refreshes itself unless the market is one of the past."""
    refreshes = is_live(view) and not _is_past(market)
    (_refreshing if refreshes else _still)(market, view, st.session_state.run)


def _is_past(market: Market) -> bool:
    return market is not st.session_state.current_market[1]


@st.fragment
def _still(market: Market, view: View, run: int) -> None:
    _draw(market, view, None)


@st.fragment(run_every=INTERVAL)
def _refreshing(market: Market, view: View, run: int) -> None:
    """Request the price on every tick; the first drawing belongs to the page's run and must not wait for a venue."""
    state = st.session_state
    if state.get("price_drawn_in_run") == run:
        if market_cache.needs_refresh(market, state.current_market[2]):
            st.rerun()  # a bar has closed, so the map itself is due
        with suppress(LiqError):  # the last price stays, with its age
            state.quote = fetch.quote(market.symbol, market.source)
    state.price_drawn_in_run = run
    quote: Quote | None = state.get("quote")
    if quote and ((quote.symbol, quote.source) != (market.symbol, market.source) or quote.time <= market.as_of):
        quote = None
    _draw(market, view, quote)


def _draw(market: Market, view: View, quote: Quote | None) -> None:
    st.metric(**session_cache.price_metric(market, view, quote, past=_is_past(market)))
