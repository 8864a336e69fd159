"""Packed files and folders give the tables in them, whatever systems put beside, and never more than allowed."""

from __future__ import annotations

import bz2
import gzip
import lzma

import numpy as np
import pytest

from liq.errors import InputError
from liq.sources.files import table
from liq.sources.files.joined import contents
from tests.sources.files.shapes.test_spreadsheets import zip_of
from tests.sources.files.test_kinds import bars, named, plain

__all__ = ["bars"]  # the fixture


def csv(b) -> bytes:
    return plain(b).to_csv(index=False).encode()


BESIDE = {
    ".DS_Store": b"\0\0\0\1Bud1",
    "data/.DS_Store": b"\0\0\0\1Bud1",
    "__MACOSX/data/._btcusdt.csv": b"\0\5\x16\7\0",
    "data/Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "data/desktop.ini": b"[.ShellClassInfo]",
}
TEXTS = {"README.md": b"# Data", "data/LICENSE": b"MIT", "data/btcusdt.zip.CHECKSUM": b"abc  btcusdt.zip"}

PACKED = {
    "xz": lambda b: lzma.compress(csv(b)),
    "two xz streams": lambda b: lzma.compress(csv(b)[:5000]) + lzma.compress(csv(b)[5000:]),
    "bzip2": lambda b: bz2.compress(csv(b)),
    "two bzip2 streams": lambda b: bz2.compress(csv(b)[:5000]) + bz2.compress(csv(b)[5000:]),
    "xz in a zip": lambda b: zip_of({"a/b/btcusdt.csv.xz": lzma.compress(csv(b))}),
    "gzip in a zip": lambda b: zip_of({"btcusdt.csv.gz": gzip.compress(csv(b))}),
    "bzip2 in a zip": lambda b: zip_of({"btcusdt.csv.bz2": bz2.compress(csv(b))}),
    "a zip of a Mac and of Windows": lambda b: zip_of({**BESIDE, "data/btcusdt.csv": csv(b)}),
    "a zip with a readme": lambda b: zip_of({**TEXTS, "data\\btcusdt.csv": csv(b)}),
}


@pytest.mark.parametrize("packing", PACKED)
def test_what_is_packed_is_the_same_bars(bars, packing):
    (content,) = contents(named(PACKED[packing](bars), "btcusdt.csv"))
    np.testing.assert_array_equal(content.candles["close"], bars["close"])
    assert ("README.md is passed over." in content.notes) == ("readme" in packing)
    assert content.name == "btcusdt.csv" or "in a zip" in packing


def test_a_folder_passes_over_what_systems_put_there(bars, tmp_path):
    for name, raw in {**BESIDE, **TEXTS}.items():
        if "/" not in name or name.startswith("data/"):
            (tmp_path / name.rpartition("/")[2]).write_bytes(raw)
    with pytest.raises(InputError, match="no file of data"):
        contents(tmp_path)
    (tmp_path / "btcusdt.csv.xz").write_bytes(lzma.compress(csv(bars)))
    (content,) = contents(tmp_path)
    assert len(content.candles) == len(bars)
    assert "LICENSE is passed over." in content.notes
    assert not any("DS_Store" in note for note in content.notes)


REFUSED = {
    "a zip of a readme": (lambda b: zip_of(TEXTS), "holds no table: README.md is passed over"),
    "a zip of nothing but what a Mac writes": (lambda b: zip_of(BESIDE), "empty zip"),
    "a cut xz": (lambda b: lzma.compress(csv(b))[:-200], "an xz file that is cut off"),
    "a damaged xz": (lambda b: lzma.compress(csv(b))[:300] + b"x" * 500, "an xz file that is cut off"),
    "a cut bzip2": (lambda b: bz2.compress(csv(b))[:-20], "a bzip2 file that is cut off"),
    "a cut xz in a zip": (lambda b: zip_of({"a.xz": lzma.compress(csv(b))[:-200]}), "an xz file that is cut off"),
    "large in xz": (lambda b: lzma.compress(b"1,2\n" * 500_000), "larger than 1 MB"),
    "large in bzip2": (lambda b: bz2.compress(b"1,2\n" * 500_000), "larger than 1 MB"),
    "large in xz in a zip": (lambda b: zip_of({"a.xz": lzma.compress(b"1,2\n" * 500_000)}), "larger than 1 MB"),
    "an xz that needs much memory": (
        lambda b: lzma.compress(b"x" * 100, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}]),
        "an xz file that is cut off",
    ),
    "Zstandard": (lambda b: b"\x28\xb5\x2f\xfd" + b"x" * 99, "packed with Zstandard"),
    "7-Zip": (lambda b: b"7z\xbc\xaf\x27\x1c" + b"x" * 99, "packed with 7-Zip"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_unpacked_is_one_sentence(bars, case, monkeypatch):
    monkeypatch.setattr(table, "MAX_BYTES", 1_000_000)
    make, sentence = REFUSED[case]
    with pytest.raises(InputError, match=sentence) as raised:
        contents(named(make(bars), "btcusdt"))
    assert str(raised.value).endswith(".")
