"""Contents of gzip, xz, bzip2 and zip, bounded while they unpack, without what systems put beside data."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from liq.errors import InputError, shown
from liq.sources.files.formats.bounds import UNREADABLE_ZIP, member_content, too_big
from liq.sources.files.formats.spreadsheet import is_workbook

MAX_DICTIONARY = 100_000_000
"""Maximum number of bytes that an xz file may ask for while it unpacks; `xz -9` asks for 65 MB."""

PIECE = 1 << 20
"""Bytes that are unpacked at a time."""

ZIP = b"PK\x03\x04"

REFUSED = {
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
}
"""First bytes of files that the standard library does not unpack."""

OF_SYSTEMS = re.compile(r"\..*|thumbs\.db|desktop\.ini|icon\r", re.IGNORECASE | re.DOTALL)
"""Names of files that systems put beside others: .DS_Store, ._BTCUSDT.csv, Thumbs.db."""

ABOUT = re.compile(
    r"(read[-_ ]?me|licen[cs]e|copying|notice|changelog)([-_ .][^.]*)?(\.(txt|md|rst|pdf|html?|rtf))?"
    r"|.*\.(checksum|sha256|md5)",
    re.IGNORECASE,
)
"""Names of texts about data, and of checksums, which the Binance archive has beside every zip."""


def is_beside(path: str, notes: list[str]) -> bool:
    """Return whether a file is no data by its name; one that a person put there is named in notes.

    >>> is_beside("__MACOSX/._BTCUSDT.csv", []), is_beside("README.txt", []), is_beside("BTCUSDT.csv", [])
    (True, True, False)
    """
    name = PurePath(path.replace("\\", "/")).name
    if "__MACOSX" in path or OF_SYSTEMS.fullmatch(name):
        return True
    if len(name) < 200 and ABOUT.fullmatch(name):
        notes.append(f"{shown(name, 80)} is passed over.")
        return True
    return False


def unpacked(name: str, raw: bytes, max_bytes: int, max_files: int, notes: list[str]) -> list[tuple[str, bytes]]:
    """Return a file's content, or those of a zip's members, by name; files in notes are passed over.

    max_bytes : of all contents together; max_files : of a zip. Raises InputError.

    >>> unpacked("mine.csv.gz", gzip.compress(b"time"), 100, 10, [])
    [('mine.csv.gz', b'time')]
    """
    raw = _decompressed(raw, name, max_bytes, max_bytes)
    if raw.startswith(ZIP) and not is_workbook(raw):
        return _members(raw, name, max_bytes, max_files, notes)
    _check(raw, name, max_bytes)
    if not raw.strip():
        raise InputError(f"{name} is empty.")
    return [(name, raw)]


def _members(raw: bytes, name: str, max_bytes: int, max_files: int, notes: list[str]) -> list[tuple[str, bytes]]:
    """Return the contents of a zip's files, by name; a zip in a zip is refused."""
    found, size = [], 0
    passed_over: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            members = [one for one in members if not is_beside(one.filename, passed_over)]
            if len(members) > max_files:
                raise InputError(f"{name} holds {len(members):,} files, more than {max_files}.")
            for member in sorted(members, key=lambda one: one.filename):
                own = shown(PurePath(member.filename.replace("\\", "/")).name, 80)
                content = member_content(archive, member, max_bytes - size, name, max_bytes)
                content = _decompressed(content, own, max_bytes - size, max_bytes)
                size += len(content)
                if size > max_bytes:
                    raise InputError(too_big(name, max_bytes))
                if content.startswith(ZIP) and not is_workbook(content):
                    raise InputError(f"{name} holds a zip inside a zip; unpack it first.")
                _check(content, own, max_bytes)
                found.append((own, content))
    except InputError:
        raise
    except UNREADABLE_ZIP:
        raise InputError(f"{name} is a zip that is cut off, damaged or locked.") from None
    if not found:
        raise InputError(
            f"{name} holds no table: {' '.join(passed_over)[:200]}" if passed_over else f"{name} is an empty zip."
        )
    notes += passed_over
    return found


def _decompressed(raw: bytes, name: str, max_bytes: int, whole: int) -> bytes:
    """Return the content of a gzip, xz or bzip2 file, or what was given; raise InputError beyond max_bytes.

    whole : the number of bytes that the sentence names, of all files of a zip.
    """
    if raw.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                content = stream.read(max_bytes + 1)
        except (EOFError, zlib.error, OSError):
            raise InputError(f"{name} is a gzip file that is cut off or damaged.") from None
        if len(content) > max_bytes:
            raise InputError(too_big(name, whole))
        return content
    if raw.startswith(b"\xfd7zXZ\0"):
        return _streamed(raw, name, "an xz", lambda: lzma.LZMADecompressor(memlimit=MAX_DICTIONARY), max_bytes, whole)
    if re.match(rb"BZh[1-9]1AY&SY", raw):
        return _streamed(raw, name, "a bzip2", bz2.BZ2Decompressor, max_bytes, whole)
    return raw


def _streamed(raw: bytes, name: str, kind: str, decompressor: Callable[[], Any], max_bytes: int, whole: int) -> bytes:
    """Return the content of one or several compressed streams; raise InputError beyond max_bytes."""
    content, rest = bytearray(), raw
    try:
        while rest.strip(b"\0") and len(content) <= max_bytes:
            stream = decompressor()
            given = rest
            while not stream.eof and len(content) <= max_bytes:
                piece = stream.decompress(given, PIECE)
                given = b""
                content += piece
                if not piece and not stream.eof and stream.needs_input:
                    raise EOFError
            rest = stream.unused_data if stream.eof else b""
    except (EOFError, OSError, lzma.LZMAError, ValueError):
        raise InputError(f"{name} is {kind} file that is cut off or damaged.") from None
    if len(content) > max_bytes:
        raise InputError(too_big(name, whole))
    return bytes(content)


def _check(raw: bytes, name: str, max_bytes: int) -> None:
    """Raise InputError for contents that are too large, or packed in a way that is not read."""
    if len(raw) > max_bytes:
        raise InputError(too_big(name, max_bytes))
    packed = next((packed for magic, packed in REFUSED.items() if raw.startswith(magic)), "")
    if packed:
        raise InputError(f"{name} is packed with {packed}; unpack it first, or pack it as zip, gz, xz or bz2.")
