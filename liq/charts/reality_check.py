"""The reality check as pictures: estimated against realised dollars over time and bar by bar, and the figures."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair import expr

from liq.charts.marks import ACCENT, DOWN, FAINT, INK, UP
from liq.charts.panel import dark_panel
from liq.formatting import epoch_milliseconds, money, percent, timestamp
from liq.validation.alignment import FLOOR
from liq.validation.skill import Skill
from liq.validation.zone_touches import FARTHEST, NEAREST, ZoneTouches, days_text

NAMES = {"long": "Longs", "short": "Shorts", "total": "Both sides"}
COLOURS = {"long": DOWN, "short": UP, "total": INK}

MOST = 180
"""Most steps of the chart over time; more bars than that are summed, a few to a step."""

POINTS = 1500
"""Most bars in the scatter; where more were scored, the latest are drawn."""

TICKS = [10.0**power for power in range(3, 12)]


def datasets(report: Skill) -> dict[str, dict[str, pd.DataFrame]]:
    """Return each chart's data: a side's over time by its name, and `scatter`; of each its `rows` and `range`.

    USD below what the score tells apart are drawn at that floor. A step that was not scored in full has no value.
    """
    together = bars_per_step(report)
    length = pd.Timedelta(hours=report.hours)
    regular = pd.date_range(report.scored.index[0], report.scored.index[-1], freq=length)
    scored = report.scored.reindex(regular)
    steps = scored.groupby(np.arange(len(regular)) // together).sum(min_count=together)
    steps.index = regular[::together]
    floor = FLOOR * report.hours
    over_time, points = _long(steps, floor * together), _long(report.scored[-POINTS:], floor)
    sides = {side: over_time[over_time["side"] == side].drop(columns="side") for side in compared_sides(report)}
    return {name: {"rows": rows, "range": _range(rows)} for name, rows in (*sides.items(), ("scatter", points))}


def _range(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ends of the dollar axis."""
    floor = float(rows["floor"].iloc[0])
    most = float(np.nanmax([20 * floor, *rows["estimated"], *rows["realised"]]))
    return pd.DataFrame({"t": rows["t"].iloc[0], "usd": [floor, most]})


def bars_per_step(report: Skill) -> int:
    """Return how many scored bars make one step of the chart over time."""
    span = (report.scored.index[-1] - report.scored.index[0]) / pd.Timedelta(hours=report.hours)
    return int(span // MOST) + 1


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
    """Return what was compared: ("long", "short"), or ("total",)."""
    return tuple(report.scored["realised"].columns)


@cache
def over_time(side: str, height: int = 165) -> dict[str, Any]:
    """Return the specification of one side's chart over time, whose data are `datasets`."""
    base = alt.Chart(alt.NamedData(name="rows"))
    time = alt.X(
        "t:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(grid=False, tickCount=expr("max(3, width / 140)"), labelOverlap=True, labelColor=FAINT),
    )
    area = base.mark_area(opacity=0.55, interpolate="step-after", tooltip=None).encode(
        time, _dollars("realised", alt.Y, NAMES[side]), alt.Y2("floor:Q"), alt.ColorValue(COLOURS[side])
    )
    line = base.mark_line(strokeWidth=1.5, interpolate="step-after", tooltip=None).encode(
        time, _dollars("estimated", alt.Y, NAMES[side]), alt.ColorValue(ACCENT)
    )
    touch = base.mark_rule(opacity=0, strokeWidth=6).encode(time, tooltip=_told())
    room = alt.Chart(alt.NamedData(name="range")).mark_point(opacity=0, tooltip=None)
    built: dict[str, Any] = (
        alt.layer(area, line, touch, room.encode(alt.X("t:T"), alt.Y("usd:Q")))
        .properties(height=height, usermeta={"embedOptions": {"renderer": "canvas"}})
        .configure_view(stroke=None)
        .to_dict()
    )
    return dark_panel(built)


@cache
def scatter(sides: tuple[str, ...], height: int = 362) -> dict[str, Any]:
    """Return the specification of the scatter, a point a bar and side, whose data are `datasets`."""
    colours = alt.Scale(domain=list(sides), range=[COLOURS[side] for side in sides])
    words = alt.Legend(orient="top", title=None, labelExpr=_words()) if len(sides) > 1 else None
    points = (
        alt.Chart(alt.NamedData(name="rows"))
        .mark_circle(size=16, opacity=0.5)
        .encode(
            _dollars("estimated", alt.X, "Estimated"),
            _dollars("realised", alt.Y, "Realised"),
            alt.Color("side:N", scale=colours, legend=words),
            tooltip=_told(),
        )
    )
    equal = (
        alt.Chart(alt.NamedData(name="range"))
        .mark_line(strokeDash=[4, 3], color=INK, opacity=0.7, tooltip=None)
        .encode(alt.X("usd:Q"), alt.Y("usd:Q"))
    )
    built: dict[str, Any] = (
        alt.layer(points, equal)
        .properties(height=height, usermeta={"embedOptions": {"renderer": "canvas"}})
        .configure_view(stroke=None)
        .to_dict()
    )
    return dark_panel(built)


def _dollars(field: str, channel: Any, title: str) -> Any:
    label = "replace(replace(format(datum.value, '$.2~s'), 'G', 'B'), 'k', 'K')"
    return channel(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(
            labelExpr=label, labelColor=FAINT, titleColor=FAINT, gridOpacity=0.15, values=TICKS, labelOverlap=True
        ),
    )


def _told() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("t:T", title="From, UTC", format="%d %b %H:%M", formatType="utc"),
        alt.Tooltip("estimated:Q", title="Estimated", format="$.3s"),
        alt.Tooltip("realised:Q", title="Realised", format="$.3s"),
    ]


def _words() -> str:
    return "{" + ", ".join(f"'{key}': '{word}'" for key, word in NAMES.items()) + "}[datum.label]"


def skill_table(report: Skill) -> pd.DataFrame:
    """Return the figures as a table to read: the map, range and volume alone, the placebo maps; with intervals."""
    rows = {
        "This map": ("spearman", "r2", "ratio", "gain"),
        "Range and volume alone": ("baseline_spearman", "baseline_r2", None, None),
        "Both together": (None, "both_r2", None, None),
        "Placebo: the map a day earlier": ("placebo_day_spearman", None, None, "placebo_day"),
        "Placebo: the map a week earlier": ("placebo_week_spearman", None, None, "placebo_week"),
    }
    headings = ("Spearman", "R² of log dollars", "Estimated over realised", "Added, points of R²")
    return pd.DataFrame(
        [
            {"": label, **{head: figure_text(report, name) for head, name in zip(headings, fields, strict=True)}}
            for label, fields in rows.items()
        ]
    )


def fit_table(fitted: Skill, shipped: Skill, name: str) -> pd.DataFrame:
    """Return the fitted prior's figures beside those of the named one, on the same later bars."""
    fields = {
        "Spearman": "spearman",
        "R² of log dollars": "r2",
        "Estimated over realised": "ratio",
        "Added, points of R²": "gain",
    }
    rows = {f"Shipped: {name}": shipped, "Fitted to this market": fitted}
    return pd.DataFrame(
        [
            {"": label} | {head: figure_text(report, field) for head, field in fields.items()}
            for label, report in rows.items()
        ]
    )


def figure_text(report: Skill, name: str | None) -> str:
    """Return one figure with its 95 % interval, written out; what is added in points; "" for no name."""
    if name is None:
        return ""
    added = name in ("gain", "placebo_day", "placebo_week")
    numbers = (getattr(report, name), *report.intervals[name])
    value, low, high = (f"{100 * number:+.1f}" if added else f"{number:.2f}" for number in numbers)
    value, low, high = ("0.0" if word in ("+0.0", "-0.0") else word for word in (value, low, high))
    if np.isnan(numbers[0]):
        return "n/a"
    return value if np.isnan(numbers[1]) else f"{value} ({low} to {high})"


def headline(report: Skill) -> list[tuple[str, str, str]]:
    """Return the three figures to see first: label, value, and what to hold it against."""
    low, high = report.intervals["gain"]
    chance = "too few days" if np.isnan(low) else f"{100 * low:.0f} to {100 * high:.0f}, 95 %"
    return [
        ("Rank correlation", f"{report.spearman:.2f}", f"{report.baseline_spearman:.2f} range and volume"),
        ("Estimated dollars", f"{report.ratio:.2f} x", "of those realised"),
        ("Added to R²", f"{100 * report.gain:+.0f} points", chance),
    ]


def duration_text(report: Skill, bars: int = 1) -> str:
    """Return how long so many scored bars are, such as "3 h"."""
    hours = report.hours * bars
    return f"{hours:g} h" if hours < 24 else f"{hours / 24:g} d" if hours % 24 == 0 else f"{hours / 24:.1f} d"


def scored_period(report: Skill) -> str:
    """Return which bars were scored, in one sentence."""
    return (
        f"Scored on {report.bars:,} bars of {duration_text(report)}, {timestamp(report.since)} to {timestamp(report.until)}; "
        "range and volume were fitted on the bars before, so nothing here knew what came later."
    )


def description(report: Skill, symbol: str) -> str:
    """Return the charts' accessible name."""
    sums = report.scored.sum()
    return (
        f"Liquidations of {symbol} per bar: estimated {money(sums['estimated'].sum())}, "
        f"realised {money(sums['realised'].sum())}, rank correlation {report.spearman:.2f}, "
        f"{percent(report.gain, 0)} of variance added to range and volume."
    )


def touch_table(found: ZoneTouches) -> pd.DataFrame:
    """Return what became of the zones as a table to read; too few cases say so in place of figures."""
    rows = []
    for answer in (*found.reached, found.through):
        label = (
            f"Reached within {days_text(answer.days)}"
            if answer.what == "reached"
            else "Passed, of those passed or turned"
        )
        few = {"Zones": "too few", "Other levels": "", "Difference, points": ""}
        gap = [f"{100 * number:+.0f}" for number in (answer.difference, answer.low, answer.high)]
        told = {
            "Zones": percent(answer.zones, 0, sign=False),
            "Other levels": percent(answer.levels, 0, sign=False),
            "Difference, points": f"{gap[0]} ({gap[1]} to {gap[2]})",
        }
        rows.append({"": label, **(told if answer.enough else few), "Cases": f"{answer.cases:,}"})
    return pd.DataFrame(rows)


def touch_sentences(found: ZoneTouches) -> str:
    """Return how zones were followed, in a few sentences."""
    return (
        f"Between {timestamp(found.since)} and {timestamp(found.until)} the strongest zone {100 * NEAREST:.1f} to "
        f"{100 * FARTHEST:.0f} % from price counts when it is first named, on what was known then. Other levels lie "
        "as far away on the same side, from moments as volatile. Passed: price closed the zone's width beyond its "
        "near edge within a day of the touch; turned: as far back. In brackets: 95 % intervals."
    )
