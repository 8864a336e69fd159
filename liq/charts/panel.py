"""The panel on which every chart is drawn, in the dark colours, which `colors.on_ground` turns for a light page."""

from __future__ import annotations

from typing import Any

from liq.charts.colors import FAINT, GRID, GROUND, INK

LABELS = {"labelColor": FAINT, "titleColor": FAINT}


def dark_panel(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a Vega-Lite specification on the panel; its own settings of axes and legends are kept.

    >>> dark_panel({"mark": "point"})["background"]
    '#0b0e14'
    """
    own = spec.get("config", {})
    theme = {
        "axis": {**LABELS, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID},
        "legend": {"labelColor": INK, "titleColor": FAINT},
        "header": LABELS,
        "title": {"color": INK},
    }
    merged = {name: {**settings, **own.get(name, {})} for name, settings in theme.items()}
    return {**spec, "background": GROUND, "config": {**own, **merged}}
