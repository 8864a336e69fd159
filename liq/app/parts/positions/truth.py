"""The truth about the estimate: held against real positions of the same venue, where these are at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pandas as pd
import streamlit as st

from liq.charts import effective_leverage as leverage_chart
from liq.charts.colors import on_ground
from liq.charts.positions import positions_sentences
from liq.charts.tables import positions as tables
from liq.errors import LiqError
from liq.formatting import escape_markdown
from liq.model.estimated import Estimate
from liq.positions import Positions
from liq.validation.positions import reality_check
from liq.validation.positions.comparison import Comparison
from liq.validation.positions.entries import EntryComparison
from liq.validation.positions.margin import leverage_shares, margin_is_stated
from liq.validation.positions.survival import survival_sentence

Result = TypeVar("Result")

NOT_CARRIED = (
    "Nothing of this is carried to other venues: there, the levels of 170 accounts added 0.0000 to the R² of hourly "
    "liquidations beyond the venue's own map. A cross account fails where all that it holds is worth too little, "
    "which no candle tells."
)

JUDGED_ALONE = "Isolated positions alone, as their levels tell, since none is stated as isolated."
"""Before the sentence on isolated positions where `isolated_levels` has to judge which are."""

RIGHT = st.column_config.TextColumn(alignment="right")


def truth(heatmap: Estimate, positions: Positions, light: bool) -> None:
    """Draw what real positions say of the estimate and of themselves; what cannot be said is said in one sentence."""
    market = heatmap.market
    st.subheader("What real positions say")
    st.caption(escape_markdown(" ".join(positions_sentences(positions, market, market.source))))
    entries = _or_sentence(lambda: reality_check.compared_entries(heatmap, positions))
    compared = _or_sentence(lambda: reality_check.compared_positions(heatmap, positions))
    isolated = _or_sentence(lambda: reality_check.compared_isolated(heatmap, positions))
    is_stated = margin_is_stated(positions)
    _comparison(entries, compared, isolated, "Isolated positions alone." if is_stated else JUDGED_ALONE)

    shares = leverage_shares(positions, market.base, market.as_of + market.bar)
    if shares is not None:
        st.markdown(f"**Leverage.** {escape_markdown(shares.sentence)}")
        st.vega_lite_chart(
            spec={**on_ground(leverage_chart.spec(), light), "datasets": leverage_chart.datasets(shares)},
            key="leverage_shares",
            alt=f"Dollars of real positions in {market.base} by leverage, as set and as the liquidation price says.",
        )
        with st.expander("Distance of the liquidation price from entry"):
            _table(tables.leverage_table(positions, market), "Share of the dollars of that side and margin mode.")

    forced = reality_check.how_much_is_forced(positions, reality_check.own_venue(heatmap, positions).market)
    st.markdown(f"**How much is forced.** {escape_markdown(forced.sentence)}")
    if forced.positions and forced.unknown <= forced.usd:
        _table(tables.forced_table(forced), tables.ABOUT_FORCED)

    left = reality_check.what_is_left(positions, market)
    if sentence := survival_sentence(left):
        st.markdown(f"**What is left after a while.** {escape_markdown(sentence)}")
        _table(tables.left_table(left), tables.ABOUT_LEFT)
    else:
        st.caption("One snapshot says nothing of how long positions and their levels live.")
    with st.expander("What became of positions within a day"):
        fates = _or_sentence(lambda: reality_check.fates_in_a_day(heatmap, positions))
        if isinstance(fates, str):
            st.caption(escape_markdown(fates))
        else:
            _table(tables.survival_table(fates), tables.ABOUT_SURVIVAL)
    st.caption(NOT_CARRIED)


def _comparison(
    entries: EntryComparison | str,
    compared: Comparison | str,
    isolated: Comparison | str,
    alone_title: str,
) -> None:
    """Draw what the estimate gets right and what it does not; alone_title : of the sentence on isolated positions."""
    if isinstance(entries, str) and isinstance(compared, str):
        st.info(escape_markdown(compared), icon=":material/hourglass_empty:")
        return
    for title, found in (("Where they were opened.", entries), ("Where they fail.", compared)):
        st.markdown(f"**{title}** {escape_markdown(found if isinstance(found, str) else found.sentence)}")
    if isinstance(isolated, str):
        st.caption(escape_markdown(f"Isolated positions apart: {isolated}"))
    else:
        st.markdown(f"**{alone_title}** {escape_markdown(isolated.sentence)}")
    known_entries = None if isinstance(entries, str) else entries
    known = None if isinstance(compared, str) else compared
    alone = None if isinstance(isolated, str) else isolated
    _table(tables.comparison_table(known_entries, known, alone), tables.ABOUT_COMPARISON)
    with st.expander("By day"):
        _table(tables.day_table(known_entries, known), "")


def _table(frame: pd.DataFrame, about: str) -> None:
    """Draw a table of text, its figures to the right."""
    columns = {name: RIGHT for name in frame.columns[1:]}
    st.dataframe(frame, hide_index=True, height="content", column_config=columns)
    if about:
        st.caption(escape_markdown(about))


def _or_sentence(work: Callable[[], Result]) -> Result | str:
    """Return what the work comes to, or the sentence that says why there is nothing."""
    try:
        return work()
    except LiqError as error:
        text = str(error)
        return f"{text[0].upper()}{text[1:]}"
