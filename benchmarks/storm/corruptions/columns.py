"""Corruptions of the units and the columns of a grid; each changes the grid and says what it did."""

from __future__ import annotations

import numpy as np

from benchmarks.storm.corruptions.cells import used_column
from benchmarks.storm.layouts import PLAIN, Grid, number


def units(rng: np.random.Generator, grid: Grid) -> str:
    """Scale volume, open interest or prices by price, 100, 1000 or 10,000, from the first or a middle row on."""
    names = [name for name in ("volume", "open_interest", "price", "coins", "long") if name in grid.layout.ours]
    if "close" in grid.layout.ours:
        names.append("prices")
    what = str(rng.choice(names))
    prices = [
        grid.header.index(grid.layout.ours[name])
        for name in ("open", "high", "low", "close")
        if name in grid.layout.ours
    ]
    places = prices if what == "prices" else [grid.header.index(grid.layout.ours[what])]
    by_price = bool(prices) and what in ("volume", "open_interest") and rng.random() < 0.4
    factor = float(rng.choice([100, 1000, 1e4, 0.01, 1e-3, 1e6]))
    begin = int(rng.choice([0, len(grid.rows) // 2]))
    end = len(grid.rows) if rng.random() < 0.7 else begin + 1
    for row in grid.rows[begin:end]:
        for place in places:
            if PLAIN.fullmatch(row[place]):
                row[place] = number(round(float(row[place]) * (float(row[prices[-1]]) if by_price else factor), 9))
    return f"{what} times {'price' if by_price else factor}, rows {begin} to {end}"


def columns(rng: np.random.Generator, grid: Grid) -> str:
    """Rename, drop, double, add or reorder columns, with or without their values."""
    place, other = used_column(rng, grid), used_column(rng, grid)
    name = grid.header[place]
    way = str(
        rng.choice(
            [
                "rename",
                "drop",
                "double",
                "double under another name",
                "swap",
                "swap names",
                "reorder",
                "add",
                "upper",
                "blank names",
            ]
        )
    )
    if way == "rename":
        grid.header[place] = str(
            rng.choice(
                [
                    f"{name}_",
                    f"{name} (USD)",
                    f"{name}_usd",
                    f"{name} BTC",
                    name[::-1],
                    "value",
                    "close",
                    "volume",
                    "time",
                    "",
                    "<b>",
                    "Größe",
                    "open_interest",
                ]
            )
        )
        return f"{name!r} renamed to {grid.header[place]!r}"
    if way == "drop":
        del grid.header[place]
        for row in grid.rows:
            del row[place]
    elif way.startswith("double"):
        grid.header.append(
            name if way == "double" else str(rng.choice([f"{name}.1", f"{name} 2", f"Mark {name}", "close", "price"]))
        )
        for row in grid.rows:
            row.append(row[place])
    elif way == "swap names":
        grid.header[place], grid.header[other] = grid.header[other], grid.header[place]
    elif way in ("swap", "reorder"):
        order = list(rng.permutation(len(grid.header)))
        if way == "swap":
            order = list(range(len(grid.header)))
            order[place], order[other] = other, place
        grid.header[:] = [grid.header[one] for one in order]
        for number_of_row, row in enumerate(grid.rows):
            grid.rows[number_of_row] = [row[one] for one in order]
    elif way == "add":
        at = int(rng.integers(len(grid.header) + 1))
        added, text = [
            ("comment", "Übersicht; a, b"),
            ("date2", "2026-01-05"),
            ("list", "[1, 2]"),
            ("", ""),
            ("x" * 500, "7"),
            ("signal", "true"),
        ][int(rng.integers(6))]
        grid.header.insert(at, added)
        for row in grid.rows:
            row.insert(at, text)
        return f"column {added[:20]!r} added at {at}"
    elif way == "upper":
        grid.header[:] = [f" {one.upper()} " for one in grid.header]
    else:
        grid.header[:] = ["" for _ in grid.header]
    return f"{way}: {name!r}"
