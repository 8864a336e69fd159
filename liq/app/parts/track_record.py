"""The track record of the window's zones: what became of each, beside levels that are no zones."""

from __future__ import annotations

import streamlit as st

from liq.app import session_cache
from liq.charts.tables.track_record import outcome_table, zone_table
from liq.formatting import escape_markdown
from liq.model.heatmap import Heatmap
from liq.validation.track_record import NAMED, OUTCOMES
from liq.wording import WORDS

ABOUT = (
    f"The {NAMED} strongest zones a side, named every six hours (less often in long windows) from the map as it "
    "stood then, and what became of each. Placebo: levels as far away and as wide, on the same side, from other "
    "moments of about the same volatility, followed for as long."
)


@st.fragment
def track_record(heatmap: Heatmap) -> None:
    """Draw the track record once it is asked for: it takes as long as everything else on the page."""
    st.subheader("Track record of zones", help=ABOUT)
    if not st.toggle("Follow the zones named in this window", key="record", bind="query-params"):
        return
    record = session_cache.zone_record(heatmap)
    st.caption(escape_markdown(record.sentence))
    if record.zones.empty:
        return
    help_of = "; ".join(f"{name}: {meaning}" for name, meaning in OUTCOMES.items())
    right = dict.fromkeys(("Zones", "Share", "Placebo levels"), st.column_config.TextColumn(alignment="right"))
    st.dataframe(outcome_table(record), hide_index=True, width="content", column_config=right)
    with st.expander("Every zone"):
        st.dataframe(
            zone_table(heatmap, record),
            hide_index=True,
            column_config={
                "Outcome": st.column_config.TextColumn(help=f"{help_of}."),
                **dict.fromkeys(
                    ("Range", WORDS[heatmap.kind].then, "From price then"),
                    st.column_config.TextColumn(alignment="right"),
                ),
            },
        )
