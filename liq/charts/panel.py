"""The dark panel that every chart is drawn on, whatever theme the page has: the colours were chosen for it."""

from __future__ import annotations

from typing import Any

from liq.charts.marks import FAINT, GROUND, INK

GRID = "#2a3242"

WORDS = {"labelColor": FAINT, "titleColor": FAINT}


def dark_panel(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a Vega-Lite specification on the panel; what it says itself of its axes and legends stays."""
    given = spec.get("config", {})
    look = {
        "axis": {**WORDS, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID},
        "legend": {"labelColor": INK, "titleColor": FAINT},
        "header": WORDS,
        "title": {"color": INK},
    }
    merged = {name: {**words, **given.get(name, {})} for name, words in look.items()}
    return {**spec, "background": GROUND, "config": {**given, **merged}}
