"""The market on screen, its map, and the moment and the prior that they are looked at with."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from liq.app import chart_cache, session_cache, tickers
from liq.app.parts.notices import market_notices
from liq.app.parts.outside_files import file_error, read_files
from liq.app.real_positions import map_positions
from liq.app.view import View
from liq.charts.heatmap import data, window
from liq.charts.heatmap.strips.context import Panel
from liq.errors import DateOrderError, LiqError
from liq.formatting import escape_markdown
from liq.market import Market
from liq.model.as_of import last_closed_bar
from liq.model.estimated import Estimate
from liq.model.heatmap import Heatmap
from liq.model.prior import Prior
from liq.positions import Positions
from liq.sources import fetch, market_cache
from liq.wording import ESTIMATE

News = tuple[str, int, int]

T = TypeVar("T")

QUIET = 0.5
"""Seconds after which progress is reported again though nothing happened: only there can a page be left."""

PATIENCE = 1.5
"""Seconds after which a fetch behind a picture that is drawn already shows its progress."""


def load_heatmap(view: View, *, preview: bool = False) -> Heatmap:
    """Return the map of a view: real positions, or the estimate; where there is none, draw one sentence that says why
    and stop the page.

    preview : whether candles without a map will do until the rest is fetched (`is_preview`).
    """
    market = _or_stop(view, lambda: _market(view, preview))
    positions = st.session_state.map_positions = map_positions(view, market)
    prior = chosen_prior(view, market)
    all_bands = _or_stop(view, lambda: session_cache.all_bands_heatmap(market, prior, positions))
    _notices(view, all_bands)
    return session_cache.reweighted_heatmap(all_bands, () if is_preview(view) else view.bands)


def load_estimate(view: View) -> Estimate:
    """Return the estimate of a view, whatever map the other pages show; where there is none, draw one sentence that
    says why and stop the page."""
    market = _or_stop(view, lambda: _market(view, preview=False))
    all_bands = _or_stop(view, lambda: session_cache.estimated_heatmap(market, chosen_prior(view, market)))
    _notices(view, all_bands)
    return session_cache.reweighted_heatmap(all_bands, view.bands)


def shown_positions() -> Positions | None:
    """Return the positions that the map on the page is made of; None for the estimate."""
    positions: Positions | None = st.session_state.get("map_positions")
    return positions


def _or_stop(view: View, build: Callable[[], T]) -> T:
    """Return what a function builds; where it cannot, draw one sentence that says why and stop the page."""
    try:
        return build()
    except LiqError as error:
        file_error(error)
        what = "file" if view.source == "file" else "ticker"
        if not isinstance(error, DateOrderError):
            st.caption(f"Choose another {what} or source in the sidebar. The simulated market always answers.")
        finish_loading(view)
        st.stop()


def _notices(view: View, all_bands: Heatmap) -> None:
    """Draw what is to be said of a market and its map."""
    market_notices(all_bands.market, session_cache.losses(all_bands), all_bands.kind)
    used = own_prior(all_bands.market)
    if used is not None and all_bands.kind == ESTIMATE:
        st.caption(f":material/tune: Estimated with the prior {escape_markdown(used.title)}, chosen for this market.")


def heatmap_at_moment(view: View, heatmap: Heatmap) -> Heatmap:
    """Return the heatmap as of the moment of a view and draw a line about it, see `session_cache.heatmap_as_of`."""
    then, sentence = session_cache.heatmap_as_of(view, heatmap)
    with st.container():  # always there, so that another moment moves nothing on the page
        if sentence:
            st.caption(f":material/history: {sentence}")
    return then


def use_prior(market: Market, prior: Prior | None) -> None:
    """Use a prior for one market for the rest of the session; None returns to the sidebar's."""
    st.session_state.setdefault("own_priors", {})[market.symbol, market.source] = prior


def own_prior(market: Market) -> Prior | None:
    """Return the prior that the user chose for this market, if any."""
    chosen: Prior | None = st.session_state.get("own_priors", {}).get((market.symbol, market.source))
    return chosen


def chosen_prior(view: View, market: Market) -> str | Prior:
    """Return the prior that a market is estimated with: the user's own for it, else the sidebar's."""
    return own_prior(market) or view.prior


def chart_data(
    view: View,
    heatmap: Heatmap,
    then: Heatmap,
    positions: Positions | None = None,
    panels: Sequence[Panel] = (),
    prices: tuple[float, float] | None = None,
    made_of: Positions | None = None,
) -> tuple[window.Window, dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the drawn window of the map, and the chart's data as of a moment (`heatmap_at_moment`), as frames
    and as Arrow."""
    return chart_cache.chart_data(
        view,
        heatmap,
        session_cache.all_bands_heatmap(heatmap.market, chosen_prior(view, heatmap.market), made_of),
        then,
        positions,
        panels,
        prices,
    )


def is_live(view: View) -> bool:
    """Return whether price and market are refreshed: not where live is off, nor for the archive or a file.

    >>> view = View("BTC", "file", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> is_live(view)
    False
    """
    return view.live and view.source not in ("archive", "file")


def is_preview(view: View) -> bool:
    """Return whether the market on screen is that of the candles alone, while the rest is fetched."""
    loading: Loading | None = st.session_state.get("loading")
    return loading is not None and loading.request == _request(view)


def finish_loading(view: View) -> None:
    """Wait for what the drawn page lacks, and run the page again with it: the rest of a preview, or later the
    tickers."""
    state, slot = st.session_state, st.empty()

    def progress(sentence: str, done: int, total: int) -> None:
        slot.caption(escape_markdown(f"Loading: {sentence}"))

    if is_preview(view):
        with suppress(LiqError):  # the run that follows says it
            wait_for_market(state.loading, progress)
        st.rerun()
    tickers.request_tickers(view.source)


def _request(view: View) -> tuple[Any, ...]:
    """Return what makes a market another one."""
    if view.source != "file":
        return (view.ticker, view.source, view.timeframe, "" if view.until is None else str(view.until), ())
    uploads = tuple(upload.file_id for upload in st.session_state.get("upload") or ())
    return (view.ticker, view.source, view.timeframe, view.dates, uploads)


def _market(view: View, preview: bool) -> Market:
    """Return the market. It is kept until a bar closes, so that nothing jumps while controls are moved."""
    state, request = st.session_state, _request(view)
    place = st.empty()  # always there: else everything after it would count as another element and be drawn anew
    is_past = "current_market" in state and last_closed_bar(state.current_market[1], view.as_of) is not None
    if (kept := kept_market("current_market", request, is_live(view) and not is_past)) is not None:
        return kept
    if view.source == "file" and request[-1]:
        market = _uploaded_market(view, request, place)
    else:
        market = _loaded_market(view, place, preview)
    if not is_preview(view):
        state.current_market = (request, market, market_cache.utc_now())
    return market


def _uploaded_market(view: View, request: tuple[Any, ...], place: Any) -> Market:
    """Return the market of the uploaded files."""
    files = tuple((upload.name, upload.getvalue()) for upload in st.session_state.upload)
    try:
        with place.container():
            return read_files(
                [name for name, _ in files],
                request[2:],
                lambda: session_cache.uploaded_market(files, view.timeframe, view.dates),
            )
    finally:
        place.empty()


def kept_market(name: str, request: tuple[Any, ...], refreshes: bool) -> Market | None:
    """Return the market that the session keeps under a name, as (request, market, time fetched); None where it is
    another one, or `refreshes` and is due."""
    if name not in st.session_state:
        return None
    kept_request, market, fetched = st.session_state[name]
    is_due = kept_request != request or (refreshes and market_cache.needs_refresh(market, fetched))
    return None if is_due else market


def _loaded_market(view: View, place: Any, preview: bool) -> Market:
    """Return the market once it is fetched, or with `preview` once its candles are."""
    state, request, began = st.session_state, _request(view), time.monotonic()
    loading: Loading | None = state.get("loading")
    if loading is None or loading.request != request:
        loading = state.loading = start_loading(request, view)
    is_first = "current_market" not in state and not loading.previewed
    with place.container() if is_first else nullcontext():
        bar = st.empty() if is_first else place

        def progress(sentence: str, done: int, total: int) -> None:
            if is_first or time.monotonic() - began > PATIENCE:  # what is on screen stays where it is that long
                bar.progress(min(1.0, done / max(total, 1)), text=escape_markdown(sentence))

        with st.skeleton(height=data.HEIGHT) if is_first else nullcontext():
            try:
                market = wait_for_market(loading, progress, preview=preview)
            finally:
                if loading.future.done():
                    state.pop("loading", None)
    place.empty()
    return market


@dataclass
class Loading:
    """Hold one fetch that is under way: what it is for, its answer, and what happened meanwhile.

    candles : the market of the candles alone, once it is there; previewed : whether a page has drawn it.
    """

    request: tuple[Any, ...]
    future: Future[Market]
    news: queue.SimpleQueue[News] = field(default_factory=queue.SimpleQueue)
    candles: Market | None = None
    previewed: bool = False


def start_loading(request: tuple[Any, ...], view: View) -> Loading:
    """Start to fetch the market of a view.

    >>> view = View("BTC", "simulated", "12h", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> loading = start_loading(("BTC",), view)
    >>> wait_for_market(loading).symbol
    'BTC/USDT:USDT'
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="loading")
    loading = Loading(request, Future())

    def on_candles(market: Market) -> None:
        loading.candles = loading.candles or market

    def work() -> Market:
        return fetch.fetch(
            view.ticker,
            view.timeframe,
            view.source,
            as_of=view.until,
            dates=view.dates,
            on_progress=lambda *news: loading.news.put(news),
            on_candles=on_candles,
        )

    loading.future = pool.submit(work)
    pool.shutdown(wait=False)
    return loading


def wait_for_market(
    loading: Loading, on_progress: Callable[[str, int, int], None] = lambda *_: None, *, preview: bool = False
) -> Market:
    """Return the market, or with `preview` the one of the candles alone if that is there before; raise LiqError.

    on_progress : called in this thread with what `fetch` reports, and again every QUIET seconds.

    >>> view = View("ETH", "simulated", "12h", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> loading = start_loading(("ETH",), view)
    >>> wait_for_market(loading).base
    'ETH'
    """
    last, reported = ("", 0, 1), time.monotonic()
    while True:
        wait([loading.future], timeout=0.03)
        if loading.future.done():
            return loading.future.result()
        if preview and loading.candles is not None and not loading.previewed:
            loading.previewed = True
            return loading.candles
        while not loading.news.empty():
            last, reported = loading.news.get(), 0.0
        if time.monotonic() - reported > QUIET:
            reported = time.monotonic()
            on_progress(*last)
