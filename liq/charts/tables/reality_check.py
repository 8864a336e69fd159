"""Tables and sentences of the reality check: figures with intervals, the fitted prior, zone touches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.formatting import counted, money, percent, timestamp
from liq.validation.place import PlaceScore
from liq.validation.skill import Skill
from liq.validation.zone_touches import FARTHEST, NEAREST, ZoneTouches

GAINS = ("gain", "placebo_day", "placebo_week", "path_gain", "shifted_gain", "mean_book_gain", "beyond_path")
"""Figures that are shares of variance, written in points."""


def skill_table(report: Skill) -> pd.DataFrame:
    """Return the figures as a table to read: the map, range and volume alone, placebos and blind twins.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> len(skill_table(liq.skill(liq.estimate(market, columns=1), market.liquidations)))
    9
    """
    rows = {
        "This map": ("spearman", "r2", "ratio", "gain"),
        "Range and volume alone": ("baseline_spearman", "baseline_r2", None, None),
        "Both together": (None, "both_r2", None, None),
        "Placebo: the map a day earlier": ("placebo_day_spearman", None, None, "placebo_day"),
        "Placebo: the map a week earlier": ("placebo_week_spearman", None, None, "placebo_week"),
        "Twin: the path of price alone": (None, None, None, "path_gain"),
        "Twin: another week's volume": (None, None, None, "shifted_gain"),
        "Twin: the mean book by distance": (None, None, None, "mean_book_gain"),
        "This map beyond the path twin": (None, None, None, "beyond_path"),
    }
    headings = ("Spearman", "R² of log dollars", "Estimated over realised", "Added, points of R²")
    return pd.DataFrame(
        [
            {"": label, **{head: figure_text(report, name) for head, name in zip(headings, fields, strict=True)}}
            for label, fields in rows.items()
        ]
    )


def fit_table(fitted: Skill, shipped: Skill, name: str) -> pd.DataFrame:
    """Return the fitted prior's figures beside those of the named one, on the same later bars.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> report = liq.skill(liq.estimate(market, columns=1), market.liquidations)
    >>> fit_table(report, report, "calibrated")[""].tolist()
    ['Shipped: calibrated', 'Fitted to this market']
    """
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
    """Return one figure with its 95 % interval as text; gains in points; "" for no name.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> figure_text(liq.skill(liq.estimate(market, columns=1), market.liquidations), None)
    ''
    """
    if name is None:
        return ""
    is_gain = name in GAINS
    numbers = (getattr(report, name), *report.intervals[name])
    value, low, high = (f"{100 * number:+.1f}" if is_gain else f"{number:.2f}" for number in numbers)
    value, low, high = ("0.0" if text in ("+0.0", "-0.0") else text for text in (value, low, high))
    if np.isnan(numbers[0]):
        return "n/a"
    return value if np.isnan(numbers[1]) else f"{value} ({low} to {high})"


def headline(report: Skill) -> list[tuple[str, str, str]]:
    """Return the three figures to show first: label, value, and what to compare it with.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> [label for label, *_ in headline(liq.skill(liq.estimate(market, columns=1), market.liquidations))]
    ['Rank correlation', 'Estimated dollars', 'Added to R²']
    """
    low, high = report.intervals["gain"]
    interval = "too few days" if np.isnan(low) else f"{100 * low:.0f} to {100 * high:.0f}, 95 %"
    return [
        ("Rank correlation", f"{report.spearman:.2f}", f"{report.baseline_spearman:.2f} range and volume"),
        ("Estimated dollars", f"{report.ratio:.2f} x", "of those realised"),
        ("Added to R²", f"{100 * report.gain:+.0f} points", interval),
    ]


def duration_text(report: Skill, bars: int = 1) -> str:
    """Return the length of so many scored bars in words, such as "3 h".

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> duration_text(liq.skill(liq.estimate(market, columns=1), market.liquidations), 48)
    '2 d'
    """
    hours = report.hours * bars
    return f"{hours:g} h" if hours < 24 else f"{hours / 24:g} d" if hours % 24 == 0 else f"{hours / 24:.1f} d"


def scored_period(report: Skill) -> str:
    """Return which bars were scored, in one sentence.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> scored_period(liq.skill(liq.estimate(market, columns=1), market.liquidations))[:9]
    'Scored on'
    """
    return (
        f"Scored on {report.bars:,} bars of {duration_text(report)}, {timestamp(report.since)} to "
        f"{timestamp(report.until)}; range and volume were fitted on the bars before, so nothing here knew what "
        "came later."
    )


def place_sentence(place: PlaceScore) -> str:
    """Return what the score of place was made of, in one sentence.

    >>> place_sentence(PlaceScore(0.1, 0.0, 0.2, 5e6, 12, 4))[:44]
    '$5.00M of recorded liquidations in 12 ranges'
    """
    return (
        f"{money(place.usd)} of recorded liquidations in {place.bars:,} ranges that a bar swept, on {place.days} "
        "days. Zero bits are an even spread over each range; the map's share of each eighth of it is held against "
        "where the dollars really were."
    )


def touch_table(touches: ZoneTouches) -> pd.DataFrame:
    """Return the zone touches as a table to read; "too few" in place of figures where there are too few cases.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.validation.zone_touches import zone_touches
    >>> touches = zone_touches(liq.estimate(simulate("BTC", "12h", now="2026-09-01")))
    >>> list(touch_table(touches).columns)
    ['', 'Zones', 'Other levels', 'Difference, points', 'Cases']
    """
    rows = []
    for share in (*touches.reached, touches.through):
        label = (
            f"Reached within {counted(share.days, 'day')}"
            if share.what == "reached"
            else "Passed, of those passed or turned"
        )
        few = {"Zones": "too few", "Other levels": "", "Difference, points": ""}
        numbers = [f"{100 * number:+.0f}" for number in (share.difference, share.low, share.high)]
        figures = {
            "Zones": percent(share.zones, 0, sign=False),
            "Other levels": percent(share.levels, 0, sign=False),
            "Difference, points": f"{numbers[0]} ({numbers[1]} to {numbers[2]})",
        }
        rows.append({"": label, **(figures if share.enough else few), "Cases": f"{share.cases:,}"})
    return pd.DataFrame(rows)


def touch_sentences(touches: ZoneTouches) -> str:
    """Return how zones were followed, in a few sentences.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.validation.zone_touches import zone_touches
    >>> touch_sentences(zone_touches(liq.estimate(simulate("BTC", "12h", now="2026-09-01"))))[:7]
    'Between'
    """
    return (
        f"Between {timestamp(touches.since)} and {timestamp(touches.until)} the strongest zone {100 * NEAREST:.1f} "
        f"to {100 * FARTHEST:.0f} % from price counts when it is first named, on what was known then. Other levels "
        "lie as far away on the same side, from moments as volatile. Passed: price closed the zone's width beyond "
        "its near edge within a day of the touch; turned: as far back. In brackets: 95 % intervals."
    )
