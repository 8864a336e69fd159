"""Tables in text: CSV with any usual delimiter, decimal sign and encoding, and JSON lists."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pandas as pd

from liq.errors import InputError

MAX_COLUMNS = 200
"""Maximum number of columns; TradingView's exports with many indicators have some dozens."""

MAX_JSON = 30_000_000
"""Maximum number of characters of a JSON file: parsing takes ten times as much memory."""

DELIMITERS = (";", "\t", "|", ",")

NUMBER = re.compile(r"[-+]?(\d[\d\s_.,'’]*)([eE][-+]?\d+)?")
GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")


def decoded(raw: bytes, name: str) -> str:
    """Return a file's text: UTF-8 or UTF-16 with a byte-order mark, UTF-8, else Latin-1; raise InputError for none.

    >>> decoded("time,open".encode("utf-16"), "mine.csv")
    'time,open'
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            raise InputError(f"{name} is text in UTF-16 that is damaged.") from None
    if b"\0" in raw[:65_536]:
        raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def csv_table(text: str, name: str, max_rows: int, notes: list[str]) -> pd.DataFrame:
    r"""Return a CSV as a table; what was dropped or assumed is added to notes. Raises InputError.

    Lines above the header without a delimiter are skipped (CryptoDataDownload's address); a file whose first row is
    all numbers has no header, and its columns are numbered; a last line with fewer values than others is dropped.

    >>> csv_table("t;p\n1;2,5\n", "mine.csv", 10, [])["p"].item()
    2.5
    """
    if text.lstrip()[:1] == "<":
        raise InputError(f"{name} is a web page or XML, not a table.")
    lines = text.splitlines() if len(text) < 1 << 16 else text[: 1 << 16].splitlines()
    lines = [line for line in lines if line.strip()][:50]
    if max((len(line) for line in lines[:1]), default=0) > 64 * MAX_COLUMNS:
        raise InputError(f"{name} has a first line of {len(lines[0]):,} characters; a table's has its columns.")
    delimiter = _delimiter(lines)
    skip = 0
    while skip < min(5, len(lines) - 1) and delimiter not in lines[skip]:
        skip += 1
    header = next(csv.reader([lines[skip]], delimiter=delimiter), [])
    if len(header) > MAX_COLUMNS:
        raise InputError(f"{name} has {len(header):,} columns, more than {MAX_COLUMNS}.")
    headless = len(header) > 2 and all(NUMBER.fullmatch(cell.strip()) for cell in header if cell.strip())
    body = text if not skip else text[text.index(lines[skip]) :]
    first = next(csv.reader([lines[skip + 1]], delimiter=delimiter), []) if len(lines) > skip + 1 else []
    while first and not first[-1].strip():
        first.pop()
    if len(first) > len(header):
        # pandas would drop the surplus; with decimal commas that is half of every number.
        raise InputError(f"{name} has more values in row 0 than its header has columns.")
    body, dropped = _without_cut_line(body, delimiter, len(header))
    if dropped:
        notes.append("The last line was cut off and is dropped.")
    try:
        frame = pd.read_csv(
            io.BytesIO(body.encode()),  # as text it would take four bytes a character
            sep=delimiter,
            header=None if headless else 0,
            index_col=False,
            nrows=max_rows + 1,
            low_memory=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        reason = f" ({str(error).splitlines()[0][:120].rstrip('.')})"
        raise InputError(f"{name} is neither CSV, CSV.gz nor Parquet{reason}.") from None
    decimal_comma = delimiter == ";" and "," in body[: 1 << 16]
    for column in frame.columns:
        if frame[column].dtype.kind not in "iufb":
            frame[column] = plain_numbers(frame[column], decimal_comma)
    return frame


def plain_numbers(column: pd.Series, decimal_comma: bool = False) -> pd.Series:
    """Return a column of text as numbers where all of it are numbers with thousands separators or decimal commas.

    Anything else is returned as it is. Where both signs occur, the last one is the decimal sign; a comma alone is one
    too unless digits are grouped by threes throughout.

    >>> plain_numbers(pd.Series(["1,234.5", "12"])).tolist()
    [1234.5, 12.0]
    >>> plain_numbers(pd.Series(["1.234,5", "12,25"])).tolist()
    [1234.5, 12.25]
    """
    text = column.astype("string").str.strip()
    known = text[text.notna() & (text != "")]
    sample = known.head(50).tolist()
    if not sample or not all(NUMBER.fullmatch(value) for value in sample):
        return column
    text = text.str.replace(r"[\s_'’]", "", regex=True)
    sample = text[text.notna() & (text != "")].head(500).tolist()
    both = next((value for value in sample if "," in value and "." in value), "")
    commas = [value for value in sample if "," in value]
    if both:
        decimal_comma = both.rindex(",") > both.rindex(".")
    elif commas and not decimal_comma:
        decimal_comma = not all(GROUPED.fullmatch(value) for value in commas)
    elif decimal_comma and not commas:
        decimal_comma = False
    if decimal_comma:
        text = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    else:
        text = text.str.replace(",", "", regex=False)
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    lost = numbers.isna() & text.notna() & (text != "")
    return column if lost.any() else pd.Series(np.asarray(numbers), column.index)


def json_table(text: str, name: str) -> pd.DataFrame:
    """Return a JSON list of rows, each a list or an object, as a table; columns of lists are numbered.

    The list may be in an object under ``data``, ``result`` or ``list``, and in an object in that list under
    ``history``. Raises InputError.

    >>> json_table("[[1, 2.5], [2, 3.5]]", "mine.json")[1].tolist()
    [2.5, 3.5]
    """
    if len(text) > MAX_JSON:
        raise InputError(f"{name} is JSON of more than {MAX_JSON // 1_000_000} MB; cut it to the days that matter.")
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{name} is JSON that is cut off or damaged.") from None
    for key in ("data", "result", "list", "data"):
        if isinstance(rows, dict):
            rows = rows.get(key, rows)
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and isinstance(rows[0].get("history"), list):
        rows = rows[0]["history"]
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], (list, dict)):
        raise InputError(f"{name} is JSON, but no list of rows.")
    if not all(type(row) is type(rows[0]) for row in rows):
        raise InputError(f"{name} is a JSON list whose rows are not alike.")
    width = max(len(row) for row in rows[:1000])
    if width > MAX_COLUMNS:
        raise InputError(f"{name} has {width:,} columns, more than {MAX_COLUMNS}.")
    try:
        frame = pd.DataFrame(rows)
    except (ValueError, TypeError):
        raise InputError(f"{name} is a JSON list whose rows are not alike.") from None
    if len(frame.columns) > MAX_COLUMNS:
        raise InputError(f"{name} has {len(frame.columns):,} columns, more than {MAX_COLUMNS}.")
    for column in frame.columns:
        if frame[column].dtype.kind not in "iufb":
            if frame[column].map(lambda value: isinstance(value, (list, dict))).any():
                frame[column] = None
            else:
                frame[column] = plain_numbers(frame[column])
    return frame


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


def _without_cut_line(body: str, delimiter: str, columns: int) -> tuple[str, bool]:
    """Return the text without a last line that has fewer values than there are columns, and whether it had one."""
    stripped = body.rstrip("\r\n ")
    place = max(stripped.rfind("\n"), stripped.rfind("\r"))
    last = stripped[place + 1 :]
    if place > 0 and stripped.count("\n") > 1 and last.count(delimiter) < columns - 1:
        before = stripped[:place].rstrip("\r\n ")
        line_before = before[max(before.rfind("\n"), before.rfind("\r")) + 1 :]
        if line_before.count(delimiter) >= columns - 1:
            return stripped[: place + 1], True
    return body, False
