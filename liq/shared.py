"""What many sessions ask for alike: markets, estimates, and what is drawn of them, each worked out once.

Objects are told apart by identity, so a session that holds a market finds everything made of it.
"""

from __future__ import annotations

import ctypes
import io
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd
from cachetools import LRUCache, cached

from liq import history, labels
from liq.bands import BANDS as BANDS
from liq.bands import counting
from liq.charts import heat, leverage, readout, window
from liq.errors import LiqError
from liq.estimate import estimate
from liq.heatmap import Heatmap
from liq.market import Market, Quote
from liq.prior import Prior
from liq.sources import fetch, shelf
from liq.zones import top_zones

COINS = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE")
"""Offered where the source cannot say what it lists; any other can be typed."""

RETRY = pd.Timedelta(minutes=1)
"""How long a makeshift market is shown before the venues are asked again."""


@dataclass(frozen=True)
class View:
    """Hold what the sidebar says: which market, how it is weighed, and how it is drawn."""

    ticker: str
    source: str
    timeframe: str
    threshold: int
    more_heat: int
    klines: bool
    realised: bool
    bands: tuple[str, ...]
    prior: str
    whole: bool
    live: bool
    as_of: pd.Timestamp | None = None


def due(market: Market, since: pd.Timestamp) -> bool:
    """Return whether a market that was read at `since` should be read again: a bar has closed, or it was a makeshift.

    A makeshift is the simulated market where no venue answered, or an old answer where a refresh failed.
    """
    now, bar = shelf.utc_now(), market.bar.total_seconds()
    closed = now.timestamp() // bar > labels.utc(market.as_of).tz_localize("UTC").timestamp() // bar
    makeshift = "stale" in market.origins or (market.source == "simulated" and bool(market.left_out))
    return bool(closed or (makeshift and now - since > RETRY))


def tag(market: Market, view: View, quote: Quote | None, past: bool) -> dict[str, Any]:
    """Return label, value, delta and help of the price on show, the quote's or the market's own, with its age."""
    price, time = (float(market.price), market.as_of) if quote is None else (quote.price, quote.time)
    change = price / float(market.visible["open"].iloc[0]) - 1
    age = f"{labels.age(time, pd.Timestamp.now('UTC'))} ago"
    if past or view.source == "file":
        age = f"{labels.utc(time):%d %b %H:%M}" if past else "end of file"
    return {
        "label": f"{market.base}, {age}",
        "value": labels.price(price, labels.decimals(price, market.tick)),
        "delta": f"{labels.percent(change)} in {view.timeframe}",
        "help": labels.escape(f"{labels.title(market, view.timeframe)}, {labels.when(time)}"),
    }


def tickers(source: str) -> list[str]:
    """Return what the source lists, or the usual coins where it cannot say."""
    try:
        return fetch.tickers(source)
    except LiqError:
        return list(COINS)


def _shared(cache: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let many sessions that ask for one thing wait for one answer; objects are told apart by identity."""
    return cached(cache, condition=threading.Condition())


@_shared(LRUCache(4))
def recorded(data: bytes, name: str, timeframe: str) -> Market:
    """Return the market of an uploaded file, see `liq.sources.recording.read`."""
    from liq.sources import recording  # only uploads need it

    file = io.BytesIO(data)
    file.name = name
    return recording.read(file, lookback=timeframe)


@cached(
    LRUCache(8),
    key=lambda market, prior: (market, prior if isinstance(prior, str) else prior.to_json()),
    condition=threading.Condition(),
)
def estimated(market: Market, prior: str | Prior) -> Heatmap:
    """Return the estimate of a market, see `liq.estimate`."""
    return estimate(market, prior=prior)


@_shared(LRUCache(8))
def weighed(everything: Heatmap, bands: tuple[str, ...]) -> Heatmap:
    """Return the estimate with only these bands of leverage counted."""
    return counting(everything, bands)


def moment(view: View, heatmap: Heatmap) -> tuple[Heatmap, str]:
    """Return the heatmap as of the moment that the view names, and what to say about it.

    At present that is the heatmap itself and nothing; outside the window itself, and that it is.
    """
    row = history.closed(heatmap.market, view.as_of)
    if row is not None:
        then = until(heatmap, row)
        return then, (
            f"**A moment of the past.** This is what stood on {labels.when(then.market.as_of)}, with nothing from "
            "later. Live refresh is paused."
        )
    if view.as_of is None:
        return heatmap, ""
    begins = labels.when(heatmap.market.visible.index[0])
    return heatmap, f"As of is outside this window, which begins on {begins}. This is the latest."


@_shared(LRUCache(12))
def until(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as it stood at the end of a bar of its window, see `liq.history`."""
    return history.until(heatmap, row)


@_shared(LRUCache(12))
def drawn(heatmap: Heatmap, like: Heatmap, whole: bool) -> window.Window:
    """Return what is drawn of a heatmap, see `liq.charts.window`."""
    return window.window(heatmap, whole, like)


@_shared(LRUCache(12))
def changes(heatmap: Heatmap, like: Heatmap, whole: bool) -> readout.Changes:
    """Return what the pointer reads of what is drawn, see `liq.charts.readout`."""
    bands = leverage.dominating(heatmap, whole, like)
    read = readout.encode(drawn(heatmap, like, whole), window.closes(heatmap), bands)
    _give_back()
    return read


def _give_back() -> None:
    """Hand freed memory back to the system, with glibc: each session runs in threads that would keep their own."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@_shared(LRUCache(12))
def zones(heatmap: Heatmap) -> pd.DataFrame:
    """Return the ten strongest zones of each side, see `liq.top_zones`."""
    return top_zones(heatmap, price=heatmap.market.price)


def chart(
    view: View, heatmap: Heatmap, like: Heatmap, then: Heatmap
) -> tuple[window.Window, dict[str, pd.DataFrame]]:
    """Return what is drawn of a heatmap, and the chart's data: prices and colours of `like`, as of `then`."""
    part = drawn(heatmap, like, view.whole)
    title = labels.title(heatmap.market, view.timeframe)
    return part, heat.datasets(
        heatmap,
        part,
        changes(heatmap, like, view.whole),
        threshold=view.threshold,
        more_heat=view.more_heat,
        klines=view.klines,
        realised=view.realised,
        title=title if then is heatmap else f"{title} · as of {labels.when(then.market.as_of)}",
        watermark="Simulated" if heatmap.market.source == "simulated" else "",
        then=None if then is heatmap else then,
    )
