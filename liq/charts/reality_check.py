"""Charts and tables of the reality check: estimated against realised dollars, over time and bar by bar."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair import expr

from liq.charts.colors import ACCENT, DOWN, FAINT, INK, UP
from liq.charts.marks import CLOCK, moment_tooltip
from liq.charts.panel import dark_panel
from liq.formatting import epoch_milliseconds, money, percent
from liq.validation.alignment import FLOOR
from liq.validation.skill import Skill

NAMES = {"long": "Longs", "short": "Shorts", "total": "Both sides"}
COLOURS = {"long": DOWN, "short": UP, "total": INK}

MAX_STEPS = 180
"""Maximum number of steps of the chart over time; where there are more bars, several are summed to a step."""

MAX_POINTS = 1500
"""Maximum number of bars in the scatter; where more were scored, the latest are drawn."""

TICKS = [10.0**power for power in range(3, 12)]


def datasets(report: Skill) -> dict[str, dict[str, pd.DataFrame]]:
    """Return each chart's data: a side's over time by its name, and `scatter`; of each its `rows` and `range`.

    USD below the score's floor are drawn at that floor. A step that was not scored in full has no value.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> sorted(datasets(liq.skill(liq.estimate(market, columns=1), market.liquidations)))
    ['long', 'scatter', 'short']
    """
    together = bars_per_step(report)
    length = pd.Timedelta(hours=report.hours)
    regular = pd.date_range(report.scored.index[0], report.scored.index[-1], freq=length)
    scored = report.scored.reindex(regular)
    steps = scored.groupby(np.arange(len(regular)) // together).sum(min_count=together)
    steps.index = regular[::together]
    floor = FLOOR * report.hours
    over_time, points = _long(steps, floor * together), _long(report.scored[-MAX_POINTS:], floor)
    sides = {side: over_time[over_time["side"] == side].drop(columns="side") for side in compared_sides(report)}
    return {name: {"rows": rows, "range": _range(rows)} for name, rows in (*sides.items(), ("scatter", points))}


def _range(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ends of the dollar axis."""
    floor = float(rows["floor"].iloc[0])
    highest = float(np.nanmax([20 * floor, *rows["estimated"], *rows["realised"]]))
    return pd.DataFrame({"t": rows["t"].iloc[0], "usd": [floor, highest]})


def bars_per_step(report: Skill) -> int:
    """Return the number of scored bars in one step of the chart over time.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> bars_per_step(liq.skill(liq.estimate(market, columns=1), market.liquidations)) >= 1
    True
    """
    span = (report.scored.index[-1] - report.scored.index[0]) / pd.Timedelta(hours=report.hours)
    return int(span // MAX_STEPS) + 1


def _long(table: pd.DataFrame, floor: float) -> pd.DataFrame:
    """Return USD by bar, columns (kind, side), as a row a bar and side, nothing below the floor."""
    frames = [
        pd.DataFrame(
            {
                "t": epoch_milliseconds(pd.DatetimeIndex(table.index)),
                "side": side,
                "estimated": np.maximum(table["estimated"][side].to_numpy(), floor).astype(np.float32),
                "realised": np.maximum(table["realised"][side].to_numpy(), floor).astype(np.float32),
                "floor": np.float32(floor),
            }
        )
        for side in table["realised"]
    ]
    return pd.concat(frames, ignore_index=True)


def compared_sides(report: Skill) -> tuple[str, ...]:
    """Return what was compared: ("long", "short"), or ("total",).

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> compared_sides(liq.skill(liq.estimate(market, columns=1), market.liquidations))
    ('long', 'short')
    """
    return tuple(report.scored["realised"].columns)


@cache
def over_time(side: str, height: int = 165) -> dict[str, Any]:
    """Return the specification of one side's chart over time, whose data are `datasets`.

    >>> over_time("long")["height"]
    165
    """
    base = alt.Chart(alt.NamedData(name="rows"))
    time = alt.X(
        "t:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            grid=False,
            tickCount=expr("max(3, width / 140)"),
            labelOverlap=True,
            labelColor=FAINT,
            labelExpr=CLOCK,
            labelBound=True,
        ),
    )
    area = base.mark_area(opacity=0.55, interpolate="step-after", tooltip=None).encode(
        time, _dollars("realised", alt.Y, NAMES[side]), alt.Y2("floor:Q"), alt.ColorValue(COLOURS[side])
    )
    line = base.mark_line(strokeWidth=1.5, interpolate="step-after", tooltip=None).encode(
        time, _dollars("estimated", alt.Y, NAMES[side]), alt.ColorValue(ACCENT)
    )
    touch = base.mark_rule(opacity=0, strokeWidth=6).encode(time, tooltip=_tooltip())
    room = alt.Chart(alt.NamedData(name="range")).mark_point(opacity=0, tooltip=None)
    result: dict[str, Any] = (
        alt.layer(area, line, touch, room.encode(time, alt.Y("usd:Q")))
        .properties(height=height, usermeta={"embedOptions": {"renderer": "canvas"}})
        .configure_view(stroke=None)
        .to_dict()
    )
    return dark_panel(result)


@cache
def scatter(sides: tuple[str, ...], height: int = 362) -> dict[str, Any]:
    """Return the specification of the scatter, a point a bar and side, whose data are `datasets`.

    >>> scatter(("long", "short"))["height"]
    362
    """
    colours = alt.Scale(domain=list(sides), range=[COLOURS[side] for side in sides])
    legend = alt.Legend(orient="top", title=None, labelExpr=_label_expression()) if len(sides) > 1 else None
    points = (
        alt.Chart(alt.NamedData(name="rows"))
        .mark_circle(size=16, opacity=0.5)
        .encode(
            _dollars("estimated", alt.X, "Estimated"),
            _dollars("realised", alt.Y, "Realised"),
            alt.Color("side:N", scale=colours, legend=legend),
            tooltip=_tooltip(),
        )
    )
    equal = (
        alt.Chart(alt.NamedData(name="range"))
        .mark_line(strokeDash=[4, 3], color=INK, opacity=0.7, tooltip=None)
        .encode(alt.X("usd:Q"), alt.Y("usd:Q"))
    )
    result: dict[str, Any] = (
        alt.layer(points, equal)
        .properties(height=height, usermeta={"embedOptions": {"renderer": "canvas"}})
        .configure_view(stroke=None)
        .to_dict()
    )
    return dark_panel(result)


def _dollars(field: str, channel: Any, title: str) -> Any:
    """Return an encoding on a logarithmic dollar axis."""
    label = "replace(replace(format(datum.value, '$.2~s'), 'G', 'B'), 'k', 'K')"
    return channel(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(
            labelExpr=label, labelColor=FAINT, titleColor=FAINT, gridOpacity=0.15, values=TICKS, labelOverlap=True
        ),
    )


def _tooltip() -> list[alt.Tooltip]:
    """Return the tooltip of a bar."""
    return [
        moment_tooltip("t", "From, UTC"),
        alt.Tooltip("estimated:Q", title="Estimated", format="$.3s"),
        alt.Tooltip("realised:Q", title="Realised", format="$.3s"),
    ]


def _label_expression() -> str:
    """Return the label expression of the sides' legend."""
    return "{" + ", ".join(f"'{key}': '{word}'" for key, word in NAMES.items()) + "}[datum.label]"


def description(report: Skill, symbol: str) -> str:
    """Return the charts' accessible name.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> description(liq.skill(liq.estimate(market, columns=1), market.liquidations), "BTC")[:19]
    'Liquidations of BTC'
    """
    sums = report.scored.sum()
    return (
        f"Liquidations of {symbol} per bar: estimated {money(sums['estimated'].sum())}, "
        f"realised {money(sums['realised'].sum())}, rank correlation {report.spearman:.2f}, "
        f"{percent(report.gain, 0)} of variance added to range and volume."
    )
