"""What stands below, above and between the rows is dropped and said, and what cannot be decided is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from liq.errors import InputError
from liq.sources.files.joined import contents
from liq.sources.files.kind import read_content
from liq.sources.files.table import read_tables
from tests.sources.files.shapes.test_venue_candles import columns, dollars, rows
from tests.sources.files.test_kinds import bars, named, plain

__all__ = ["bars"]  # the fixture


def csv(b: pd.DataFrame, **more) -> str:
    return plain(b).to_csv(index=False, **more)


FEET = {
    "a total": ("Total,,,,,12345.5\n", "has no time is dropped: Total 12345.5"),
    "an average and a copyright": ("Average,1,2,3,4,5\n© Venue 2026\n", "© Venue 2026"),
    "a text with commas": ('"Data by Venue, all rights reserved, 2026"\n', "all rights reserved"),
    "blank commas": (",,,,,\n,,,,,\n", "without a value"),
    "a blank line and a total": ("\n\n,,,,Sum,99.5\n\n", "Sum 99.5"),
}


@pytest.mark.parametrize("foot", FEET)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_line_below_the_rows_is_dropped_and_said(bars, foot, encoding):
    line, note = FEET[foot]
    (content,) = contents(named((csv(bars) + line).encode(encoding), "BTCUSDT.csv"))
    np.testing.assert_array_equal(content.candles["volume"], bars["volume"])
    assert any(note in said for said in content.notes), content.notes


def test_only_lines_below_the_rows_are_dropped(bars):
    text = csv(bars.head(50))
    (content,) = contents(named(text.replace("\n", ",\n"), "BTCUSDT.csv"))
    assert (len(content.candles), content.notes) == (50, ())
    middle = text.splitlines()
    with pytest.raises(InputError):
        contents(named("\n".join([*middle[:20], "Total,,,,,5", *middle[20:]]), "BTCUSDT.csv"))


NOTES = {
    "ticks": (
        lambda b: "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\n"
        "2026.01.05\t00:00\t1\t2\t1\t2\t7\t0\n2026.01.05\t00:05\t2\t3\t2\t3\t7\t0\n",
        "it counts ticks, not coins",
    ),
    "ticks without a header": (
        lambda b: "2026.01.05,00:00,1,2,1,2,7\n2026.01.05,00:05,2,3,2,3,7\n",
        "whole numbers: MetaTrader's count ticks",
    ),
    "only dollars": (
        lambda b: b[["time", *PRICES]].assign(**{"Volume USDT": dollars(b)}).to_csv(index=False),
        "dollars",
    ),
    "contracts": (
        lambda b: b[["time", *PRICES]].assign(v=b["volume"] * 1000 // 1, sum=dollars(b)).to_csv(index=False),
        "v counts contracts",
    ),
    "rounded": (lambda b: plain(b).assign(volume="1.2K").to_csv(index=False), "rounded in the file: 1.2K"),
    "closes": (lambda b: plain(b).rename(columns={"time": "closeTime"}).to_csv(index=False), "times are|Times are"),
    "a cut last line of JSON": (
        lambda b: plain(b).to_json(orient="records", lines=True)[:-20],
        "The last line was cut off",
    ),
}  # fmt: skip
PRICES = ["open", "high", "low", "close"]


@pytest.mark.parametrize("case", NOTES)
def test_what_was_converted_is_said(bars, case):
    make, note = NOTES[case]
    (content,) = contents(named(make(bars), "BTCUSDT"))
    assert pd.Series(content.notes).str.contains(note).any(), content.notes


def test_dollars_become_coins_at_the_mean_price(bars):
    text = bars[["time", *PRICES]].assign(turnover=dollars(bars)).to_csv(index=False)
    (content,) = contents(named(text, "BTCUSDT.csv"))
    np.testing.assert_array_equal(content.candles["volume"], dollars(bars) / (bars[PRICES].sum(axis=1) / 4))
    np.testing.assert_allclose(content.candles["volume"], bars["volume"], rtol=1e-3)
    both = bars[["time", *PRICES]].assign(turnover=dollars(bars), volume=bars["volume"]).to_csv(index=False)
    (content,) = contents(named(both, "BTCUSDT.csv"))
    np.testing.assert_array_equal(content.candles["volume"], bars["volume"])
    assert content.notes == ()


@pytest.mark.parametrize(
    ("column", "values", "symbol"),
    [("symbol", "BTCUSDT", "BTCUSDT"), ("s", "BTC", "BTC"), ("<TICKER>", "BTCUSD", "BTCUSD"), ("instId", "", "")],
)
def test_the_symbol_that_a_column_states_is_kept(bars, column, values, symbol):
    (content,) = contents(named(plain(bars).assign(**{column: values}).to_csv(index=False), "x.csv"))
    assert content.symbol == symbol
    two = plain(bars).assign(symbol=np.where(bars["time"] < bars["time"][600], "BTCUSDT", "ETHUSDT"))
    with pytest.raises(InputError, match=r"x\.csv has rows of BTC and ETH: leave only those of one coin"):
        contents(named(two.to_csv(index=False), "x.csv"))
    wrapped = json.dumps({"result": {"symbol": "BTCUSDT", "list": rows(columns(bars, "t o h l c v q"))}})
    assert contents(named(wrapped, "x.json"))[0].symbol == "BTCUSDT"


def flat(b: pd.DataFrame) -> pd.DataFrame:
    return b.assign(open=5.0, high=5.0, low=5.0, close=5.0)


LONG = "9" * 2000
REFUSED = {
    "rows in no order": (lambda b: json.dumps(rows(columns(b, "t h o c l v"))), "in no known order are highs"),
    "rows of ten": (lambda b: json.dumps(rows(columns(b, "t o h l c v v v v v"))), "rows of 10 numbers"),
    "one bad row": (
        lambda b: json.dumps(rows(columns(b.assign(high=b["high"].where(b.index != 7, 1.0)), "t o h l c v"))),
        "'high' is below 'low': row 7",
    ),
    "amount and vol at one price": (
        lambda b: flat(b[["time", *PRICES]]).assign(amount=b["volume"], vol=b["volume"] * 77).to_csv(index=False),
        "cannot be told which counts coins",
    ),
    "a long time": (
        lambda b: csv(b.head(9)).replace("1767571500000", LONG),
        "2,000 characters in column 'time', row 1",
    ),
    "a long price": (
        lambda b: plain(b.head(9)).astype(object).assign(close="x" * 1001).to_csv(index=False),
        "1,001 characters in column 'close', row 0",
    ),
    "booleans for prices": (lambda b: plain(b).assign(close=True).to_csv(index=False), "'True' in row 0"),
    "booleans in JSON": (lambda b: json.dumps([[t, True, 1, 1, 1, 1] for t in b["time"]]), "in no known order"),
    "two lists of rows": (
        lambda b: json.dumps({"result": {pair: rows(columns(b, "t o h l c v")) for pair in "AB"}}),
        "several lists of rows, in result.A, result.B",
    ),
    "no rows in JSON": (lambda b: '{"code": 0, "data": []}', "no list of rows"),
    "rows too deep": (lambda b: '{"a":' * 9 + "[[1,2]]" + "}" * 9, "no list of rows"),
    "two columns by case": (lambda b: csv(b).replace("volume", "Close", 1), "names the column 'close' twice"),
    "a page in angle brackets": (lambda b: "<html>\t<body>\t<p>\t</p>\n", "is a web page"),
    "a field without end": (lambda b: csv(b.head(3)) + '"' + "x" * 200_000, "characters|neither"),
    "UTF-16 that is damaged": (lambda b: csv(b).encode("utf-16")[:-1], "damaged"),
    "a surrogate alone": (
        lambda b: b"\xff\xfe" + csv(b).replace("50021.3", "X", 1).encode("utf-16-le").replace(b"X\0", b"\0\xd8"),
        "damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_decided_is_one_sentence(bars, case):
    make, sentence = REFUSED[case]
    with pytest.raises(InputError, match=sentence) as raised:
        contents(named(make(bars), "BTCUSDT"))
    assert str(raised.value).endswith(".")


def test_single_letters_by_case_are_two_columns():
    (table,) = read_tables(named("t,T,o,h,l,c,v,V\n1767571200,1767571499,1,2,1,2,5,9\n", "x.csv"))
    assert list(table.frame.columns) == ["t", "T", "o", "h", "l", "c", "v", "V"]
    assert read_content(table).candles["volume"].item() == 5.0
