"""Files that are wide, deep, packed in themselves, or far larger inside than they look."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.storm.corruptions.columnar import feather, frame_of, parquet
from benchmarks.storm.layouts import Grid

Made = list[tuple[str, bytes]]


def _archive(members: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def _claiming(raw: bytes, size: int) -> bytes:
    """Return a zip whose members claim another size unpacked."""
    data, at = bytearray(raw), 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 24 : at + 28] = struct.pack("<I", size)
        at += 4
    data[22:26] = struct.pack("<I", size)
    return bytes(data)


def _dictionary() -> bytes:
    """Return a Parquet file of a million long texts that are stored once."""
    import pyarrow
    import pyarrow.parquet

    texts = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(np.zeros(1_000_000, np.int32)), pyarrow.array(["x" * 1_000_000])
    )
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"time": texts}), buffer)
    return buffer.getvalue()


def _with_rows(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return a Parquet file with a byte of its footer changed: rows, sizes and places of columns stand there."""
    data = bytearray(raw)
    length = struct.unpack("<I", raw[-8:-4])[0]
    for _ in range(int(rng.choice([1, 1, 3]))):
        data[len(data) - 8 - int(rng.integers(1, length))] = int(rng.integers(256))
    return bytes(data)


def _rows(text: str, many: int, name: str = "btcusdt.csv") -> Made:
    return [(name, ("open_time_ms,open,high,low,close,volume\n" + text * many).encode())]


CONTAINERS: dict[str, Callable[[Grid, np.random.Generator], Made]] = {
    "two million columns": lambda grid, rng: [("wide.csv", b"a," * 2_000_000 + b"\n" + b"1," * 2_000_000)],
    "two million columns below a header": lambda grid, rng: [
        ("wide.csv", b"time,open,high,low,close,volume\n" + b"1," * 2_000_000)
    ],
    "a wide row in the middle": lambda grid, rng: [("btcusdt.csv", grid.text().encode() + b"1," * 2_000_000)],
    "many short lines": lambda grid, rng: [("lines.csv", b"\n" * 100_000_000)],
    "lines of one comma": lambda grid, rng: [("lines.csv", b",\n" * 40_000_000)],
    "rows of commas": lambda grid, rng: [
        ("btcusdt.csv", grid.text().encode() + (b"," * (len(grid.header) - 1) + b"\n") * 3_000_000)
    ],
    "one quote and 100 MB": lambda grid, rng: [("btcusdt.csv", grid.text().encode() + b'"' + b"1,2\n" * 25_000_000)],
    "one repeated row, 1.5 million times": lambda grid, rng: _rows(
        "1767571200000,50000,50100,49900,50050,12.5\n", 1_500_000
    ),
    "dates that change, a million": lambda grid, rng: [
        (
            "btcusdt.csv",
            (
                "date,open,high,low,close,volume\n"
                + "".join(f"{day:02d}/{month:02d}/2026,5,6,4,5,1\n" for day in range(1, 29) for month in range(1, 13))
                * 3_000
            ).encode(),
        )
    ],
    "texts in a column of 1.5 million rows": lambda grid, rng: _rows(
        "2026-01-05 00:00:00 and more,50000,50100,49900,x,12.5\n", 1_500_000
    ),
    "1.6 million numbers with commas": lambda grid, rng: [
        (
            "btcusdt.csv",
            (
                "time;open;high;low;close;volume\n"
                + "1767571200;50.000,5;50.100,5;49.900,5;50.050,5;12,5\n" * 1_500_000
            ).encode(),
        )
    ],
    "JSON nested deep": lambda grid, rng: [("deep.json", b"[" * int(rng.choice([1_000, 200_000, 10_000_000])))],
    "JSON objects nested deep": lambda grid, rng: [("deep.json", b'{"data":' * 200_000 + b"1" + b"}" * 200_000)],
    "JSON of 60 MB": lambda grid, rng: [("large.json", b"[" + b"[1767571200000,1,2,1,2,5]," * 2_300_000 + b"[]]")],
    "JSON of 29 MB of small rows": lambda grid, rng: [("small.json", b"[" + b"[1]," * 7_200_000 + b"[1]]")],
    "JSON of 29 MB of empty objects": lambda grid, rng: [("small.json", b"[" + b"{}," * 9_600_000 + b"{}]")],
    "JSON of 29 MB of keys": lambda grid, rng: [
        ("keys.json", b'[{"t":1' + b"".join(b',"k%d":1' % key for key in range(2_000_000)) + b"}]")
    ],
    "JSON of a number of 100,000 digits": lambda grid, rng: [
        ("digits.json", b"[[" + b"1" * 100_000 + b",1,2,1,2,5]]")
    ],
    "JSON lines of other JSON": lambda grid, rng: [("x.jsonl", b"[]\n{}\n1\n" * 100_000)],
    "JSON text of 25 MB in a row": lambda grid, rng: [("text.json", b'[["' + b"x" * 25_000_000 + b'",1,2,1,2,5]]')],
    "JSON of columns of 5 million": lambda grid, rng: [
        ("columns.json", b'{"t":[' + b"1," * 5_000_000 + b'1],"o":[1],"h":[1],"l":[1],"c":[1]}')
    ],
    "zip in a zip": lambda grid, rng: [
        ("zip.zip", _archive([("a.zip", _archive([("btcusdt.csv", grid.text().encode())]))]))
    ],
    "gzip in gzip, five times": lambda grid, rng: [("five.csv.gz", _times(gzip.compress, grid.text().encode(), 5))],
    "zip of 500 files": lambda grid, rng: [
        ("many.zip", _archive([(f"{one}.csv", grid.text().encode()[:500]) for one in range(500)]))
    ],
    "zip of 60,000 empty files": lambda grid, rng: [
        ("many.zip", _archive([(f"{one}", b"") for one in range(60_000)]))
    ],
    "zip of one file twice": lambda grid, rng: [
        ("twice.zip", _archive([("btcusdt.csv", grid.text().encode()), ("again/btcusdt.csv", grid.text().encode())]))
    ],
    "zip that claims less": lambda grid, rng: [
        ("less.zip", _claiming(_archive([("btcusdt.csv", grid.text().encode())]), 10))
    ],
    "zip that claims more": lambda grid, rng: [
        ("more.zip", _claiming(_archive([("btcusdt.csv", grid.text().encode())]), 4_000_000_000))
    ],
    "zip with odd names": lambda grid, rng: [
        ("names.zip", _archive([("../../etc/" + "n" * 5_000 + "\n.csv", grid.text().encode())]))
    ],
    "zip with a picture": lambda grid, rng: [
        (
            "both.zip",
            _archive([("btcusdt.csv", grid.text().encode()), ("chart.png", b"\x89PNG\r\n\x1a\n" + bytes(1000))]),
        )
    ],
    "zip bomb, a gigabyte of zeros": lambda grid, rng: [("bomb.zip", _bomb())],
    "gzip of 200 MB of zeros": lambda grid, rng: [("zeros.csv.gz", gzip.compress(bytes(200_000_000), 1))],
    "xz of 200 MB of zeros": lambda grid, rng: [("zeros.csv.xz", lzma.compress(bytes(200_000_000), preset=0))],
    "xz that wants a gigabyte": lambda grid, rng: [
        (
            "large.csv.xz",
            lzma.compress(grid.text().encode(), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]),
        )
    ],
    "bzip2 of 200 MB of zeros": lambda grid, rng: [("zeros.csv.bz2", bz2.compress(bytes(200_000_000)))],
    "gzip of 150 MB of digits": lambda grid, rng: [("digits.csv.gz", gzip.compress(b"1234567890" * 15_000_000, 1))],
    "gzip of 150 MB of candles": lambda grid, rng: [
        ("candles.csv.gz", gzip.compress(_rows("1767571200000,50000,50100,49900,50050,12.5\n", 3_500_000)[0][1], 1))
    ],
    "Parquet, a dictionary of one long text": lambda grid, rng: [("texts.parquet", _dictionary())],
    "Parquet, a footer with another byte": lambda grid, rng: [
        ("btcusdt.parquet", _with_rows(parquet(frame_of(grid)), rng))
    ],
    "Parquet of 300 columns": lambda grid, rng: [
        ("wide.parquet", parquet(pd.DataFrame({f"c{one}": [1.0] for one in range(300)})))
    ],
    "Parquet of 20 million equal numbers": lambda grid, rng: [
        ("long.parquet", parquet(pd.DataFrame({"time": np.zeros(20_000_000, np.int8)})))
    ],
    "Parquet of 1.5 million rows and 12 columns": lambda grid, rng: [
        ("long.parquet", parquet(pd.DataFrame({f"c{one}": np.zeros(1_500_000) for one in range(12)})))
    ],
    "Feather of long texts": lambda grid, rng: [
        ("texts.feather", feather(pd.DataFrame({"date": ["x" * 1_000_000] * 200})))
    ],
    "Feather of 1.5 million texts": lambda grid, rng: [
        (
            "texts.feather",
            feather(pd.DataFrame({name: ["2026-01-05 00:00:00"] * 1_500_000 for name in ("date", "open")})),
        )
    ],
    "an empty file": lambda grid, rng: [("empty.csv", b"" if rng.random() < 0.5 else b" \n \n")],
    "a header alone": lambda grid, rng: [("header.csv", grid.text().split("\n")[0].encode())],
    "a picture": lambda grid, rng: [
        ("btcusdt.csv", b"\x89PNG\r\n\x1a\n" + rng.integers(0, 256, 5000).astype(np.uint8).tobytes())
    ],
    "noise": lambda grid, rng: [
        ("btcusdt.csv", rng.integers(0, 256, int(rng.choice([10, 5_000, 1_000_000]))).astype(np.uint8).tobytes())
    ],
    "a page": lambda grid, rng: [
        ("btcusdt.csv", b"<!doctype html><html><body>" + b"<p>1,2</p>\n" * 1000 + b"</body></html>")
    ],
    "magic alone": lambda grid, rng: [
        (
            "btcusdt.bin",
            [
                b"PAR1",
                b"ARROW1\0\0",
                b"PK\x03\x04",
                b"\x1f\x8b",
                b"BZh9",
                b"\xfd7zXZ\0",
                b"PK\x05\x06" + bytes(18),
                b"PAR1\0\0\0\0PAR1",
            ][int(rng.integers(8))],
        )
    ],
    "an odd name": lambda grid, rng: [
        (
            ["../../x\n.csv", "a" * 5_000 + ".csv", "\0.csv", "", "CON", "😀" * 300, "btc\tusdt.csv"][
                int(rng.integers(7))
            ],
            grid.text().encode(),
        )
    ],
}
"""Files by what they are, from a grid of clean bars where they hold some."""


def _times(function: Callable[[bytes], bytes], raw: bytes, many: int) -> bytes:
    for _ in range(many):
        raw = function(raw)
    return raw


def _bomb() -> bytes:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("btcusdt.csv", "w") as member,
    ):
        for _ in range(100):
            member.write(bytes(10_000_000))
    return packed.getvalue()
