"""What the charts share: colours, data by name, the time axis' labels, and dollars in expressions."""

from __future__ import annotations

import altair as alt

UP, DOWN, INK, FAINT, GROUND, ACCENT = "#6beedb", "#f22238", "#e6e9ef", "#8b93a5", "#0b0e14", "#f7a941"
"""Rising or short, falling or long, and the rest: light teal against deep red stay apart, by lightness too, for the
common colour blindnesses, and on any heat (tests/charts/test_colors.py)."""

CLOCK = "utcFormat(datum.value, utchours(datum.value) === 0 && utcminutes(datum.value) === 0 ? '%d %b' : '%H:%M')"
"""How a time axis is labelled: hours, and the day at its beginning."""


def named_data(name: str) -> alt.Chart:
    """Return a chart of the dataset of that name.

    >>> named_data("candles").to_dict(validate=False)["data"]
    {'name': 'candles'}
    """
    return alt.Chart(alt.NamedData(name=name))


def side_color(test: str) -> alt.ColorValue:
    """Return a colour: UP where the test holds, else DOWN.

    >>> side_color("datum.close >= datum.open").to_dict()["value"] == DOWN
    True
    """
    return alt.ColorValue(DOWN, condition={"test": test, "value": UP})


def usd_text(value: str) -> str:
    """Return the Vega expression that writes dollars in three digits; Vega's own suffixes are k and G.

    >>> usd_text("datum.usd")[:15]
    '(datum.usd > 0 '
    """
    short = f"format({value}, '$.3~s')"
    return f"({value} > 0 ? replace(replace({short}, 'G', 'B'), 'k', 'K') : '$0')"
