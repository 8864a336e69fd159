"""Scans: one row a market wherever it is estimated, nothing lost and nothing twice, whatever dies on the way."""

from __future__ import annotations

import json
import os
import signal
import sys
from concurrent.futures import Executor, Future
from functools import partial

import pandas as pd
import pytest

import liq
from liq.__main__ import main
from liq.scan import executors
from liq.scan.ranking import (
    MAX_FAILURES_IN_A_ROW,
    ranking_table,
    scan,
)
from liq.scan.results import SCHEMA
from tests.scan.scan_markets import (
    NAMES,
    failing_market,
    in_this_process,
    killing_market,
    markets_by_ticker,
    slow_market,
)


@pytest.mark.parametrize("apart", [False, True])
def test_processes_and_threads_and_any_order_give_the_same_rows(expected, apart):
    rows = scan(NAMES[::-1], markets_by_ticker, partial(executors.process_pool, 2), fetch_in_worker=apart)
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
        return markets_by_ticker(ticker)

    for row in scan(NAMES, get, lambda: pool, max_submitted=3):
        yielded.append(row.ticker)
    assert sorted(yielded) == sorted(NAMES)
    assert max(most) == 3


def test_a_killed_process_loses_no_row(tmp_path, expected):
    get = partial(killing_market, marks=str(tmp_path))
    rows = list(scan(NAMES, get, partial(executors.process_pool, 2), fetch_in_worker=True))
    assert (tmp_path / "C5").exists()
    pd.testing.assert_frame_equal(ranking_table(rows, "test"), expected, check_exact=True)


def test_a_killed_dask_worker_loses_no_row(expected):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        executor, count = executors.dask_cluster(cluster.scheduler_address)
        assert count == 2
        scanned, victim = [], None
        for row in scan(NAMES, slow_market, lambda: executor, fetch_in_worker=True):
            scanned.append(row)
            if len(scanned) == 3:
                victim = next(iter(cluster.workers.values()))
                os.kill(victim.pid, signal.SIGKILL)
        again = list(scan(NAMES[:4], markets_by_ticker, lambda: executors.dask_cluster(cluster.scheduler_address)[0]))
    assert victim is not None
    assert sorted(row.ticker for row in scanned) == sorted(NAMES)
    pd.testing.assert_frame_equal(ranking_table(scanned, "test"), expected, check_exact=True)
    assert sorted(row.ticker for row in again) == sorted(NAMES[:4])  # markets sent from here, to a cluster that lives


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(executors, "CONNECT_TIMEOUT", 0.5)
    words = ["scan", "--source", "simulated", "--top", "1", "--scheduler", "tcp://127.0.0.1:1"]
    assert main(words) == 2
    assert "No Dask scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(words) == 2
    assert "pip install dask distributed" in capsys.readouterr().err


@pytest.mark.parametrize("apart", [False, True])
def test_one_failing_market_is_a_row(apart):
    bad = {"C2": liq.InputError("not listed."), "C4": liq.SourceError("no candles.")}
    rows = {
        row.ticker: row
        for row in scan(NAMES, partial(failing_market, bad=bad), in_this_process, fetch_in_worker=apart)
    }
    assert sorted(rows) == sorted(NAMES)
    assert {name: row.error for name, row in rows.items() if row.error} == {"C2": "not listed.", "C4": "no candles."}


def test_an_unexpected_exception_in_a_worker_is_a_row_too():
    rows = {
        row.ticker: row
        for row in scan(
            NAMES, partial(failing_market, bad={"C2": KeyError("x")}), in_this_process, fetch_in_worker=True
        )
    }
    assert sorted(rows) == sorted(NAMES)
    assert rows["C2"].error == "C2 could not be estimated (KeyError: 'x')."


def test_a_source_that_disappears_ends_the_scan():
    gone = {name: liq.SourceError("does not serve this location.") for name in NAMES[3:]}
    requested = []

    def get(ticker):
        requested.append(ticker)
        return failing_market(ticker, gone)

    with pytest.raises(liq.SourceError, match="location"):
        list(scan(NAMES, get, in_this_process))
    assert len(requested) == 3 + MAX_FAILURES_IN_A_ROW
    with pytest.raises(liq.SourceError):
        list(scan(NAMES[3:5], partial(failing_market, bad=gone), in_this_process))
    with pytest.raises(liq.InputError):
        list(scan(["C1"], partial(failing_market, bad={"C1": liq.InputError("not listed.")}), in_this_process))
    # unlisted ones in between are the venue's answers
    mixed = {name: liq.SourceError("") if place % 3 else liq.InputError("") for place, name in enumerate(NAMES[1:])}
    assert len(list(scan(NAMES, partial(failing_market, bad=mixed), in_this_process))) == len(NAMES)


def test_a_venue_with_an_unknown_ticker_and_one_that_refuses(venues, tmp_path, capsys):
    words = ["scan", "--source", "gate", "--lookback", "12h", "--executor", "threads", "--to", str(tmp_path / "s")]
    assert main([*words, "--tickers", "BTC,NOPE,ETH", "--format", "json"]) == 0
    output = capsys.readouterr()
    answer = json.loads(output.out)
    assert (answer["schema"], answer["source"], len(answer["rows"])) == (SCHEMA, "gate", 3)
    assert [row["symbol"] for row in answer["rows"] if row["error"]] == ["NOPE"]
    assert "1 of 3 failed" in output.err
    assert pd.read_parquet(tmp_path / "s")["symbol"].tolist() == [row["symbol"] for row in answer["rows"]]
    before = venues.calls.total()
    assert main([*words, "--format", "csv", "--tickers", "BTC,ETH"]) == 0
    assert capsys.readouterr().out.count("\n") == 3
    assert venues.calls.total() - before < 8  # one owner: what it holds is refreshed, not asked for again
    from tests.venue_server.fixtures import restart

    restart(venues)
    venues.fail("gate", "451")
    (tmp_path / "s").unlink()
    for which in (["--tickers", "BTC,ETH"], ["--top", "3"]):
        assert main([*words, *which]) == 3
        output = capsys.readouterr()
        assert "does not serve this location" in output.err
        assert output.out == ""
    assert not (tmp_path / "s").exists()
