"""Corruptions of the rows and the times of a grid; each changes the grid and says what it did."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from benchmarks.storm.layouts import PER, Grid, moment_text, plain

WRITTEN = (
    *(
        "%d.%m.%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%m/%d/%Y %I:%M:%S %p",
        "%d.%m.%y %H:%M",
        "%m/%d/%y %H:%M",
        "%y-%m-%d %H:%M",
    ),
    *(
        "%d %b %Y %H:%M",
        "%b %d, %Y %I:%M %p",
        "%A, %d %B %Y %H:%M",
        "%Y/%m/%d %H:%M:%S",
        "%Y%m%d %H:%M:%S",
        "%Y%m%d%H%M%S",
        "%Y-%m-%dT%H:%M:%S+00:00",
    ),
    *(
        "%Y-%m-%d %H:%M:%S+02:00",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M:%S EST",
        "%d-%m-%Y %H:%M:%S",
        "%Y-%m-%d %I:%M %p",
        "%H:%M %d.%m.%Y",
        "%Y-W%W-%w %H:%M",
    ),
)
"""Formats in which dates are written anew; +02:00 and EST make the moments others, as they say."""

HOURS = {"+02:00": -2, "EST": 5}


def order(rng: np.random.Generator, grid: Grid) -> str:
    """Swap, repeat, drop, shuffle, reverse or cut rows."""
    rows, count = grid.rows, len(grid.rows)
    at, length = int(rng.integers(count)), int(rng.choice([1, 2, 5, 20]))
    way = str(
        rng.choice(
            [
                "swap",
                "repeat",
                "repeat far",
                "repeat all",
                "drop",
                "drop many",
                "shuffle",
                "reverse",
                "cut",
                "one row",
                "every other",
                "rotate",
                "sort as text",
            ]
        )
    )
    if way == "swap":
        other = int(rng.integers(count))
        rows[at], rows[other] = rows[other], rows[at]
    elif way == "repeat":
        rows[at:at] = [list(row) for row in rows[at : at + length]]
    elif way == "repeat far":
        rows += [list(row) for row in rows[at : at + length]]
    elif way == "repeat all":
        rows += [list(row) for row in rows]
    elif way == "drop":
        del rows[at : at + length]
    elif way == "drop many":
        rows[:] = [row for row, keep in zip(rows, rng.random(count) < 0.7, strict=True) if keep]
    elif way == "shuffle":
        rows[:] = [rows[one] for one in rng.permutation(count)]
    elif way == "reverse":
        rows.reverse()
    elif way == "cut":
        rows[-1] = rows[-1][: int(rng.integers(1, len(grid.header)))]
        grid.ending = "\n"
    elif way == "one row":
        rows[:] = rows[at : at + 1]
    elif way == "every other":
        rows[:] = rows[::2]
    elif way == "rotate":
        rows[:] = rows[at:] + rows[:at]
    else:
        rows.sort(key=lambda row: row[0][::-1])
    return f"{way} at {at}, {length}"


def loose(rng: np.random.Generator, grid: Grid) -> str:
    """Put lines between or after rows that are none: blank, a header, totals, comments, too many or too few cells."""
    at, width = int(rng.integers(len(grid.rows) + 1)), len(grid.header)
    way = str(
        rng.choice(
            [
                "blank",
                "header",
                "total",
                "comment",
                "long",
                "short",
                "html",
                "blank cells",
                "many blank",
                "long last",
                "trailing",
            ]
        )
    )
    row = {
        "blank": [""],
        "header": list(grid.header),
        "total": ["Total", *["7"] * (width - 1)],
        "comment": ["# exported by a script"],
        "long": [*grid.rows[at - 1], "7", "8"],
        "short": grid.rows[at - 1][: max(1, width // 2)],
        "html": ["<html><body>502 Bad Gateway</body></html>"],
        "blank cells": [""] * width,
    }.get(way)
    if way == "many blank":
        grid.loose += [""] * int(rng.choice([10, 100_000]))
    elif way == "long last":
        grid.rows.append([*grid.rows[-1], "7"])
    elif way == "trailing":
        for one in grid.rows:
            one.append("")
    elif row is not None:
        grid.rows.insert(at, row)
    return f"{way} at {at}"


def _moments(grid: Grid) -> list[int] | None:
    """Return the rows' times as they are written (ns), or None where the kind has none a row."""
    if len(grid.layout.time) != 1:
        return None
    found = [plain(grid.layout._replace(after=0), record, grid.bar) for record in grid.records()]
    moments = [one[0] for one in found if one is not None and 0 <= one[0] < 9 * 10**18]
    return moments if len(moments) == len(grid.rows) else None


def dates(rng: np.random.Generator, grid: Grid) -> str:
    """Write the times as dates in another order, with short years, with AM and PM, or as spreadsheets have them."""
    moments = _moments(grid)
    if not moments:
        return ""
    place = grid.header.index(grid.layout.time[0])
    if rng.random() < 0.25:
        way = str(rng.choice(["1.76723E+12", "days", "days, five decimals", "float", "seconds", "ms", "us", "ns"]))
        texts = {
            "1.76723E+12": [f"{moment / 1e6:.5E}" for moment in moments],
            "days": [f"{moment / 8.64e13 + 25569:.10f}" for moment in moments],
            "days, five decimals": [f"{moment / 8.64e13 + 25569:.5f}" for moment in moments],
            "float": [f"{moment / 1e9:.3f}" for moment in moments],
        }.get(way) or [moment_text(moment, {"seconds": "s"}.get(way, way)) for moment in moments]
    else:
        way = str(rng.choice(WRITTEN))
        shift = next((hours for sign, hours in HOURS.items() if sign in way), 0)
        texts = [datetime.fromtimestamp(moment / 1e9 - shift * 3600, UTC).strftime(way) for moment in moments]
    half = rng.random() < 0.15
    for row, text in zip(
        grid.rows[len(grid.rows) // 2 if half else 0 :], texts[len(grid.rows) // 2 if half else 0 :], strict=True
    ):
        row[place] = text
    return f"times written as {way}{', second half' * half}"


def times(rng: np.random.Generator, grid: Grid) -> str:
    """Shift times by seconds or hours, double them a millisecond apart, mix units, or leave some empty."""
    moments = _moments(grid)
    if not moments:
        return ""
    place, unit = grid.header.index(grid.layout.time[0]), grid.layout.unit
    length, count = pd.Timedelta(grid.bar).value, len(grid.rows)
    at = int(rng.integers(count))
    way = str(
        rng.choice(
            [
                "all shifted",
                "some shifted",
                "jitter",
                "hour from a row on",
                "doubled 1 ms apart",
                "mixed units",
                "empty",
                "future",
                "closes",
                "last moment",
                "same",
                "zero",
                "far",
            ]
        )
    )
    seconds = int(rng.choice([1, 3, 7, 30, 59, 61, 1800]))
    moved = {
        "all shifted": [moment + seconds * 10**9 for moment in moments],
        "some shifted": [moment + seconds * 10**9 * (row % 5 == 0) for row, moment in enumerate(moments)],
        "jitter": [moment + int(rng.integers(0, 4)) * 10**9 for moment in moments],
        "hour from a row on": [moment + 3600 * 10**9 * (row >= at) for row, moment in enumerate(moments)],
        "future": [moment + 10 * 365 * 86_400 * 10**9 for moment in moments],
        "closes": [moment + length for moment in moments],
        "last moment": [moment + length - (10**6 if unit in ("ms", "us", "ns") else 10**9) for moment in moments],
        "same": [moments[0]] * count,
        "zero": [0 if row == at else moment for row, moment in enumerate(moments)],
        "far": [moment * 9 if row == at else moment for row, moment in enumerate(moments)],
    }.get(way)
    if moved is not None:
        for row, moment in zip(grid.rows, moved, strict=True):
            row[place] = moment_text(min(moment, 9 * 10**18), unit)
    elif way == "empty":
        for row in grid.rows[at : at + int(rng.choice([1, 10]))]:
            row[place] = ""
    elif way == "mixed units":
        other = str(rng.choice(list(PER)))
        for row, moment in list(zip(grid.rows, moments, strict=True))[at:]:
            row[place] = moment_text(moment, other)
    else:
        if unit not in ("ms", "us", "ns"):
            return ""
        later = [list(row) for row in grid.rows]
        for row, moment in zip(later, moments, strict=True):
            row[place] = moment_text(moment + 10**6, unit)
        grid.rows[:] = [one for pair in zip(grid.rows, later, strict=True) for one in pair]
    return f"{way} at {at}, {seconds} s"


def splice(rng: np.random.Generator, grid: Grid, others: dict[str, Grid]) -> str:
    """Put rows of another coin, another bar length or another kind among the rows, or after them."""
    what = str(rng.choice(list(others)))
    other = others[what]
    way = str(rng.choice(["after", "instead", "between", "before"]))
    rows = [list(row) for row in other.rows]
    half = len(grid.rows) // 2
    if way == "after":
        grid.rows += rows
    elif way == "instead":
        grid.rows[half:] = rows[half:]
    elif way == "between":
        grid.rows[half:half] = rows[:5]
    else:
        grid.rows[:0] = rows
    if rng.random() < 0.3 and grid.layout.form == "csv":
        grid.rows.insert(half, list(other.header))
    return f"{what} {way}"
