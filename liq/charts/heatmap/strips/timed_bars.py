"""Candles as rows of a chart, with times within each bar."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import altair as alt

from liq.charts.marks import named_data

ONE = "data('pointer')[0]"
"""Vega expression: the chart's one-row dataset of constants, which a column would repeat on every row."""


PLACES = {"t": 0.0, "mid": 0.5, "a": 0.1, "b": 0.9}
"""Names of the times of a bar, each so many bar lengths after it opens."""


SHARED = ("data", "transform")
"""Parts of a layer that neighbours may state once for all of them."""


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
    for shared, group in groupby(parts, key=lambda part: {name: part[name] for name in SHARED if name in part}):
        neighbours = list(group)
        if "transform" not in shared or len(neighbours) == 1:
            found += neighbours
            continue
        own = [{name: value for name, value in part.items() if name not in shared} for part in neighbours]
        found.append({**shared, "layer": own})
    return found
