"""Columnar files and spreadsheets, written from a grid and in ways that are odd, nested or far larger inside."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from benchmarks.storm.layouts import Grid


def frame_of(grid: Grid) -> pd.DataFrame:
    """Return a grid as a table with numbers where a whole column is of numbers."""
    frame = pd.DataFrame(grid.rows, columns=grid.header)
    for place, name in enumerate(grid.header):
        numbers = pd.to_numeric(frame.iloc[:, place], errors="coerce")
        if numbers.notna().all():
            frame[name] = numbers
    return frame


def parquet(frame: pd.DataFrame, **more) -> bytes:
    """Return a table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, **more)
    return buffer.getvalue()


def feather(frame: pd.DataFrame, **more) -> bytes:
    """Return a table as Feather."""
    buffer = io.BytesIO()
    frame.to_feather(buffer, **more)
    return buffer.getvalue()


COLUMNAR: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "parquet": parquet,
    "parquet, plain": lambda frame: parquet(frame, compression=None, use_dictionary=False),
    "parquet, gzip": lambda frame: parquet(frame, compression="gzip"),
    "parquet, zstd": lambda frame: parquet(frame, compression="zstd"),
    "feather": feather,
    "feather, plain": lambda frame: feather(frame, compression="uncompressed"),
    "feather, zstd": lambda frame: feather(frame, compression="zstd"),
}
"""Ways to write a table in columns."""


ODD_COLUMNS = (
    *("nested", "struct", "long texts", "dictionary", "binary", "bool", "null", "texts", "decimal", "float32"),
    *("int32", "uint64", "time zone", "time in s", "time in ns", "date index", "dates as text", "category", "nan"),
    *("inf", "no rows", "one row", "duration"),
)


def odd_columns(rng: np.random.Generator, frame: pd.DataFrame, time: str) -> tuple[pd.DataFrame, str]:
    """Return a table with columns of odd types, nested ones, long texts, or times of other kinds."""
    way = str(rng.choice(ODD_COLUMNS))
    count, frame = len(frame), frame.copy()
    moments = pd.to_datetime(frame[time], unit="ms", utc=True)
    added = {
        "nested": lambda: [[[1.0] * 50] * 20] * count,
        "struct": lambda: [{"a": 1, "b": "x"}] * count,
        "long texts": lambda: ["x" * int(rng.choice([1000, 100_000]))] * count,
        "dictionary": lambda: pd.Categorical(["x" * 1_000_000] * count),
        "binary": lambda: [b"\xff\x00"] * count,
        "bool": lambda: [True] * count,
        "null": lambda: [None] * count,
        "duration": lambda: pd.to_timedelta(np.arange(count), unit="s"),
    }.get(way)
    name = "volume" if rng.random() < 0.3 else "extra"
    if added is not None:
        frame[name] = added()
        return frame, f"{way} in {name}"
    if way == "texts":
        frame = frame.astype(str)
    elif way == "decimal":
        from decimal import Decimal

        frame["volume"] = [Decimal(str(value)) for value in frame["volume"]]
    elif way == "float32":
        frame[["open", "high", "low", "close"]] = frame[["open", "high", "low", "close"]].astype("float32")
    elif way in ("int32", "uint64"):
        frame["volume"] = frame["volume"].round().astype(way)
    elif way == "time zone":
        frame[time] = moments.dt.tz_convert(str(rng.choice(["Asia/Tokyo", "America/New_York", "Europe/Berlin"])))
    elif way in ("time in s", "time in ns"):
        frame[time] = moments.dt.tz_localize(None).astype(f"datetime64[{way[8:]}]")
    elif way == "date index":
        frame = frame.drop(columns=time).set_index(
            pd.DatetimeIndex(moments, name=str(rng.choice(["date", "time", ""])) or None)
        )
        frame = frame.reset_index() if rng.random() < 0.5 else frame
    elif way == "dates as text":
        frame[time] = moments.astype(str)
    elif way == "category":
        frame["volume"] = frame["volume"].astype(str).astype("category")
    elif way in ("nan", "inf"):
        frame.loc[int(rng.integers(count)), str(rng.choice(["close", "volume"]))] = float(way)
    else:
        frame = frame[:0] if way == "no rows" else frame[:1]
    return frame, way


def spreadsheet(grid: Grid, rng: np.random.Generator, way: str = "plain") -> bytes:
    """Return a grid as an XLSX file; way : inline, shared, or a corruption of SPREADSHEETS."""
    rows = [grid.header, *grid.rows] if grid.layout.headed else grid.rows
    shared: dict[str, int] = {}
    parts = []
    for number, row in enumerate(rows, 1):
        cells = []
        for place, cell in enumerate(row):
            where = f"{_letters(place)}{number}"
            try:
                is_number = np.isfinite(float(cell)) and "_" not in cell
            except ValueError:
                is_number = False
            if is_number and way != "texts":
                formula = "<f>1+1</f>" if way == "formulas" else ""
                cells.append(f'<c r="{where}">{formula}<v>{cell}</v></c>')
            elif way == "inline":
                cells.append(f'<c r="{where}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>')
            else:
                cells.append(f'<c r="{where}" t="s"><v>{shared.setdefault(cell, len(shared))}</v></c>')
        parts.append(f'<row r="{number}">{"".join(cells)}</row>')
    dimension = "A1:XFD1048576" if way == "claims a million rows" else f"A1:{_letters(len(grid.header))}{len(rows)}"
    if way == "two million cells":
        more = "".join(f"<c><v>{value}</v></c>" for value in range(20))
        parts += [f"<row>{more}</row>"] * 100_000
    if way == "a cell far away":
        parts.append('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    if way == "bad index":
        parts[len(parts) // 2] = '<row><c t="s"><v>99999999</v></c></row>'
    texts = [escape(text) for text in shared]
    if way == "long shared texts":
        texts += ["x" * 1_000_000] * 30
    if way == "many shared texts":
        texts += [f"t{value}" for value in range(1_000_000)]
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    if way == "entities":
        head += (
            '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + "".join(f'<!ENTITY {chr(98 + one)} "{f"&{chr(97 + one)};" * 10}">' for one in range(9))
            + "]>\n"
        )
        texts += ["&j;"]
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = 2 if way == "two sheets" else 1
    listed = "".join(f'<sheet name="Sheet{one}" sheetId="{one}" r:id="rId{one}"/>' for one in range(1, sheets + 1))
    targets = "".join(
        f'<Relationship Id="rId{one}" Type="{office}/worksheet" Target="worksheets/sheet{one}.xml"/>'
        for one in range(1, sheets + 1)
    )
    sheet = (
        f'{head}<worksheet {space}><dimension ref="{dimension}"/><sheetData>{"".join(parts)}</sheetData></worksheet>'
    )
    if way == "deep":
        sheet = f"{head}<worksheet {space}><sheetData>{'<row>' * 200_000}</sheetData></worksheet>"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    default = '<Default Extension="xml" ContentType="application/xml"/>'
    workbook = f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
    members = {
        "[Content_Types].xml": f'{head}<Types xmlns="{types}">{default}</Types>',
        "_rels/.rels": f"{head}<Relationships {relations}>{workbook}</Relationships>",
        "xl/workbook.xml": f'{head}<workbook {space} xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"{head}<Relationships {relations}>{targets}</Relationships>",
        "xl/sharedStrings.xml": f"{head}<sst {space}>{''.join(f'<si><t>{text}</t></si>' for text in texts)}</sst>",
    } | {f"xl/worksheets/sheet{one}.xml": sheet for one in range(1, sheets + 1)}
    if way == "a part missing":
        del members[str(rng.choice(list(members)))]
    if way == "blanks that unpack to 200 MB":
        members["xl/worksheets/sheet1.xml"] = sheet.replace("<sheetData>", "<sheetData>" + " " * 200_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


SPREADSHEETS = (
    *(
        "plain",
        "inline",
        "texts",
        "formulas",
        "claims a million rows",
        "two million cells",
        "a cell far away",
        "bad index",
    ),
    *(
        "long shared texts",
        "many shared texts",
        "entities",
        "two sheets",
        "deep",
        "a part missing",
        "blanks that unpack to 200 MB",
    ),
)
"""Ways to write a spreadsheet, most of them corrupt."""


def _letters(place: int) -> str:
    """Return the name of a spreadsheet's column."""
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(65 + place % 26)
