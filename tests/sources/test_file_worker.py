"""A file is read in a process of its own: with the same answer, under bounds, and nothing of it stays."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pandas as pd
import psutil
import pytest

import liq
from liq import process_memory
from liq.errors import InputError
from liq.sources.file_worker import messages, process, readers
from liq.sources.files import market_file
from liq.sources.positions import reader
from tests.served import ROOT
from tests.sources.files.test_kinds import FIRST, named

POSIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def candles(count: int = 3000, name: str = "btcusdt_5m.csv") -> io.BytesIO:
    rows = [f"{FIRST + 300_000 * row},50000,50100,49900,{50000 + row % 90},12.5,90000" for row in range(count)]
    return named("\n".join(["open_time_ms,open,high,low,close,volume,open_interest", *rows]), name)


def children() -> list[psutil.Process]:
    """Return the processes that read files for this one."""
    script = "liq.sources.file_worker.serve"
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.Error):  # it has ended meanwhile
            found += [one] if script in " ".join(one.cmdline()) else []
    return found


@pytest.fixture(autouse=True)
def nothing_stays():
    process.give_back()
    yield
    process.give_back()
    assert children() == []


@pytest.fixture
def never_ends(tmp_path):
    """A file that is opened and never read to its end: a pipe that nobody writes to."""
    path = tmp_path / "never.csv"
    os.mkfifo(path)
    return path


def wait_until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_market_is_the_same_as_one_read_here(tmp_path):
    (tmp_path / "btcusdt_5m.csv").write_bytes(candles().getvalue())
    here = market_file.read_market(candles(), lookback="1d")
    for file in (candles(), [candles()], tmp_path / "btcusdt_5m.csv", str(tmp_path)):
        there = readers.read_market(file, lookback="1d")
        pd.testing.assert_frame_equal(there.candles, here.candles)
        pd.testing.assert_series_equal(there.open_interest, here.open_interest)
        for field in ("symbol", "source", "start", "price", "as_of", "bar", "tick", "origins", "notes"):
            assert getattr(there, field) == getattr(here, field), field
    moment = here.as_of - pd.Timedelta(hours=5)
    assert readers.read_market(candles(), lookback="1d", as_of=moment).as_of == moment


def test_liquidations_and_positions_are_the_same_as_those_read_here():
    text = "open_time_ms,long,short\n1767225600000,5,0\n1767229200000,0,2\n"
    pd.testing.assert_frame_equal(
        readers.read_liquidations(named(text, "l.csv")), market_file.read_liquidations(named(text, "l.csv"))
    )
    rows = "time,coin,side,coins,entry,liquidation_price,leverage,margin,account\n"
    rows += "2026-01-31T00:00:00Z,BTC,long,2,80000,70000,10,cross,0xab\n"
    rows += "2026-01-31T00:00:00Z,ETH,short,5,2000,,5,isolated,0xcd\n"
    there, here = liq.read_positions(named(rows, "p.csv")), reader.read_positions(named(rows, "p.csv"))
    pd.testing.assert_frame_equal(there.rows.drop(columns="account"), here.rows.drop(columns="account"))
    assert there.source == here.source
    again = liq.read_positions(named(rows, "p.csv"))
    assert again.rows["account"].tolist() == there.rows["account"].tolist()
    assert "0xab" not in again.rows["account"].tolist()


def test_errors_are_those_of_the_reader():
    with pytest.raises(InputError) as here:
        market_file.read_market(named("alpha,beta\n1,2\n", "x.csv"))
    with pytest.raises(InputError) as there:
        readers.read_market(named("alpha,beta\n1,2\n", "x.csv"))
    assert str(there.value) == str(here.value)
    with pytest.raises(InputError, match=r"nowhere\.csv cannot be read"):
        readers.read_market("nowhere.csv")
    with pytest.raises(InputError, match="must be opened in binary mode"):
        readers.read_market(io.StringIO("time,open"))
    with pytest.raises(InputError, match="lookback must be one of"):
        readers.read_market(candles(), lookback="2d")


@POSIX
def test_a_file_that_never_ends_is_one_sentence(never_ends, monkeypatch):
    monkeypatch.setattr(process, "SECONDS", 0.3)
    with pytest.raises(InputError, match=r"never\.csv takes longer than 0\.3 seconds to read"):
        readers.read_market(never_ends)
    assert children() == []


@POSIX
@pytest.mark.parametrize("by_system", [True, False])
def test_a_file_that_takes_too_much_memory_is_one_sentence(by_system, monkeypatch):
    process.prepare()
    (waiting,) = children()
    select.select([process._spare["process"].stdout], [], [], 30)  # it says that it is ready
    monkeypatch.setattr(process, "MEGABYTES", int(waiting.memory_info().rss / 1e6) + 30)
    if not by_system:
        monkeypatch.setattr(process_memory, "limit_memory", lambda *_: None)
    with pytest.raises(InputError, match=r"more than \d+ MB of memory"):
        readers.read_market(candles(400_000))


@POSIX
@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01, 0.03, 0.1, 0.4])
def test_whenever_the_process_is_killed_there_is_an_answer_or_a_sentence(delay):
    """What is killed before it took the file is replaced; after that it is said."""
    expected = market_file.read_market(candles()).candles

    def kill():
        wait_until(children)
        time.sleep(delay)
        for one in children()[:1]:
            one.kill()

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        said = ""
        try:
            market = readers.read_market(candles())
        except InputError as error:
            said = str(error)
        killing.result()
    if said:
        assert "ended from outside" in said
    else:
        pd.testing.assert_frame_equal(market.candles, expected)
    pd.testing.assert_frame_equal(readers.read_market(candles()).candles, expected)


@POSIX
def test_a_process_that_is_killed_while_it_reads_is_one_sentence(never_ends):
    def kill():
        wait_until(children)
        (reading,) = children()
        with open(never_ends, "w", encoding="utf-8"):  # opens as soon as the process has
            reading.kill()

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        with pytest.raises(InputError, match=r"never\.csv was not read to its end: .* ended from outside"):
            readers.read_market(never_ends)
        killing.result()


@POSIX
def test_one_that_waits_and_was_killed_is_replaced():
    process.prepare()
    (waiting,) = children()
    os.kill(waiting.pid, signal.SIGKILL)
    assert len(readers.read_market(candles(), lookback="1d").visible) == 288


def test_a_process_that_nobody_needs_is_given_back(monkeypatch):
    monkeypatch.setattr(process, "IDLE", 0.2)
    process.prepare()
    process.prepare()
    assert len(children()) == 1
    wait_until(lambda: not children())


@POSIX
def test_files_do_not_wait_for_one_that_never_ends(never_ends, monkeypatch):
    monkeypatch.setattr(process, "SECONDS", 2.0)
    ends = {}

    def read(name, file):
        try:
            readers.read_market(file, lookback="1d")
        except InputError as error:
            ends[name] = str(error)
        else:
            ends[name] = "read"

    slow = threading.Thread(target=read, args=("slow", never_ends))
    slow.start()
    wait_until(children)
    read("quick", candles())
    assert ends == {"quick": "read"}, "the one that never ends is still being read"
    slow.join()
    assert "takes longer" in ends["slow"]


@POSIX
def test_more_files_than_places_wait_for_a_bounded_time(never_ends, monkeypatch):
    monkeypatch.setattr(process, "_places", threading.BoundedSemaphore(1))
    monkeypatch.setattr(process, "QUEUE_SECONDS", 0.1)
    monkeypatch.setattr(process, "SECONDS", 1.0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(readers.read_market, never_ends)
        wait_until(children)
        with pytest.raises(InputError, match="other files are being read; try again"):
            readers.read_market(candles())
        with pytest.raises(InputError, match="takes longer"):
            first.result()


@POSIX
def test_a_process_ends_when_its_server_is_gone(never_ends, monkeypatch):
    script = (
        "from liq.sources.file_worker import process, readers; process.SECONDS, process.ALONE_SECONDS = 60, -59; "
        f"readers.read_market({str(never_ends)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as server:
        wait_until(lambda: psutil.Process(server.pid).children())
        (child,) = psutil.Process(server.pid).children()
        wait_until(lambda: any("never.csv" in file.path for file in child.open_files()) or child.num_threads() > 1)
        server.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_message_that_is_cut_or_claims_too_much_is_an_error():
    stream = io.BytesIO()
    messages.send(stream, {"facts": {}}, [b"x" * 100])
    whole = stream.getvalue()
    for length in range(len(whole)):
        with pytest.raises(EOFError):
            messages.receive(io.BytesIO(whole[:length]))
    with pytest.raises(ValueError, match="a message of 100 bytes"):
        messages.receive(io.BytesIO(whole), most=99)
    with pytest.raises(ValueError, match="a header of"):
        messages.receive(io.BytesIO(b"\xff" * 16))
