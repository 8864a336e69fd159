"""The second market of the page side by side: what its second chart shows, beside the session's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from liq import formatting
from liq.app import session_cache, tickers
from liq.app.current_market import chosen_prior, is_live, kept_market, shown_positions
from liq.app.real_positions import map_positions
from liq.app.view import View
from liq.market import LOOKBACKS, Market, lookback
from liq.model.choice import MAPS
from liq.model.heatmap import Heatmap
from liq.positions import Positions
from liq.sources import fetch, market_cache

DAYS_LATE = pd.Timedelta(days=3)
"""How long before the present the archive's newest window may end."""

SAME = "the same"
"""What a control of the second chart says where it follows the first one."""


def right_view(view: View) -> View:
    """Draw the controls of the second chart and return its view: the first one's, but for what is chosen here."""
    bound: dict[str, Any] = {"bind": "query-params"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ticker = st.selectbox(
            "Second ticker",
            [SAME, *tickers.tickers(view.source)],
            key="right_ticker",
            accept_new_options=True,
            width=170,
            **bound,
        )
        sources = [SAME, *(name for name in fetch.SOURCES if name != "file")]
        source = st.selectbox("Second source", sources, key="right_source", width=170, **bound)
        timeframe = st.selectbox("Second timeframe", [SAME, *LOOKBACKS], key="right_timeframe", width=170, **bound)
        chosen_map = st.selectbox("Second map", [SAME, *MAPS], key="right_map", width=170, **bound)
        moment = st.datetime_input(
            "Second moment, UTC", None, step=60, format="YYYY-MM-DD", key="right_as_of", width=220, **bound
        )
    shown = view.source if source in (SAME, None) else source
    until = view.until if shown == view.source else None
    at = None if moment is None else pd.Timestamp(moment)
    if shown == "archive" and at is not None:
        end = formatting.naive_utc(market_cache.utc_now()) if until is None else until
        length = lookback(timeframe if timeframe in LOOKBACKS else view.timeframe).window
        if not end - length - (DAYS_LATE if until is None else pd.Timedelta(0)) <= at <= end:
            until, at = at, None  # of another day than the first chart's
    return replace(
        view,
        ticker=view.ticker if ticker in (SAME, None, "") else str(ticker).strip(),
        source=shown,
        timeframe=view.timeframe if timeframe in (SAME, None) else timeframe,
        map=view.map if chosen_map in (SAME, None) else chosen_map,
        until=until,
        as_of=view.as_of if moment is None else at,
    )


def right_heatmap(view: View, left: View, left_heatmap: Heatmap) -> tuple[Heatmap, Positions | None]:
    """Return the map of the second chart's market and the positions that it is made of, None for the estimate; raise
    LiqError. Market and map are the first chart's own where they are equal."""
    names = ("ticker", "source", "timeframe", "until")
    is_same = all(getattr(view, name) == getattr(left, name) for name in names)
    if is_same and view.map == left.map:
        return left_heatmap, shown_positions()
    market = left_heatmap.market if is_same else _market(view)
    positions = map_positions(view, market, offers=False)
    return session_cache.view_heatmap(market, chosen_prior(view, market), view.bands, positions), positions


def _market(view: View) -> Market:
    """Return the market of the second chart, kept until a bar closes; raise LiqError."""
    request = (view.ticker, view.source, view.timeframe, view.until)
    if (kept := kept_market("compared", request, is_live(view))) is not None:
        return kept
    with st.spinner(f"Fetching {view.ticker}", show_time=False):
        market = fetch.fetch(view.ticker, view.timeframe, view.source, as_of=view.until)
    st.session_state.compared = (request, market, market_cache.utc_now())
    return market
