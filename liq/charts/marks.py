"""What the layers of the heatmap chart share: colours, data by name, the bars and their dollars."""

from __future__ import annotations

import altair as alt

from liq.charts.heat import FINE, GRAIN
from liq.charts.pointer import ONE

UP, DOWN, INK, FAINT, GROUND, ACCENT = "#6beedb", "#f22238", "#e6e9ef", "#8b93a5", "#0b0e14", "#f7a941"
"""Rising or short, falling or long, and the rest: light teal against deep red stay apart, by lightness too, for the
common colour blindnesses, and on any heat (tests/test_colours.py)."""


def data(name: str) -> alt.Chart:
    """Return a chart of the dataset of that name."""
    return alt.Chart(alt.NamedData(name=name))


def side(test: str) -> alt.ColorValue:
    """Return UP where the test holds, else DOWN."""
    return alt.ColorValue(DOWN, condition={"test": test, "value": UP})


def bars(**places: float) -> alt.Chart:
    """Return the candles with the times of each bar that are named: how many bar lengths after it opens."""
    times = {name: f"{ONE}.first + (datum.i + {after}) * {ONE}.bar" for name, after in places.items()}
    return data("candles").transform_calculate(**times)


def dollars(chart: alt.Chart, *names: str) -> alt.Chart:
    """Return bars with what was liquidated in them, by those columns: ``usd_est_long`` and so on; null if unknown."""
    # Vega may run a formula again on rows that it has run on before, so none writes over what it reads
    words = "isValid(datum.{0}) ? {1} * (exp(datum.{0} / {2}) - 1) : null"
    return chart.transform_calculate(**{f"usd_{name}": words.format(name, GRAIN, FINE) for name in names})


def usd(value: str) -> str:
    """Return the expression that writes dollars in three digits; Vega's own letters say k and G."""
    short = f"format({value}, '$.3~s')"
    return f"({value} > 0 ? replace(replace({short}, 'G', 'B'), 'k', 'K') : '$0')"
