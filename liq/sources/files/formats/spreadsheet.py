"""Tables in spreadsheets: xlsx, xls and ods through calamine, bounded before cells are laid out."""

from __future__ import annotations

import datetime
import io
import math
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pandas as pd

from liq.errors import InputError, shown
from liq.sources.files.formats.bounds import UNREADABLE_ZIP, check_columns, member_content, no_memory
from liq.sources.files.formats.numbers import with_numbers

MAX_CELLS = 6_000_000
"""Maximum number of cells of a sheet, blank ones included: calamine lays out all of them, 32 bytes each."""

MAX_SHEETS = 50

MAX_HEADER = 20
"""Maximum number of rows in which a header is looked for."""

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of xls, of older documents, and of an xlsx with a password."""

_PIECE = 1 << 20

_REFERENCE = re.compile(rb'\sr="([A-Z]{1,3})(\d{1,7})"')
_BEYOND = (
    (8, re.compile(rb'\sr="(?:[I-Z]|[A-Z]{2,3})\d')),
    (16, re.compile(rb'\sr="(?:[Q-Z]|[A-Z]{2,3})\d')),
    (26, re.compile(rb'\sr="[A-Z]{2,3}\d')),
)
"""Numbers of columns, and what refers to a cell beyond them."""

_ROW = re.compile(rb'<row[^>]{0,300}?\sr="(\d{1,7})"')
_REPEATED_CELLS = re.compile(rb'number-columns-repeated="(\d{1,9})"')
_REPEATED_ROWS = re.compile(rb'<table:table-row[^>]{0,500}?number-rows-repeated="(\d{1,9})"')

_VALUE = re.compile(r"[-+$€£]?\s?\d[\d\s.,:/T-]*[A-Za-z]{0,6}(\s?[AP]M)?")
"""A cell of text that is a number, a date or a time."""


def is_workbook(raw: bytes) -> bool:
    """Return whether a file is a spreadsheet by its content.

    >>> is_workbook(b"PK")
    False
    """
    if raw.startswith(OLE):
        return True
    if not raw.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return False
    return {"[Content_Types].xml", "xl/workbook.xml"} <= names or {"mimetype", "content.xml"} <= names


def workbook_tables(raw: bytes, name: str, max_bytes: int) -> list[tuple[pd.DataFrame, list[str]]]:
    """Return the sheets of a workbook that hold a table, each with its notes; raise InputError where none does.

    A header is the first of MAX_HEADER rows that is text above numbers; rows above it are skipped. Times are
    datetimes where the sheet shows them so.

    >>> workbook_tables(OLE, "mine.xls", 1000)
    Traceback (most recent call last):
    liq.errors.InputError: mine.xls is a spreadsheet that is cut off or damaged; save it as CSV.
    """
    import python_calamine  # only such files need it

    _check_size(raw, name, max_bytes)
    found = []
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        for number, sheet_name in enumerate(book.sheet_names[:MAX_SHEETS]):
            rows = book.get_sheet_by_index(number).to_python()
            notes = [f"Read from the sheet {shown(sheet_name)}."] if len(book.sheet_names) > 1 else []
            frame = _table(rows, name, notes) if len(rows) > 1 else None
            if frame is not None:
                found.append((frame, notes))
    except python_calamine.PasswordError:
        raise InputError(f"{name} is a spreadsheet with a password; save it without.") from None
    except InputError:
        raise
    except MemoryError:
        raise InputError(no_memory(name)) from None
    except BaseException as error:
        # a panic of the library is no Exception; the user's interrupt is none either
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InputError(f"{name} is a spreadsheet that is cut off or damaged; save it as CSV.") from None
    if not found:
        raise InputError(f"{name} is a spreadsheet without a table: a row of names above rows of numbers.")
    return found


def _check_size(raw: bytes, name: str, max_bytes: int) -> None:
    """Raise InputError where a workbook unpacks to too much, or has a cell so far out that all before it do."""
    if raw.startswith(OLE):
        return  # xls has 65,536 rows and 256 columns at most
    left = max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for member in archive.infolist():
                content = member_content(archive, member, left, name, max_bytes)
                left -= max(member.file_size, len(content))
                if member.filename.startswith("xl/worksheets/"):
                    rows, columns = _shape_of_xlsx(content)
                elif member.filename == "content.xml":
                    rows, columns = _shape_of_ods(content)
                else:
                    continue
                if rows * columns > MAX_CELLS:
                    raise InputError(
                        f"{name} has a sheet of {rows:,} rows and {columns:,} columns with blank ones; save it as "
                        "CSV."
                    )
    except InputError:
        raise
    except UNREADABLE_ZIP:
        raise InputError(f"{name} is a spreadsheet that is cut off, damaged or locked.") from None


def _shape_of_xlsx(content: bytes) -> tuple[int, int]:
    """Return the numbers of rows and columns up to the last cell of a sheet, by what its cells say of themselves."""
    rows = columns = 1
    cells = content.count(b"<c ") + content.count(b"<c>")
    width = next((width for width, beyond in _BEYOND if not beyond.search(content)), 0)
    if width and content.count(b'<c r="') == cells:
        limit = str(MAX_CELLS // width)
        far = rb'r="[A-Z]{0,3}(?:\d{%d,}|[%c-9]\d{%d})"' % (len(limit) + 1, limit[0].encode(), len(limit) - 1)
        if not re.search(far, content):
            return content.count(b"<row"), width  # as most are; what follows takes a second for a million cells
    for start in range(0, len(content), _PIECE):
        found = _REFERENCE.findall(content[start : start + _PIECE + 20])
        columns = max([columns, *map(_column, {letters for letters, _ in found})])
        rows = max([rows, *map(int, {row for _, row in found})])
    rows = max([rows, content.count(b"<row"), *map(int, set(_ROW.findall(content)))])
    unnumbered = max((part.count(b"<c ") + part.count(b"<c>") for part in _parts(content, b"<row")), default=0)
    return rows, max(columns, unnumbered)


def _shape_of_ods(content: bytes) -> tuple[int, int]:
    """Return the numbers of rows and columns up to the last cell of the sheets, repeated ones included."""
    rows = columns = above = 1
    for row in _parts(content, b"<table:table-row"):
        repeated = _REPEATED_ROWS.match(row)
        above += int(repeated[1]) if repeated else 1
        if b"value" not in row and b"<text:" not in row:
            continue
        rows = above
        cells = re.findall(rb"<table:(?:covered-)?table-cell[^>]{0,2000}>", row)
        while cells and b"value" not in cells[-1] and cells[-1].endswith(b"/>"):
            cells.pop()
        counts = [_REPEATED_CELLS.search(cell) for cell in cells]
        columns = max(columns, sum(int(count[1]) if count else 1 for count in counts))
    return rows, columns


def _parts(content: bytes, mark: bytes) -> Iterator[bytes]:
    """Yield the parts of a text that begin with a mark."""
    start = content.find(mark)
    while start >= 0:
        end = content.find(mark, start + len(mark))
        yield content[start : end if end >= 0 else len(content)]
        start = end


def _column(letters: bytes) -> int:
    """Return the number of a column from its letters, A is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _table(rows: list[list[Any]], name: str, notes: list[str]) -> pd.DataFrame | None:
    """Return the table in a sheet's rows, or None where there is none."""
    kinds = [[_kind(cell) for cell in row] for row in rows[: MAX_HEADER + 1]]
    header = next((place for place in range(len(kinds) - 1) if _is_header(kinds[place], kinds[place + 1])), None)
    if header is None:
        first = next((place for place, kind in enumerate(kinds) if kind.count("value") > 3), None)
        if first is None:
            return None
        names, body = [str(place) for place in range(len(rows[first]))], rows[first:]
    else:
        names = [str(cell).strip() or f"unnamed: {place}" for place, cell in enumerate(rows[header])]
        body = rows[header + 1 :]
    frame = pd.DataFrame(body, columns=range(len(names)), dtype=object)
    kept = [
        place
        for place, own in enumerate(names)
        if not own.startswith("unnamed: ") or (frame.iloc[:, place] != "").any()
    ]
    check_columns(len(kept), name)
    frame = frame[kept].set_axis([names[place] for place in kept], axis=1)
    frame = _without_foot(frame, notes)
    if not len(frame):
        return None
    columns = {place: _typed(frame.iloc[:, place]) for place in range(len(kept))}
    return with_numbers(pd.DataFrame(columns).set_axis(list(frame.columns), axis=1), notes)


def _kind(cell: Any) -> str:
    """Return whether a cell is a value, text or blank."""
    if isinstance(cell, str):
        return ("value" if _VALUE.fullmatch(cell.strip()[:60]) else "text") if cell.strip() else ""
    return "text" if isinstance(cell, bool) else "value"


def _is_header(above: list[str], below: list[str]) -> bool:
    """Return whether a row is text above another of values."""
    pairs = list(zip(above, below, strict=False))
    return "value" not in above and pairs.count(("text", "value")) > 1


def _without_foot(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return a table without the rows at its foot that have no time: blank ones, totals, whose file it is."""
    first = next((place for place, cell in enumerate(frame.iloc[0]) if _kind(cell) == "value"), 0)
    end = len(frame)
    for row in range(len(frame) - 1, 0, -1):
        cells = [cell for cell in frame.iloc[row] if cell != ""]
        if _kind(frame.iloc[row, first]) == "value":
            break
        end = row
        if cells:
            notes.append(f"A last row that has no time is dropped: {shown(' '.join(map(str, cells)))}.")
        if len(frame) - end > MAX_HEADER and cells:
            return frame
    return frame.iloc[:end]


def _typed(column: pd.Series) -> pd.Series:
    """Return a column of cells as numbers, as times, or as text where it is neither throughout."""
    cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in column.tolist()]
    types = {type(cell) for cell in cells} - {type(None)}
    if types and types <= {float, int}:
        return pd.Series([math.nan if cell is None else float(cell) for cell in cells])
    if types and types <= {datetime.datetime, datetime.date}:
        return pd.Series(pd.to_datetime(pd.Series(cells, dtype=object), errors="coerce"))
    return pd.Series([None if cell is None else str(cell) for cell in cells], dtype="str")
