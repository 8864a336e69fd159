"""The tickers that the sidebar offers; none is requested before a picture is drawn."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from liq.errors import LiqError
from liq.sources import fetch

DEFAULT_COINS = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE")
"""Offered where the source cannot say what it lists; any other can be typed."""

DELAY = "2s"
"""Time after the picture before the list of tickers is requested: the browser draws first."""


def tickers(source: str) -> list[str]:
    """Return what the source lists as far as that is known without a request, else DEFAULT_COINS.

    >>> tickers("simulated")[:3]
    ['BTC', 'ETH', 'SOL']
    """
    return _known(source) or list(DEFAULT_COINS)


def request_tickers(source: str) -> None:
    """Request what the source lists, where that is not known, after the page is drawn, and run the page again."""
    if st.session_state.get("no_tickers") != source and not _known(source):
        st.fragment(_request, run_every=DELAY)(source, st.session_state.run)


def _request(source: str, run: int) -> None:
    state = st.session_state
    if state.get("tickers_drawn_in_run") == run:
        with suppress(LiqError):
            fetch.tickers(source)
        if not _known(source):
            state.no_tickers = source  # what can be typed will do until another source is chosen
        st.rerun()
    state.tickers_drawn_in_run = run


def _known(source: str) -> list[str]:
    with suppress(LiqError):
        return fetch.known_tickers(source)
    return []
