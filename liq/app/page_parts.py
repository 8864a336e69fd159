"""What pages draw alike: figures, the notices about a market, download buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from liq.formatting import escape_markdown
from liq.market import Market
from liq.sources import titles
from liq.sources.venues.table import VENUES

METRIC_STYLE: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "width": 168}
"""Options of a `st.metric` whose second line is not a change, so it is not coloured like one."""


NARROW = 640
"""Width of a window in pixels up to which it counts as a phone's."""

STYLE = f"""<style>
.st-key-heatmap_panel {{ flex: none; height: max(480px, calc(100vh - 330px)); }}
.st-key-phone_controls, .st-key-phone_figures {{ display: none; }}
@media (max-width: {NARROW}px) {{
  .st-key-figures {{ display: none; }}
  .st-key-phone_controls, .st-key-phone_figures {{ display: flex; }}
  .st-key-heatmap_panel {{ height: max(480px, calc(100vh - 250px)); }}
}}
</style>"""
"""What Streamlit has no setting for: a chart as high as the window, and parts that only a phone shows."""


def market_notices(market: Market, losses: Sequence[str] = ()) -> None:
    """Draw the notices about a market: that it is simulated, what its source could not give, what took the book.

    losses : sentences of `liq.validation.book_losses`.
    """
    if market.source == "simulated":
        simulated_warning(bool(market.left_out))
    said = ("This is a simulated market", "No venue answered")  # by the warning above
    for note in (*(note for note in market.notes if not note.startswith(said)), *losses):
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


def downloads(stem: str, files: dict[str, tuple[str, Callable[[], str | bytes]]]) -> None:
    """Draw one button per file; a file is built when its button is clicked."""
    with st.container(horizontal=True):
        for label, (name, build) in files.items():
            st.download_button(
                label,
                build,
                f"{stem}_{name}",
                on_click="ignore",
                icon=":material/download:",
                key=f"download_{name}",
            )
