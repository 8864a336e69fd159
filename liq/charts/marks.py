"""What the charts share: data by name, the time axis' labels, and dollars in expressions."""

from __future__ import annotations

import altair as alt

from liq.charts.colors import DOWN, UP

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


def moment_tooltip(field: str, title: str) -> alt.Tooltip:
    """Return a tooltip's line with a moment in UTC; by its format alone Vega-Lite writes the browser's time.

    >>> moment_tooltip("t", "UTC").to_dict()["timeUnit"]
    'utcyearmonthdatehoursminutes'
    """
    return alt.Tooltip(f"{field}:T", title=title, timeUnit="utcyearmonthdatehoursminutes", format="%d %b %H:%M")
