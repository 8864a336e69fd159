"""What the pointer reads, at any bar: dollars of the cell, the leverage that dominates it, dollars from price to it.

A browser's chart cannot read pixels of a picture, and one character a cell is more than the picture
itself. So each line, which is a price row, or a block of rows to add up quickly, sends only its changes
along time: one character says how many columns on and how many steps up or down, in a code that is made
for the view. The chart adds them up as far as the pointer. `encode` and `read` are each other's inverse up
to the tolerance; `transforms` says the same as `read` in the chart's own language.

Dollars are kept on a logarithmic scale, so each is off by a share of itself at most, and so is every sum.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from liq.charts.heatmap.pointer import COLUMN, ONE, ROW
from liq.charts.heatmap.window import Window

SIGNS = "".join(chr(code) for code in range(35, 127) if chr(code) not in "\\")
"""Characters that need no escape anywhere on their way, a byte each."""

WIDE = "".join(map(chr, range(0x100, 0x1C8)))
"""More of them, two bytes each."""

TOLERANCES = (0.02, 0.03, 0.05, 0.08, 0.12)
"""Share of itself by which a figure of dollars may be off; the first that the budget allows is taken."""

BUDGET = 48_000
"""Bytes that all changes may take before the next tolerance is tried; the last is taken at any length."""

FAINTEST = 1e-3
"""Share of the top under which dollars are not told apart; they read as this."""

BLOCK = 8
"""Rows to a block."""

GAPS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)
STEPS = (1, 2, 4, 7, 12, 20, 33, 54, 90, 150, 250)
"""Columns on, and steps either way, that always have a character each, so that everything else can be added up."""

OFTEN = 65
"""How many of the most frequent changes come before those in the order of characters, the short ones first."""

LONG, SHORT, LONGS, SHORTS, BAND, REST = range(6)
"""Kinds of line: cells by side, blocks by side, the band that dominates, and one line that is always there."""


class Readout(NamedTuple):
    """Hold what the pointer reads.

    lines : kind, row (of a block: its number) and text; codes : what each character means, ``sign gap by``.
    constants : for the chart's row of constants, ``least`` (USD at step one), ``unit`` (log per step), ``tolerance``
    (share of itself by which a figure may be off), and ``closes``, by column in two characters how many rows lie
    below the price. bands : as `encode` took them.
    """

    lines: pd.DataFrame
    codes: pd.DataFrame
    constants: dict[str, Any]
    bands: np.ndarray


def encode(window: Window, closes: np.ndarray, bands: np.ndarray) -> Readout:
    """Return what the pointer reads of a window.

    closes : (C,) price at the end of each column. bands : (C, R) whole numbers, the band that dominates each cell
    counted from one, zero where nothing stands.
    """
    least = window.top * FAINTEST
    sums = [_blocks(side) for side in (window.long, window.short)]
    dollars = np.concatenate([window.long, window.short, *sums], axis=1)
    kinds, rows = _names(window.long.shape[1], sums[0].shape[1])
    with np.errstate(divide="ignore"):
        log = np.log(np.maximum(dollars / least, 1))
    known = (bands.astype(float), bands.astype(float))
    for tolerance in TOLERANCES:
        unit = np.log1p(tolerance)
        held = dollars > 0
        # a whole step is always near enough, and only what is empty is nothing
        low = np.where(held, np.maximum(1, np.ceil(log / unit)), 0)
        high = np.where(held, np.floor(2 + log / unit), 0)
        line, column, change = _changes(
            *(np.concatenate(pair, axis=1) for pair in zip((low, high), known, strict=True))
        )
        texts, codes = _texts(line, column, change, len(kinds) - 1)
        if len("".join(texts).encode()) <= BUDGET:
            break
    lines = pd.DataFrame({"kind": kinds, "row": rows, "text": [*texts, codes["sign"].iloc[0]]})
    below = np.searchsorted(np.sqrt(window.edges[:-1] * window.edges[1:]), closes)
    constants = {
        "least": least,
        "unit": unit,
        "tolerance": tolerance,
        "closes": "".join(SIGNS[count // len(SIGNS)] + SIGNS[count % len(SIGNS)] for count in below),
    }
    return Readout(lines[lines["text"] != ""].reset_index(drop=True), codes, constants, bands)


def read(changes: Readout, row: int, column: int) -> dict[str, float]:
    """Return what the pointer reads in one cell: ``long short`` and ``reach`` (USD from price to it), ``band``."""
    code = {sign: (gap, by) for sign, gap, by in changes.codes.itertuples(index=False)}
    at = 2 * column
    high, low = (SIGNS.index(sign) for sign in changes.constants["closes"][at : at + 2])
    close = high * len(SIGNS) + low
    side = LONG if row < close else SHORT
    between = range(row, close) if side == LONG else range(close, row + 1)
    found = {"long": 0.0, "short": 0.0, "reach": 0.0, "band": 0.0}
    for kind, name, text in changes.lines.itertuples(index=False):
        if not (kind == side and name in between) and not (kind <= BAND and name == row):
            continue
        place = steps = 0
        for sign in text:
            place += code[sign][0]
            steps += code[sign][1] if place <= column else 0
        usd = changes.constants["least"] * np.exp((steps - 1) * changes.constants["unit"]) if steps > 0 else 0.0
        if kind == BAND:
            found["band"] = steps
        elif kind in (LONG, SHORT):
            found["reach"] += usd if kind == side and name in between else 0.0
            if name == row:
                found["long" if kind == LONG else "short"] = usd
    return found


def transforms(chart: alt.Chart) -> alt.Chart:
    """Return the chart with its data (lines of `Changes`) turned into what `read` returns, for the pointer's cell."""
    size = len(SIGNS)
    high, low = (
        f"indexof({SIGNS!r}, slice({ONE}.closes, {at}, {at} + 1))" for at in (f"2 * {COLUMN}", f"2 * {COLUMN} + 1")
    )
    first, last = f"({BLOCK} * floor(datum.row / {BLOCK}))", f"({BLOCK} * floor(datum.row / {BLOCK}) + {BLOCK - 1})"
    of_side = "(datum.close > datum.here ? {} : {})"
    between = "datum.row >= datum.low && datum.row <= datum.high"
    whole = "{} >= datum.low && {} <= datum.high"
    usd = f"(datum.steps > 0 ? {ONE}.least * exp((datum.steps - 1) * {ONE}.unit) : 0)"
    return (
        # Vega may run a formula again on rows that it has run on before, so none writes over what it reads
        chart.transform_calculate(here=ROW, close=f"{high} * {size} + {low}")
        .transform_calculate(
            low="min(datum.here, datum.close)", high="datum.close > datum.here ? datum.close - 1 : datum.here"
        )
        .transform_calculate(
            between=f"(datum.kind === {of_side.format(LONG, SHORT)} && {between}"
            f" && !({whole.format(first, last)})) || (datum.kind === {of_side.format(LONGS, SHORTS)}"
            f" && {whole.format(f'{BLOCK} * datum.row', f'{BLOCK} * datum.row + {BLOCK - 1}')})",
            at=f"datum.row === datum.here && datum.kind !== {LONGS} && datum.kind !== {SHORTS}",
        )
        .transform_filter(f"datum.between || datum.at || datum.kind === {REST}")
        .transform_calculate(signs="split(datum.text, '')")
        .transform_flatten(["signs"], as_=["sign"])
        .transform_lookup("sign", alt.LookupData(alt.NamedData("codes"), "sign", ["gap", "by"]))
        .transform_window(
            [alt.WindowFieldDef.from_dict({"op": "sum", "field": "gap", "as": "place"})],
            groupby=["kind", "row"],
            ignorePeers=True,
        )
        .transform_filter(f"datum.place <= {COLUMN}")
        .transform_aggregate(
            [alt.AggregatedFieldDef.from_dict({"op": "sum", "field": "by", "as": "steps"})],
            groupby=["kind", "row", "between", "at"],
        )
        .transform_calculate(
            long=f"datum.at && datum.kind === {LONG} ? {usd} : 0",
            short=f"datum.at && datum.kind === {SHORT} ? {usd} : 0",
            band=f"datum.kind === {BAND} ? datum.steps : 0",
            reach=f"datum.between ? {usd} : 0",
        )
        .transform_aggregate(
            [
                alt.AggregatedFieldDef.from_dict({"op": "sum", "field": name, "as": f"the_{name}"})
                for name in ("long", "short", "band", "reach")
            ]
        )
    )


def _blocks(side: np.ndarray) -> np.ndarray:
    """Return sums of whole blocks of rows (C, R // BLOCK)."""
    whole = side.shape[1] // BLOCK * BLOCK
    return side[:, :whole].reshape(len(side), -1, BLOCK).sum(axis=2)


def _names(rows: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kind and row of every line, the one that is always there last."""
    counts = {LONG: rows, SHORT: rows, LONGS: blocks, SHORTS: blocks, BAND: rows, REST: 1}
    kinds = np.repeat(list(counts), list(counts.values())).astype(np.int8)
    names = np.concatenate([np.arange(count) for count in counts.values()]).astype(np.int16)
    names[-1] = -1
    return kinds, names


def _changes(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return line, column and size of the fewest changes that keep each value (C, N) between low and high.

    A value stays for as long as one lies in the ranges of all its columns; it is then the one in their middle.
    """
    columns, lines = low.shape
    floor, ceiling = low[0].copy(), high[0].copy()
    begins = [(np.arange(lines), np.zeros(lines, dtype=int))]
    middles = []
    for at in range(1, columns):
        a, b = np.maximum(floor, low[at]), np.minimum(ceiling, high[at])
        moved = np.flatnonzero(a > b)
        if len(moved):
            middles.append(np.floor((floor[moved] + ceiling[moved]) / 2))
            begins.append((moved, np.full(len(moved), at)))
            a[moved], b[moved] = low[at, moved], high[at, moved]
        floor, ceiling = a, b
    line, column = (np.concatenate(part) for part in zip(*begins, strict=True))
    # what began at one change of a line is known at its next, or at the end
    order = np.lexsort((column, line))
    ended = np.concatenate([*(moved for moved, _ in begins[1:]), np.arange(lines)])
    until = np.concatenate([*(at for _, at in begins[1:]), np.full(lines, columns)])
    value = np.concatenate([*middles, np.floor((floor + ceiling) / 2)])[np.lexsort((until, ended))].astype(int)
    line, column = line[order], column[order]
    first = np.append(True, line[1:] != line[:-1])
    change = np.where(first, value, np.diff(value, prepend=0))
    kept = change != 0
    return line[kept], column[kept], change[kept]


def _texts(line: np.ndarray, column: np.ndarray, change: np.ndarray, lines: int) -> tuple[list[str], pd.DataFrame]:
    """Return each line's changes as text, and what its characters mean: the most frequent changes have their own."""
    first = np.append(True, line[1:] != line[:-1])[: len(line)]
    gap = np.where(first, column, np.diff(column, prepend=0))
    pairs, which, times = np.unique(np.stack([gap, change], axis=1), axis=0, return_inverse=True, return_counts=True)
    always = [(0, 0), *((gap, 0) for gap in GAPS), *((0, by * way) for by in STEPS for way in (1, -1))]
    often = [(gap, by) for gap, by in pairs[np.argsort(-times, kind="stable")].tolist()]
    ranked = dict.fromkeys([*often[:OFTEN], *sorted(always, key=lambda pair: max(map(abs, pair))), *often[OFTEN:]])
    signs = dict(zip(ranked, SIGNS + WIDE, strict=False))
    written = np.array([_written(gap, by, signs) for gap, by in pairs.tolist()], dtype=object)[which.ravel()]
    ends = np.searchsorted(line, np.arange(lines + 1)).tolist()
    texts = ["".join(written[ends[n] : ends[n + 1]]) for n in range(lines)]
    codes = pd.DataFrame(
        {
            "sign": list(signs.values()),
            "gap": np.array([gap for gap, _ in signs], dtype=np.int16),
            "by": np.array([by for _, by in signs], dtype=np.int16),
        }
    )
    return texts, codes


def _written(gap: int, by: int, signs: dict[tuple[int, int], str]) -> str:
    """Return one change as text: its own character, or several that add up to it, those that pass time first."""
    if (gap, by) in signs:
        return signs[gap, by]
    text, left = "", abs(by)
    for most in reversed(GAPS):
        while gap >= most:
            text, gap = text + signs[most, 0], gap - most
    for most in reversed(STEPS):
        while left >= most:
            text, left = text + signs[0, most if by > 0 else -most], left - most
    return text
