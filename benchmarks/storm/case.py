"""One corrupted file, made of a seed and a number: the same bytes whenever and wherever it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.storm.corruptions import cells, columns, rows
from benchmarks.storm.corruptions.columnar import COLUMNAR, SPREADSHEETS, frame_of, odd_columns, spreadsheet
from benchmarks.storm.corruptions.containers import CONTAINERS
from benchmarks.storm.corruptions.raw import PACKINGS, damaged, delimited, encoded
from benchmarks.storm.filling import filled
from benchmarks.storm.kinds import LAYOUTS
from benchmarks.storm.layouts import LOOKBACKS, Grid, Layout
from benchmarks.storm.plainly import read_plainly

GRID: dict[str, tuple[float, Callable[..., str]]] = {
    "a cell grown": (8, cells.grown),
    "odd values": (9, cells.odd),
    "a digit": (5, cells.digit),
    "a point or a sign": (3, cells.point),
    "separators and signs": (5, cells.separators),
    "units": (6, columns.units),
    "columns": (9, columns.columns),
    "rows": (8, rows.order),
    "lines that are no rows": (5, rows.loose),
    "dates": (7, rows.dates),
    "times": (7, rows.times),
}
"""Corruptions of a grid: weight and function."""

FORM = ("separators and signs", "dates")
"""Those that write the same values in other ways."""

WEIGHTS = {
    **{name: weight for name, (weight, _) in GRID.items()},
    **{"two at once": 5, "spliced": 5, "bytes": 8, "encodings": 5, "delimiters": 5, "packed": 3, "packed, bytes": 5},
    **{
        "columns of Parquet and Feather": 4,
        "Parquet and Feather, bytes": 5,
        "spreadsheets": 1.5,
        "spreadsheets, bytes": 2,
    },
    "wide, deep, large inside": 3,
}
"""How often each kind of corruption is made."""


@dataclass
class Case:
    """A corrupted file, and what is known of it.

    clean : the grid before; records : rows that the corrupted file plainly has, or None where that cannot be said;
    files : name and bytes of each, the corrupted one last.
    """

    seed: int
    number: int
    kind: str
    group: str
    clean: Grid
    coin: str = "BTC"
    detail: str = ""
    files: list[tuple[str, bytes]] = field(default_factory=list)
    records: list[dict[str, Any]] | None = None

    @property
    def layout(self) -> Layout:
        """The kind's layout."""
        return self.clean.layout

    @property
    def lookback(self) -> str:
        """Lookback in which no bars of this length are summed."""
        return LOOKBACKS[self.clean.bar]


def made(seed: int, number: int, group: str = "", kind: str = "") -> Case:
    """Return the corrupted file of a seed and a number; group, kind : others than those drawn.

    >>> made(1, 5).files == made(1, 5).files
    True
    """
    rng = np.random.default_rng([seed, number])
    names, weights = list(WEIGHTS), np.array(list(WEIGHTS.values()), float)
    drawn = str(rng.choice(names, p=weights / weights.sum()))
    group = group or drawn
    drawn = str(rng.choice(list(LAYOUTS)))
    kind = kind or drawn
    if "Parquet" in group:
        kind = str(rng.choice(["recording", "to_json records"]))
    if group in ("delimiters", "spreadsheets", "spreadsheets, bytes") and LAYOUTS[kind][0].form != "csv":
        kind = "recording"
    coin = "BTC" if rng.random() < 0.7 else str(rng.choice(["ETH", "DOGE"]))
    bar = "1h" if rng.random() < 0.6 else str(rng.choice(["5min", "1D", "1min"]))
    count = int(rng.choice([12, 60, 200])) if bar != "1D" else int(rng.choice([30, 150]))
    bars_seed = int(rng.integers(1 << 30))
    case = Case(seed, number, kind, group, filled(kind, coin, bar, count, bars_seed), coin)
    others = {
        "another coin": filled(kind, "ETH" if coin == "BTC" else "BTC", bar, count, bars_seed + 1),
        "another bar length": filled(kind, coin, "15min" if bar != "15min" else "1h", count, bars_seed + 2),
        "other values": filled(kind, coin, bar, count, bars_seed + 3),
        "another kind": filled(str(rng.choice(list(LAYOUTS))), coin, bar, count, bars_seed),
        "itself": case.clean,
    }
    name, raw = _corrupted(case, rng, others)
    case.files = [(name, raw)]
    if case.layout.task == "interest":
        candles = filled("recording", coin, bar, count, bars_seed)
        for row in [candles.header, *candles.rows]:
            del row[6:]
        case.files.insert(0, (f"{coin.lower()}usdt.csv", candles.text().encode()))
    return case


def clean_case(case: Case) -> Case:
    """Return the case with the clean file in place of the corrupted one, in the same carrier."""
    files = [*case.files[:-1], (case.layout.file, case.clean.text().encode())]
    return Case(case.seed, case.number, case.kind, "clean", case.clean, case.coin, "", files, case.clean.records())


def _corrupted(case: Case, rng: np.random.Generator, others: dict[str, Grid]) -> tuple[str, bytes]:
    """Return name and bytes of the corrupted file; fills the case's detail and records."""
    group, grid, layout = case.group, case.clean.copy(), case.layout
    if group in GRID or group in ("two at once", "spliced"):
        if group == "spliced":
            case.detail, case.records = rows.splice(rng, grid, others), grid.records()
            return _carried(case, grid, rng)
        picked = [group] if group in GRID else list(rng.choice(list(GRID), 2, replace=False))
        for name in sorted(picked, key=FORM.__contains__):  # ways of writing last: what rows say is known before
            if name not in FORM:
                _change(case, grid, rng, str(name))
                case.records = grid.records()
            else:
                before = case.records or grid.records()
                _change(case, grid, rng, str(name))
                case.records = before + [one for one in grid.records() if one not in before]
        if not case.detail:  # the kind has nothing that it could change
            case.group = "odd values"
            _change(case, grid, rng, case.group)
            case.records = grid.records()
        return _carried(case, grid, rng)
    if group == "wide, deep, large inside":
        case.detail = str(rng.choice(list(CONTAINERS)))
        ((name, raw),) = CONTAINERS[case.detail](grid, rng)
        case.records = case.clean.records()
        return name, raw
    if group in ("columns of Parquet and Feather", "Parquet and Feather, bytes"):
        return _columnar(case, rng)
    if group in ("spreadsheets", "spreadsheets, bytes"):
        heavy = ("two million cells", "long shared texts", "many shared texts", "blanks that unpack to 200 MB")
        ways = SPREADSHEETS if group == "spreadsheets" else [way for way in SPREADSHEETS if way not in heavy]
        case.detail, case.records = str(rng.choice(ways)), grid.records()
        raw = spreadsheet(grid, rng, case.detail)
        if group == "spreadsheets, bytes":
            raw, how = damaged(rng, raw)
            case.detail, case.records = f"{case.detail}, {how}", None
        return f"{layout.file.rsplit('.', 1)[0]}.xlsx", raw
    text, name = grid.text(), layout.file
    if group == "encodings":
        raw, case.detail = encoded(rng, text)
    elif group == "delimiters":
        raw, case.detail = delimited(rng, text, layout.delimiter)
    elif group == "bytes":
        raw, case.detail = damaged(rng, text.encode())
    else:
        way = str(rng.choice(list(PACKINGS)))
        raw, name = PACKINGS[way](text.encode(), name)
        case.detail, case.records = way, grid.records()
        if group == "packed, bytes":
            raw, how = damaged(rng, raw)
            case.detail, case.records = f"{way}, {how}", None
        return name, raw
    case.records = read_plainly(layout, case.clean.header, raw)
    return name, raw


def _change(case: Case, grid: Grid, rng: np.random.Generator, name: str) -> None:
    """Change a grid by a corruption of GRID, and note it; one that the other left nothing for changes nothing."""
    try:
        said = GRID[name][1](rng, grid)
    except (ValueError, IndexError):
        return
    if said:
        case.detail += ("; " if case.detail else "") + f"{name}: {said}"


def _carried(case: Case, grid: Grid, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return a grid as a file of its kind, now and then as a spreadsheet or packed."""
    small = sum(map(len, grid.rows[0] if grid.rows else [])) < 10_000
    if case.layout.form == "csv" and case.layout.around == ("", "") and small and rng.random() < 0.1:
        case.detail += ", as a spreadsheet"
        return f"{case.layout.file.rsplit('.', 1)[0]}.xlsx", spreadsheet(
            grid, rng, str(rng.choice(["plain", "inline", "texts"]))
        )
    raw, name = grid.text().encode("utf-8", "replace"), case.layout.file
    if rng.random() < 0.1:
        way = str(rng.choice(["gzip", "zip", "xz", "bzip2", "zip from a Mac"]))
        case.detail += f", {way}"
        raw, name = PACKINGS[way](raw, name)
    return name, raw


def _columnar(case: Case, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return a Parquet or Feather file of odd types, or one whose bytes are damaged."""
    way = str(rng.choice(list(COLUMNAR)))
    frame, said = frame_of(case.clean), way
    name = f"btcusdt.{way.split(',')[0]}"
    if case.group == "columns of Parquet and Feather":
        frame, how = odd_columns(rng, frame, case.layout.time[0])
        if how == "date index" and way.startswith("feather"):
            frame = (
                frame.reset_index(names=frame.index.name or "date")
                if not isinstance(frame.index, pd.RangeIndex)
                else frame
            )
        case.detail = f"{said}, {how}"
        case.records = [] if how in ("no rows", "one row") else case.clean.records()
        if how in ("float32", "int32", "uint64"):
            case.records = frame.astype(str).to_dict("records")
        return name, COLUMNAR[way](frame)
    raw, how = damaged(rng, COLUMNAR[way](frame))
    case.detail, case.records = f"{said}, {how}", None
    return name, raw
