"""What the rows of a corrupted file plainly say, found without the readers that are tried."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from benchmarks.storm.layouts import Layout


def plain_columnar(raw: bytes) -> list[dict[str, Any]] | None:
    """Return the rows of a columnar file as its library reads them, or None where it does not."""
    import pyarrow.ipc
    import pyarrow.parquet

    try:
        if raw[:4] == b"PAR1":
            table = pyarrow.parquet.ParquetFile(io.BytesIO(raw)).read()
        else:
            table = pyarrow.ipc.open_file(raw).read_all()
        columns = {str(name): table[name].to_pylist() for name in table.column_names}
    except Exception:  # whatever it raises, it does not read it
        return None
    cells = {name: [repr(value).removesuffix(".0") for value in values] for name, values in columns.items()}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def read_plainly(layout: Layout, header: list[str], raw: bytes) -> list[dict[str, Any]]:
    """Return the rows of a text that have a cell for each of the header's names and are read in one way only."""
    text = raw.decode("utf-16", "replace") if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else _utf8(raw)
    if layout.form != "csv":
        return _json_records(header, text, layout.form)
    lines = re.split(r"\r\n|\r|\n", text)
    if layout.headed:
        place = next(
            (row for row, line in enumerate(lines[:5]) if line.count(layout.delimiter) >= len(header) - 1), 0
        )
        header = lines[place].split(layout.delimiter)
        lines = lines[place + 1 :]
    if len(set(header)) < len(header):
        return []
    found = []
    for line in lines:
        cells = (
            next(csv.reader([line], delimiter=layout.delimiter), [])
            if '"' in line and len(line) < 100_000 and "\0" not in line
            else line.split(layout.delimiter)
        )
        if len(cells) == len(header):
            found.append(dict(zip(header, cells, strict=True)))
    return found


def _json_records(header: list[str], text: str, form: str) -> list[dict[str, Any]]:
    """Return the innermost lists and objects of a JSON text, or the rows of its columns."""
    found = []
    if form in ("columns", "arrays"):
        try:
            columns = json.loads(text, parse_float=str, parse_int=str)
        except ValueError:
            return []
        cells = [columns.get(name, {}) for name in header] if isinstance(columns, dict) else []
        cells = [list(one.values()) if isinstance(one, dict) else one for one in cells]
        return [dict(zip(header, row, strict=True)) for row in zip(*cells, strict=False)]
    for group in re.findall(r"\[[^\[\]{}]*\]|\{[^\[\]{}]*\}", text):
        try:
            values = json.loads(group, parse_float=str, parse_int=str)
        except ValueError:
            continue
        if isinstance(values, list) and len(values) == len(header):
            values = dict(zip(header, values, strict=True))
        if isinstance(values, dict):
            found.append(values)
    return found


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
