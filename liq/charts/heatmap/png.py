"""Charts as PNG without a browser: the page's own specification and data, drawn by vl-convert.

Drawing takes some two hundred megabytes for two seconds, so it runs in a process of its own that then ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pandas as pd

from liq.charts.colors import on_ground
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import layers
from liq.charts.heatmap.window import Window, window
from liq.model.heatmap import Heatmap
from liq.sources import titles

VEGA_LITE = "6.4"
"""Vega-Lite version of streamlit 1.67."""

SCRIPT = """
import json, sys, vl_convert
sys.stdout.buffer.write(vl_convert.vegalite_to_png(**json.load(sys.stdin)))
"""

TIMEOUT = 60
"""Seconds after which the drawing process is stopped."""

THEME: dict[str, Any] = {
    "background": layers.GROUND,
    "font": "sans-serif",
    "axis": {
        "domainColor": layers.FAINT,
        "tickColor": layers.FAINT,
        "labelFontSize": 12,
        "labelColor": layers.FAINT,
        "labelSeparation": 12,
        "titleColor": layers.FAINT,
    },
    "legend": {"labelColor": layers.INK, "titleColor": layers.FAINT},
    "title": {"color": layers.INK, "subtitleColor": layers.FAINT, "anchor": "start", "offset": 12},
}
"""Vega configuration that Streamlit's theme adds in the page."""


def heatmap_png(
    heatmap: Heatmap,
    *,
    part: Window | None = None,
    title: str = "",
    width: int = 1400,
    height: int = 760,
    scale: float = 1.0,
    **drawing: Any,
) -> bytes:
    r"""Return the chart of a heatmap as a PNG, with title, time, source and disclaimer in the picture.

    part : the drawn window, by default the prices that matter; title : by default symbol and source.
    width, height : pixels of the whole picture at scale 1; drawing : arguments of `data.datasets`, ``threshold``,
    ``more_heat`` and the like. Raises OSError if the drawing process cannot be run or fails.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap_png(liq.estimate(simulate("BTC", "12h", now="2026-09-01")), width=400, height=300)[:4]
    b'\x89PNG'
    """
    part = window(heatmap) if part is None else part
    title = title or titles.market_title(heatmap.market)
    return chart_png(
        layers.static_spec(), heatmap_data.datasets(heatmap, part, title=title, **drawing), width, height, scale
    )


def chart_png(
    spec: dict[str, Any],
    datasets: dict[str, pd.DataFrame],
    width: int,
    height: int,
    scale: float = 1.0,
    light: bool = False,
) -> bytes:
    r"""Return any chart of the app as a PNG of width x height pixels, times scale; light : as on a light page.

    Data that a specification names by address are refused, so that nothing is requested from the network.

    >>> spec = {"mark": "point", "data": {"name": "rows"}, "encoding": {"x": {"field": "x", "type": "quantitative"}}}
    >>> chart_png(spec, {"rows": pd.DataFrame({"x": [1.0]})}, 200, 100)[:4]
    b'\x89PNG'
    """
    records = {name: json.loads(frame.to_json(orient="records")) for name, frame in datasets.items()}
    size = {"width": width, "height": height, "autosize": {"type": "fit", "contains": "padding"}}
    dressed = on_ground({**spec, **size, "config": {**spec.get("config", {}), **THEME}}, light)
    arguments = {
        "vl_spec": {**dressed, "datasets": records},
        "vl_version": VEGA_LITE,
        "scale": scale,
        "allowed_base_urls": [],
    }
    process = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT],
        input=json.dumps(arguments).encode(),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    message = process.stderr.decode(errors="replace").strip()
    # a formula that fails leaves an empty picture and a line that says so
    if process.returncode != 0 or "ERROR" in message or not process.stdout.startswith(b"\x89PNG"):
        raise OSError(f"The chart could not be drawn: {message[-300:] or 'no reason given'}")
    return process.stdout
