"""Data of the context panels under the heat: one value a bar each, on the heatmap's own time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.charts.heatmap.strips.bars import STRIP
from liq.market import Market, as_utc

PANEL = 0.1
"""Share of the plot's height for one panel."""

STEPS = 1000
"""Steps in which a value is sent, of the panel's range."""

COLUMNS = ("key", "top", "zero", "reach", "words", "base", "span", "format", "unit")


class Panel(NamedTuple):
    """Hold a panel: its words, a value for each visible bar (NaN where unknown), and how a value is written.

    signed : bars go up and down from the middle; else up from the least value of the window. format : a d3 number
    format; unit : words after a value.
    """

    words: str
    values: np.ndarray
    signed: bool
    format: str
    unit: str = ""


def below_heat(n_panels: int) -> float:
    """Return the share of the plot's height under the heat, with that many panels.

    >>> below_heat(0), round(below_heat(2), 2)
    (0.13, 0.33)
    """
    return STRIP + n_panels * PANEL


def values_by_bar(values: pd.Series, market: Market, moment: pd.Timestamp, lasts: bool) -> np.ndarray:
    """Return the value of a series of UTC times at each visible bar, NaN where unknown or later than a moment.

    lasts : a value holds until the next one (a funding rate); else it is the bar's that opens at its time.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> times = pd.DatetimeIndex(["2026-08-31 16:00"], tz="UTC")
    >>> known = np.isfinite(values_by_bar(pd.Series([1e-4], times), market, market.as_of, lasts=True))
    >>> int(known.sum())
    480
    """
    index = market.visible.index
    opens = pd.DatetimeIndex(index)
    opens = opens if opens.tz is not None else opens.tz_localize("UTC")
    ends = opens + market.bar
    known = values[values.index <= as_utc(moment, "moment")]
    if lasts:
        row = known.index.searchsorted(ends, side="left") - 1
        found = np.where(row >= 0, known.to_numpy()[row] if len(known) else np.nan, np.nan)
    else:
        found = known.reindex(opens).to_numpy(dtype=float)
    return np.where(opens < as_utc(moment, "moment"), found, np.nan)


def panel_columns(panels: Sequence[Panel]) -> dict[str, pd.arrays.IntegerArray]:
    """Return the candles' columns ``c1 c2 …``: each value in STEPS of its panel's range, NA where unknown.

    >>> panel_columns([Panel("a", np.array([1.0, 3.0, np.nan]), False, ".1f")])["c1"].tolist()
    [0, 1000, <NA>]
    """
    columns = {}
    for number, panel in enumerate(panels, start=1):
        base, span = _range(panel)
        columns[f"c{number}"] = pd.array(np.rint((panel.values - base) / span * STEPS), dtype="Int16")
    return columns


def panel_rows(panels: Sequence[Panel]) -> pd.DataFrame:
    """Return a row of COLUMNS for each panel: where it lies, in shares of the plot's height, and how to read it.

    key : its column of the candles; top : its upper end; zero : where its bars begin, reach : how far a bar of STEPS
    goes; base, span : a value is base + span × steps / STEPS.

    >>> panel_rows([Panel("a", np.array([-1.0, 2.0]), True, ".1f")])["span"].tolist()
    [2.0]
    """
    rows = []
    for number, panel in enumerate(panels, start=1):
        top = 1 - PANEL * (len(panels) - number + 1)
        base, span = _range(panel)
        zero, reach = (0.58, 0.36) if panel.signed else (0.96, 0.66)
        rows.append(
            (
                *(f"c{number}", top, top + zero * PANEL, reach * PANEL),
                *(panel.words, base, span, panel.format, panel.unit),
            )
        )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(("top", "zero", "reach", "base", "span"), float))


def _range(panel: Panel) -> tuple[float, float]:
    """Return what zero steps and STEPS steps stand for: base, and what lies between."""
    known = panel.values[np.isfinite(panel.values)]
    if not len(known):
        return 0.0, 1.0
    if panel.signed:
        return 0.0, float(np.abs(known).max()) or 1.0
    return float(known.min()), float(np.ptp(known)) or 1.0
