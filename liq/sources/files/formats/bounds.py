"""Bounds that files of several formats have in common, and the sentences that refuse what is beyond them."""

from __future__ import annotations

import lzma
import zipfile
import zlib

from liq.errors import InputError

MAX_COLUMNS = 200
"""Maximum number of columns; TradingView's exports with many indicators have some dozens."""

UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
"""What `zipfile` raises for an archive that is cut off, damaged or locked."""


def check_columns(columns: int, name: str) -> None:
    """Raise InputError for too many columns.

    >>> check_columns(1_000, "mine.csv")
    Traceback (most recent call last):
    liq.errors.InputError: mine.csv has 1,000 columns, more than 200.
    """
    if columns > MAX_COLUMNS:
        raise InputError(f"{name} has {columns:,} columns, more than {MAX_COLUMNS}.")


def too_big(name: str, max_bytes: int) -> str:
    """Return the sentence that refuses a file for its size.

    >>> too_big("mine.csv", 160_000_000)
    'mine.csv is larger than 160 MB unpacked; cut it to the days that matter.'
    """
    return f"{name} is larger than {max_bytes // 1_000_000} MB unpacked; cut it to the days that matter."


def no_memory(name: str) -> str:
    """Return the sentence for a size that memory does not hold, which may be the file's or one that damage wrote.

    >>> no_memory("mine.xlsx")
    'mine.xlsx takes too much memory to read, or is damaged; cut it to the days that matter.'
    """
    return f"{name} takes too much memory to read, or is damaged; cut it to the days that matter."


def member_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int, name: str, max_bytes: int) -> bytes:
    """Return the content of a file in a zip; raise InputError for more than `left` bytes.

    name, max_bytes : of the whole archive, for the sentence.

    >>> import io
    >>> with zipfile.ZipFile(io.BytesIO(), "w") as archive:
    ...     archive.writestr("mine.csv", b"time")
    ...     member_content(archive, archive.infolist()[0], 10, "mine.zip", 10)
    b'time'
    """
    if member.file_size > left:  # it may say less than it holds, but hardly more
        raise InputError(too_big(name, max_bytes))
    with archive.open(member) as stream:  # what a member says of its size may be wrong
        content = stream.read(left + 1)
    if len(content) > left:
        raise InputError(too_big(name, max_bytes))
    return content
