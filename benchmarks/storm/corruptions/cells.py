"""Corruptions of the cells of a grid; each changes the grid and says what it did."""

from __future__ import annotations

import re

import numpy as np

from benchmarks.storm.layouts import PLAIN, Grid

ALPHABETS = {
    "letters": "abcdefghijklmnopqrstuvwxyz",
    "digits": "0123456789",
    "digits and separators": "0123456789,.' ",
    "brackets": "[]{}()",
    "dates": "2026-01-05 00:00:00 ",
    "signs": "+-",
    "blanks": " \t ",
    "spaced digits": "1 2 3 4 5 6 ",
    "quotes": "\"'",
    "accents": "éüßλЖ",
    "exponents": "1e5",
}

ODD = (
    *(
        "1e400",
        "-1e400",
        "1" + "0" * 400,
        "1" + "0" * 5000,
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "-0",
        "0",
        "",
        "null",
        "None",
    ),
    *(
        "true",
        "false",
        "N/A",
        "-",
        "--",
        "#REF!",
        "#DIV/0!",
        "=1+1",
        "=cmd|'/c calc'!A1",
        "<b>1</b>",
        "<script>alert(1)</script>",
    ),
    *(
        "1,234.5",
        "1.234,5",
        "1,5",
        "0x10",
        "1_000",
        "١٢٣",
        "１２３",
        "1d5",
        "1e",
        "5 USD",
        "$5",
        "5%",
        "(5)",
        "5-",
        "+5",
        "1.2K",
        "3M",
    ),
    *(
        "1/2",
        "٫5",
        "1 000",
        "1'000",
        "\u200b5",
        "5\u00a0",
        "[1]",
        "{}",
        "[[]]",
        '{"a": 1}',
        "2026-01-05",
        "00:00",
        "1e5",
        "1E-5",
        ".5",
        "5.",
    ),
)


def _place(rng: np.random.Generator, grid: Grid) -> tuple[int, int]:
    return int(rng.integers(len(grid.rows))), int(rng.integers(len(grid.header)))


def used_column(rng: np.random.Generator, grid: Grid) -> int:
    """Return the place of a column that is read."""
    used = [
        grid.header.index(name) for name in (*grid.layout.ours.values(), *grid.layout.time) if name in grid.header
    ]
    return used[int(rng.integers(len(used)))]


def number_columns(grid: Grid) -> list[int]:
    """Return the places of columns of numbers that are read, time not among them."""
    names = [name for name in grid.layout.ours.values() if name in grid.header]
    return [place for place in map(grid.header.index, names) if PLAIN.fullmatch(grid.rows[0][place])]


def grown(rng: np.random.Generator, grid: Grid) -> str:
    """Grow a cell to between a thousand and eight million characters."""
    size = int(rng.choice([1_000, 10_000, 100_000, 1_000_000, 8_000_000], p=[0.3, 0.3, 0.25, 0.1, 0.05]))
    name = str(rng.choice(list(ALPHABETS)))
    letters = ALPHABETS[name]
    if rng.random() < 0.5:
        text = (letters * (size // len(letters) + 1))[:size]
    else:
        text = "".join(np.array(list(letters))[rng.integers(0, len(letters), size)])
    row, place = _place(rng, grid)
    if rng.random() < 0.6:
        place = used_column(rng, grid)
    if rng.random() < 0.3:
        row = int(rng.choice([0, len(grid.rows) - 1]))
    if rng.random() < 0.3:
        text = grid.rows[row][place] + text
    if rng.random() < 0.08:
        grid.header[place] += text
        return f"header {place} grown to {size:,} {name}"
    grid.rows[row][place] = text
    return f"row {row} {grid.header[place]!r} grown to {size:,} {name}"


def odd(rng: np.random.Generator, grid: Grid) -> str:
    """Put an odd value into one cell, some, or all of a column."""
    text = str(rng.choice(np.array(ODD, object)))
    place = used_column(rng, grid)
    rows = [[int(rng.integers(len(grid.rows)))], range(0, len(grid.rows), 7), range(len(grid.rows))][
        int(rng.choice(3, p=[0.6, 0.2, 0.2]))
    ]
    for row in rows:
        grid.rows[row][place] = text
    return f"{len(rows)} cells of {grid.header[place]!r} are {text[:30]!r}"


def digit(rng: np.random.Generator, grid: Grid) -> str:
    """Replace a digit of a number by another one."""
    row, place = int(rng.integers(len(grid.rows))), used_column(rng, grid)
    cell = grid.rows[row][place]
    digits = [one for one, sign in enumerate(cell) if sign.isdigit()]
    if not digits:
        return ""
    one = digits[int(rng.integers(len(digits)))]
    grid.rows[row][place] = cell[:one] + str(int(rng.integers(10))) + cell[one + 1 :]
    return f"row {row} {grid.header[place]!r}: {cell} is {grid.rows[row][place]}"


def point(rng: np.random.Generator, grid: Grid) -> str:
    """Drop or move the decimal point of one number, or turn its sign."""
    columns = number_columns(grid)
    row, place = int(rng.integers(len(grid.rows))), columns[int(rng.integers(len(columns)))]
    cell = grid.rows[row][place]
    way = int(rng.integers(3))
    digits = cell.replace(".", "")
    at = int(rng.integers(1, max(2, len(digits))))
    grid.rows[row][place] = [digits, f"{digits[:at]}.{digits[at:]}0", f"-{cell}"][way]
    return f"row {row} {grid.header[place]!r}: {cell} is {grid.rows[row][place]}"


def separators(rng: np.random.Generator, grid: Grid) -> str:
    """Write numbers with thousands separators, decimal commas, currency signs or units, in all columns or in one."""
    columns = number_columns(grid)
    if rng.random() < 0.4:
        columns = [columns[int(rng.integers(len(columns)))]]
    way = str(
        rng.choice(
            [
                "1,234.5",
                "1.234,5",
                "1 234.5",
                "1 234,5",
                "1'234.5",
                "1234,5",
                "$1,234.5",
                "1234.5 USDT",
                "+1234.5",
                "1.2345E+03",
            ]
        )
    )
    half = rng.random() < 0.2
    for number_of_row, row in enumerate(grid.rows):
        if half and number_of_row % 2:
            continue
        for place in columns:
            if PLAIN.fullmatch(row[place]):
                row[place] = _separated(row[place], way)
    return f"{len(columns)} columns written as {way}{', every other row' * half}"


def _separated(cell: str, way: str) -> str:
    whole, _, part = cell.partition(".")
    if way in ("$1,234.5", "1234.5 USDT", "+1234.5", "1.2345E+03"):
        value = float(cell)
        texts = {
            "$1,234.5": f"${value:,.10g}",
            "1234.5 USDT": f"{cell} USDT",
            "+1234.5": f"+{cell}",
            "1.2345E+03": f"{value:.12E}",
        }
        return texts[way]
    between, sign = {
        "1,234.5": (",", "."),
        "1.234,5": (".", ","),
        "1 234.5": (" ", "."),
        "1 234,5": (" ", ","),
        "1'234.5": ("'", "."),
        "1234,5": ("", ","),
    }[way]
    grouped = re.sub(r"(?<=\d)(?=(\d{3})+$)", between, whole)
    return grouped + (sign + part if part else "")
