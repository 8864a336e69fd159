"""Corruptions of a file's bytes and of its text: flipped, cut, spliced, in mixed encodings and delimiters."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable

import numpy as np


def damaged(rng: np.random.Generator, raw: bytes) -> tuple[bytes, str]:
    """Flip, insert, zero, delete, repeat, exchange or cut bytes at any place."""
    data = bytearray(raw)
    at, length = int(rng.integers(len(data))), int(rng.choice([1, 2, 8, 64, 1000]))
    if rng.random() < 0.3:
        at = int(rng.choice([0, 1, 4, max(0, len(data) - 9), max(0, len(data) - 40), min(len(data) - 1, 26)]))
    noise = rng.integers(0, 256, length).astype(np.uint8).tobytes()
    way = str(
        rng.choice(
            [
                "flip a bit",
                "flip bits",
                "replace",
                "insert",
                "insert zeros",
                "zero",
                "delete",
                "repeat",
                "exchange",
                "cut",
                "cut the start",
                "append",
                "append zeros",
            ]
        )
    )
    if way == "flip a bit":
        data[at] ^= 1 << int(rng.integers(8))
    elif way == "flip bits":
        for one in rng.integers(0, len(data), length):
            data[int(one)] ^= 1 << int(rng.integers(8))
    elif way == "replace":
        data[at : at + length] = noise[: max(0, len(data) - at)]
    elif way.startswith("insert"):
        data[at:at] = bytes(length) if "zeros" in way else noise
    elif way == "zero":
        data[at : at + length] = bytes(min(length, len(data) - at))
    elif way == "delete":
        del data[at : at + length]
    elif way == "repeat":
        data[at:at] = data[at : at + length]
    elif way == "exchange":
        other = int(rng.integers(len(data)))
        first, second = sorted((at, other))
        length = min(length, second - first, len(data) - second)
        data[first : first + length], data[second : second + length] = (
            data[second : second + length],
            data[first : first + length],
        )
    elif way == "cut":
        del data[at:]
    elif way == "cut the start":
        del data[:at]
    else:
        data += noise if way == "append" else bytes(int(rng.choice([1, 1000, 1_000_000])))
    return bytes(data), f"{way} at {at}, {length}"


def encoded(rng: np.random.Generator, text: str) -> tuple[bytes, str]:
    """Encode text in one encoding or in two, with byte-order marks, NULs and ends of lines where none belong."""
    half = text.index("\n", len(text) // 2) + 1 if "\n" in text[len(text) // 2 :] else len(text) // 2
    names = [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-be",
        "latin-1",
        "cp1252",
        "utf-7",
        "cp037",
        "shift-jis",
    ]
    way = str(
        rng.choice(
            [
                "one",
                "halves",
                "mark in the middle",
                "NULs",
                "ends",
                "accents",
                "CR",
                "odd cut",
                "end of file",
                "blanks",
                "line separators",
            ]
        )
    )
    if way in ("one", "halves"):
        first, second = (str(rng.choice(names)) for _ in range(2))
        if way == "one":
            return text.encode(first, "replace"), f"in {first}"
        return text[:half].encode(first, "replace") + text[half:].encode(
            second, "replace"
        ), f"half {first}, half {second}"
    if way == "mark in the middle":
        mark = [b"\xef\xbb\xbf", b"\xff\xfe", "\ufeff".encode("utf-8") * 2][int(rng.integers(3))]
        at = half if rng.random() < 0.5 else int(rng.integers(len(text)))
        return text[:at].encode() + mark + text[at:].encode(), f"{way}: {mark!r} at {at}"
    if way == "NULs":
        at, many = int(rng.integers(len(text))), int(rng.choice([1, 100, 70_000]))
        return text[:at].encode() + bytes(many) + text[at:].encode(), f"{many} NULs at {at}"
    if way == "ends":
        return "".join(
            line + str(rng.choice(["\n", "\r\n", "\r", "\n\n"])) for line in text.split("\n")
        ).encode(), "mixed ends of lines"
    if way == "accents":
        at = half
        return text[:at].encode() + "é".encode("latin-1") + text[at:].encode(), f"an accent in Latin-1 at {at}"
    if way == "CR":
        return text.replace("\n", "\r").encode(), "CR as ends of lines"
    if way == "odd cut":
        return text.encode("utf-16")[: -int(rng.choice([1, 3, 5]))], "UTF-16 cut inside a character"
    if way == "end of file":
        return text[:half].encode() + b"\x1a" + text[half:].encode(), f"end-of-file sign at {half}"
    if way == "blanks":
        return text.replace(",", " ,\u00a0 ").encode(), "blanks around commas"
    return text[:half].encode() + "\u2028\x0b\x0c\x1c\x85".encode() + text[
        half:
    ].encode(), f"other line separators at {half}"


def delimited(rng: np.random.Generator, text: str, delimiter: str) -> tuple[bytes, str]:
    """Replace the delimiter throughout, in half of the lines or in some; break quotes."""
    other = str(rng.choice([one for one in (";", "\t", "|", ",", " ", ":", "  ", ", ") if one != delimiter]))
    lines = text.split("\n")
    way = str(
        rng.choice(
            [
                "all",
                "half",
                "every third",
                "header only",
                "rows only",
                "quote all",
                "open quote",
                "quotes",
                "trailing",
                "leading",
                "escaped",
            ]
        )
    )
    picked = {
        "all": lambda row: True,
        "half": lambda row: row > len(lines) // 2,
        "every third": lambda row: row % 3 == 0,
        "header only": lambda row: row == 0,
        "rows only": lambda row: row > 0,
    }.get(way)
    at = int(rng.integers(len(lines)))
    if picked is not None:
        lines = [line.replace(delimiter, other) if picked(row) else line for row, line in enumerate(lines)]
    elif way == "quote all":
        lines = [delimiter.join(f'"{cell}"' for cell in line.split(delimiter)) if line else line for line in lines]
    elif way == "open quote":
        lines[at] = '"' + lines[at]
    elif way == "quotes":
        lines[at] = lines[at].replace(delimiter, f'"{delimiter}', 1)
    elif way == "escaped":
        lines[at] = lines[at].replace(delimiter, f"\\{delimiter}", 1)
    else:
        lines = [line + delimiter if way == "trailing" else delimiter + line for line in lines if line]
    return "\n".join(lines).encode(), f"{way}: {delimiter!r} as {other!r}, at {at}"


def _zip(raw: bytes, name: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr(name, raw)
    return packed.getvalue()


def _mac(raw: bytes, name: str) -> bytes:
    """Return a zip as a Mac packs it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, raw)
        archive.writestr(f"__MACOSX/._{name}", b"\0\x05\x16\x07" + bytes(100))
        archive.writestr(".DS_Store", bytes(50))
    return packed.getvalue()


PACKINGS: dict[str, Callable[[bytes, str], tuple[bytes, str]]] = {
    "gzip": lambda raw, name: (gzip.compress(raw, mtime=0), f"{name}.gz"),
    "gzip in two members": lambda raw, name: (
        gzip.compress(raw[:200], mtime=0) + gzip.compress(raw[200:], mtime=0),
        f"{name}.gz",
    ),
    "zip": lambda raw, name: (_zip(raw, name), f"{name}.zip"),
    "stored zip": lambda raw, name: (_zip(raw, name, zipfile.ZIP_STORED), f"{name}.zip"),
    "bzip2 in a zip": lambda raw, name: (_zip(raw, name, zipfile.ZIP_BZIP2), f"{name}.zip"),
    "xz in a zip": lambda raw, name: (_zip(raw, name, zipfile.ZIP_LZMA), f"{name}.zip"),
    "zip from a Mac": lambda raw, name: (_mac(raw, name), f"{name}.zip"),
    "gzip in a zip": lambda raw, name: (_zip(gzip.compress(raw, mtime=0), f"{name}.gz"), f"{name}.zip"),
    "xz": lambda raw, name: (lzma.compress(raw), f"{name}.xz"),
    "bzip2": lambda raw, name: (bz2.compress(raw), f"{name}.bz2"),
    "zlib": lambda raw, name: (zlib.compress(raw), f"{name}.z"),
    "gzip in gzip": lambda raw, name: (gzip.compress(gzip.compress(raw, mtime=0), mtime=0), f"{name}.gz.gz"),
    "zip in a zip": lambda raw, name: (_zip(_zip(raw, name), f"{name}.zip"), f"{name}.zip"),
    "wrong ending": lambda raw, name: (gzip.compress(raw, mtime=0), name),
}
"""Ways to pack a file: its bytes and name from those of what is in it."""
