"""Tables in text: CSV with any usual delimiter, decimal sign and encoding, read without a copy of the text."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings

import pandas as pd

from liq.errors import InputError, shown
from liq.sources.files.formats.bounds import MAX_COLUMNS, check_columns
from liq.sources.files.formats.numbers import NUMBER, with_numbers

MAX_LINE = 64 * MAX_COLUMNS
"""Maximum number of characters of a file's first lines."""

HEAD = 65_536
"""Bytes at either end of a file in which its delimiter, its header and its last lines are looked for."""

MAX_FOOT = 5
"""Maximum number of lines below the rows: totals, an average, whose file it is."""

LONG_LINE = 500_000
"""Bytes without an end of line that no row of a table has: two million columns take a gigabyte of memory."""

DELIMITERS = (";", "\t", "|", ",")

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks; those of UTF-32 begin as UTF-16's do."""

NO_MEMORY = ("out of memory", "read(nbytes) on source failed")
"""What pandas' parser says where memory does not suffice; the second, since its source is bytes that are there."""

DATE = re.compile(
    r"\d{1,4}([-./])\d{1,2}\1\d{1,4}([ T]\S{1,30}( [APap][Mm])?)?|\d{8} \d{4,6}|"
    r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?[APap][Mm])?"
)
"""A date, or a time of day, in a first row that may be no header."""


def encoding(raw: bytes, name: str) -> tuple[str, int]:
    r"""Return a text's encoding and the length of its byte-order mark: UTF-8, UTF-16, UTF-32, else Latin-1.

    Without a mark UTF-16 and UTF-32 are told by the places of their zero bytes. Raises InputError for no text.

    >>> encoding("time,open".encode("utf-16-le"), "mine.csv")
    ('utf-16-le', 0)
    """
    mark, found = next(((mark, found) for mark, found in MARKS if raw.startswith(mark)), (b"", ""))
    if found and found != "utf-8":
        return found, len(mark)
    if b"\0" in raw[:HEAD]:
        head = raw[: HEAD // 2]
        zeros = [head[place::4].count(0) > len(head) // 10 for place in range(4)]
        found = {
            (False, True, False, True): "utf-16-le",
            (True, False, True, False): "utf-16-be",
            (False, True, True, True): "utf-32-le",
            (True, True, True, False): "utf-32-be",
        }.get((zeros[0], zeros[1], zeros[2], zeros[3]), "")
        if not found:
            raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet.")
        return found, 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), HEAD):  # pieces of a megabyte would leave the heap in pieces for what follows
            decoder.decode(raw[start : start + HEAD])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1", 0
    return "utf-8", len(mark)


def decoded(raw: bytes, name: str) -> str:
    """Return a file's text; raise InputError for what is none or is damaged.

    >>> decoded("time,open".encode("utf-16"), "mine.csv")
    'time,open'
    """
    codec, start = encoding(raw, name)
    try:
        return raw[start:].decode(codec)
    except UnicodeDecodeError:
        raise InputError(f"{name} is text in {codec[:6].upper()} that is damaged.") from None


def begins_with(raw: bytes, signs: str) -> bool:
    r"""Return whether the first sign of a text that is not blank is one of some, whatever its encoding.

    >>> begins_with(b"\xef\xbb\xbf [1]", "[{")
    True
    """
    start = raw[:HEAD].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip()[:1]
    return start.decode("latin-1") in tuple(signs)


def csv_table(raw: bytes, name: str, max_rows: int, notes: list[str], timed: bool = True) -> pd.DataFrame:
    r"""Return a CSV as a table; what was dropped or assumed is added to notes. Raises InputError.

    Lines above the header without a delimiter are skipped (CryptoDataDownload's address), as is Excel's "sep=;"; a
    file whose first row is
    all numbers, dates and times of day has no header, and its columns are numbered; a last line with fewer values
    than others, without a time, or blank is dropped.

    >>> csv_table(b"t;p\n1;2,5\n", "mine.csv", 10, [])["p"].item()
    2.5
    """
    codec, start = encoding(raw, name)
    _refuse_long_line(raw, name)
    head = raw[start : start + HEAD].decode(codec, "replace")
    lines = _lines(head)
    if len(raw) > start + HEAD and len(lines) > 1:
        lines.pop()  # it may go on
    first_lines = [line.strip("\r\n") for line in lines if line.strip()][:50]
    if max((len(line) for line in first_lines[:1]), default=0) > MAX_LINE:
        raise InputError(f"{name} has a first line of {len(first_lines[0]):,} characters; a table's has its columns.")
    if head.lstrip()[:1] == "<" and not _has_bracketed_names(first_lines):
        raise InputError(f"{name} is a web page or XML, not a table.")
    told = re.fullmatch(r"sep=([;,\t|])", first_lines[0].strip(" ").lower()) if len(first_lines) > 1 else None
    delimiter = told[1] if told else _delimiter(first_lines)
    skip = 1 if told else 0
    while skip < min(5, len(first_lines) - 1) and delimiter not in first_lines[skip]:
        skip += 1
    header = _cells(first_lines[skip] if first_lines else "", delimiter, name)
    check_columns(len(header), name)
    headless = _is_row(header)
    first = _cells(first_lines[skip + 1], delimiter, name) if len(first_lines) > skip + 1 else []
    while first and not first[-1].strip():
        first.pop()
    if len(first) > len(header):
        # pandas would drop the surplus; with decimal commas that is half of every number.
        raise InputError(f"{name} has more values in row 0 than its header has columns.")
    above = head.index(first_lines[skip]) if skip else 0
    start += len(head[:above].encode(codec, "replace"))
    raw = _without_foot(raw, start, codec, delimiter, header if headless else first, len(header), name, notes, timed)
    body = io.BytesIO(raw)  # shares the bytes
    body.seek(start)
    try:
        with warnings.catch_warnings():  # a column that is text in part is looked at below
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            frame = pd.read_csv(
                body,
                sep=delimiter,
                header=None if headless else 0,
                index_col=False,
                nrows=max_rows + 1,
                skipinitialspace=True,
                encoding=codec,
            )
    except UnicodeError:
        raise InputError(f"{name} is text in {codec[:6].upper()} that is damaged.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        if any(words in str(error) for words in NO_MEMORY):
            raise MemoryError from None
        reason = f" ({shown(str(error).splitlines()[0], 120).rstrip('.')})"
        raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet{reason}.") from None
    return with_numbers(frame, notes, delimiter == ";" and "," in head)


def _lines(text: str) -> list[str]:
    """Return a text's lines with their ends; `str.splitlines` would also split at a form feed."""
    return [line for line in re.findall(r"[^\r\n]*(?:\r\n|\r|\n)?", text) if line]


def _has_bracketed_names(lines: list[str]) -> bool:
    """Return whether the first line is MetaTrader's: names in angle brackets between delimiters."""
    cells = re.split(r"[\t,; ]", lines[0][:2000].strip()) if lines else []
    return len(cells) > 3 and all(re.fullmatch(r"<\w{1,20}>", cell) for cell in cells)


def _cells(line: str, delimiter: str, name: str) -> list[str]:
    """Return the cells of one line; raise InputError where it is none of a table."""
    if len(line) > MAX_LINE:
        raise InputError(f"{name} has a line of {len(line):,} characters; a table's has its columns.")
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet ({error}).") from None


def _is_value(cell: str) -> bool:
    """Return whether a cell is a number, a date or a time of day."""
    cell = cell.strip()
    return len(cell) < 60 and bool(NUMBER.fullmatch(cell) or DATE.fullmatch(cell))


def _is_row(header: list[str]) -> bool:
    """Return whether a first line is a row of values instead of a header; a header of 0, 1, 2, ... is pandas'."""
    cells = [cell.strip() for cell in header]
    named = cells[1:] if not cells or not cells[0] else cells
    if named == [str(place) for place in range(len(named))]:
        return False
    return len(cells) > 2 and all(_is_value(cell) for cell in cells if cell) and any(cells)


def _delimiter(lines: list[str]) -> str:
    """Return the delimiter that occurs alike often in most lines, the more often the better."""
    best, most = ",", 0
    # with decimal commas every line but the header has commas as well
    header = next((line for line in lines if any(delimiter in line for delimiter in DELIMITERS)), "")
    for delimiter in DELIMITERS:
        counts = [line.count(delimiter) for line in lines[:20]]
        usual = max(set(counts), key=lambda count: (counts.count(count), count)) if counts else 0
        if min(usual, header.count(delimiter)) > most:
            best, most = delimiter, min(usual, header.count(delimiter))
    return best


def _without_foot(
    raw: bytes,
    start: int,
    codec: str,
    delimiter: str,
    row: list[str],
    columns: int,
    name: str,
    notes: list[str],
    timed: bool,
) -> bytes:
    """Return a text without the lines below its rows, and say which those were.

    row : the cells of the first row; columns : of the header. A line is none of the rows where it has fewer values
    than others, or only blank ones, or no digit in the column in which the first row has its first number or date.
    timed : whether every row has one there; a scan's markets that failed have none.
    """
    place = next((place for place, cell in enumerate(row) if cell.strip() and _is_value(cell)), None)
    size = 4 if codec.startswith("utf-32") else 2 if codec.startswith("utf-16") else 1
    begin = max(start, len(raw) - HEAD)
    begin += (start - begin) % size
    tail = raw[begin:].decode(codec, "replace")
    lines = _lines(tail)[1:]  # without the header, or a line that begins further up
    last = [place for place, line in enumerate(lines) if line.strip()][-2 * MAX_FOOT :]
    if place is None or len(last) < 2 or max(len(lines[one]) for one in last) > MAX_LINE:
        return raw
    cells = {one: [cell.strip() for cell in _cells(lines[one].strip("\r\n "), delimiter, name)] for one in last}
    columns = min(columns, max(len(found) for found in cells.values()))
    dropped: list[str] = []
    for one in reversed(last[1:]):
        reason = _why_no_row(cells[one], place if timed else None, columns)
        if not reason or len(dropped) == MAX_FOOT:
            break
        dropped.insert(0, reason)
        end = one
    if not dropped:
        return raw
    notes += list(dict.fromkeys(dropped))
    return raw[: len(raw) - len("".join(lines[end:]).encode(codec, "replace"))]


def _refuse_long_line(raw: bytes, name: str) -> None:
    """Raise InputError for a line of twice LONG_LINE bytes or more; one of less may pass."""
    for start in range(0, len(raw) - LONG_LINE + 1, LONG_LINE):
        if raw.find(b"\n", start, start + LONG_LINE) < 0 and raw.find(b"\r", start, start + LONG_LINE) < 0:
            line = raw.count(b"\n", 0, start) + 1
            raise InputError(
                f"{name} has more than {LONG_LINE:,} characters in line {line:,}; a row of a table is shorter."
            )


def _why_no_row(cells: list[str], place: int | None, columns: int) -> str:
    """Return the note on a line that is no row of a table, or ""."""
    text = shown(" ".join(cell for cell in cells if cell))
    if not text:
        return "A last line without a value is dropped."
    own = "" if place is None or len(cells) <= place else cells[place]
    if place is not None and not re.search(r"\d", own):
        return f"A last line that has no time is dropped: {text}."
    if len(cells) < columns:
        return "The last line was cut off and is dropped." if _is_value(own) else f"A last line is dropped: {text}."
    return ""
