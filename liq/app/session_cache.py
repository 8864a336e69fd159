"""Caches that all sessions share: uploaded markets, estimates, and what is drawn of them.

Markets are keys by identity, so every session that shows the same market shares what was computed from it.
"""

from __future__ import annotations

import ctypes
import io
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from liq import formatting
from liq.app.view import View
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import leverage, readout, window
from liq.market import Market, Quote
from liq.model import as_of
from liq.model.estimate import estimate
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import select_bands
from liq.model.prior import Prior
from liq.positions import Positions
from liq.sources import titles
from liq.validation.book_losses import book_losses
from liq.zones.ranking import top_zones


def price_metric(market: Market, view: View, quote: Quote | None, past: bool) -> dict[str, Any]:
    """Return label, value, delta and help of a `st.metric`: the price of the quote or of the market, with its age.

    >>> from liq.sources.fetch import fetch
    >>> market = fetch("BTC", "1d", source="simulated")
    >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> sorted(price_metric(market, view, None, past=False))
    ['delta', 'help', 'label', 'value']
    """
    price, time = (float(market.price), market.as_of) if quote is None else (quote.price, quote.time)
    change = price / float(market.visible["open"].iloc[0]) - 1
    age = f"{formatting.age(time, pd.Timestamp.now('UTC'))} ago"
    if past or view.source == "file":
        age = f"{formatting.naive_utc(time):%d %b %H:%M}" if past else "end of file"
    return {
        "label": f"{market.base}, {age}",
        "value": formatting.price(price, formatting.decimals(price, market.tick)),
        "delta": f"{formatting.percent(change)} in {view.timeframe}",
        "help": formatting.escape_markdown(
            f"{titles.market_title(market, view.timeframe)}, {formatting.timestamp(time)}"
        ),
    }


def _single_flight(cache: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Cache a function so that sessions which want the same value at once wait for one computation."""
    return cached(cache, condition=threading.Condition())


@_single_flight(LRUCache(4))
def uploaded_market(files: tuple[tuple[str, bytes], ...], timeframe: str) -> Market:
    r"""Return the market of uploaded files (name, content), see `liq.sources.files.market_file.read_market`.

    >>> hours = range(1_700_006_400_000, 1_701_446_400_000, 3_600_000)
    >>> lines = ["open_time_ms,open,high,low,close,volume", *(f"{hour},100,101,99,100,5" for hour in hours)]
    >>> uploaded_market((("mine.csv", "\n".join(lines).encode()),), "7d").price
    100.0
    """
    from liq.sources.files import market_file  # only uploads need it

    buffers = []
    for name, content in files:
        buffers.append(io.BytesIO(content))
        buffers[-1].name = name
    return market_file.read_market(buffers, lookback=timeframe)


@cached(
    LRUCache(8),
    key=lambda market, prior: (market, prior if isinstance(prior, str) else prior.to_json()),
    condition=threading.Condition(),
)
def estimated_heatmap(market: Market, prior: str | Prior) -> Heatmap:
    """Return the estimate of a market, see `liq.model.estimate`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> heatmap.prior.name
    'calibrated'
    """
    return estimate(market, prior=prior)


@_single_flight(LRUCache(8))
def reweighted_heatmap(all_bands: Heatmap, bands: tuple[str, ...]) -> Heatmap:
    """Return the estimate with only these bands of leverage counted.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> bool(reweighted_heatmap(heatmap, ("51-100x",)).long.sum() < heatmap.long.sum())
    True
    """
    return select_bands(all_bands, bands)


@_single_flight(LRUCache(12))
def losses(heatmap: Heatmap) -> list[str]:
    """Return a sentence on each bar that removed more than half of the book, see `liq.validation.book_losses`.

    >>> from liq.sources.fetch import fetch
    >>> losses(estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated"))
    []
    """
    return book_losses(heatmap)


def heatmap_as_of(view: View, heatmap: Heatmap) -> tuple[Heatmap, str]:
    """Return the heatmap as of the moment that the view names, and what to say about it.

    Without a moment that is the heatmap itself and an empty string; with one outside the window it is the heatmap
    itself and a sentence that says so.

        >>> from liq.sources.fetch import fetch
        >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
        >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
        >>> heatmap_as_of(view, heatmap) == (heatmap, "")
        True
    """
    row = as_of.last_closed_bar(heatmap.market, view.as_of)
    if row is not None:
        then = heatmap_up_to(heatmap, row)
        return then, (
            f"**A moment of the past.** This is what stood on {formatting.timestamp(then.market.as_of)}, "
            "with nothing from later. Live refresh is paused."
        )
    if view.as_of is None:
        return heatmap, ""
    begins = formatting.timestamp(heatmap.market.visible.index[0])
    return heatmap, f"As of is outside this window, which begins on {begins}. This is the latest."


@_single_flight(LRUCache(12))
def heatmap_up_to(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as it stood at the end of a bar of its window, see `liq.model.as_of`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> len(heatmap.times) - len(heatmap_up_to(heatmap, 9).times) > 0
    True
    """
    return as_of.heatmap_up_to(heatmap, row)


@_single_flight(LRUCache(12))
def chart_window(heatmap: Heatmap, like: Heatmap, whole: bool) -> window.Window:
    """Return what is drawn of a heatmap, see `liq.charts.heatmap.window`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> chart_window(heatmap, heatmap, False) is chart_window(heatmap, heatmap, False)
    True
    """
    return window.window(heatmap, whole, like)


@_single_flight(LRUCache(12))
def chart_readout(heatmap: Heatmap, like: Heatmap, whole: bool) -> readout.Readout:
    """Return what is shown under the pointer, see `liq.charts.heatmap.readout`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> chart_readout(heatmap, heatmap, False) is chart_readout(heatmap, heatmap, False)
    True
    """
    bands = leverage.dominant_bands(heatmap, whole, like)
    read = readout.encode(chart_window(heatmap, like, whole), window.column_closes(heatmap), bands)
    _return_freed_memory()
    return read


@_single_flight(LRUCache(12))
def chart_usual(heatmap: Heatmap, like: Heatmap, whole: bool, n_times: int | None) -> dict[str, np.ndarray]:
    """Return the dollars usual by side and distance, see `liq.charts.heatmap.window.usual_by_side`.

    n_times : how many of the heatmap's moments are looked at, the first ones; None is all.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> sorted(chart_usual(heatmap, heatmap, False, None))
    ['long', 'short']
    """
    drawn = chart_window(heatmap, like, whole)
    share = 1.0 if n_times is None else n_times / len(heatmap.times)
    return window.usual_by_side(drawn, window.column_closes(heatmap), max(1, int(share * len(drawn.long))))


def _return_freed_memory() -> None:
    """Return freed memory to the system where libc is glibc: it would keep some for every session's threads."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@_single_flight(LRUCache(12))
def strongest_zones(heatmap: Heatmap) -> pd.DataFrame:
    """Return the ten strongest zones of each side, see `liq.top_zones`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> strongest_zones(heatmap)["side"].unique().tolist()
    ['above', 'below']
    """
    return top_zones(heatmap, price=heatmap.market.price)


def chart_spec() -> dict[str, Any]:
    """Return the heatmap chart's constant specification, see `liq.charts.heatmap.layers`.

    >>> chart_spec() is chart_spec()
    True
    """
    from liq.charts.heatmap import layers  # altair takes a third of a second, which a source's answer overlaps

    return layers.spec()


def chart_png(data: dict[str, pd.DataFrame]) -> bytes:
    """Return the drawn heatmap as a PNG, see `liq.charts.heatmap.png`.

    >>> chart_png.__name__
    'chart_png'
    """
    from liq.charts.heatmap import layers, png

    return png.chart_png(layers.static_spec(), data, 1600, 860)


def chart_data(
    view: View, heatmap: Heatmap, like: Heatmap, then: Heatmap, positions: Positions | None = None
) -> tuple[window.Window, dict[str, pd.DataFrame]]:
    """Return what is drawn of a heatmap, and the chart's data: prices and colours of `like`, as of `then`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> drawn, data = chart_data(view, heatmap, heatmap, heatmap)
    >>> "pointer" in data
    True
    """
    part = chart_window(heatmap, like, view.whole)
    title = titles.market_title(heatmap.market, view.timeframe)
    return part, heatmap_data.datasets(
        heatmap,
        part,
        chart_readout(heatmap, like, view.whole),
        threshold=view.threshold,
        more_heat=view.more_heat,
        klines=view.klines,
        realised=view.realised,
        untested=view.untested,
        title=title if then is heatmap else f"{title} · as of {formatting.timestamp(then.market.as_of)}",
        watermark="Simulated" if heatmap.market.source == "simulated" else "",
        then=None if then is heatmap else then,
        positions=positions,
        scale=view.scale,
        goes_to=view.goes_to,
        usual=chart_usual(heatmap, like, view.whole, None if then is heatmap else len(then.times)),
    )
