"""Files as they are written: a grid of cells, how the grid becomes text, and what each of its rows plainly says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

PLAIN = re.compile(r"[-+]?(\d+(_\d{3})*(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?")
"""A number that has one reading: no sign of a currency, no unit, no separators but underscores."""

MEANINGS = {
    **{
        "1,234.5": 1234.5,
        "1.234,5": 1234.5,
        "1 000": 1000.0,
        "1'000": 1000.0,
        "5 USD": 5.0,
        "$5": 5.0,
        "1.2K": 1200.0,
    },
    **{"3M": 3e6, "1,5": 1.5, **dict.fromkeys(("nan", "NaN", "N/A", "null", "None", "-", "--"), float("nan"))},
}
"""What other cells that are put into files mean to anybody."""

PER = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

LOOKBACKS = {"1min": "12h", "5min": "1d", "1h": "1M", "1D": "6M"}
"""Lookback for bars of each length in which no bars are summed, for as many bars as a grid has."""


class Layout(NamedTuple):
    """How a kind of file is written, and where it says what.

    name : of the kind; file : a usual name; task : candles, interest, liquidations, events or positions.
    time : columns that make the time; unit : of PER, or a format of datetime; ours : the file's name of each column.
    form : csv, lists, records, jsonl, columns, split, index or arrays; around : what stands before and after.
    after : bars by which a time lies after its bar's open. quoted : whether numbers in JSON are texts.
    """

    name: str
    file: str
    task: str
    time: tuple[str, ...]
    unit: str
    ours: Mapping[str, str]
    form: str = "csv"
    delimiter: str = ","
    around: tuple[str, str] = ("", "")
    headed: bool = True
    newest_first: bool = False
    after: int = 0
    quoted: bool = False


@dataclass
class Grid:
    """A table of texts: the header, and rows of cells; corruptions change it in place.

    loose : lines after the rows; written : the header before, by whose places rows without one are read.
    """

    layout: Layout
    bar: str
    header: list[str]
    rows: list[list[str]]
    ending: str = "\n"
    loose: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def copy(self) -> Grid:
        """Return a grid that can be changed without changing this one."""
        return replace(self, header=list(self.header), rows=[list(row) for row in self.rows], loose=list(self.loose))

    def text(self) -> str:
        """Return the file's text."""
        before, after = self.layout.around
        form = self.layout.form
        if form == "csv":
            lines = [self.layout.delimiter.join(map(_quoted, self.header))] if self.layout.headed else []
            lines += [self.layout.delimiter.join(map(_quoted, row)) for row in self.rows] + self.loose
            return before + self.ending.join([*lines, ""]) + after
        cells = [[_token(cell, self.layout.quoted) for cell in row] for row in self.rows]
        names = [json.dumps(name) for name in self.header]
        if form == "lists":
            return before + "[" + ",\n ".join("[" + ", ".join(row) + "]" for row in cells) + "]" + after
        objects = [
            "{" + ", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=False)) + "}" for row in cells
        ]
        if form == "jsonl":
            return "\n".join([*objects, ""])
        if form == "records":
            return before + "[" + ",\n ".join(objects) + "]" + after
        if form == "index":
            return "{" + ",".join(f'"{row}":{one}' for row, one in enumerate(objects)) + "}"
        if form == "split":
            rows = ",".join("[" + ", ".join(row) + "]" for row in cells)
            return f'{{"columns":[{",".join(names)}],"index":{json.dumps(list(range(len(cells))))},"data":[{rows}]}}'
        columns = {name: [row[place] for row in cells if place < len(row)] for place, name in enumerate(names)}
        if form == "columns":
            return (
                "{"
                + ",".join(
                    f"{name}:{{{','.join(f'{json.dumps(str(row))}:{cell}' for row, cell in enumerate(column))}}}"
                    for name, column in columns.items()
                )
                + "}"
            )
        return before + ",".join(f"{name}:[{','.join(column)}]" for name, column in columns.items()) + after

    def records(self) -> list[dict[str, str]]:
        """Return the rows that have as many cells as the header, by its names; none whose cells of a name differ."""
        names = self.header if self.layout.headed and self.layout.form != "lists" else self.written
        width = len(names)
        rows = [row[:width] for row in self.rows if len(row) >= width]
        firsts = [names.index(name) for name in names]
        alike = [row for row in rows if all(row[place] == row[first] for place, first in enumerate(firsts))]
        return [dict(zip(names, row, strict=True)) for row in alike]


def plain(
    layout: Layout, record: Mapping[str, Any], bar: str, some: bool = False
) -> tuple[int, dict[str, Any]] | None:
    """Return the bar's open (ns) and the values that a record plainly says; None where a part has not one reading.

    some : whether values are left out that have none, as beside each other in a columnar file.
    """
    parts = [str(record.get(name, "")).strip() for name in layout.time]
    try:
        if layout.unit in PER:
            if not PLAIN.fullmatch(parts[0]) or "e" in parts[0].lower():
                return None
            moment = (
                round(float(parts[0]) * PER[layout.unit]) if "." in parts[0] else int(parts[0]) * PER[layout.unit]
            )
        else:
            text = " ".join(parts)
            moment = int(datetime.strptime(text, layout.unit).replace(tzinfo=UTC).timestamp()) * 10**9
    except (ValueError, OverflowError):
        return None
    values: dict[str, Any] = {}
    for ours, theirs in layout.ours.items():
        cell = str(record.get(theirs, "")).strip()
        if ours in TEXTS:
            values[ours] = cell.lower()
        elif PLAIN.fullmatch(cell):
            values[ours] = float(cell)
        elif cell in MEANINGS and (MEANINGS[cell] == MEANINGS[cell] or ours in OPTIONAL):
            values[ours] = MEANINGS[cell]
        elif cell == "" and ours in OPTIONAL:
            values[ours] = float("nan")
        elif not some:
            return None
    return moment - layout.after * pd.Timedelta(bar).value, values


OPTIONAL = ("open_interest", "long", "short", "liquidation_price")
TEXTS = ("side", "coin", "margin")


def _quoted(cell: str) -> str:
    """Return a cell of a CSV as writers of CSV have it."""
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in '",\n') else cell


def _token(cell: str, quoted: bool) -> str:
    """Return a cell as a value in JSON."""
    if cell in ("null", "true", "false", "NaN", "Infinity") or (cell[:1] in "[{" and cell[-1:] in "]}"):
        return cell
    return json.dumps(cell) if quoted or not re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", cell) else cell


def clean_bars(coin: str, bar: str, count: int, seed: int) -> pd.DataFrame:
    """Return bars made by a formula, as large as the market's: time (ns), candles, open_interest, long, short."""
    rng = np.random.default_rng(seed)
    base, places = {"BTC": (50_000.0, 1), "ETH": (3_000.0, 2), "DOGE": (0.25, 5)}[coin]
    step = np.arange(count + 1)
    price = np.round(base * (1 + 0.02 * np.sin(step / 29) + 0.002 * rng.standard_normal(count + 1)), places)
    minutes = pd.Timedelta(bar).value / 60e9
    coins = 5e9 / base * minutes / 1440  # five thousand million dollars a day
    volume = np.round(coins * rng.uniform(0.5, 1.5, count), 3)
    interest = 2e9 / base + np.cumsum(rng.uniform(-1, 1, count) * coins * 0.085 * (minutes / 5) ** -0.3)
    spread = base * 0.001 * rng.uniform(0.2, 1, count)
    first = pd.Timestamp("2026-01-05").value
    return pd.DataFrame(
        {
            "time": first + step[:-1] * pd.Timedelta(bar).value,
            "open": price[:-1],
            "high": np.round(np.maximum(price[:-1], price[1:]) + spread, places),
            "low": np.round(np.minimum(price[:-1], price[1:]) - spread, places),
            "close": price[1:],
            "volume": volume,
            "open_interest": np.round(interest, 3),
            "long": np.round(rng.uniform(0, 1e6, count), 0),
            "short": np.round(rng.uniform(0, 1e6, count), 0),
        }
    )


def number(value: float) -> str:
    """Return a number as files write it."""
    return f"{value:.12g}" if value != int(value) else str(int(value))


def moment_text(moment: int, unit: str) -> str:
    """Return a time (ns) in a unit of PER or a format."""
    if unit in PER:
        return str(moment // PER[unit])
    return datetime.fromtimestamp(moment // 10**9, UTC).strftime(unit)
