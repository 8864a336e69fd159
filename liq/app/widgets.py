"""The widgets of the sidebar: what each says, offers and begins with."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from liq.app import tickers
from liq.app.parts.context import NAMES
from liq.app.parts.days import days_worth_seeing, until_field
from liq.app.real_positions import may_have
from liq.charts.heatmap.picture import SCALES
from liq.market import LOOKBACKS
from liq.model.choice import MAPS, RULE
from liq.model.leverage_bands import BANDS
from liq.model.prior import PRIORS
from liq.sources import fetch
from liq.sources.file_worker import process
from liq.sources.files.table import FILE_TYPES
from liq.sources.files.times import DATE_ORDERS
from liq.wording import REAL

BOUND: dict[str, Any] = {"bind": "query-params"}
"""Option of a widget whose state is in the URL."""

ABOUT_SOURCES = (
    "auto tries one venue after the other, all adds several together. Every venue is public data without a key. "
    "archive is Binance's days of the past, simulated an invented market, file a recording of your own."
)

TOGGLES: dict[str, tuple[str, str | None]] = {
    "klines": ("Klines", None),
    "whole": ("All prices", None),
    "realised": (
        "Realised liquidations",
        "Rings: liquidations that really happened, the largest of the window, where the source reports them.",
    ),
    "untested": (
        "Untested levels",
        "Levels farther from price than the prior's data reach: the law, not data. They are drawn dim.",
    ),
    "named": (
        "Named zones",
        "Boxes: the strongest zones of each side as they were named in this window; strong lines until price came "
        "there, faint ones that decayed or stand.",
    ),
    "observed": (
        "Real positions",
        "Lines over the estimate: what accounts of a venue really hold, never added to it.",
    ),
}
"""Labels and help of the switches of the picture."""

AS_FOUND = "as found"
"""Choice of dates that are read as the file itself shows."""

LAYERS = ("realised", "untested", "named", "panels", "observed")
"""Controls of what is drawn over and under the heat."""

OF_ESTIMATES = ("untested", "observed", "prior")
"""Controls that change an estimate only."""

MOST_LAYERS = 2
"""How many of LAYERS stand in the sidebar itself; more are behind a button, else the rest would be out of sight."""


def draw(shown: Collection[str], defaults: dict[str, Any]) -> None:
    """Draw the controls of those names."""
    top = st.container()
    if "source" in shown:
        _source()
    if "until" in shown and st.session_state.source == "archive":
        until_field(BOUND)
    if "as_of" in shown:
        days_worth_seeing()
    if "dates" in shown:
        _dates(defaults)
    if "ticker" in shown:
        top.selectbox(
            "Ticker",
            tickers.tickers(st.session_state.source),
            key="ticker",
            accept_new_options=True,
            help="Every active linear perpetual of the source, by volume. Type to search, or to name another.",
            **BOUND,
        )
    if "timeframe" in shown:
        st.segmented_control(
            "Timeframe", list(LOOKBACKS), default=defaults["timeframe"], required=True, key="timeframe", **BOUND
        )
    map_kind = _map(defaults) if "map" in shown and may_have(st.session_state.source) else defaults["map"]
    # over a map of real positions there are none to add, and nothing of it is a prior's
    shown = [name for name in shown if map_kind != REAL or name not in OF_ESTIMATES]
    if "scale" in shown:
        _picture(defaults)
    layers = [name for name in LAYERS if name in shown]
    for name in TOGGLES:
        if name in shown and name not in layers:
            _toggle(name, defaults)
    behind = st.popover("Layers", icon=":material/layers:", width="stretch") if len(layers) > MOST_LAYERS else None
    with behind or st.container():
        for name in layers:
            if name == "panels":
                _panels(defaults)
            else:
                _toggle(name, defaults)
    # a watchlist, which has no ticker of its own, reads what LIQ_POSITIONS names and no upload
    if (map_kind == REAL and "ticker" in shown) or ("observed" in shown and st.session_state.observed):
        _positions_file()
    if "leverage" in shown:
        _leverage(defaults)
    if "prior" in shown:
        _prior()
    if "live" in shown and st.session_state.source != "archive":  # nothing of the past is refreshed
        st.toggle(
            "Live", defaults["live"], key="live", help="Price every few seconds, map when a bar closes.", **BOUND
        )
    if "as_of" in shown:
        st.datetime_input(
            "As of",
            None,
            step=60,
            format="YYYY-MM-DD",
            key="as_of",
            help="A moment of the window, UTC: what stood then, with nothing from later. Empty is now.",
            **BOUND,
        )


def _toggle(name: str, defaults: dict[str, Any]) -> None:
    """Draw one of TOGGLES."""
    label, about = TOGGLES[name]
    st.toggle(label, defaults[name], key=name, help=about, **BOUND)


def _panels(defaults: dict[str, Any]) -> None:
    """Draw the choice of the panels under the heat."""
    st.pills(
        "Under the heat",
        list(NAMES),
        default=defaults["panels"],
        selection_mode="multi",
        key="panels",
        help="Open interest; funding rates; what takers bought less what they sold, which Binance alone states. "
        "Each on the heatmap's time axis, read from the venue when it is switched on.",
        **BOUND,
    )


def _source() -> None:
    """Draw the choice of a source, and the upload of a recording where that is it."""
    if st.selectbox("Source", list(fetch.SOURCES), key="source", help=ABOUT_SOURCES, **BOUND) == "file":
        process.prepare()
        st.file_uploader(
            "Recording",
            type=list(FILE_TYPES),
            accept_multiple_files=True,
            key="upload",
            help="Candles as Binance's archive, TradingView, freqtrade, ccxt, pandas or CryptoDataDownload write "
            "them; open interest and liquidations may come along as files of their own. They are read where this "
            "app runs and not kept.",
        )


def _dates(defaults: dict[str, Any]) -> None:
    """Draw the choice of how dates in files are read, where it was made: the page asks where it matters."""
    if st.session_state.get("dates", AS_FOUND) == AS_FOUND and "dates" not in st.query_params:
        return
    st.selectbox(
        "Dates in files",
        [AS_FOUND, *DATE_ORDERS],
        key="dates",
        help="The order of day and month, where a file leaves it open.",
        **BOUND,
    )


def _map(defaults: dict[str, Any]) -> str:
    """Draw the choice between real positions and the estimate, and return it."""
    chosen = st.segmented_control(
        "Map",
        list(MAPS),
        default=defaults["map"],
        required=True,
        key="map",
        help="Real positions are what accounts state on venues that publish them; the estimate is made from candles, "
        f"volume and open interest. {RULE}",
        **BOUND,
    )
    return str(chosen)


def _positions_file() -> None:
    """Draw the upload of real positions."""
    if st.session_state.source != "simulated":
        process.prepare()
    st.file_uploader(
        "Positions",
        type=list(FILE_TYPES),
        key="positions_file",
        help="A snapshot that `python -m liq positions` wrote, or a table of time, coin, side, coins, entry, "
        "liquidation_price, leverage, margin. It is read where this app runs and not kept.",
    )


def _picture(defaults: dict[str, Any]) -> None:
    """Draw what decides how the heat is coloured."""
    st.segmented_control(
        "Colours",
        list(SCALES),
        default=defaults["scale"],
        required=True,
        key="scale",
        help="Dollars, or relief: how many times more stands here than is usual at that distance from price in "
        "this window. Relief shows the structure near the price, which dollars leave dark.",
        **BOUND,
    )
    st.slider(
        "Liquidity threshold",
        *(0, 99, defaults["threshold"]),
        format="%d %%",
        key="threshold",
        help="Leaves the faintest cells dark, by rank. It filters the picture, never the zones.",
        **BOUND,
    )
    st.slider(
        "More heat",
        0,
        100,
        defaults["heat"],
        key="heat",
        help="Lifts the faint; dollars stay what they are.",
        **BOUND,
    )


def _leverage(defaults: dict[str, Any]) -> None:
    """Draw the choice of the positions that count."""
    st.pills(
        "Leverage",
        list(BANDS),
        selection_mode="multi",
        default=defaults["leverage"],
        key="leverage",
        help="Which positions count: by leverage, and of real positions by the leverage that the distance from entry "
        "to the liquidation price amounts to. Turning some off re-weighs the map.",
        **BOUND,
    )


def _prior() -> None:
    """Draw the choice of how an estimate spreads leverage."""
    st.selectbox(
        "Prior",
        list(PRIORS),
        key="prior",
        help="How leverage is spread over positions; nobody publishes it. Background explains each.",
        **BOUND,
    )
