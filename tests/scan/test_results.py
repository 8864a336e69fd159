"""A scan's files: Parquet, and the journal from which an interrupted scan is resumed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import liq
from benchmarks.scan import descendants
from liq.scan.ranking import (
    ScanRow,
    ranking_table,
    scan,
)
from liq.scan.results import SCHEMA, ScanJournal, read_scan, write_scan
from liq.zones.summary import MarketSummary
from tests.scan.scan_markets import NAMES, in_this_process, markets_by_ticker

BAR = pd.Timedelta(minutes=5)

ASKED = {"source": "test", "lookback": "12h", "prior": "calibrated"}


def test_parquet_round_trip(tmp_path):
    rows = [*scan(NAMES, markets_by_ticker, in_this_process), ScanRow("BAD", None, float("nan"), "no.")]
    wanted, file = ranking_table(rows, "test"), tmp_path / "scan.parquet"
    write_scan(wanted, file, ASKED)
    scanned = pd.read_parquet(file)
    pd.testing.assert_frame_equal(scanned, wanted, check_exact=True)
    assert scanned.attrs == {"schema": SCHEMA, **ASKED}
    assert wanted.attrs == {}
    assert list(tmp_path.iterdir()) == [file]
    # The watchlist page takes it as it is.
    shown = read_scan(str(file))[1].set_index("symbol")
    assert shown.loc["BAD", "error"] == "no."
    numbers = ["price", "above_usd", "below_distance"]
    pd.testing.assert_frame_equal(shown[numbers], wanted.set_index("symbol").loc[shown.index, numbers])
    with pytest.raises(liq.InputError, match="cannot be written"):
        write_scan(wanted, tmp_path / "nowhere" / "scan", ASKED)


@contextmanager
def journal(path: Path, requested: dict[str, str] = ASKED, later: str = "0min"):
    with ScanJournal(
        path, requested, BAR, pd.Timestamp("2026-11-22 10:00", tz="UTC") + pd.Timedelta(later)
    ) as opened:
        yield opened


def test_a_journal_returns_the_rows_it_was_given(tmp_path):
    rows = list(scan(NAMES[:3], markets_by_ticker, in_this_process))
    with journal(tmp_path / "s") as first:
        assert (first.rows, first.why) == ({}, "")
        for row in [*rows, ScanRow("BAD", None, float("nan"), "no.")]:
            first.add(row)
        with pytest.raises(liq.InputError, match="another scan"), journal(tmp_path / "s"):
            pass
    with journal(tmp_path / "s", later="59min") as second:
        assert second.rows == {row.ticker: row for row in rows}  # to the last digit; a failure is tried again
        assert isinstance(second.rows[rows[0].ticker].summary, MarketSummary)


def test_a_row_whose_line_was_cut_off_is_scanned_again(tmp_path):
    rows = list(scan(NAMES[:3], markets_by_ticker, in_this_process))
    with journal(tmp_path / "s") as first:
        for row in rows:
            first.add(row)
    file = tmp_path / "s.journal"
    file.write_bytes(file.read_bytes()[:-20])
    with journal(tmp_path / "s") as second:
        assert list(second.rows) == [row.ticker for row in rows[:2]]
        second.add(rows[2])
    with journal(tmp_path / "s") as third:
        assert third.rows == {row.ticker: row for row in rows}


@pytest.mark.parametrize(
    ("requested", "later", "why"),
    [
        ({**ASKED, "prior": "flat"}, "1min", "other arguments"),
        (ASKED, "61min", "begun at 2026-11-22 10:00"),
        (None, "1min", "cannot be read"),
    ],
)
def test_other_arguments_or_an_old_journal_start_again(tmp_path, requested, later, why):
    with journal(tmp_path / "s") as first:
        for row in scan(NAMES[:3], markets_by_ticker, in_this_process):
            first.add(row)
    if requested is None:
        (tmp_path / "s.journal").write_text('{"schema":\n[1, 2]\n', encoding="utf-8")
    with journal(tmp_path / "s", requested or ASKED, later) as second:
        assert second.rows == {}
        assert why in second.why
    assert len((tmp_path / "s.journal").read_text(encoding="utf-8").splitlines()) == 1


def test_a_killed_scan_resumes(tmp_path):
    target, kept = tmp_path / "scan.parquet", tmp_path / "scan.parquet.journal"
    words = f"scan --source simulated --top 9 --lookback 12h --workers 1 --format csv --to {target}"
    command = [sys.executable, "-m", "liq", *words.split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (kept.exists() and kept.read_text(encoding="utf-8").count("\n") > 3):
        assert process.poll() is None
        time.sleep(0.02)
    helpers = descendants(process.pid)
    process.kill()
    process.wait()
    assert not target.exists()
    journal_rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").split("\n")[1:-1]]
    again = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    assert f"{len(journal_rows)} of 9 are done" in again.stderr
    scanned = pd.read_parquet(target).set_index("symbol")
    assert len(scanned) == scanned.index.nunique() == 9
    for ticker, points, *fields in journal_rows:  # nothing was done twice: the very rows of the first run
        row = scanned.loc[f"{ticker}/USDT:USDT"]
        assert (row["score"], row["as_of"].isoformat()) == (points, fields[2])
    assert not kept.exists()
    assert len(again.stdout.splitlines()) == 10
    until = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in helpers) and time.monotonic() < until:
        time.sleep(0.05)
    assert helpers
    assert not [one for one in helpers if Path(f"/proc/{one}").exists()]  # no worker outlives its scan
