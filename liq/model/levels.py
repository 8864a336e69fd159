"""Liquidation levels: where each bar opened positions, and the first later bar that reaches each level.

A level is one entry of one bar, on one side, in one tier. Open positions decay together, so a level is fully
described by what was opened there, by the survival of its bar, and by the first later bar whose price reaches it.
Everything else (what is swept, what stands, any re-weighing of the tiers) is a sum over levels. No tier is walked
twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CELL = 5e-4
"""Width of a search cell in log price. Sets the speed of `first_reach`, never its answer."""

SLICE = 1e-3
"""A bar's entries are spread over low to high in slices of about this log price."""

MAX_SLICES = 16
"""Maximum number of slices of a bar; only the long bars of the warm-up reach it."""

TIE = 1e-9
"""Slack in cells, so that a level exactly at a bar's extreme counts as reached despite rounding in the logs."""

ROWS = 1024
"""Bars handled at once; keeps the look-up table of `first_reach` in the processor's cache."""

FINE = 8
"""Binary digits kept below a cell, so that levels are looked up in integers."""


class Entries(NamedTuple):
    """Where each bar opened positions: bar number (E,), price (E,), share of the bar's opened notional (E,)."""

    bar: np.ndarray
    price: np.ndarray
    share: np.ndarray


def spread_entries(low: np.ndarray, high: np.ndarray) -> Entries:
    """Spread each bar's entries evenly over its range, in equal slices from low to high.

    low, high : (n,) prices. Returns Entries; an entry's price is the middle of its slice. One entry at the bar's mean
    price instead costs 0.01 of R² of log dollars (docs/method.md, "What each ingredient adds").

    >>> spread_entries(np.array([100.0]), np.array([100.2])).price.round(2)
    array([100.05, 100.15])
    """
    slices = np.clip(np.ceil(np.log(high / low) / SLICE - TIE), 1, MAX_SLICES).astype(np.int64)
    bar = np.repeat(np.arange(len(low)), slices)
    number = np.arange(len(bar)) - np.repeat(np.cumsum(slices) - slices, slices)
    share = 1.0 / slices[bar]
    return Entries(bar, low[bar] + (high - low)[bar] * (number + 0.5) * share, share)


def first_reach(extreme: np.ndarray, entry: np.ndarray, shift: np.ndarray, bar: np.ndarray) -> np.ndarray:
    """Return for every level the first later bar that reaches it, int32 (E, K); n where none does.

    extreme : (n,) each bar's extreme; entry : (E,) each entry; shift : (K,) tier offsets, so that a level
    lies at entry + shift; all in cells of log price, oriented so that a bar reaches every level at or above
    its extreme. bar : (E,) the bar each entry belongs to, ascending; only later bars count.

    Walks backwards once and keeps for each cell the next bar that reaches into it; every level is looked up there. A
    bar may reach only part of a cell, so a bar that stops short of the level is followed along the chain of bars that
    reach at least as far, until one does: the answer is exact.

    >>> extreme, entry = np.array([0.0, -1.0, -3.0]), np.array([0.0])
    >>> first_reach(extreme, entry, shift=np.array([-0.5, -2.0, -9.0]), bar=np.array([0]))
    array([[1, 2, 3]], dtype=int32)
    """
    n = len(extreme)
    cell = np.floor(extreme).astype(np.int64)
    base = int(cell.min())
    cells = int(cell.max()) - base + 1
    next_bar = np.full(cells + 1, n, np.int32)  # the last cell stands for everything above
    chain = np.full(n + 1, n, np.int32)
    table = np.empty((ROWS, cells + 1), np.int32)
    stops = np.append(extreme, -np.inf)  # beyond the last bar nothing stops short
    reached = np.empty((len(entry), len(shift)), np.int32)
    fine_entry = np.ceil((entry - base) * (1 << FINE)).astype(np.int32)
    fine_shift = np.ceil(np.clip(shift + TIE, -(2.0**20), 2.0**20) * (1 << FINE)).astype(np.int32)
    starts = np.searchsorted(bar, np.arange(0, n + ROWS, ROWS))
    bar_cell = (cell - base).tolist()
    for block in range((n - 1) // ROWS, -1, -1):
        first = block * ROWS
        for row in range(min(n - first, ROWS) - 1, -1, -1):
            table[row] = next_bar
            chain[first + row] = next_bar[bar_cell[first + row]]
            next_bar[bar_cell[first + row] :] = first + row
        part = slice(starts[block], starts[block + 1])
        level = fine_entry[part, None] + fine_shift
        below = level < 0
        level = np.clip(level, 0, cells << FINE, out=level) >> FINE
        level += ((bar[part] - first) * (cells + 1)).astype(np.int32)[:, None]
        first_bar = table.ravel().take(level)
        first_bar[below] = n
        _follow(first_bar, entry[part, None] + (shift + TIE), stops, chain)
        reached[part] = first_bar
    return reached


def _follow(first_bar: np.ndarray, level: np.ndarray, stops: np.ndarray, chain: np.ndarray) -> None:
    """Move each level whose bar stops short of it along the chain to the next bar that may reach it, in place."""
    flat = first_bar.ravel()
    short = np.flatnonzero(stops[first_bar] > level)
    target = level.ravel()[short]
    while len(short):
        flat[short] = chain[flat[short]]
        still = stops[flat[short]] > target
        short, target = short[still], target[still]
