"""Scans: one row a market wherever it is estimated, nothing lost and nothing twice, whatever dies on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import liq
from benchmarks.scan import descendants
from liq.__main__ import main
from liq.scan import executors
from liq.scan.ranking import (
    COLUMNS,
    MAX_FAILURES_IN_A_ROW,
    ScanRow,
    daily_volatility,
    hourly_volume,
    proximity_score,
    ranking_table,
    scan,
    summarize_market,
)
from liq.scan.results import SCHEMA, ScanJournal, read_scan, write_scan
from liq.sources.simulation import coins
from liq.zones.summary import MarketSummary, summarize
from tests.markets import candles

NAMES = [f"C{number}" for number in range(12)]
BAR = pd.Timedelta(minutes=5)
ASKED = {"source": "test", "lookback": "12h", "prior": "calibrated"}


def made(ticker: str) -> liq.Market:
    """Return a market of its own for every name."""
    chance = np.random.default_rng(zlib.crc32(ticker.encode()))
    closes = 100 * np.exp(np.cumsum(chance.normal(0, 0.004, 240)))
    frame = candles(closes.tolist(), chance.uniform(0, 0.003, 240).tolist(), volume=1e4 * chance.uniform(1, 9))
    start = frame.index[60]
    return liq.Market(f"{ticker}/USDT:USDT", "test", frame, None, start=start)


def slowly(ticker: str) -> liq.Market:
    time.sleep(0.1)
    return made(ticker)


def deadly(ticker: str, marks: str) -> liq.Market:
    """Kill the worker that comes to C5 first."""
    mark = Path(marks) / ticker
    if ticker == "C5" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return slowly(ticker)


def here() -> Executor:
    return ThreadPoolExecutor(2)


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return ranking_table(scan(NAMES, made, here), "test")


# The row, and the rule of rank


def test_a_row_needs_the_last_bar_only():
    for name in NAMES[:4]:
        market = made(name)
        whole, row = summarize(liq.estimate(market)), summarize_market(name, market)
        assert row.summary[:3] == whole[:3]
        np.testing.assert_allclose(row.summary[3:], whole[3:], rtol=1e-9)


def test_nearer_and_bigger_rank_higher_and_units_do_not_matter():
    market = made("C1")
    seen = summarize(liq.estimate(market))._replace(below_usd=np.nan, below_distance=np.nan)
    base = proximity_score(seen._replace(above_usd=1e6, above_distance=0.02), market)
    assert base > 0
    assert proximity_score(seen._replace(above_usd=2e6, above_distance=0.02), market) == pytest.approx(2 * base)
    assert proximity_score(seen._replace(above_usd=1e6, above_distance=0.01), market) > base
    # The better side counts, and a fall is as near as the rise that is as long in logs.
    mirrored = seen._replace(above_usd=np.nan, below_usd=1e6, below_distance=1 / 1.02 - 1)
    assert proximity_score(mirrored, market) == pytest.approx(base)
    # At one daily move away, a walk without drift gets there with 2 Φ(-1) = 0.3173.
    sigma = daily_volatility(market)
    away = seen._replace(above_usd=hourly_volume(market), above_distance=float(np.expm1(sigma)))
    assert proximity_score(away, market) == pytest.approx(0.31731, abs=1e-5)
    # Ten times the price of everything is another unit, not another market.
    frame = market.candles.copy()
    frame[["open", "high", "low", "close"]] *= 10
    dearer = liq.Market(market.symbol, market.source, frame, None, start=market.start)
    assert proximity_score(seen._replace(above_usd=1e7, above_distance=0.02), dearer) == pytest.approx(base)


def test_a_market_that_does_not_trade_or_move_has_no_score():
    still = liq.Market("X/USDT:USDT", "test", candles([100.0] * 50, volume=0.0))
    assert summarize_market("X", still).score == 0
    seen = summarize(liq.estimate(made("C1")))
    assert proximity_score(seen, still) == 0


def test_volatility_and_trade_are_read_from_the_visible_window():
    # bars of an hour whose range is r: Parkinson's daily sigma is sqrt(24 r² / 4 log 2)
    frame = candles([100.0] * 48, [0.01] * 48, volume=5.0)
    market = liq.Market("X/USDT:USDT", "test", frame)
    reach = np.log(1.01 / 0.99)
    assert daily_volatility(market) == pytest.approx(np.sqrt(24 * reach**2 / (4 * np.log(2))))
    assert hourly_volume(market) == pytest.approx(500.0)


def test_the_table_ranks_and_puts_failures_last(expected):
    rows = [*scan(NAMES[:3], made, here), ScanRow("BAD", None, float("nan"), "no.")]
    for order in (rows, rows[::-1]):
        found = ranking_table(order, "test")
        assert list(found.columns) == list(COLUMNS)
        assert found["rank"].tolist()[:3] == [1, 2, 3]
        assert found["rank"].isna().tolist() == [False, False, False, True]
        assert found["score"].iloc[:3].is_monotonic_decreasing
        assert (found["symbol"].iloc[-1], found["error"].iloc[-1]) == ("BAD", "no.")
    assert expected["score"].nunique() == len(NAMES)


# Wherever it runs


@pytest.mark.parametrize("apart", [False, True])
def test_processes_and_threads_and_any_order_give_the_same_rows(expected, apart):
    rows = scan(NAMES[::-1], made, partial(executors.process_pool, 2), fetch_in_worker=apart)
    pd.testing.assert_frame_equal(ranking_table(rows, "test"), expected, check_exact=True)


class Held(Executor):
    """An executor that does nothing until asked."""

    def __init__(self) -> None:
        self.held: list[tuple] = []

    def submit(self, fn, /, *args, **kwargs):
        self.held.append((Future(), fn, args))
        return self.held[-1][0]

    def work(self) -> None:
        future, fn, args = self.held.pop(0)
        future.set_result(fn(*args))


def test_no_more_markets_are_in_flight_than_asked_for(monkeypatch):
    pool, fetched, yielded, most = Held(), [], [], []

    def wait(futures, return_when):
        most.append(len(fetched) - len(yielded))
        pool.work()
        done = {future for future in futures if future.done()}
        return done, set(futures) - done

    monkeypatch.setattr("liq.scan.ranking.wait", wait)

    def get(ticker):
        fetched.append(ticker)
        return made(ticker)

    for row in scan(NAMES, get, lambda: pool, max_submitted=3):
        yielded.append(row.ticker)
    assert sorted(yielded) == sorted(NAMES)
    assert max(most) == 3


def test_a_killed_process_costs_nothing(tmp_path, expected):
    get = partial(deadly, marks=str(tmp_path))
    rows = list(scan(NAMES, get, partial(executors.process_pool, 2), fetch_in_worker=True))
    assert (tmp_path / "C5").exists()
    pd.testing.assert_frame_equal(ranking_table(rows, "test"), expected, check_exact=True)


def test_a_dask_worker_killed_in_the_middle_costs_nothing(expected):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        executor, count = executors.dask_cluster(cluster.scheduler_address)
        assert count == 2
        found, victim = [], None
        for row in scan(NAMES, slowly, lambda: executor, fetch_in_worker=True):
            found.append(row)
            if len(found) == 3:
                victim = next(iter(cluster.workers.values()))
                os.kill(victim.pid, signal.SIGKILL)
        again = list(scan(NAMES[:4], made, lambda: executors.dask_cluster(cluster.scheduler_address)[0]))
    assert victim is not None
    assert sorted(row.ticker for row in found) == sorted(NAMES)
    pd.testing.assert_frame_equal(ranking_table(found, "test"), expected, check_exact=True)
    assert sorted(row.ticker for row in again) == sorted(NAMES[:4])  # markets sent from here, to a cluster that lives


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(executors, "CONNECT_TIMEOUT", 0.5)
    words = ["scan", "--source", "simulated", "--top", "1", "--scheduler", "tcp://127.0.0.1:1"]
    assert main(words) == 2
    assert "No Dask scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(words) == 2
    assert "pip install dask distributed" in capsys.readouterr().err


# What fails


def faulty(ticker: str, bad: dict[str, Exception]) -> liq.Market:
    if ticker in bad:
        raise bad[ticker]
    return made(ticker)


@pytest.mark.parametrize("apart", [False, True])
def test_one_failing_market_is_a_row(apart):
    bad = {"C2": liq.InputError("not listed."), "C4": liq.SourceError("no candles.")}
    rows = {row.ticker: row for row in scan(NAMES, partial(faulty, bad=bad), here, fetch_in_worker=apart)}
    assert sorted(rows) == sorted(NAMES)
    assert {name: row.error for name, row in rows.items() if row.error} == {"C2": "not listed.", "C4": "no candles."}


def test_a_surprise_in_a_worker_is_a_row_too():
    rows = {
        row.ticker: row for row in scan(NAMES, partial(faulty, bad={"C2": KeyError("x")}), here, fetch_in_worker=True)
    }
    assert sorted(rows) == sorted(NAMES)
    assert rows["C2"].error == "C2 could not be estimated (KeyError: 'x')."


def test_a_source_that_is_gone_ends_the_scan():
    gone = {name: liq.SourceError("does not serve this location.") for name in NAMES[3:]}
    asked = []

    def get(ticker):
        asked.append(ticker)
        return faulty(ticker, gone)

    with pytest.raises(liq.SourceError, match="location"):
        list(scan(NAMES, get, here))
    assert len(asked) == 3 + MAX_FAILURES_IN_A_ROW
    with pytest.raises(liq.SourceError):
        list(scan(NAMES[3:5], partial(faulty, bad=gone), here))
    with pytest.raises(liq.InputError):
        list(scan(["C1"], partial(faulty, bad={"C1": liq.InputError("not listed.")}), here))
    # unlisted ones in between are the venue's answers
    mixed = {name: liq.SourceError("") if place % 3 else liq.InputError("") for place, name in enumerate(NAMES[1:])}
    assert len(list(scan(NAMES, partial(faulty, bad=mixed), here))) == len(NAMES)


def test_a_venue_with_an_unknown_ticker_and_one_that_refuses(venues, tmp_path, capsys):
    words = ["scan", "--source", "gate", "--lookback", "12h", "--executor", "threads", "--to", str(tmp_path / "s")]
    assert main([*words, "--tickers", "BTC,NOPE,ETH", "--format", "json"]) == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert (answer["schema"], answer["source"], len(answer["rows"])) == (SCHEMA, "gate", 3)
    assert [row["symbol"] for row in answer["rows"] if row["error"]] == ["NOPE"]
    assert "1 of 3 failed" in told.err
    assert pd.read_parquet(tmp_path / "s")["symbol"].tolist() == [row["symbol"] for row in answer["rows"]]
    before = venues.calls.total()
    assert main([*words, "--format", "csv", "--tickers", "BTC,ETH"]) == 0
    assert capsys.readouterr().out.count("\n") == 3
    assert venues.calls.total() - before < 8  # one owner: what it holds is refreshed, not asked for again
    from tests.venue_server.fixtures import start_anew

    start_anew(venues)
    venues.fail("gate", "451")
    (tmp_path / "s").unlink()
    for which in (["--tickers", "BTC,ETH"], ["--top", "3"]):
        assert main([*words, *which]) == 3
        told = capsys.readouterr()
        assert "does not serve this location" in told.err
        assert told.out == ""
    assert not (tmp_path / "s").exists()


# What is kept


def test_parquet_round_trip(tmp_path):
    rows = [*scan(NAMES, made, here), ScanRow("BAD", None, float("nan"), "no.")]
    wanted, file = ranking_table(rows, "test"), tmp_path / "scan.parquet"
    write_scan(wanted, file, ASKED)
    found = pd.read_parquet(file)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    assert found.attrs == {"schema": SCHEMA, **ASKED}
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
def journal(path: Path, asked: dict[str, str] = ASKED, later: str = "0min"):
    with ScanJournal(path, asked, BAR, pd.Timestamp("2026-11-22 10:00", tz="UTC") + pd.Timedelta(later)) as opened:
        yield opened


def test_a_journal_gives_back_what_it_was_given(tmp_path):
    rows = list(scan(NAMES[:3], made, here))
    with journal(tmp_path / "s") as first:
        assert (first.rows, first.why) == ({}, "")
        for row in [*rows, ScanRow("BAD", None, float("nan"), "no.")]:
            first.add(row)
        with pytest.raises(liq.InputError, match="another scan"), journal(tmp_path / "s"):
            pass
    with journal(tmp_path / "s", later="59min") as second:
        assert second.rows == {row.ticker: row for row in rows}  # to the last digit; a failure is tried again
        assert isinstance(second.rows[rows[0].ticker].summary, MarketSummary)


def test_a_line_that_was_cut_off_is_done_again(tmp_path):
    rows = list(scan(NAMES[:3], made, here))
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
    ("asked", "later", "why"),
    [
        ({**ASKED, "prior": "flat"}, "1min", "something else"),
        (ASKED, "61min", "begun at 2026-11-22 10:00"),
        (None, "1min", "cannot be read"),
    ],
)
def test_another_question_or_an_old_answer_starts_anew(tmp_path, asked, later, why):
    with journal(tmp_path / "s") as first:
        for row in scan(NAMES[:3], made, here):
            first.add(row)
    if asked is None:
        (tmp_path / "s.journal").write_text('{"schema":\n[1, 2]\n')
    with journal(tmp_path / "s", asked or ASKED, later) as second:
        assert second.rows == {}
        assert why in second.why
    assert len((tmp_path / "s.journal").read_text().splitlines()) == 1


def test_a_scan_that_was_killed_goes_on(tmp_path):
    target, kept = tmp_path / "scan.parquet", tmp_path / "scan.parquet.journal"
    words = f"scan --source simulated --top 9 --lookback 12h --workers 1 --format csv --to {target}"
    command = [sys.executable, "-m", "liq", *words.split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (kept.exists() and kept.read_text().count("\n") > 3):
        assert process.poll() is None
        time.sleep(0.02)
    helpers = descendants(process.pid)
    process.kill()
    process.wait()
    assert not target.exists()
    held = [json.loads(line) for line in kept.read_text().split("\n")[1:-1]]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{len(held)} of 9 are done" in again.stderr
    found = pd.read_parquet(target).set_index("symbol")
    assert len(found) == found.index.nunique() == 9
    for ticker, points, *fields in held:  # nothing was done twice: the very rows of the first run
        row = found.loc[f"{ticker}/USDT:USDT"]
        assert (row["score"], row["as_of"].isoformat()) == (points, fields[2])
    assert not kept.exists()
    assert len(again.stdout.splitlines()) == 10
    until = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in helpers) and time.monotonic() < until:
        time.sleep(0.05)
    assert helpers
    assert not [one for one in helpers if Path(f"/proc/{one}").exists()]  # no worker outlives its scan


def test_the_simulated_source_has_hundreds_of_markets_of_its_own():
    from liq.sources.simulation import market as simulation

    names = coins.coins_to_simulate(300)
    assert len(set(names)) == 300
    assert names[:12] == [ticker.split("/")[0] for ticker in coins.TICKERS]
    now = "2026-11-22T10:00:30Z"
    one, same, other = (simulation.simulate(name, "12h", now=now) for name in ("SIM001", "sim001usdt", "SIM002"))
    pd.testing.assert_frame_equal(one.candles, same.candles)
    assert one.symbol == "SIM001/USDT:USDT"
    assert not np.isclose(one.price, other.price, rtol=0.05)
    with pytest.raises(liq.InputError, match="1011 coins"):
        coins.coins_to_simulate(2000)
