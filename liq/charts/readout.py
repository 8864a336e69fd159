"""What the pointer reads: every cell's dollars, kept small as the changes along each price row.

A browser's chart cannot read pixels of a picture, and one character a cell is more than the picture
itself. So each row and side sends only its changes: how many columns on, how many steps up or down.
The chart adds them up as far as the pointer. `encode` and `read` are each other's inverse up to the
tolerance; `transforms` says the same as `read` in the chart's own language.
"""

from __future__ import annotations

from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from liq.charts.pointer import COLUMN, ONE, ROW
from liq.charts.window import Window

SIGNS = "".join(chr(code) for code in range(35, 127) if chr(code) not in "\\")
"""Characters that need no escape anywhere on their way; the place of each is its number."""

ZERO = len(SIGNS) // 2
STEPS = 400
"""Steps from nothing to the top of the colours, on a square-root scale."""

TOLERANCES = (2, 3, 4)
"""Steps that a value may drift before a change is sent; 2 is one per cent of the top at the top, less below."""

BUDGET = 52_000
"""Characters that the changes may take before the next tolerance is tried; the last is taken at any length."""


def encode(window: Window) -> pd.DataFrame:
    """Return one line per side and price row: row (~row for shorts), and `on` and `by`, one character a change."""
    both = np.concatenate([window.long, window.short], axis=1)
    steps = STEPS * np.sqrt(both / window.top)
    for tolerance in TOLERANCES:
        column, row, change = _changes(steps, tolerance)
        frame = _strings(column, row, change, both.shape[1])
        if int(frame["on"].str.len().sum()) * 2 <= BUDGET:
            break
    rows = both.shape[1] // 2
    lines = np.concatenate([np.arange(rows), ~np.arange(rows)]).astype(np.int16)
    return pd.DataFrame({"row": lines, "on": frame["on"], "by": frame["by"]})


def read(frame: pd.DataFrame, side: str, row: int, column: int, top: float) -> float:
    """Return the USD that `encode` kept for one cell."""
    line = frame[frame["row"] == (row if side == "long" else ~row)].iloc[0]
    at = np.cumsum([SIGNS.index(sign) for sign in line["on"]])
    steps = sum(SIGNS.index(sign) - ZERO for sign, place in zip(line["by"], at, strict=True) if place <= column)
    return float(top * (steps / STEPS) ** 2)


def transforms(chart: alt.Chart) -> alt.Chart:
    """Return the chart with its data (see `encode`) turned into USD of the cell under the pointer: ``long short``."""
    usd = f"{ONE}.top * pow(datum.{{}} / {STEPS}, 2)"
    return (
        # Vega may run a formula again on rows that it has run on before, so none writes over what it reads
        chart.transform_filter(f"datum.row === {ROW} || -1 - datum.row === {ROW}")
        .transform_calculate(ons="split(datum.on, '')", bys="split(datum.by, '')")
        .transform_flatten(["ons", "bys"], as_=["on_sign", "by_sign"])
        .transform_calculate(
            gap=f"indexof({SIGNS!r}, datum.on_sign)",
            longs=f"datum.row < 0 ? 0 : indexof({SIGNS!r}, datum.by_sign) - {ZERO}",
            shorts=f"datum.row < 0 ? indexof({SIGNS!r}, datum.by_sign) - {ZERO} : 0",
        )
        .transform_window(
            [alt.WindowFieldDef.from_dict({"op": "sum", "field": "gap", "as": "place"})],
            groupby=["row"],
            ignorePeers=True,
        )
        .transform_filter(f"datum.place <= {COLUMN}")
        .transform_aggregate(
            [
                alt.AggregatedFieldDef.from_dict({"op": "sum", "field": side, "as": f"{side}_steps"})
                for side in ("longs", "shorts")
            ]
        )
        .transform_calculate(long=usd.format("longs_steps"), short=usd.format("shorts_steps"))
    )


def _changes(steps: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return column, row and size of every change that keeps each cell within the tolerance.

    Empty is told from nearly empty at once: a swept row must read zero, not a remainder.
    """
    rounded = np.rint(steps).astype(np.int32)
    rounded[(steps > 0) & (rounded == 0)] = 1
    held = np.zeros(steps.shape[1], dtype=np.int32)
    found = []
    for at, value in enumerate(rounded):
        off = (np.abs(value - held) > tolerance) | ((value == 0) != (held == 0))
        moved = np.flatnonzero(off)
        if len(moved):
            found.append((np.full(len(moved), at), moved, value[moved] - held[moved]))
            held[moved] = value[moved]
    if not found:
        nothing = np.zeros(0, dtype=int)
        return nothing, nothing, nothing
    columns, rows, changes = zip(*found, strict=True)
    return np.concatenate(columns), np.concatenate(rows), np.concatenate(changes)


def _strings(column: np.ndarray, row: np.ndarray, change: np.ndarray, rows: int) -> pd.DataFrame:
    """Return the changes as strings by row; a wide gap or a big change takes several characters."""
    order = np.lexsort((column, row))
    column, row, change = column[order], row[order], change[order]
    first = np.append(True, row[1:] != row[:-1]) if len(row) else np.zeros(0, dtype=bool)
    gap = np.where(first, column, np.diff(column, prepend=0))
    most = len(SIGNS) - 1
    waits = np.maximum(0, -(-(gap - most) // most))  # pairs that only pass time
    big = np.maximum(1, -(-np.abs(change) // ZERO))
    times = waits + big
    start = np.cumsum(times) - times
    which = np.repeat(np.arange(len(row)), times)
    nth = np.arange(len(which)) - start[which] if len(which) else which
    waiting = nth < waits[which]
    left = gap[which] - waits[which] * most
    on = np.where(waiting, most, np.where(nth == waits[which], left, 0))
    sent = (nth - waits[which]) * ZERO
    by = np.where(waiting, 0, np.sign(change[which]) * np.clip(np.abs(change[which]) - sent, 0, ZERO))
    signs = np.frombuffer(SIGNS.encode(), np.uint8)
    ends = np.searchsorted(row[which], np.arange(rows + 1))
    ons, bys = signs[on].tobytes().decode(), signs[by + ZERO].tobytes().decode()
    # every row starts with a pair that changes nothing, so that the chart always has one to add up
    return pd.DataFrame(
        {
            "on": [SIGNS[0] + ons[a:b] for a, b in pairwise(ends)],
            "by": [SIGNS[ZERO] + bys[a:b] for a, b in pairwise(ends)],
        }
    )
