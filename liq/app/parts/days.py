"""The archive's part of the sidebar: until when its window goes, and days worth seeing."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from liq.formatting import escape_markdown
from liq.sources import market_cache
from liq.sources.archive.days import DAYS

OLDEST = pd.Timestamp("2019-09-09").date()
"""The day after Binance's archive begins."""


def until_field(bound: dict[str, Any]) -> None:
    """Draw the date at which the archive's window ends; empty is the newest there is."""
    st.date_input(
        "Until, 00:00 UTC",
        None,
        min_value=OLDEST,
        max_value=market_cache.utc_now().date(),
        format="YYYY-MM-DD",
        key="until",
        help="The window of the archive ends where this date begins. Empty is the newest day there is.",
        **bound,
    )


def days_worth_seeing() -> None:
    """Draw the list of days; a click shows one out of the archive."""
    with st.popover("Days worth seeing", icon=":material/event:", width="stretch"):
        for day in DAYS:
            st.button(day.title, key=f"day_{day.date}", on_click=_show, args=(day.until,), type="tertiary")
            st.caption(f"{escape_markdown(day.fact)} [Source]({day.source})")


def _show(until: pd.Timestamp) -> None:
    """Show the archive until a moment; the sidebar takes it over in the next run."""
    st.session_state.next_source, st.session_state.next_until = "archive", until.date()
    st.session_state.next_as_of = None
