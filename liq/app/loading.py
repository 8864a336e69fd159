"""Fetch of the market on screen, in a thread of its own, so that a page can draw the candles while the rest comes."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from liq.market import Market
from liq.sources import fetch

News = tuple[str, int, int]

QUIET = 0.5
"""Seconds after which progress is reported again though nothing happened: only there can a page be left."""


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


def start_loading(request: tuple[Any, ...], ticker: str, timeframe: str, source: str) -> Loading:
    """Start to fetch a market.

    >>> loading = start_loading(("BTC",), "BTC", "12h", "simulated")
    >>> wait_for_market(loading).symbol
    'BTC/USDT:USDT'
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="loading")
    loading = Loading(request, Future())

    def on_candles(market: Market) -> None:
        loading.candles = loading.candles or market

    def work() -> Market:
        return fetch.fetch(
            ticker, timeframe, source, on_progress=lambda *news: loading.news.put(news), on_candles=on_candles
        )

    loading.future = pool.submit(work)
    pool.shutdown(wait=False)
    return loading


def wait_for_market(
    loading: Loading, on_progress: Callable[[str, int, int], None] = lambda *_: None, *, preview: bool = False
) -> Market:
    """Return the market, or with `preview` the one of the candles alone if that is there before; raise LiqError.

    on_progress : called in this thread with what `fetch` reports, and again every QUIET seconds.

    >>> loading = start_loading(("ETH",), "ETH", "12h", "simulated")
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
