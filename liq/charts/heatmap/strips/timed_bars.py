"""Candles as rows of a chart, with times within each bar and its liquidations."""

from __future__ import annotations

from typing import Any

import altair as alt

from liq.charts.heatmap.strips.bars import LOG_STEPS, LOG_UNIT
from liq.charts.marks import named_data

ONE = "data('pointer')[0]"
"""Vega expression: the chart's one-row dataset of constants, which a column would repeat on every row."""


PLACES = {"t": 0.0, "mid": 0.5, "a": 0.1, "b": 0.9}
"""Names of the times of a bar, each so many bar lengths after it opens."""

LIQUIDATED = ("est_long", "est_short", "real_long", "real_short", "real_total")
"""Columns of the candles that hold USD liquidated, on a logarithmic scale."""


def timed_bars() -> alt.Chart:
    """Return the candles with the times of PLACES, and LIQUIDATED in USD as ``usd_est_long`` and so on; null if
    unknown.

    Every layer of bars begins with the same formulas, so that Vega works them out once for all of them.

    >>> [step["as"] for step in timed_bars().to_dict(validate=False)["transform"]][:3]
    ['t', 'mid', 'a']
    """
    times = {name: f"{ONE}.first + (datum.i + {after}) * {ONE}.bar" for name, after in PLACES.items()}
    # Vega may run a formula twice on the same rows, so a formula never overwrites its own input
    formula = "isValid(datum.{0}) ? {1} * (exp(datum.{0} / {2}) - 1) : null"
    dollars = {f"usd_{name}": formula.format(name, LOG_UNIT, LOG_STEPS) for name in LIQUIDATED}
    return named_data("candles").transform_calculate(**times, **dollars)


def with_bars_once(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return layers such that neighbours which begin with `timed_bars` are in one that states its formulas once.

    >>> bars = timed_bars().mark_rule().to_dict(validate=False)
    >>> len(with_bars_once([bars, bars])[0]["layer"])
    2
    """
    formulas = timed_bars().to_dict(validate=False)["transform"]
    found: list[dict[str, Any]] = []
    for part in parts:
        if part.get("transform", [])[: len(formulas)] != formulas:
            found.append(part)
            continue
        own = part["transform"][len(formulas) :]
        child = {name: value for name, value in part.items() if name not in ("data", "transform")}
        child = {**child, "transform": own} if own else child
        if found and found[-1].get("transform") == formulas:
            found[-1]["layer"].append(child)
        else:
            found.append({"data": part["data"], "transform": formulas, "layer": [child]})
    return found
