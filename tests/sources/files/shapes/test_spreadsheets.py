"""Spreadsheets are read as the tables in them, and bounded before their cells are laid out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pytest

from liq.errors import InputError
from liq.sources.files.joined import contents
from tests.sources.files.test_kinds import BAR, bars, named, plain

__all__ = ["bars"]  # the fixture

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TABLE = "urn:oasis:names:tc:opendocument:xmlns"

CANDLES = ["open", "high", "low", "close", "volume"]
DATE_TIME, DATE, TIME = 1, 2, 3
"""Styles of cells: places in STYLES."""
STYLES = (0, 22, 14, 21)


def xlsx(*sheets: Sequence[Sequence[object]], more: str = "") -> bytes:
    """Return a workbook as Excel writes it: numbers, (number, style), text, booleans; more : rows as XML."""
    numbers = range(1, len(sheets) + 1)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="Sheet {n}" sheetId="{n}" r:id="s{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="s{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        + f'<Relationship Id="y" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs>'
        + "".join(f'<xf numFmtId="{style}"/>' for style in STYLES)
        + "</cellXfs></styleSheet>",
    }
    for number, rows in zip(numbers, sheets, strict=True):
        body = "".join(f'<row r="{row}">{_cells(row, cells)}</row>' for row, cells in enumerate(rows, 1))
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{body}{more}</sheetData></worksheet>'
        )
    return packed(files)


def _cells(row: int, cells: Sequence[object]) -> str:
    written = []
    for letter, cell in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", cells, strict=False):
        place = f'r="{letter}{row}"'
        if isinstance(cell, str):
            written.append(f'<c {place} t="inlineStr"><is><t>{escape(cell)}</t></is></c>' if cell else "")
        elif isinstance(cell, tuple):
            written.append(f'<c {place} s="{cell[1]}"><v>{cell[0]!r}</v></c>')
        else:
            written.append(f"<c {place}><v>{cell!r}</v></c>")
    return "".join(written)


def ods(rows: str) -> bytes:
    body = f'<office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet>'
    spaces = "".join(f' xmlns:{name}="{TABLE}:{name}:1.0"' for name in ("office", "table", "text"))
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = f'<m:manifest xmlns:m="{TABLE}:manifest:1.0"><m:file-entry m:full-path="/" m:media-type="{kind}"/>'
    return packed(
        {
            "mimetype": kind,
            "META-INF/manifest.xml": manifest + "</m:manifest>",
            "content.xml": f"<office:document-content{spaces}><office:body>{body}</office:body>"
            "</office:document-content>",
        }
    )


def cell(value: object, more: str = "") -> str:
    if isinstance(value, str):
        return f'<table:table-cell office:value-type="string"{more}><text:p>{value}</text:p></table:table-cell>'
    return f'<table:table-cell office:value-type="float" office:value="{value!r}"{more}/>'


def packed(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text if name == "mimetype" else '<?xml version="1.0"?>' + text)
    return buffer.getvalue()


def rows_of(frame: pd.DataFrame) -> list[list[object]]:
    return [list(frame.columns), *map(list, zip(*(frame[name].tolist() for name in frame.columns), strict=True))]


def days(b: pd.DataFrame) -> pd.Series:
    """Return times as Excel counts them: days since 1899-12-30."""
    return b["time"] / 86_400_000 + 25_569


NOTES = [["My notes"], ["Bitcoin, by hand"]]

WORKBOOKS = {
    "milliseconds": lambda b: xlsx(rows_of(plain(b))),
    "cells that show date and time": lambda b: xlsx(
        rows_of(plain(b).assign(time=[(day, DATE_TIME) for day in days(b)]))
    ),
    "cells that show a date beside cells that show a time": lambda b: xlsx(
        [
            ["Date", "Time", *CANDLES],
            *(
                [(float(day // 1), DATE), (day % 1, TIME), *values]
                for day, values in zip(days(b), b[CANDLES].to_numpy().tolist(), strict=True)
            ),
        ]
    ),
    "dates as text, lines above the header, a line of totals": lambda b: xlsx(
        [
            ["Bitcoin"],
            [],
            *rows_of(plain(b).assign(time=pd.to_datetime(b["time"], unit="ms").astype(str))),
            ["Total", "", "", "", "", float(b["volume"].sum())],
        ]
    ),
    "numbers as text": lambda b: xlsx(rows_of(plain(b).assign(close=b["close"].map("${:,.1f}".format)))),
    "the second sheet": lambda b: xlsx(NOTES, rows_of(plain(b))),
    "the second sheet, the first another table": lambda b: xlsx(
        [["alpha", "beta"], [1.5, 2.5], [2.5, 3.5]], rows_of(plain(b))
    ),
    "without a header": lambda b: xlsx(rows_of(plain(b))[1:]),
    "ods": lambda b: ods(
        "".join(
            f"<table:table-row>{''.join(map(cell, row))}"
            '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
            for row in rows_of(plain(b))
        )
        + '<table:table-row table:number-rows-repeated="1040000"><table:table-cell/></table:table-row>'
    ),
    "in a zip": lambda b: zip_of({"__MACOSX/._a.xlsx": b"x", "of mine/a.xlsx": xlsx(rows_of(plain(b)))}),
}


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("workbook", WORKBOOKS)
def test_a_sheet_is_the_same_bars(bars, workbook):
    (content,) = contents(named(WORKBOOKS[workbook](bars), "btcusdt.csv"))
    assert content.candles.index.tolist() == pd.to_datetime(bars["time"], unit="ms", utc=True).tolist()
    for name in CANDLES:
        np.testing.assert_array_equal(content.candles[name], bars[name])
    assert len(content.candles) == len(bars)
    assert (content.candles.index.diff()[1:] == pd.Timedelta(BAR, unit="ms")).all()
    assert any("Total" in note for note in content.notes) == ("totals" in workbook)
    assert any("sheet Sheet 2" in note for note in content.notes) == ("the second" in workbook)


REFUSED = {
    "a cell at the end of the sheet": (
        lambda: xlsx([["a", "b"]], more='<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "1,048,576 rows and 16,384 columns",
    ),
    "cells without a place": (
        lambda: xlsx([["a"]], more=f'<row r="900000">{"<c><v>1</v></c>" * 500}</row>'),
        "900,000 rows and 500 columns",
    ),
    "a value in every row": (
        lambda: ods(f'<table:table-row table:number-rows-repeated="1000000">{cell(1.5) * 9}</table:table-row>'),
        "1,000,001 rows and 9 columns",
    ),
    "a value far out": (
        lambda: ods(
            f'<table:table-row>{cell(1.5)}<table:table-cell table:number-columns-repeated="16000"/>{cell(1.5)}'
            "</table:table-row>" + f"<table:table-row>{cell(1.5)}</table:table-row>" * 1000
        ),
        "1,002 rows and 16,002 columns",
    ),
    "no table": (lambda: xlsx(NOTES), "spreadsheet without a table"),
    "a cut xls": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 4000, "cut off or damaged"),
    "a cut xlsx": (lambda: xlsx([["time", "open"], [1, 2]])[:-30], "cut off, damaged"),
    "an unknown table": (lambda: xlsx([["alpha", "beta"], [1.5, 2.5], [2.5, 3.5]]), "columns alpha, beta"),
    "a sheet without cells": (lambda: xlsx([]), "spreadsheet without a table"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_sheet_of_bars_is_one_sentence(case):
    make, sentence = REFUSED[case]
    with pytest.raises(InputError, match=sentence) as raised:
        contents(named(make(), "mine.xlsx"))
    assert str(raised.value).endswith(".")
