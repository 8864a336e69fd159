"""Candles as rows of a chart, with times within each bar."""

from __future__ import annotations

from typing import Any

import altair as alt

from liq.charts.marks import named_data

ONE = "data('pointer')[0]"
"""Vega expression: the chart's one-row dataset of constants, which a column would repeat on every row."""


PLACES = {"t": 0.0, "mid": 0.5, "a": 0.1, "b": 0.9}
"""Names of the times of a bar, each so many bar lengths after it opens."""


def timed_bars(*places: str, where: str = "true") -> alt.Chart:
    """Return the candles for which an expression holds, with those times of PLACES.

    The filter comes first, so that nothing is worked out for bars that are not drawn.

    >>> [list(step)[0] for step in timed_bars("a", "b", where="datum.i > 3").to_dict(validate=False)["transform"]]
    ['filter', 'calculate', 'calculate']
    """
    times = {name: f"{ONE}.first + (datum.i + {PLACES[name]}) * {ONE}.bar" for name in places}
    return named_data("candles").transform_filter(where).transform_calculate(**times)


def with_transforms_once(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return layers such that neighbours with the same data and transforms are in one that states them once.

    >>> bars = timed_bars("mid").mark_rule().to_dict(validate=False)
    >>> len(with_transforms_once([bars, bars])[0]["layer"])
    2
    """
    found: list[dict[str, Any]] = []
    for part in parts:
        shared = {name: part[name] for name in ("data", "transform") if name in part}
        child = {name: value for name, value in part.items() if name not in shared}
        if "transform" not in shared:
            found.append(part)
        elif found and {name: found[-1].get(name) for name in shared} == shared:
            before = found[-1]
            if "layer" not in before:
                own = {name: before.pop(name) for name in list(before) if name not in shared}
                before["layer"] = [own]
            before["layer"].append(child)
        else:
            found.append({**part})
    return found
