"""The pages of the app, the sidebar whose state is the URL, and the view that it describes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from liq.app import tickers
from liq.app.location import app_folder
from liq.app.observed import is_named
from liq.app.view import View
from liq.charts.heatmap import image
from liq.market import LOOKBACKS
from liq.model.leverage_bands import BANDS
from liq.model.prior import PRIORS
from liq.sources import fetch

ABOUT_SOURCES = (
    "auto tries one venue after the other, all adds several together. Every venue is public data without a key. "
    "simulated is an invented market, file a recording of your own."
)

PAGES = (
    ("heatmap.py", "Heatmap", ":material/grid_on:"),
    ("top_zones.py", "Top zones", ":material/format_list_numbered:"),
    ("liquidation_map.py", "Liquidation map", ":material/bar_chart:"),
    ("watchlist.py", "Watchlist", ":material/visibility:"),
    ("reality_check.py", "Reality check", ":material/fact_check:"),
    ("background.py", "Background", ":material/menu_book:"),
)


def setup() -> Any:
    """Set the page up and return the one to run. The icon is drawn here, as Streamlit fetches a named one."""
    st.set_page_config(page_title="Liquidation heatmap", page_icon=image.app_icon(), layout="wide")
    return st.navigation(pages(), position="top")


def pages() -> list[Any]:
    """Return the pages of the app, the heatmap first; one whose file does not exist is left out."""
    return [
        st.Page(app_folder() / "pages" / file, title=title, icon=icon, default=file == "heatmap.py")
        for file, title, icon in PAGES
        if (app_folder() / "pages" / file).exists()
    ]


def sidebar() -> None:
    """Draw the controls; each keeps its state in the URL, where an invalid value counts as the default."""
    bound: dict[str, Any] = {"bind": "query-params"}
    state = st.session_state
    if "next_as_of" in state:  # a page sets this to change the moment: only here is the control not drawn yet
        state.as_of = state.pop("next_as_of")
    if "next_source" in state:
        state.source = state.pop("next_source")
    state.sidebar_drawn = True
    state.run = state.get("run", 0) + 1
    with st.sidebar:
        top = st.container()
        source = st.selectbox("Source", list(fetch.SOURCES), key="source", help=ABOUT_SOURCES, **bound)
        if source == "file":
            st.file_uploader(
                "Recording",
                type=["csv", "txt", "json", "gz", "zip", "parquet", "feather"],
                accept_multiple_files=True,
                key="upload",
                help="Candles as Binance's archive, TradingView, freqtrade, ccxt, pandas or CryptoDataDownload write "
                "them; open interest and liquidations may come along as files of their own. They are read where this "
                "app runs and not kept.",
            )
        st.segmented_control("Timeframe", list(LOOKBACKS), default="7d", required=True, key="timeframe", **bound)
        st.slider(
            "Liquidity threshold",
            *(0, 99, 0),
            format="%d %%",
            key="threshold",
            help="Leaves the faintest cells dark, by rank. It filters the picture, never the zones.",
            **bound,
        )
        st.slider("More heat", 0, 100, 20, key="heat", help="Lifts the faint; dollars stay what they are.", **bound)
        left, right = st.columns(2)
        left.toggle("Klines", True, key="klines", **bound)
        right.toggle("All prices", False, key="whole", **bound)
        rings = "Rings: liquidations that really happened, where the source reports them."
        st.toggle("Realised liquidations", True, key="realised", help=rings, **bound)
        st.toggle(
            "Untested levels",
            True,
            key="untested",
            help="Levels farther from price than the prior's data reach: the law, not data. They are drawn dim.",
            **bound,
        )
        st.toggle(
            "Observed positions",
            is_named(),
            key="observed",
            help="What accounts of a venue really hold, beside the estimate and never added to it.",
            **bound,
        )
        if st.session_state.observed:
            st.file_uploader(
                "Positions",
                type=["parquet", "csv", "gz"],
                key="positions_file",
                help="A snapshot that `python -m liq positions` wrote, or a CSV of time, coin, side, coins, entry, "
                "liquidation_price, leverage, margin. It is read where this app runs and not kept.",
            )
        st.pills(
            "Leverage",
            list(BANDS),
            selection_mode="multi",
            default=list(BANDS),
            key="leverage",
            help="Which positions count. Turning some off re-weighs the map; nothing is estimated anew.",
            **bound,
        )
        st.selectbox(
            "Prior",
            list(PRIORS),
            key="prior",
            help="How leverage is spread over positions; nobody publishes it. Background explains each.",
            **bound,
        )
        st.toggle("Live", True, key="live", help="Price every few seconds, map when a bar closes.", **bound)
        st.datetime_input(
            "As of",
            None,
            step=60,
            format="YYYY-MM-DD",
            key="as_of",
            help="A moment of the window, UTC: what stood then, with nothing from later. Empty is now.",
            **bound,
        )
        top.selectbox(
            "Ticker",
            tickers.tickers(source),
            key="ticker",
            accept_new_options=True,
            help="Every active linear perpetual of the source, by volume. Type to search, or to name another.",
            **bound,
        )


def view() -> View:
    """Return the view that the sidebar describes. Every page calls this first.

    When the first request to a new server is for a page's own address, Streamlit runs the page without
    the entry script. Calling `st.navigation` turns that off; running again lets the entry script come first.
    """
    if not st.session_state.pop("sidebar_drawn", False):
        setup()
        st.rerun()
    return described_view()


def described_view() -> View:
    """Return the view that the drawn sidebar describes."""
    state = st.session_state
    return View(
        ticker=str(state.ticker or tickers.DEFAULT_COINS[0]).strip() or tickers.DEFAULT_COINS[0],
        source=state.source,
        timeframe=state.timeframe or "7d",
        threshold=state.threshold,
        more_heat=state.heat,
        klines=state.klines,
        realised=state.realised,
        bands=tuple(name for name in BANDS if name in state.leverage) or tuple(BANDS),
        prior=state.prior,
        whole=state.whole,
        live=state.live,
        as_of=None if state.as_of is None else pd.Timestamp(state.as_of),
        untested=state.untested,
        observed=state.observed,
    )
