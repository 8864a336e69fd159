"""What is drawn of an estimate, kept for all sessions: window, readout, picture, and the same as Arrow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from liq import formatting
from liq.app.memory import return_freed_memory, shared
from liq.app.session_cache import zone_record
from liq.app.view import View
from liq.charts.colors import on_ground
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import leverage, picture, readout, window
from liq.charts.heatmap.strips.context import Panel, panel_columns, panel_rows
from liq.model.heatmap import Heatmap
from liq.positions import Positions
from liq.sources import titles


@shared
def chart_window(heatmap: Heatmap, like: Heatmap, whole: bool) -> window.Window:
    """Return what is drawn of a heatmap, see `liq.charts.heatmap.window`.

    >>> from liq.app.session_cache import estimated_heatmap
    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> chart_window(heatmap, heatmap, False) is chart_window(heatmap, heatmap, False)
    True
    """
    return window.window(heatmap, whole, like, window.PAGE_ROWS)


@shared
def chart_readout(heatmap: Heatmap, like: Heatmap, whole: bool) -> readout.Readout:
    """Return what is shown under the pointer, see `liq.charts.heatmap.readout`.

    >>> from liq.app.session_cache import estimated_heatmap
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

    >>> from liq.app.session_cache import estimated_heatmap
    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> sorted(chart_usual(heatmap, heatmap, False, None))
    ['long', 'short']
    """
    drawn = chart_window(heatmap, like, whole)
    share = 1.0 if n_times is None else n_times / len(heatmap.times)
    return window.usual_by_side(drawn, window.column_closes(heatmap), max(1, int(share * len(drawn.long))))


@cache
def chart_spec(light: bool = False) -> dict[str, Any]:
    """Return the heatmap chart's constant specification as `liq.charts.heatmap.layers` wrote it down.

    light : whether it is for a light page.

    Making it takes half a second of a server's first picture, most of it to import altair.

    >>> chart_spec() is chart_spec()
    True
    """
    file = Path(heatmap_data.__file__).with_name("spec.json")
    spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return on_ground(spec, light)


def chart_png(data: dict[str, pd.DataFrame], spec: dict[str, Any] | None = None, light: bool = False) -> bytes:
    """Return a drawn chart as a PNG, by default the heatmap, see `liq.charts.heatmap.png`.

    >>> chart_png.__name__
    'chart_png'
    """
    from liq.charts.heatmap import layers, png

    return png.chart_png(spec or layers.static_spec(), data, 1600, 860, light=light)


def chart_data(
    view: View,
    heatmap: Heatmap,
    like: Heatmap,
    then: Heatmap,
    positions: Positions | None = None,
    panels: Sequence[Panel] = (),
    prices: tuple[float, float] | None = None,
) -> tuple[window.Window, dict[str, pd.DataFrame], dict[str, pa.Table]]:
    """Return what is drawn of a heatmap, the chart's data, and the same as Arrow: prices and colours of `like`, as of
    `then`.

    >>> from liq.app.session_cache import estimated_heatmap
    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
    >>> drawn, data, tables = chart_data(view, heatmap, heatmap, heatmap)
    >>> sorted(data) == sorted(tables)
    True
    """
    title = titles.market_title(heatmap.market, view.timeframe)
    for_both: dict[str, Any] = {"scale": view.scale, "light": view.light}
    coloring = {**for_both, "threshold": view.threshold, "more_heat": view.more_heat}
    drawing = {
        **for_both,
        "klines": view.klines,
        "realised": view.realised,
        "untested": view.untested,
        "title": title if then is heatmap else f"{title} · as of {formatting.timestamp(then.market.as_of)}",
        "watermark": "Simulated" if heatmap.market.source == "simulated" else "",
        "goes_to": view.goes_to,
        "n_panels": len(panels),
        "prices": prices,
    }
    marks = _marks(heatmap, like, then, positions, view.whole, view.named)
    parts = (
        marks,
        _picture(heatmap, like, then, view.whole, tuple(coloring.items())),
        _constants(heatmap, like, then, view.whole, tuple(drawing.items())),
        _with_panels(marks[0]["candles"], panels),
    )
    frames, tables = dict[str, pd.DataFrame](), dict[str, pa.Table]()
    for part_frames, part_tables in parts:
        frames |= part_frames
        tables |= part_tables
    return chart_window(heatmap, like, view.whole), frames, tables


Payload = tuple[dict[str, pd.DataFrame], dict[str, pa.Table]]
"""Some of the chart's data by name, as frames and as Arrow."""


@shared
def _marks(
    heatmap: Heatmap, like: Heatmap, then: Heatmap, positions: Positions | None, whole: bool, named: bool
) -> Payload:
    """Return the data that no control of the drawing changes, so that a slider makes the picture alone anew."""
    record = zone_record(then) if named else None
    moment = None if then is heatmap else then
    drawn, read = chart_window(heatmap, like, whole), chart_readout(heatmap, like, whole)
    return _as_payload(heatmap_data.marks(heatmap, drawn, read, then=moment, positions=positions, record=record))


@shared
def _picture(
    heatmap: Heatmap, like: Heatmap, then: Heatmap, whole: bool, coloring: tuple[tuple[str, Any], ...]
) -> Payload:
    """Return the picture, which alone changes with the controls of colour."""
    drawn, usual = chart_window(heatmap, like, whole), _usual(heatmap, like, then, whole)
    return _as_payload(picture.picture(heatmap, drawn, is_small=True, usual=usual, **dict(coloring)))


@shared
def _constants(
    heatmap: Heatmap, like: Heatmap, then: Heatmap, whole: bool, drawing: tuple[tuple[str, Any], ...]
) -> Payload:
    """Return the chart's frame and words, and what the pointer reads with."""
    moment, usual = None if then is heatmap else then, _usual(heatmap, like, then, whole)
    drawn, read = chart_window(heatmap, like, whole), chart_readout(heatmap, like, whole)
    return _as_payload(heatmap_data.constants(heatmap, drawn, read, then=moment, usual=usual, **dict(drawing)))


def _usual(heatmap: Heatmap, like: Heatmap, then: Heatmap, whole: bool) -> dict[str, np.ndarray]:
    """Return `chart_usual` of a heatmap up to the moment that is looked at."""
    return chart_usual(heatmap, like, whole, None if then is heatmap else len(then.times))


def shared_prices(one: Heatmap, other: Heatmap, whole: bool) -> tuple[float, float] | None:
    """Return the prices that two heatmaps are drawn on side by side; None where they are of unlike coins.

    >>> from liq.app.session_cache import estimated_heatmap
    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> low, high = shared_prices(heatmap, heatmap, False)
    >>> low < heatmap.market.price < high
    True
    """
    if one.market.base != other.market.base:
        return None
    edges = [chart_window(heatmap, heatmap, whole).edges for heatmap in (one, other)]
    return min(float(edge[0]) for edge in edges), max(float(edge[-1]) for edge in edges)


def _with_panels(candles: pd.DataFrame, panels: Sequence[Panel]) -> Payload:
    """Return the candles with the panels' values, and the panels; nothing for none."""
    if not panels:
        return {}, {}
    return _as_payload({"candles": candles.assign(**panel_columns(panels)), "panels": panel_rows(panels)})


def _as_payload(data: dict[str, pd.DataFrame]) -> Payload:
    return data, {
        name: pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        for name, frame in data.items()
    }
