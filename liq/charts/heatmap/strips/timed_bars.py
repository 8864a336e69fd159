"""Candles as rows of a chart, with times within each bar and its liquidations."""

from __future__ import annotations

import altair as alt

from liq.charts.heatmap.strips.bars import LOG_STEPS, LOG_UNIT
from liq.charts.marks import named_data

ONE = "data('pointer')[0]"
"""Vega expression: the chart's one-row dataset of constants, which a column would repeat on every row."""


def timed_bars(**places: float) -> alt.Chart:
    """Return the candles with named times: each so many bar lengths after the bar opens.

    >>> timed_bars(mid=0.5).to_dict(validate=False)["transform"][0]["as"]
    'mid'
    """
    times = {name: f"{ONE}.first + (datum.i + {after}) * {ONE}.bar" for name, after in places.items()}
    return named_data("candles").transform_calculate(**times)


def with_dollars(chart: alt.Chart, *names: str) -> alt.Chart:
    """Return bars with their liquidations in USD, by those columns: ``usd_est_long`` and so on; null if unknown.

    >>> with_dollars(timed_bars(), "est_long").to_dict(validate=False)["transform"][-1]["as"]
    'usd_est_long'
    """
    # Vega may run a formula twice on the same rows, so a formula never overwrites its own input
    formula = "isValid(datum.{0}) ? {1} * (exp(datum.{0} / {2}) - 1) : null"
    return chart.transform_calculate(**{f"usd_{name}": formula.format(name, LOG_UNIT, LOG_STEPS) for name in names})
