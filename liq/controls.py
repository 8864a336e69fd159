"""The sidebar, its state in the URL, and what every page shares: the market on screen and its estimate."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from cachetools import LRUCache, cached

import liq
from liq.charts import heat, labels, readout, window
from liq.charts.zones import table as zone_rows
from liq.errors import LiqError
from liq.heatmap import Heatmap
from liq.market import LOOKBACKS, Market
from liq.sources import fetch
from liq.summary import NEAR, Summary

ROOT = Path(__file__).parent.parent

BANDS = {
    "1-5x": (0, 5),
    "6-10x": (5, 10),
    "11-25x": (10, 25),
    "26-50x": (25, 50),
    "51-100x": (50, 100),
    "101x+": (100, 1e9),
}
"""Leverage chips: name, and the leverages above the first and up to the second number."""

COINS = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE")
"""Offered where the source cannot say what it lists; any other can be typed."""

PAGES = (
    ("heatmap.py", "Heatmap", ":material/grid_on:"),
    ("top_zones.py", "Top zones", ":material/format_list_numbered:"),
    ("liquidation_map.py", "Liquidation map", ":material/bar_chart:"),
    ("reality_check.py", "Reality check", ":material/fact_check:"),
    ("background.py", "Background", ":material/menu_book:"),
)


@dataclass(frozen=True)
class View:
    """Hold what the sidebar says: which market, how it is weighed, and how it is drawn."""

    ticker: str
    source: str
    timeframe: str
    threshold: int
    more_heat: int
    klines: bool
    bands: tuple[str, ...]
    prior: str
    whole: bool
    live: bool


def pages() -> list[Any]:
    """Return the pages of the app, the heatmap first; one that is not there is left out."""
    return [
        st.Page(ROOT / "pages" / file, title=title, icon=icon, default=file == "heatmap.py")
        for file, title, icon in PAGES
        if (ROOT / "pages" / file).exists()
    ]


def sidebar() -> None:
    """Draw the controls; every one keeps its state in the URL, where a value that makes no sense is its default."""
    bound: dict[str, Any] = {"bind": "query-params"}
    with st.sidebar:
        first = st.container()
        source = st.selectbox("Source", list(fetch.SOURCES), format_func=_source_title, key="source", **bound)
        if source == "file":
            st.file_uploader(
                "Recording",
                type=["csv", "gz", "parquet"],
                key="upload",
                help="Columns: open_time_ms, open, high, low, close, volume, and open_interest if known. "
                "It stays on this machine's server and is not stored.",
            )
        first.selectbox(
            "Ticker",
            tickers(source),
            key="ticker",
            accept_new_options=True,
            help="Every active linear perpetual of the source, by volume. Type to search, or to name another.",
            **bound,
        )
        st.segmented_control("Timeframe", list(LOOKBACKS), default="7d", required=True, key="timeframe", **bound)
        st.slider(
            "Liquidity threshold",
            0,
            99,
            0,
            format="%d %%",
            key="threshold",
            help="Leaves the faintest cells dark, by rank. It filters the picture, never the zones.",
            **bound,
        )
        st.slider("More heat", 0, 100, 20, key="heat", help="Lifts the faint; dollars stay what they are.", **bound)
        left, right = st.columns(2)
        left.toggle("Klines", True, key="klines", **bound)
        right.toggle("All prices", False, key="whole", **bound)
        st.pills(
            "Leverage",
            list(BANDS),
            selection_mode="multi",
            default=list(BANDS),
            key="leverage",
            help="Which positions are counted. Turning some off re-weighs the map, nothing is estimated anew.",
            **bound,
        )
        st.selectbox(
            "Prior",
            list(liq.PRIORS),
            format_func=lambda name: liq.PRIORS[name].title,
            key="prior",
            help="How leverage is spread over positions; nobody publishes it. Background explains each.",
            **bound,
        )
        st.toggle("Live refresh", True, key="live", help="Price every few seconds, map when a bar closes.", **bound)


def view() -> View:
    """Return what the sidebar says. Every page calls this first.

    When a page's address is the first that a new server is asked for, Streamlit runs the page without
    the entry script. Naming the pages turns that off; running again lets the entry script come first.
    """
    state = st.session_state
    if "timeframe" not in state:
        st.navigation(pages())
        st.rerun()
    return View(
        ticker=str(state.ticker or COINS[0]).strip() or COINS[0],
        source=state.source,
        timeframe=state.timeframe or "7d",
        threshold=state.threshold,
        more_heat=state.heat,
        klines=state.klines,
        bands=tuple(name for name in BANDS if name in state.leverage) or tuple(BANDS),
        prior=state.prior,
        whole=state.whole,
        live=state.live,
    )


def heatmap(view: View) -> Heatmap:
    """Return the estimate that the view asks for; where there is none, say why in one sentence and stop the page."""
    try:
        everything = _estimate(_market(view), view.prior)
    except LiqError as error:
        st.error(str(error), icon=":material/error:")
        st.caption("Choose another ticker or source in the sidebar; the simulated market always answers.")
        st.stop()
    announce(everything.market)
    return _weighed(everything, view.bands)


def announce(market: Market) -> None:
    """Say what must not be missed about a market: that it is simulated, and what its source could not give."""
    if market.source == "simulated":
        st.warning(
            "**Simulated market.** These prices and positions are invented; nothing here is a real quote.",
            icon=":material/science:",
        )
    for note in market.notes:
        st.caption(f":material/info: {escape(note)}")


def escape(text: str) -> str:
    """Return text that Markdown shows as it is; what a venue or a user sends must not become markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|~$:" else sign for sign in text)


@st.fragment(run_every=None)
def _still(market: Market, view: View) -> None:
    _price(market, view)


@st.fragment(run_every="5s")
def _ticking(market: Market, view: View) -> None:
    _price(market, view)
    if _bar(market, labels.utc(pd.Timestamp.now("UTC"))) > max(
        _bar(market, labels.utc(market.as_of)),
        st.session_state.get("asked", 0),  # type: ignore[arg-type]
    ):
        st.session_state.asked = _bar(market, labels.utc(pd.Timestamp.now("UTC")))
        st.rerun()  # a bar has closed: the map itself is due, once a bar even where the source lags


def live_price(market: Market, view: View) -> None:
    """Draw the price and its age, fresh every few seconds, without touching anything else on the page."""
    (_ticking if view.live and view.source != "file" else _still)(market, view)


def header(view: View, heatmap: Heatmap, summary: Summary) -> None:
    """Draw the line over the chart: price, nearest strong zone each side, balance of the near book, anchoring."""
    market = heatmap.market
    places = labels.decimals(float(market.price), market.tick)  # type: ignore[arg-type]
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=165):
            live_price(market, view)
        for side, zone in (("above", summary.above), ("below", summary.below)):
            with st.container(width=190):
                st.metric(
                    f"Nearest strong zone {side}",
                    "none" if zone is None else labels.price(float(zone["peak"]), places),
                    None
                    if zone is None
                    else f"{labels.percent(float(zone['distance']))} · {labels.money(zone['usd'])}",
                    delta_color="off",
                    delta_arrow="off",
                    help="Of the three biggest zones of that side, the nearest. An estimate.",
                )
        with st.container(width=210):
            st.metric(
                f"Balance within ±{NEAR:.0%}",
                f"{labels.percent(summary.balance, 0, sign=False)} shorts",
                f"{labels.money(summary.shorts)} above · {labels.money(summary.longs)} below",
                delta_color="off",
                delta_arrow="off",
                help="Dollars of shorts near above the price against longs near below it. An estimate.",
            )
        with st.container(width=120):
            st.metric(
                "Anchored",
                labels.percent(summary.anchored, 0, sign=False),
                "to open interest",
                delta_color="off",
                delta_arrow="off",
                help="Share of the window whose openings and closings were read from open interest; "
                "the rest is judged by volume alone.",
            )


def zone_table(heading: str, zones: pd.DataFrame, side: str, heatmap: Heatmap) -> None:
    """Draw one side's zones: total heat, then a row a zone, its bar as long as it is strong."""
    market = heatmap.market
    book = heatmap.short if side == "above" else heatmap.long
    rows = zone_rows(zones, side, labels.decimals(float(market.price), market.tick), market.as_of)  # type: ignore[arg-type]
    st.subheader(heading)
    st.markdown(f"Total heat **{escape(labels.money(float(book[-1].sum())))}**, estimated")
    if rows.empty:
        st.caption("Nothing stands out on this side in this window.")
        return
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "usd": st.column_config.ProgressColumn(
                "Strength",
                min_value=0,
                max_value=float(zones["usd"].max()),
                format="dollar",
                width="medium",
                help="Estimated dollars that would be force-closed in this zone.",
            ),
            "range": st.column_config.TextColumn("Range", width="medium"),
            "distance": st.column_config.TextColumn("From price", width="small", help="To the near edge."),
            "share": st.column_config.TextColumn("Of its side", width="small"),
            "leverage": st.column_config.TextColumn("Leverage", width="small", help="Weighted by dollars."),
            "age": st.column_config.TextColumn(
                "Age", width="small", help="When its positions were opened, on average."
            ),
            "status": st.column_config.TextColumn(
                "Status", width="small", help="Whether price has been there since."
            ),
        },
    )


def downloads(stem: str, files: dict[str, tuple[str, Callable[[], str]]]) -> None:
    """Draw one button per file; a file is built when it is asked for."""
    with st.container(horizontal=True):
        for label, (name, build) in files.items():
            st.download_button(
                label, build, f"{stem}_{name}", on_click="ignore", icon=":material/download:", key=f"download_{name}"
            )


def _price(market: Market, view: View) -> None:
    now = pd.Timestamp.now("UTC")
    price, time, change = float(market.price), market.as_of, float("nan")  # type: ignore[arg-type]
    if view.live and view.source != "file":
        try:
            quote = fetch.quote(market.symbol, market.source)
            price, time = quote.price, quote.time
        except LiqError:
            pass  # the last bar's price stays, with its age
    first = float(market.visible["open"].iloc[0])
    change = price / first - 1
    st.metric(
        f"{market.base}, {labels.age(time, now)} ago"
        if view.source != "file"
        else f"{market.base} at the end of the file",
        labels.price(price, labels.decimals(price, market.tick)),
        f"{labels.percent(change)} in {view.timeframe}",
        help=f"{title(market, view.timeframe)}, {labels.when(time)}",  # type: ignore[arg-type]
    )


def _bar(market: Market, moment: pd.Timestamp) -> int:
    return int(moment.timestamp() // market.bar.total_seconds())  # type: ignore[union-attr]


def title(market: Market, timeframe: str) -> str:
    """Return what is on screen in one line: symbol, window, source."""
    parts = f" ({', '.join(part.source for part in market.parts)})" if market.parts else ""
    return f"{market.symbol} · {timeframe} · {market.source}{parts}"


def chart_data(view: View, heatmap: Heatmap) -> tuple[window.Window, dict[str, pd.DataFrame]]:
    """Return what is drawn of the estimate, and the chart's data for it."""
    drawn = _window(heatmap, _estimate(heatmap.market, view.prior), view.whole)
    return drawn, heat.datasets(
        heatmap,
        drawn,
        _changes(drawn),
        threshold=view.threshold,
        more_heat=view.more_heat,
        klines=view.klines,
        title=title(heatmap.market, view.timeframe),
        watermark="Simulated" if heatmap.market.source == "simulated" else "",
    )


def _market(view: View) -> Market:
    """Return the market, with a progress bar for as long as something is being waited for."""
    place, main = st.empty(), threading.get_ident()

    def progress(sentence: str, done: int, total: int) -> None:
        if threading.get_ident() == main:  # several venues answer on threads of their own, which may not draw
            place.progress(min(1.0, done / max(total, 1)), text=escape(sentence))

    try:
        upload = st.session_state.get("upload") if view.source == "file" else None
        if upload is not None:
            return _recorded(upload.getvalue(), upload.name, view.timeframe)
        return fetch.fetch(view.ticker, lookback=view.timeframe, source=view.source, on_progress=progress)
    finally:
        place.empty()


def tickers(source: str) -> list[str]:
    """Return what the source lists, or the usual coins where it cannot say."""
    try:
        listed = list(fetch.tickers(source))
    except LiqError:
        listed = []
    return listed or list(COINS)


def _source_title(name: str) -> str:
    return name


def _once(size: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Cache by identity and let many sessions that ask for one thing wait for one answer."""
    return cached(LRUCache(size), condition=threading.Condition())


@_once(4)
def _recorded(data: bytes, name: str, timeframe: str) -> Market:
    from liq.sources import recording  # only uploads need it

    file = io.BytesIO(data)
    file.name = name
    return recording.read(file, lookback=timeframe)


@_once(8)
def _estimate(market: Market, prior: str) -> Heatmap:
    return liq.estimate(market, prior=prior)


@_once(8)
def _weighed(everything: Heatmap, bands: tuple[str, ...]) -> Heatmap:
    if len(bands) == len(BANDS):
        return everything
    tiers = everything.tiers
    counted = np.any([(tiers > low) & (tiers <= high) for low, high in map(BANDS.__getitem__, bands)], axis=0)
    return everything.reweigh(np.where(counted, everything.weights, 0.0))


@_once(12)
def _window(heatmap: Heatmap, like: Heatmap, whole: bool) -> window.Window:
    return window.window(heatmap, whole, like)


@_once(12)
def _changes(drawn: window.Window) -> pd.DataFrame:
    return readout.encode(drawn)
