"""What changed since the user last looked: zones built, moved and swept in the bars that closed meanwhile."""

from __future__ import annotations

from typing import Any

import streamlit as st

from liq.app.view import View
from liq.formatting import escape_markdown, naive_utc
from liq.market import as_utc
from liq.model.heatmap import Heatmap
from liq.zones.events import changes_sentence, describe, detect, finished_bars

MAX_BARS = 96
"""Bars looked at after an absence; after a longer one, the count begins anew."""

MAX_TOLD = 12
"""Changes that are told one by one, the latest."""


def changes_since_looked(view: View, heatmap: Heatmap) -> None:
    """Draw what happened to the market's zones since the page was opened or the last changes were marked as seen.

    Only finished bars count, so this says something new at most once a bar.
    """
    market = heatmap.market
    key = (market.symbol, market.source, view.timeframe, view.prior, view.bands, heatmap.kind)
    kept: dict[str, Any] = st.session_state.get("changes", {})
    if kept.get("key") != key:
        kept = st.session_state.changes = {"key": key, "state": {}, "events": [], "since": None, "end": None}
    if kept["end"] is None or (as_utc(market.as_of, "as_of") - kept["end"]) // market.bar > MAX_BARS:
        bars = finished_bars(heatmap)[-1:]
        kept.update(state={}, events=[], since=bars[-1][0].end if bars else None)
    else:
        bars = finished_bars(heatmap, kept["end"])
    for bar, zones in bars:
        events, kept["state"] = detect(kept["state"], market.symbol, zones, bar, map_kind=heatmap.kind)
        kept["events"] += events
        kept["end"] = bar.end
    if not kept["events"]:
        return
    told = [f"- {naive_utc(event.time):%H:%M} {escape_markdown(describe(event))}" for event in kept["events"]]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Since {naive_utc(kept['since']):%d %b %H:%M} UTC: {changes_sentence(kept['events'])}.",
            help="\n".join(told[-MAX_TOLD:]),
            width="content",
        )
        st.button("Seen", type="tertiary", key="changes_seen", on_click=_mark_as_seen)


def _mark_as_seen() -> None:
    kept = st.session_state.changes
    kept.update(events=[], since=kept["end"])
