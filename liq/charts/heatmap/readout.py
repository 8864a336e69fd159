"""The pointer's readout at any bar: dollars of the cell, its dominant leverage band, dollars from price to it.

A chart in the browser cannot read the pixels of an image, and one character a cell is more than the image
itself. So each line, which is a price row, or a block of rows for quick sums, sends only its changes
along time: one character says how many columns on and how many steps up or down, in a code that is made
for the view. The chart adds them up as far as the pointer. `encode` and `read` are each other's inverse up
to the tolerance; `transforms` is `read` in the chart's own language.

Dollars are on a logarithmic scale, so each is off by a share of itself at most, and so is every sum.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from liq.charts.heatmap.window import Window

SIGNS = "".join(chr(code) for code in range(35, 127) if chr(code) not in "\\")
"""Characters of one byte that need no escape in JSON or in Vega's expressions."""

WIDE = "".join(map(chr, range(0x100, 0x1C8)))
"""Further characters, two bytes each."""

TOLERANCES = (0.02, 0.03, 0.05, 0.08, 0.12, 0.18)
"""Relative tolerances of a dollar figure; the first that the byte budget allows is used."""

BUDGET = 31_000
"""Maximum bytes of all changes before the next tolerance is tried; the last one is used at any length."""

FAINTEST = 1e-3
"""Share of the colour top below which dollars are not distinguished; they read as this."""

BLOCK = 8
"""Number of rows in a block."""

GAPS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)
STEPS = (1, 2, 4, 7, 12, 20, 33, 54, 90, 150, 250)
"""Columns on, and steps up or down, that always have a character each, so that any change is a sum of them."""

PAIR = 1 << 20
"""More than twice the largest step up or down: a gap and a step make one number."""

N_FREQUENT = 65
"""Number of the most frequent changes that get the first characters, those of one byte."""

LONG, SHORT, LONGS, SHORTS, BAND, REST = range(6)
"""Kinds of line: cells by side, blocks by side, the band that dominates, and one line that is always there."""


class Readout(NamedTuple):
    """Hold what the pointer reads.

    lines : kind, row (of a block: its number) and text; codes : what each character means, ``sign gap by``.
    constants : for the chart's row of constants, ``least`` (USD at step one), ``unit`` (log per step), ``tolerance``
    (relative error of a figure), and ``closes``, by column in two characters how many rows lie
    below the price. bands : as `encode` got them.
    """

    lines: pd.DataFrame
    codes: pd.DataFrame
    constants: dict[str, Any]
    bands: np.ndarray


def encode(window: Window, closes: np.ndarray, bands: np.ndarray) -> Readout:
    """Return the readout of a window.

    closes : (C,) price at the end of each column. bands : (C, R) whole numbers, the band that dominates each cell
    counted from one, zero where nothing stands.

    >>> import liq
    >>> from liq.charts.heatmap.leverage import dominant_bands
    >>> from liq.charts.heatmap.window import column_closes, window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> readout = encode(window(heatmap), column_closes(heatmap), dominant_bands(heatmap))
    >>> readout.constants["tolerance"] in TOLERANCES
    True
    """
    usd_at_one = window.top * FAINTEST
    sums = [_blocks(side) for side in (window.long, window.short)]
    dollars = np.concatenate([window.long, window.short, *sums], axis=1)
    kinds, rows = _line_names(window.long.shape[1], sums[0].shape[1])
    with np.errstate(divide="ignore"):
        log = np.log(np.maximum(dollars / usd_at_one, 1))
    band_range = (bands.astype(float), bands.astype(float))
    for tolerance in TOLERANCES:
        unit = np.log1p(tolerance)
        nonzero = dollars > 0
        # each value may take any whole step within the tolerance, and only an empty cell is zero; what is below the
        # first step reads as that
        low = np.where(nonzero, np.maximum(1, np.ceil(log / unit)), 0)
        high = np.where(nonzero, np.where(log > 0, np.floor(2 + log / unit), 1), 0)
        line, column, change = _changes(
            *(np.concatenate(pair, axis=1) for pair in zip((low, high), band_range, strict=True))
        )
        if len(line) > BUDGET and tolerance != TOLERANCES[-1]:
            continue  # each change has at least one byte
        texts, codes = _encode_changes(line, column, change, len(kinds) - 1)
        if len("".join(texts).encode()) <= BUDGET:
            break
    lines = pd.DataFrame({"kind": kinds, "row": rows, "text": [*texts, codes["sign"].iloc[0]]})
    below = np.searchsorted(np.sqrt(window.edges[:-1] * window.edges[1:]), closes)
    constants = {
        "least": usd_at_one,
        "unit": unit,
        "tolerance": tolerance,
        "closes": "".join(SIGNS[count // len(SIGNS)] + SIGNS[count % len(SIGNS)] for count in below),
    }
    return Readout(lines[lines["text"] != ""].reset_index(drop=True), codes, constants, bands)


def read(readout: Readout, row: int, column: int) -> dict[str, float]:
    """Return the readout of one cell: ``long short`` and ``reach`` (USD from price to it), ``band``.

    >>> import liq
    >>> from liq.charts.heatmap.leverage import dominant_bands
    >>> from liq.charts.heatmap.window import column_closes, window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> readout = encode(window(heatmap), column_closes(heatmap), dominant_bands(heatmap))
    >>> sorted(read(readout, row=0, column=5))
    ['band', 'long', 'reach', 'short']
    """
    code = {sign: (gap, by) for sign, gap, by in readout.codes.itertuples(index=False)}
    at = 2 * column
    high, low = (SIGNS.index(sign) for sign in readout.constants["closes"][at : at + 2])
    close = high * len(SIGNS) + low
    side = LONG if row < close else SHORT
    between = range(row, close) if side == LONG else range(close, row + 1)
    figures = {"long": 0.0, "short": 0.0, "reach": 0.0, "band": 0.0}
    for kind, name, text in readout.lines.itertuples(index=False):
        if not (kind == side and name in between) and not (kind <= BAND and name == row):
            continue
        column_now = steps = 0
        for sign in text:
            column_now += code[sign][0]
            steps += code[sign][1] if column_now <= column else 0
        usd = readout.constants["least"] * np.exp((steps - 1) * readout.constants["unit"]) if steps > 0 else 0.0
        if kind == BAND:
            figures["band"] = steps
        elif kind in (LONG, SHORT):
            figures["reach"] += usd if kind == side and name in between else 0.0
            if name == row:
                figures["long" if kind == LONG else "short"] = usd
    return figures


def _blocks(side: np.ndarray) -> np.ndarray:
    """Return sums of whole blocks of rows (C, R // BLOCK)."""
    whole = side.shape[1] // BLOCK * BLOCK
    return side[:, :whole].reshape(len(side), -1, BLOCK).sum(axis=2)


def _line_names(rows: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kind and row of every line, the one that is always there last."""
    counts = {LONG: rows, SHORT: rows, LONGS: blocks, SHORTS: blocks, BAND: rows, REST: 1}
    kinds = np.repeat(list(counts), list(counts.values())).astype(np.int8)
    names = np.concatenate([np.arange(count) for count in counts.values()]).astype(np.int16)
    names[-1] = -1
    return kinds, names


def _changes(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return line, column and size of the fewest changes that keep each value (C, N) between low and high.

    A value stays as long as one lies in the ranges of all its columns; it is then the one in their middle.
    """
    # Greedy and optimal: a value is kept until the intersection of the ranges so far is empty, for all lines at once.
    columns, lines = low.shape
    floor, ceiling = low[0].copy(), high[0].copy()
    starts = [(np.arange(lines), np.zeros(lines, dtype=int))]
    middles = []
    for now in range(1, columns):
        a, b = np.maximum(floor, low[now]), np.minimum(ceiling, high[now])
        changed = np.flatnonzero(a > b)
        if len(changed):
            middles.append(np.floor((floor[changed] + ceiling[changed]) / 2))
            starts.append((changed, np.full(len(changed), now)))
            a[changed], b[changed] = low[now, changed], high[now, changed]
        floor, ceiling = a, b
    line, column = (np.concatenate(part) for part in zip(*starts, strict=True))
    # the value from one change of a line on is known at its next change, or at the end
    order = np.lexsort((column, line))
    ended = np.concatenate([*(changed for changed, _ in starts[1:]), np.arange(lines)])
    until = np.concatenate([*(now for _, now in starts[1:]), np.full(lines, columns)])
    value = np.concatenate([*middles, np.floor((floor + ceiling) / 2)])[np.lexsort((until, ended))].astype(int)
    line, column = line[order], column[order]
    first = np.append(True, line[1:] != line[:-1])
    change = np.where(first, value, np.diff(value, prepend=0))
    kept = change != 0
    return line[kept], column[kept], change[kept]


def _encode_changes(
    line: np.ndarray, column: np.ndarray, change: np.ndarray, lines: int
) -> tuple[list[str], pd.DataFrame]:
    """Return each line's changes as text, and the meaning of its characters: frequent changes have a character of
    their own."""
    first = np.append(True, line[1:] != line[:-1])[: len(line)]
    gap = np.where(first, column, np.diff(column, prepend=0))
    # one number a pair: numpy sorts rows ten times slower
    keys, which, times = np.unique(gap * PAIR + change + PAIR // 2, return_inverse=True, return_counts=True)
    pairs = np.stack([keys // PAIR, keys % PAIR - PAIR // 2], axis=1)
    basic = [(0, 0), *((gap, 0) for gap in GAPS), *((0, by * way) for by in STEPS for way in (1, -1))]
    frequent = [(gap, by) for gap, by in pairs[np.argsort(-times, kind="stable")].tolist()]
    ranked = dict.fromkeys(
        [*frequent[:N_FREQUENT], *sorted(basic, key=lambda pair: max(map(abs, pair))), *frequent[N_FREQUENT:]]
    )
    signs = dict(zip(ranked, SIGNS + WIDE, strict=False))
    texts_of_pairs = np.array([_change_text(gap, by, signs) for gap, by in pairs.tolist()], dtype=object)[
        which.ravel()
    ]
    ends = np.searchsorted(line, np.arange(lines + 1)).tolist()
    texts = ["".join(texts_of_pairs[ends[n] : ends[n + 1]]) for n in range(lines)]
    codes = pd.DataFrame(
        {
            "sign": list(signs.values()),
            "gap": np.array([gap for gap, _ in signs], dtype=np.int16),
            "by": np.array([by for _, by in signs], dtype=np.int16),
        }
    )
    return texts, codes


def _change_text(gap: int, by: int, signs: dict[tuple[int, int], str]) -> str:
    """Return one change as text: its own character, or several that add up to it, those along time first."""
    if (gap, by) in signs:
        return signs[gap, by]
    text, remaining = "", abs(by)
    for largest in reversed(GAPS):
        while gap >= largest:
            text, gap = text + signs[largest, 0], gap - largest
    for largest in reversed(STEPS):
        while remaining >= largest:
            text, remaining = text + signs[0, largest if by > 0 else -largest], remaining - largest
    return text
