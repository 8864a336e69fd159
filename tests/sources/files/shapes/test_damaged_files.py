"""Whatever the bytes of a file, it is read or refused in one sentence; nothing else leaves the reader."""

from __future__ import annotations

import io
import random

import pytest

from liq.errors import InputError
from liq.sources.files.kind import read_content
from liq.sources.files.table import read_tables
from tests.sources.files.shapes.test_spreadsheets import WORKBOOKS
from tests.sources.files.shapes.test_venue_candles import VENUES
from tests.sources.files.test_kinds import SHAPES, bars

__all__ = ["bars"]  # the fixture

CELLS = [
    *(b"", b"NaN", b"inf", b"-", b"true", b"null", b"1e400", b"0x1F", b"1_0", b"1.2K", b"$", b"[", b"{}", b'"', b"<"),
    *(b"9" * 20, b"9" * 3000, b"x" * 1500, b"9223372036854775808", b"2200-01-01", b"2026-13-45", b"12:61"),
    *(b"\0", b"\xff", b"\r", b"\n", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\\u0000"),
]
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-32-be", "latin-1")


def damaged(raw: bytes, dice: random.Random) -> bytes:
    """Return a file with one to four faults: bits flipped, cut, lines and cells swapped, grown, other encodings."""
    for _ in range(dice.randint(1, 4)):
        place, fault = dice.randrange(len(raw) or 1), dice.randrange(8)
        if fault == 0:
            raw = raw[:place] + bytes([dice.randrange(256)]) + raw[place + 1 :]
        elif fault == 1:
            raw = raw[:place] if dice.random() < 0.7 else raw[place:]
        elif fault in (2, 3):
            mark = b"\n" if fault == 2 else b","
            parts = raw.split(mark)
            parts[dice.randrange(len(parts))] = dice.choice([*CELLS, *parts])
            raw = mark.join(parts)
        elif fault == 4:
            raw = raw[:place] + dice.choice(CELLS) + raw[place:]
        elif fault == 5:
            raw = raw + raw[place:]
        elif fault == 6:
            raw = raw.decode("utf-8", "replace").encode(dice.choice(ENCODINGS), "replace")
        else:
            raw = raw.replace(dice.choice([b",", b";", b"\n", b'"', b"0", b"}", b"]"]), dice.choice(CELLS), 40)
        raw = raw[:200_000]
    return raw


@pytest.mark.parametrize("shape", [*SHAPES, *VENUES, *WORKBOOKS])
def test_nothing_but_a_sentence_leaves_the_reader(bars, shape):
    made = {**SHAPES, **VENUES, **WORKBOOKS}[shape](bars.head(30))
    raw = made.getvalue() if isinstance(made, io.BytesIO) else made.encode() if isinstance(made, str) else made
    dice = random.Random(shape)
    for _ in range(12):
        said = "."
        try:
            for table in read_tables(io.BytesIO(damaged(raw, dice))):
                read_content(table)
        except InputError as error:
            said = str(error)
        assert said.endswith(".")
