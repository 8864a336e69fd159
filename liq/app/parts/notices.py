"""Notices about a market and its map: that it is simulated, what its source could not give, what its levels are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from liq.formatting import escape_markdown
from liq.market import Market
from liq.sources import titles
from liq.sources.venues.table import VENUES
from liq.wording import ESTIMATE, LEFT_EDGE


def market_notices(market: Market, losses: Sequence[str] = (), kind: str = ESTIMATE) -> None:
    """Draw the notices about a market: that it is simulated, what its source could not give, what took the book.

    losses : sentences of `liq.validation.book_losses`; kind : of its map, without the notes that are of the other.
    """
    if market.source == "simulated":
        simulated_warning(bool(market.left_out))
    said = ("This is a simulated market", "No venue answered")  # by the warning above
    notes = [note for note in market.notes if kind == ESTIMATE or not note.endswith(LEFT_EDGE)]
    for note in (*(note for note in notes if not note.startswith(said)), *losses):
        st.caption(f":material/info: {escape_markdown(note)}")
    if market.left_out:
        with st.expander(titles.shown_sentence(market)):
            for name, reason in market.left_out.items():
                st.caption(f"{titles.source_title(name)} {escape_markdown(reason)}.")
            with st.container(horizontal=True):
                for name in VENUES:
                    if name != market.source:
                        label = f"Show {titles.source_title(name)}"
                        st.button(label, key=f"show_{name}", on_click=choose_source, args=(name,))


def choose_source(name: str) -> None:
    """Choose another source; the sidebar takes it over in the next run."""
    st.session_state.next_source = name


def simulated_warning(replaces: bool) -> None:
    """Warn that a market is simulated, and say so where it replaces venues that did not answer."""
    why = "No venue answered, so this" if replaces else "This"
    st.warning(
        f"**Simulated market.** {why} is an invented market: no price and no position here is real.",
        icon=":material/science:",
    )
