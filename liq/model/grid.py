"""The grid that a map is drawn on: which bars are photographed, and between which prices dollars are summed."""

from __future__ import annotations

import numpy as np

from liq.errors import InputError
from liq.market import Market

STEPS = {60: 5e-4, 300: 5e-4, 900: 8e-4, 1800: 1e-3, 3600: 1.2e-3, 14400: 2.5e-3, 86400: 5e-3}
"""Height of a drawn bucket in log price, by the visible bar's length in seconds."""

REACH = 0.16
"""The edges go this far, in log price, beyond the visible window's extremes."""

MAX_BUCKETS = 1200
"""Maximum number of buckets; the step doubles until there are no more."""


def photo_bars(market: Market, columns: int | None) -> np.ndarray:
    """Return the rows of the bars to photograph, ascending and ending with the last one; raise InputError.

    columns : how many, evenly spaced over the visible window; None for every visible bar.

    >>> from liq.sources.simulation.market import simulate
    >>> len(photo_bars(simulate("BTC", "12h", now="2026-09-01"), 60))
    60
    """
    n = len(market.candles)
    first = int(market.times.searchsorted(market.start))
    if columns is None:
        return np.arange(first, n)
    if columns < 1:
        raise InputError(f"columns must be at least 1, not {columns!r}.")
    return np.unique(np.rint(np.linspace(n - 1, first, min(columns, n - first))).astype(np.int64))


def drawn_edges(market: Market) -> np.ndarray:
    """Return the drawn lattice of prices, (B + 1,).

    It passes through the first open and keeps one ratio, so that later bars extend it and move no edge: a finished
    column stays the same, and windows that end at different times share their buckets.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> bool(drawn_edges(market)[0] < market.price < drawn_edges(market)[-1])
    True
    """
    visible = market.candles.index >= market.start
    low, high = market.candles["low"].to_numpy(), market.candles["high"].to_numpy()
    origin = market.candles["open"].iloc[0]
    bar = market.bar.total_seconds()
    step = next((value for seconds, value in STEPS.items() if bar <= seconds), 5e-3)
    bottom, top = np.log(low[visible].min() / origin) - REACH, np.log(high[visible].max() / origin) + REACH
    while (top - bottom) / step > MAX_BUCKETS:
        step *= 2
    return origin * np.exp(np.arange(np.floor(bottom / step), np.ceil(top / step) + 1) * step)


def check_edges(edges: np.ndarray) -> np.ndarray:
    """Return the edges as floats; raise InputError where they are no ascending positive prices.

    >>> check_edges([1, 2]).tolist()
    [1.0, 2.0]
    """
    edges = np.asarray(edges, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not (edges[0] > 0 and (np.diff(edges) > 0).all()):
        raise InputError("edges must be at least two ascending positive prices.")
    return edges


def lattice(edges: np.ndarray) -> tuple[float, float] | None:
    """Return the log of the lowest edge and the step, where the edges keep one ratio: then no search is needed.

    >>> [round(value, 3) for value in lattice(np.array([1.0, 10.0, 100.0]))]
    [0.0, 2.303]
    """
    log = np.log(edges)
    even = np.linspace(log[0], log[-1], len(log))
    return (float(log[0]), float(even[1] - even[0])) if np.allclose(log, even, rtol=0, atol=1e-10) else None
