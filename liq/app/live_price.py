"""The price on show and its age, refreshed every few seconds without touching the rest of the page."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from liq import formatting
from liq.app import session_cache
from liq.app.current_market import chosen_prior, is_live, shown_positions
from liq.app.view import View
from liq.errors import LiqError
from liq.formatting import escape_markdown
from liq.market import Market, Quote
from liq.sources import fetch, market_cache, titles
from liq.zones import alerts

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
            _alert(market, view, state.quote)
    state.price_drawn_in_run = run
    quote: Quote | None = state.get("quote")
    if quote and ((quote.symbol, quote.source) != (market.symbol, market.source) or quote.time <= market.as_of):
        quote = None
    _draw(market, view, quote)


def _alert(market: Market, view: View, quote: Quote) -> None:
    """Say quietly, once, that price came near a strong zone of the market on screen, by the watchlist's rules."""
    state = st.session_state
    heatmap = session_cache.view_heatmap(market, chosen_prior(view, market), view.bands, shown_positions())
    before = state.get("price_alerts", {}).get((market.symbol, market.source))
    zones = session_cache.strongest_zones(heatmap)
    new, after = alerts.check(before or {}, market.symbol, zones, quote.price, quote.time, map_kind=heatmap.kind)
    state.price_alerts = {(market.symbol, market.source): after}
    for alert in new if before is not None else ():  # what is near when one comes is on the page anyway
        st.toast(escape_markdown(f"{market.base}: {alerts.describe(alert)}"), icon=":material/notifications:")


def _draw(market: Market, view: View, quote: Quote | None) -> None:
    st.metric(**price_metric(market, view, quote, past=_is_past(market)))


def price_metric(market: Market, view: View, quote: Quote | None, past: bool) -> dict[str, Any]:
    """Return label, value, delta and help of a `st.metric`: the price of the quote or of the market, with its age.

    >>> from liq.sources.fetch import fetch
    >>> market = fetch("BTC", "1d", source="simulated")
    >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> sorted(price_metric(market, view, None, past=False))
    ['delta', 'help', 'label', 'value']
    """
    price, time = (float(market.price), market.as_of) if quote is None else (quote.price, quote.time)
    change = price / float(market.visible["open"].iloc[0]) - 1
    age = f"{formatting.age(time, market_cache.utc_now())} ago"
    if past or view.source in ("archive", "file"):
        form = "%d %b %Y %H:%M" if view.source == "archive" else "%d %b %H:%M"
        age = f"{formatting.naive_utc(time):{form}}" if past or view.source == "archive" else "end of file"
    return {
        "label": f"{market.base}, {age}",
        "value": formatting.price(price, formatting.decimals(price, market.tick)),
        "delta": f"{formatting.percent(change)} in {view.timeframe}",
        "help": formatting.escape_markdown(
            f"{titles.market_title(market, view.timeframe)}, {formatting.timestamp(time)}"
        ),
    }
