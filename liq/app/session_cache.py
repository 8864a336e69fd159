"""Caches that all sessions share: uploaded markets, estimates, and what is drawn of them.

Markets are keys by identity, so every session that shows the same market shares what was computed from it.
"""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from liq import formatting
from liq.app.memory import return_freed_memory, shared
from liq.app.view import View
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import leverage, readout, window
from liq.market import Market
from liq.model import as_of
from liq.model.estimate import estimate
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import select_bands
from liq.model.prior import PRIORS, Prior
from liq.positions import Positions
from liq.sources import titles
from liq.validation.book_losses import book_losses
from liq.zones.ranking import SideTotals, side_totals, top_zones
from liq.zones.scenario import Scenario, scenario


@shared
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


def estimated_heatmap(market: Market, prior: str | Prior) -> Heatmap:
    """Return the estimate of a market, see `liq.model.estimate`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> heatmap.prior.name
    'calibrated'
    """
    return _estimated(market, prior if isinstance(prior, str) else prior.to_json())


@shared
def _estimated(market: Market, prior: str) -> Heatmap:
    return estimate(market, prior=prior if prior in PRIORS else Prior.from_json(prior))


def view_heatmap(market: Market, prior: str | Prior, bands: tuple[str, ...]) -> Heatmap:
    """Return the estimate of a market with only these bands of leverage counted.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = view_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated", ())
    >>> bool(heatmap.long.any())
    False
    """
    return reweighted_heatmap(estimated_heatmap(market, prior), bands)


@shared
def reweighted_heatmap(all_bands: Heatmap, bands: tuple[str, ...]) -> Heatmap:
    """Return the estimate with only these bands of leverage counted.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> bool(reweighted_heatmap(heatmap, ("51-100x",)).long.sum() < heatmap.long.sum())
    True
    """
    return select_bands(all_bands, bands)


@shared
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


@shared
def heatmap_up_to(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as it stood at the end of a bar of its window, see `liq.model.as_of`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> len(heatmap.times) - len(heatmap_up_to(heatmap, 9).times) > 0
    True
    """
    return as_of.heatmap_up_to(heatmap, row)


@shared
def chart_window(heatmap: Heatmap, like: Heatmap, whole: bool) -> window.Window:
    """Return what is drawn of a heatmap, see `liq.charts.heatmap.window`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> chart_window(heatmap, heatmap, False) is chart_window(heatmap, heatmap, False)
    True
    """
    return window.window(heatmap, whole, like, window.PAGE_ROWS)


@shared
def chart_readout(heatmap: Heatmap, like: Heatmap, whole: bool) -> readout.Readout:
    """Return what is shown under the pointer, see `liq.charts.heatmap.readout`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> chart_readout(heatmap, heatmap, False) is chart_readout(heatmap, heatmap, False)
    True
    """
    bands = leverage.dominant_bands(heatmap, whole, like, window.PAGE_ROWS)
    read = readout.encode(chart_window(heatmap, like, whole), window.column_closes(heatmap), bands)
    return_freed_memory()
    return read


@shared
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


@shared
def book_summary(heatmap: Heatmap) -> tuple[Scenario, SideTotals]:
    """Return the scenario of a heatmap and the totals of its sides.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> 0 <= book_summary(heatmap)[0].balance <= 1
    True
    """
    return scenario(heatmap, zones=strongest_zones(heatmap)), side_totals(heatmap)


@shared
def strongest_zones(heatmap: Heatmap) -> pd.DataFrame:
    """Return the ten strongest zones of each side, see `liq.top_zones`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> strongest_zones(heatmap)["side"].unique().tolist()
    ['above', 'below']
    """
    return top_zones(heatmap, price=heatmap.market.price)


@cache
def chart_spec() -> dict[str, Any]:
    """Return the heatmap chart's constant specification as `liq.charts.heatmap.layers` wrote it down.

    Making it takes half a second of a server's first picture, most of it to import altair.

    >>> chart_spec() is chart_spec()
    True
    """
    file = Path(heatmap_data.__file__).with_name("spec.json")
    spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return spec


def chart_png(data: dict[str, pd.DataFrame], spec: dict[str, Any] | None = None) -> bytes:
    """Return a drawn chart as a PNG, by default the heatmap, see `liq.charts.heatmap.png`.

    >>> chart_png.__name__
    'chart_png'
    """
    from liq.charts.heatmap import layers, png

    return png.chart_png(spec or layers.static_spec(), data, 1600, 860)


def chart_data(
    view: View, heatmap: Heatmap, like: Heatmap, then: Heatmap, positions: Positions | None = None
) -> tuple[window.Window, dict[str, pd.DataFrame], dict[str, pa.Table]]:
    """Return what is drawn of a heatmap, the chart's data, and the same as Arrow: prices and colours of `like`, as of
    `then`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> drawn, data, tables = chart_data(view, heatmap, heatmap, heatmap)
    >>> sorted(data) == sorted(tables)
    True
    """
    title = titles.market_title(heatmap.market, view.timeframe)
    drawing: dict[str, Any] = {
        "threshold": view.threshold,
        "more_heat": view.more_heat,
        "klines": view.klines,
        "realised": view.realised,
        "untested": view.untested,
        "title": title if then is heatmap else f"{title} · as of {formatting.timestamp(then.market.as_of)}",
        "watermark": "Simulated" if heatmap.market.source == "simulated" else "",
        "scale": view.scale,
        "goes_to": view.goes_to,
    }
    marks, mark_tables = _marks(heatmap, like, then, positions, view.whole)
    picture, picture_tables = _picture(heatmap, like, then, view.whole, tuple(drawing.items()))
    drawn = chart_window(heatmap, like, view.whole)
    return drawn, {**picture, **marks}, {**picture_tables, **mark_tables}


Payload = tuple[dict[str, pd.DataFrame], dict[str, pa.Table]]
"""Some of the chart's data by name, as frames and as Arrow."""


@shared
def _marks(heatmap: Heatmap, like: Heatmap, then: Heatmap, positions: Positions | None, whole: bool) -> Payload:
    """Return the data that no control of the drawing changes, so that a slider makes the picture alone anew."""
    moment = None if then is heatmap else then
    drawn, read = chart_window(heatmap, like, whole), chart_readout(heatmap, like, whole)
    return _as_payload(heatmap_data.marks(heatmap, drawn, read, then=moment, positions=positions))


@shared
def _picture(
    heatmap: Heatmap, like: Heatmap, then: Heatmap, whole: bool, drawing: tuple[tuple[str, Any], ...]
) -> Payload:
    """Return the picture and the chart's constants."""
    moment = None if then is heatmap else then
    drawn, read = chart_window(heatmap, like, whole), chart_readout(heatmap, like, whole)
    usual = chart_usual(heatmap, like, whole, None if moment is None else len(then.times))
    return _as_payload(heatmap_data.picture(heatmap, drawn, read, then=moment, usual=usual, **dict(drawing)))


def _as_payload(data: dict[str, pd.DataFrame]) -> Payload:
    return data, {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in data.items()}
