"""Buttons that build a file when they are clicked, and the link to the view."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import streamlit as st

from liq.system import legal_name


def downloads(stem: str, files: dict[str, tuple[str, Callable[[], str | bytes]]]) -> None:
    """Draw one button per file, which is built when its button is clicked, and the link to this view."""
    with st.container(horizontal=True):
        for label, (name, build) in files.items():
            st.download_button(
                label,
                build,
                legal_name(f"{stem}_{name}"),
                on_click="ignore",
                icon=":material/download:",
                key=f"download_{name}",
            )
        with st.popover("Link", icon=":material/link:"):
            address = (st.context.url or "").partition("?")[0]
            st.caption("This view: market, window, controls and moment. With embed=true it is the chart alone.")
            st.code(f"{address}?{urlencode(st.query_params.to_dict())}", language=None, wrap_lines=True)
