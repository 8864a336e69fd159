"""Files that are far larger inside than they look, or broken inside, end with one sentence."""

from __future__ import annotations

import gzip
import io

import pandas as pd
import pytest

from liq.errors import InputError
from liq.sources.files.market_file import read_market
from tests.sources.files.test_kinds import FIRST, feather, named, zipped

BOMBS = {
    "two million columns": lambda: named(b"a," * 2_000_000 + b"\n" + b"1," * 2_000_000, "wide.csv"),
    "deep JSON": lambda: named("[" * 200_000 + "]" * 200_000, "deep.json"),
    "a zip in a zip": lambda: named(zipped(a=zipped(b="time,open\n1,2\n").decode("latin-1")), "zip.zip"),
    "a cut zip": lambda: named(zipped(a="time,open\n1,2\n" * 1000)[:300], "cut.zip"),
    "nested Parquet": lambda: named(_nested(), "nested.parquet"),
    "a feather of one long text": lambda: named(
        feather(pd.DataFrame({"date": ["x" * 1_000_000] * 200})), "text.feather"
    ),
    "JSON of unlike rows": lambda: named('[[1,2],{"a":3}]', "unlike.json"),
    "JSON that is cut": lambda: named("[[1,2,3,4,5,6],[1,2", "cut.json"),
    "zeros": lambda: named(gzip.compress(b"\0" * 170_000_000), "zeros.csv.gz"),
}


def _nested() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"time": [FIRST], "rows": [[[1.0] * 100] * 100]}).to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_is_larger_inside_than_it_looks_is_refused(bomb):
    with pytest.raises(InputError) as caught:
        read_market(BOMBS[bomb]())
    assert str(caught.value).endswith(".")
