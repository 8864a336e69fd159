"""The sidebar, its state in the URL, and what every page shares: the market on screen and its estimate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pandas as pd
import streamlit as st

from liq.app import session_cache
from liq.app.location import app_folder
from liq.app.session_cache import View
from liq.charts.heatmap import image, layers, window
from liq.errors import LiqError
from liq.formatting import escape_markdown
from liq.market import LOOKBACKS, Market, Quote
from liq.model.as_of import last_closed_bar
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS
from liq.model.prior import PRIORS, Prior
from liq.sources import fetch, market_cache, titles

ABOUT_SOURCES = (
    "auto asks one venue after the other, all adds several together. Every venue is public data without a key. "
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

PLAIN: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "width": 168}
"""A figure of the header: its second line is no change, so it is not coloured like one."""

TICK = "5s"
"""How often the live price is asked for."""


def setup() -> Any:
    """Set the page up and return the one to run. The icon is drawn here: a named one is fetched from elsewhere."""
    st.set_page_config(page_title="Liquidation heatmap", page_icon=image.app_icon(), layout="wide")
    return st.navigation(pages(), position="top")


def pages() -> list[Any]:
    """Return the pages of the app, the heatmap first; one that is not there is left out."""
    return [
        st.Page(app_folder() / "pages" / file, title=title, icon=icon, default=file == "heatmap.py")
        for file, title, icon in PAGES
        if (app_folder() / "pages" / file).exists()
    ]


def sidebar() -> None:
    """Draw the controls; every one keeps its state in the URL, where a value that makes no sense is its default."""
    bound: dict[str, Any] = {"bind": "query-params"}
    state = st.session_state
    if "goes_to" in state:  # a page travels by this, as only here the control is not drawn yet
        state.as_of = state.pop("goes_to")
    state.entered = True
    state.run = state.get("run", 0) + 1
    with st.sidebar:
        first = st.container()
        source = st.selectbox("Source", list(fetch.SOURCES), key="source", help=ABOUT_SOURCES, **bound)
        if source == "file":
            st.file_uploader(
                "Recording",
                type=["csv", "gz", "parquet"],
                key="upload",
                help="Columns open_time_ms, open, high, low, close, volume, and open_interest where known. "
                "It is read where this app runs and not kept.",
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
        about = "Rings: liquidations that really happened, where the source tells them."
        st.toggle("Realised liquidations", True, key="realised", help=about, **bound)
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
        first.selectbox(
            "Ticker",
            session_cache.tickers(source),
            key="ticker",
            accept_new_options=True,
            help="Every active linear perpetual of the source, by volume. Type to search, or to name another.",
            **bound,
        )


def view() -> View:
    """Return what the sidebar says. Every page calls this first.

    When a page's address is the first that a new server is asked for, Streamlit runs the page without
    the entry script. Naming the pages turns that off; running again lets the entry script come first.
    """
    state = st.session_state
    if not state.pop("entered", False):
        setup()
        st.rerun()
    return View(
        ticker=str(state.ticker or session_cache.DEFAULT_COINS[0]).strip() or session_cache.DEFAULT_COINS[0],
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
    )


def heatmap(view: View) -> Heatmap:
    """Return the estimate that the view asks for; where there is none, say why in one sentence and stop the page."""
    try:
        market = _market(view)
        everything = session_cache.estimated_heatmap(market, _prior(view, market))
    except LiqError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        st.caption("Choose another ticker or source in the sidebar. The simulated market always answers.")
        st.stop()
    announce(everything.market)
    if (used := own_prior(market)) is not None:
        st.caption(f":material/tune: Estimated with the prior {escape_markdown(used.title)}, chosen for this market.")
    return session_cache.reweighed_heatmap(everything, view.bands)


def moment(view: View, heatmap: Heatmap) -> Heatmap:
    """Return the heatmap as of the moment that the view names, and say so; see `shared.moment`."""
    then, sentence = session_cache.heatmap_as_of(view, heatmap)
    with st.container():  # always there, so that travelling moves nothing
        if sentence:
            st.caption(f":material/history: {sentence}")
    return then


def use_prior(market: Market, prior: Prior | None) -> None:
    """Use a prior for one market for the rest of the session; None goes back to the sidebar's."""
    st.session_state.setdefault("priors", {})[market.symbol, market.source] = prior


def own_prior(market: Market) -> Prior | None:
    """Return the prior that the user chose for this market, if any."""
    chosen: Prior | None = st.session_state.get("priors", {}).get((market.symbol, market.source))
    return chosen


def _prior(view: View, market: Market) -> str | Prior:
    return own_prior(market) or view.prior


def announce(market: Market) -> None:
    """Say what must not be missed about a market: that it is simulated, and what its source could not give."""
    if market.source == "simulated":
        say_simulated(bool(market.left_out))
    for note in market.notes if market.source != "simulated" else ():
        st.caption(f":material/info: {escape_markdown(note)}")
    if market.left_out:
        names = ", ".join(map(titles.source_title, market.left_out))
        with st.expander(f"Not in this: {names}"):
            for name, reason in market.left_out.items():
                st.caption(f"{titles.source_title(name)} {escape_markdown(reason)}.")


def say_simulated(stands_in: bool) -> None:
    """Say that a market is simulated, and whether it stands in for venues that did not answer."""
    why = "No venue answered, so this" if stands_in else "This"
    st.warning(
        f"**Simulated market.** {why} is an invented market: no price and no position here is real.",
        icon=":material/science:",
    )


def live_price(market: Market, view: View) -> None:
    """Draw the price and its age, fresh every few seconds, without touching anything else on the page."""
    moves = _live(view) and market is st.session_state.held[1]  # else it is one of the past
    (_ticking if moves else _still)(market, view, st.session_state.run)


def _live(view: View) -> bool:
    return view.live and view.source != "file"


@st.fragment
def _still(market: Market, view: View, run: int) -> None:
    _price(market, view, None)


@st.fragment(run_every=TICK)
def _ticking(market: Market, view: View, run: int) -> None:
    """Ask for the price on every tick; the first drawing is part of the page and must not wait for a venue."""
    state = st.session_state
    if state.get("ticked") == run:
        if market_cache.needs_refresh(market, state.held[2]):
            st.rerun()  # a bar has closed, so the map itself is due
        with suppress(LiqError):  # the last price stays, with its age
            state.quote = fetch.quote(market.symbol, market.source)
    state.ticked = run
    held: Quote | None = state.get("quote")
    if held and ((held.symbol, held.source) != (market.symbol, market.source) or held.time <= market.as_of):
        held = None
    _price(market, view, held)


def _price(market: Market, view: View, quote: Quote | None) -> None:
    st.metric(**session_cache.price_metric(market, view, quote, past=market is not st.session_state.held[1]))


def chart_data(view: View, heatmap: Heatmap, then: Heatmap) -> tuple[window.Window, dict[str, pd.DataFrame]]:
    """Return what is drawn of the estimate, and the chart's data for it as of a moment (`moment`)."""
    return session_cache.chart_data(
        view, heatmap, session_cache.estimated_heatmap(heatmap.market, _prior(view, heatmap.market)), then
    )


def downloads(stem: str, files: dict[str, tuple[str, Callable[[], str | bytes]]]) -> None:
    """Draw one button per file; a file is built when it is asked for."""
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


def _market(view: View) -> Market:
    """Return the market. It is kept until a bar closes, so that nothing jumps while controls are moved."""
    state, upload = st.session_state, None
    place = st.empty()  # always there: were it not, everything after it would be another element, and drawn anew
    if view.source == "file":
        upload = state.get("upload")
    asked = (view.ticker, view.source, view.timeframe, upload and upload.file_id)
    held = state.get("held")
    if (
        held
        and held[0] == asked
        and not (
            _live(view)
            and last_closed_bar(held[1], view.as_of) is None
            and market_cache.needs_refresh(held[1], held[2])
        )
    ):
        return held[1]
    if upload is not None:
        market = session_cache.uploaded_market(upload.getvalue(), upload.name, view.timeframe)
    else:
        with place.container():
            words = st.empty()

            def progress(sentence: str, done: int, total: int) -> None:
                words.progress(min(1.0, done / max(total, 1)), text=escape_markdown(sentence))

            with st.skeleton(height=layers.HEIGHT):
                market = fetch.fetch(view.ticker, lookback=view.timeframe, source=view.source, on_progress=progress)
        place.empty()
    state.held = (asked, market, pd.Timestamp.now("UTC"))
    return market
