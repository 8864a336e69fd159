"""The candles as rows of a chart, with the times of each bar and what was liquidated in it."""

from __future__ import annotations

import altair as alt

from liq.charts.heatmap.data import FINE, GRAIN
from liq.charts.heatmap.pointer import ONE
from liq.charts.marks import named_data


def timed_bars(**places: float) -> alt.Chart:
    """Return the candles with the times of each bar that are named: how many bar lengths after it opens."""
    times = {name: f"{ONE}.first + (datum.i + {after}) * {ONE}.bar" for name, after in places.items()}
    return named_data("candles").transform_calculate(**times)


def with_dollars(chart: alt.Chart, *names: str) -> alt.Chart:
    """Return bars with what was liquidated in them, by those columns: ``usd_est_long`` and so on; null if unknown."""
    # Vega may run a formula again on rows that it has run on before, so none writes over what it reads
    words = "isValid(datum.{0}) ? {1} * (exp(datum.{0} / {2}) - 1) : null"
    return chart.transform_calculate(**{f"usd_{name}": words.format(name, GRAIN, FINE) for name in names})
