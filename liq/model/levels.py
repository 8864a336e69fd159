"""Liquidation levels: where each leg opened positions, and the first later leg that reaches each level.

A level is one entry of one leg (`liq.model.legs`), on one side, in one tier. Open positions decay together, so a
level is fully described by what was opened there, by the survival of its leg, and by the first later leg whose price
reaches it.
Everything else (what is swept, what stands, any re-weighing of the tiers) is a sum over levels. No tier is walked
twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CELL = 5e-4
"""Width of a search cell in log price. Sets the speed of `first_reach`, never its answer."""

SLICE = 1e-3
"""A leg's entries are spread over low to high in slices of about this log price."""

MAX_SLICES = 16
"""Maximum number of slices of a leg; only the long bars of the warm-up reach it."""

TIE = 1e-9
"""Slack in cells, so that a level exactly at a leg's extreme counts as reached despite rounding in the logs."""

ROWS = 1024
"""Legs handled at once; keeps the look-up table of `first_reach` in the processor's cache."""

FINE = 8
"""Binary digits kept below a cell, so that levels are looked up in integers."""


class Entries(NamedTuple):
    """Where each leg opened positions: leg number (E,), price (E,), share of the leg's opened notional (E,)."""

    leg: np.ndarray
    price: np.ndarray
    share: np.ndarray


def spread_entries(low: np.ndarray, high: np.ndarray) -> Entries:
    """Spread each leg's entries evenly over its range, in equal slices from low to high.

    low, high : (n,) prices. Returns Entries; an entry's price is the middle of its slice. One entry at the bar's mean
    price instead costs 0.01 of R² of log dollars (docs/method.md, "What each ingredient adds").

    >>> spread_entries(np.array([100.0]), np.array([100.2])).price.round(2)
    array([100.05, 100.15])
    """
    slices = np.clip(np.ceil(np.log(high / low) / SLICE - TIE), 1, MAX_SLICES).astype(np.int64)
    leg = np.repeat(np.arange(len(low)), slices)
    number = np.arange(len(leg)) - np.repeat(np.cumsum(slices) - slices, slices)
    share = 1.0 / slices[leg]
    return Entries(leg, low[leg] + (high - low)[leg] * (number + 0.5) * share, share)


def first_reach(extreme: np.ndarray, entry: np.ndarray, shift: np.ndarray, leg: np.ndarray) -> np.ndarray:
    """Return for every level the first later leg that reaches it, int32 (E, K); n where none does.

    extreme : (n,) each leg's extreme; entry : (E,) each entry; shift : (K,) tier offsets, so that a level
    lies at entry + shift; all in cells of log price, oriented so that a leg reaches every level at or above
    its extreme. leg : (E,) the leg each entry belongs to, ascending; only later legs count.

    Walks backwards once and keeps for each cell the next leg that reaches into it; every level is looked up there. A
    leg may reach only part of a cell, so a leg that stops short of the level is followed along the chain of legs that
    reach at least as far, until one does: the answer is exact.

    >>> extreme, entry = np.array([0.0, -1.0, -3.0]), np.array([0.0])
    >>> first_reach(extreme, entry, shift=np.array([-0.5, -2.0, -9.0]), leg=np.array([0]))
    array([[1, 2, 3]], dtype=int32)
    """
    n = len(extreme)
    cell = np.floor(extreme).astype(np.int64)
    base = int(cell.min())
    cells = int(cell.max()) - base + 1
    next_leg = np.full(cells + 1, n, np.int32)  # the last cell stands for everything above
    chain = np.full(n + 1, n, np.int32)
    table = np.empty((ROWS, cells + 1), np.int32)
    stops = np.append(extreme, -np.inf)  # beyond the last leg nothing stops short
    reached = np.empty((len(entry), len(shift)), np.int32)
    fine_entry = np.ceil((entry - base) * (1 << FINE)).astype(np.int32)
    fine_shift = np.ceil(np.clip(shift + TIE, -(2.0**20), 2.0**20) * (1 << FINE)).astype(np.int32)
    starts = np.searchsorted(leg, np.arange(0, n + ROWS, ROWS))
    leg_cell = (cell - base).tolist()  # a list, as its items are faster to read one by one
    for block in range((n - 1) // ROWS, -1, -1):
        first = block * ROWS
        count = min(n - first, ROWS)
        for row in range(count - 1, -1, -1):
            table[row] = next_leg
            next_leg[leg_cell[first + row] :] = first + row
        chain[first : first + count] = table[np.arange(count), cell[first : first + count] - base]
        part = slice(starts[block], starts[block + 1])
        level = fine_entry[part, None] + fine_shift
        below = level < 0
        level = np.clip(level, 0, cells << FINE, out=level) >> FINE
        level += ((leg[part] - first) * (cells + 1)).astype(np.int32)[:, None]
        first_leg = table.ravel().take(level)
        first_leg[below] = n
        _follow(first_leg, entry[part, None] + (shift + TIE), stops, chain)
        reached[part] = first_leg
    return reached


def _follow(first_leg: np.ndarray, level: np.ndarray, stops: np.ndarray, chain: np.ndarray) -> None:
    """Move each level whose leg stops short of it along the chain to the next leg that may reach it, in place."""
    flat = first_leg.ravel()
    short = np.flatnonzero(stops[first_leg] > level)
    target = level.ravel()[short]
    while len(short):
        flat[short] = chain[flat[short]]
        still = stops[flat[short]] > target
        short, target = short[still], target[still]
