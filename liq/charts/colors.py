"""Colours of the charts, on dark ground and, for those who chose it, on light."""

from __future__ import annotations

import json
from typing import Any

UP, DOWN, INK, FAINT, GROUND, ACCENT = "#6beedb", "#f22238", "#e6e9ef", "#8b93a5", "#0b0e14", "#f7a941"
"""Rising or short, falling or long, and the rest: light teal against deep red stay apart, by lightness too, for the
common colour blindnesses, and on any heat (tests/charts/test_colors.py)."""

GRID, POSITIONS = "#2a3242", "#8fd3ff"
"""Lines behind a chart, and real positions."""

RAMP = (
    *("#0b0e14", "#170f2b", "#2a1352", "#431a75", "#61248f"),
    *("#8a3299", "#b8498b", "#df6f63", "#f7a941", "#fff15c"),
)
"""Colours from the page's background through violet to yellow; the theme's sequential colours are the same."""

LIGHT_RAMP = (
    *("#ffffff", "#fff3d6", "#ffe1a0", "#fdc873", "#f8a95c"),
    *("#ec8558", "#d56061", "#b23f6f", "#84267a", "#4c1277"),
)
"""The same on a light page, from its background through yellow to violet: what matters is dark there."""

ON_LIGHT = {
    UP: "#00a99d",
    DOWN: "#730014",
    INK: "#1b2130",
    FAINT: "#5b6475",
    GROUND: "#ffffff",
    ACCENT: "#a85400",
    GRID: "#d8dde6",
    POSITIONS: "#0072b2",
    "#f6a840": "#f09a3c",
    "#fff15c": "#e3c000",
}
"""What each colour of a specification is on a light page; the last two are shades of the liquidation map."""


def on_ground(spec: dict[str, Any], light: bool) -> dict[str, Any]:
    """Return a specification in the colours of a dark or a light page; all are written for the dark one.

    >>> on_ground({"background": GROUND, "mark": {"color": "white"}}, light=True)
    {'background': '#ffffff', 'mark': {'color': 'white'}}
    """
    if not light:
        return spec
    text = json.dumps(spec)
    for dark, its_light in ON_LIGHT.items():
        text = text.replace(dark, its_light)
    result: dict[str, Any] = json.loads(text)
    return result
