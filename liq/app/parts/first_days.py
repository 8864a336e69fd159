"""The reality check on a day of the archive: liquidations of the first of a month, which Tardis gives."""

from __future__ import annotations

import threading

import pandas as pd
import streamlit as st
from cachetools import LRUCache, cached

from liq.errors import InputError
from liq.formatting import escape_markdown
from liq.market import Market
from liq.model.estimated import Estimate
from liq.sources.archive import liquidations
from liq.validation.place import place_score
from liq.validation.reality_check import ScoringInput

LONGEST_BAR = pd.Timedelta(minutes=5)
"""Longest bar of a window whose one day has enough of them to fit the baseline on a half and score the other."""


def scoring_by_first_days(heatmap: Estimate) -> ScoringInput | None:
    """Return the map with Tardis's liquidations where they were asked for, None where not; raise LiqError."""
    market = heatmap.market
    return _scoring(heatmap) if st.session_state.get("first_days") == _key(market) else None


@cached(LRUCache(4), condition=threading.Condition())
def _scoring(heatmap: Estimate) -> ScoringInput:
    """Return the map with Tardis's liquidations, one object for all sessions."""
    events, days = liquidations.first_days(heatmap.market)
    return ScoringInput(heatmap, liquidations.by_minute(events, days), liquidations.remark(days), events=events)


def offer_first_days(market: Market) -> None:
    """Draw the button that asks Tardis, or a sentence on which window has such a day."""
    if market.source != "archive":
        return
    days = liquidations.days_in(market)
    if days and market.bar <= LONGEST_BAR:
        label = f"Score against {' and '.join(f'{day:%d %B %Y}' for day in days)}, from Tardis"
        st.button(label, on_click=_ask, args=(_key(market),), icon=":material/fact_check:", key="ask_first_days")
    else:
        st.caption(
            "Tardis gives the liquidations of the first day of each month: to score one, choose 1d or 3d, until the "
            "second of a month."
        )


def place_caption(scoring: ScoringInput) -> None:
    """Draw where inside swept ranges single liquidations lay, where their prices are known."""
    if scoring.events is None:
        return
    try:
        place = place_score(scoring.heatmap, scoring.events)
    except InputError as error:
        st.caption(f"Place is not scored: {error}")
        return
    st.caption(escape_markdown(place.line))


def _key(market: Market) -> tuple[str, pd.Timestamp]:
    """Return what a choice of Tardis's days is kept for."""
    return market.symbol, market.as_of


def _ask(key: tuple[str, pd.Timestamp]) -> None:
    st.session_state.first_days = key
