"""What `python -m benchmarks.robustness --storm` has found, each as a file of a few lines."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile

import pandas as pd
import pytest

from benchmarks.storm.case import made
from liq.errors import InputError, listed, shown
from liq.sources.file_worker import readers
from liq.sources.files.formats.numbers import with_numbers
from liq.sources.files.formats.spreadsheet import workbook_tables
from liq.sources.files.formats.text import csv_table
from liq.sources.files.market_file import read_liquidations, read_market
from liq.sources.files.times import on_bars
from liq.sources.positions.reader import read_positions
from tests.served import ROOT
from tests.sources.files.test_kinds import FIRST, named

HOUR = 3_600_000
HEADER = "open_time_ms,open,high,low,close,volume"
SCAN = "#ts,2026-01-31T00:00:00Z,px,80000,mode,full,scanned,9,btc_positions,1,elapsed_s,2\n"


def candles(changed: dict[int, str] | None = None, header: str = HEADER, count: int = 40) -> io.BytesIO:
    """Return hourly candles with some lines replaced."""
    rows = [f"{FIRST + HOUR * row},50000,50100,49900,50050,12.5" for row in range(count)]
    for row, line in (changed or {}).items():
        rows[row] = line
    return named("\n".join([header, *rows]), "btcusdt_1h.csv")


def sentence(read, *args) -> str:
    """Return the error of reading a file, which is one short sentence on one line."""
    with pytest.raises(InputError) as caught:
        read(*args)
    said = str(caught.value)
    assert len(said) <= 400
    assert said.isprintable()
    assert said.endswith(".")
    return said


@pytest.mark.parametrize("length", [50, 1_000, 1_000_000])
@pytest.mark.parametrize("letters", ["x", "\x1b[2J", "1e5", "é"])
def test_a_long_cell_is_not_repeated_in_the_error(letters, length):
    text = (letters * length)[:length]
    where = "high" if length < 600_000 else "line 5"
    assert where in sentence(read_market, candles({3: f"{FIRST + 3 * HOUR},50000,{text},49900,50050,12.5"}))
    values = [[FIRST + HOUR * row, 1, 2, 1, text if row == 3 else 2, 5] for row in range(40)]
    rows = [dict(zip(HEADER.split(","), row, strict=True)) for row in values]
    assert "close" in sentence(read_market, named(json.dumps(rows), "btcusdt.json"))
    sentence(read_market, candles({3: f"{text},50000,50100,49900,50050,12.5"}))
    sentence(read_market, candles(header=f"{text},alpha,beta,gamma,delta,epsilon"))
    sentence(read_market, candles(header=f"open_time_ms,{text},high,low,close,volume"))


@pytest.mark.parametrize("column", ["side", "margin", "coins", "time"])
def test_a_long_cell_of_positions_is_not_repeated_in_the_error(column):
    row = {"time": "2026-01-31T00:00:00Z", "coin": "BTC", "side": "long", "coins": "2", "entry": "80000",
           "liquidation_price": "70000", "leverage": "10", "margin": "cross", "account": "0xab"}  # fmt: skip
    text = ",".join(row) + "\n" + ",".join({**row, column: "1e5" * 100_000}.values()) + "\n"
    sentence(read_positions, named(text, "positions.csv"))


@pytest.mark.parametrize("name", ["a\nb.csv", "\x1b[31m.csv", "a" * 5_000])
def test_the_name_of_a_file_stays_on_its_line(name):
    file = named("alpha,beta\n1,2\n", name)
    sentence(read_market, file)
    sentence(readers.read_market, file)


def test_texts_and_names_are_shown_on_one_line_and_cut():
    assert shown("a\x00b\tc") == "a b c"
    assert len(shown("x" * 1_000)) == 43
    assert len(listed(["x" * 1_000] * 500)) < 200


@pytest.mark.parametrize("side", ["5 USD", "", "sellx", "long"])
def test_a_side_that_is_neither_buy_nor_sell_is_not_a_short(side):
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    rows = [f"binance,BTCUSDT,{FIRST}000,{FIRST}002,,{one},50000,1\n" for one in ("sell", side)]
    assert "buy or sell" in sentence(read_liquidations, named(header + "".join(rows), "tardis.csv"))
    header = "symbol,side,order_type,time_in_force,original_quantity,price,average_price,time\n"
    rows = [f"BTCUSDT,{one},LIMIT,IOC,0.5,50000,50000,{FIRST}\n" for one in ("SELL", side)]
    assert "buy or sell" in sentence(read_liquidations, named(header + "".join(rows), "orders.csv"))


def as_numbers(column: pd.Series) -> pd.Series:
    """Return a column of text as it is read in a table."""
    return with_numbers(column.to_frame("price"), [])["price"].rename(None)


@pytest.mark.parametrize(
    "cells",
    [
        ["50163.7", "50,163.7", "50163,7"],
        ["103.125", "1,5", "104.250"],
        ["1 234,5", "50163.7"],
        ["1.234,5", "50163.75"],
        ["1,234.5", "12,34"],
    ],
)
def test_a_column_with_two_decimal_signs_is_no_column_of_numbers(cells):
    column = pd.Series(cells)
    assert as_numbers(column).equals(column)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.234,5", "999,5", "1.000"], [1234.5, 999.5, 1000.0]),
        (["1,234.5", "999.5", "1,000", "12,34,567"], [1234.5, 999.5, 1000.0, 1234567.0]),
        (["12,25", "7", "0,5"], [12.25, 7.0, 0.5]),
    ],
)
def test_one_notation_is_read(cells, numbers):
    assert as_numbers(pd.Series(cells)).tolist() == numbers


def test_a_name_twice_in_a_json_object_is_refused():
    row = '{"time": %d, "open": 1, "high": 2, "low": 1, "close": 2, "volume": 5, "close": 1}'
    text = "[" + ",".join(row % (FIRST + HOUR * one) for one in range(10)) + "]"
    assert "'close' twice" in sentence(read_market, named(text, "btcusdt.json"))


def test_json_of_millions_of_empty_objects_is_refused_before_it_is_parsed():
    assert "rows" in sentence(read_market, named("[" + "{}," * 2_000_000 + "{}]", "small.json"))


def test_a_row_between_the_bars_is_said():
    row = f"{FIRST + 5 * HOUR + 23 * 60_000},50000,50100,49900,50050,12.5"
    notes = " ".join(read_market(candles({5: row}), lookback="1M").notes)
    assert "Rows between the bars of 1 h, summed into these: 1, the first at 2026-01-05 05:23:00" in notes
    hours = pd.date_range("2026-01-01", periods=30, freq="1h", tz="UTC")
    assert on_bars(hours)[1] == []
    assert on_bars(hours, bars=False)[1] == []


@pytest.mark.parametrize(
    "line", ["%d,50000,501000,49900,50050,12.5", "%d,500,501,499,500.5,12.5", "%d,5e6,5e6,5e6,5e6,1"]
)
def test_prices_that_leap_are_said(line):
    notes = " ".join(read_market(candles({20: line % (FIRST + 20 * HOUR)}), lookback="1M").notes)
    assert "Prices leap" in notes
    assert "2026-01-05 20:00" in notes
    assert "leap" not in " ".join(read_market(candles(), lookback="1M").notes)


def test_orders_without_a_time_are_refused():
    header = "symbol,side,original_quantity,average_price,time btc\n"
    assert "column of times" in sentence(read_liquidations, named(f"{header}BTCUSDT,SELL,1,50000,{FIRST}\n", "o.csv"))


def test_blanks_in_the_first_line_of_a_scan_are_no_part_of_the_coin():
    text = SCAN.replace(",", ", ") + "addr,size,entry,liq,lev,margin\n0xab,-2,81000,95000,10,cross\n"
    assert read_positions(named(text, "scan.csv")).rows["coin"].tolist() == ["BTC"]


def test_a_column_of_text_is_no_volume_of_rows_of_numbers():
    """With dates in its second place a row of Bybit has as many numbers as one of Gate, where open is last."""
    rows = [
        [FIRST + HOUR * row, "2026-01-05", "50000", "50100", "49900", "50050", "5", "250000"] for row in range(40)
    ]
    assert "no known order" in sentence(read_market, named(json.dumps(rows), "btcusdt.json"))


def test_columns_that_are_no_prices_are_refused():
    rows = [[FIRST // 1000 + 3600 * row, 50050, 50100, 2000 + row, 49900, 50000] for row in range(40)]
    assert "is no price" in sentence(read_market, named(json.dumps(rows), "btcusdt.json"))


@pytest.mark.parametrize("width", [600_000, 2_000_000])
@pytest.mark.parametrize("rows", [0, 5])
def test_a_row_of_millions_of_values_is_refused_before_it_is_parsed(width, rows):
    text = candles(count=rows).getvalue() + b"\n" + b"1," * width
    assert f"in line {rows + 2}" in sentence(read_market, named(text, "btcusdt_1h.csv"))


@pytest.mark.parametrize("pack", [lambda raw: lzma.compress(raw, preset=0), gzip.compress])
def test_what_unpacks_to_too_much_is_refused_without_a_copy(pack):
    assert "160 MB unpacked" in sentence(read_market, named(pack(bytes(161_000_000)), "zeros.csv"))


def test_a_zip_that_says_that_it_is_too_large_is_not_unpacked():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("btcusdt_1h.csv", bytes(161_000_000))
    assert "160 MB unpacked" in sentence(read_market, named(packed.getvalue(), "btcusdt_1h.zip"))
    assert zipfile.ZipFile(packed).infolist()[0].file_size > 160_000_000


@pytest.mark.parametrize("cell", ["[1]", '{"usd": 1}', "[[]]"])
def test_a_nested_cell_is_not_a_liquidation_that_was_not_recorded(cell):
    rows = [f'{{"t": {FIRST // 1000 + 3600 * row}, "l": {cell if row == 3 else 5}, "s": 2}}' for row in range(10)]
    assert "row 3" in sentence(read_liquidations, named(f"[{','.join(rows)}]", "liq.json"))


def test_a_liquidation_price_that_is_no_number_is_not_taken_for_none():
    text = SCAN + "addr,size,entry,liq,lev,margin\n0xab,-2,81000,95000,10,cross\n0xcd,2,81000,{},10,cross\n"
    assert "'5%' in column 'liq', row 1" in sentence(read_positions, named(text.format("5%"), "scan.csv"))
    assert read_positions(named(text.format("0"), "scan.csv")).rows["liquidation_price"].isna().sum() == 1


@pytest.mark.parametrize("group", ["spreadsheets", "packed"])
def test_every_damaged_archive_is_read_or_ends_with_a_sentence(group):
    number = next(one for one in range(99) if made(1, one, group, "recording").detail in ("plain", "zip"))
    ((name, raw),) = made(1, number, group, "recording").files
    for start in range(0, len(raw), len(raw) // 60):
        for length in (1, 8, 64):
            said = ""
            try:
                read_market(named(raw[:start] + raw[start + length :], name))
            except InputError as error:
                said = str(error)
            assert said.isprintable()


def test_a_zip_in_xz_that_is_damaged_ends_with_a_sentence():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("btcusdt_1h.csv", candles().getvalue())
    raw = bytearray(packed.getvalue())
    raw[100:110] = bytes(10)
    assert "zip" in sentence(read_market, named(bytes(raw), "btcusdt_1h.zip"))


def test_a_file_is_read_from_a_prompt_in_the_folder_of_the_package(tmp_path):
    path = tmp_path / "btcusdt_1h.csv"
    path.write_bytes(candles().getvalue())
    script = "from liq.sources.file_worker import readers; "
    script += f"print(len(readers.read_market({str(path)!r}, lookback='1M').candles))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout.strip() == "40", done.stderr


@pytest.mark.parametrize("reason", ["out of memory", "Calling read(nbytes) on source failed. Try engine='python'."])
def test_a_parser_without_memory_says_so(reason, monkeypatch):
    def refuses(*_, **__):
        raise pd.errors.ParserError(f"Error tokenizing data. C error: {reason}")

    monkeypatch.setattr(pd, "read_csv", refuses)
    with pytest.raises(MemoryError):
        csv_table(b"time,open\n1,2\n", "mine.csv", 10, [])


def test_a_spreadsheet_without_memory_is_not_called_damaged_alone(monkeypatch):
    def refuses(_):
        raise MemoryError

    monkeypatch.setattr("liq.sources.files.formats.spreadsheet._check_size", lambda *_: None)
    monkeypatch.setattr("python_calamine.CalamineWorkbook.from_filelike", refuses)
    with pytest.raises(InputError, match="takes too much memory to read"):
        workbook_tables(b"PK", "mine.xlsx", 10)
