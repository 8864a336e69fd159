"""The collector beside the app: it ends with the app however that ends, and goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from liq.errors import InputError
from liq.sources.positions.reader import snapshot_files
from liq.sources.positions.snapshots import read_metadata
from liq.sources.positions.status import collecting_status
from tests.served import ROOT
from tests.sources.recorder.recording import wait_for

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and /proc are POSIX's")

SOONER = """
import sys
from liq.sources.positions.asking import requests
from liq.sources.venues import failures
failures.RETRY_POLICY = failures.RetryPolicy(timeout=4.0, tries=3, backoff=0.01, budget=6.0, spaced=False)
requests.FIRST_SNAPSHOT = requests.EARLY = requests.LATER = 0.3
requests.STATUS_SECONDS = 0.1
"""
"""Run before the collector's own module: as fast as the local server allows, snapshots on the way every moment."""

SITE = """
import os, sys
if "liq.commands.collector" in " ".join(sys.orig_argv):
    exec(os.environ["SOONER"])
"""


@pytest.fixture
def started(venues, tmp_path):
    """Start the app with a collector of a venue, as often as wanted; all are killed at the end."""
    folder, processes = tmp_path / "seen", []
    (tmp_path / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    venues.latency = 0.02
    environment = {
        **os.environ,
        "LIQ_GATEWAY": venues.url,
        "LIQ_POSITIONS": str(folder),
        "LIQ_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "SOONER": SOONER,
    }

    def start(source: str = "hyperliquid", by_setting: bool = False) -> subprocess.Popen[bytes]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--server.headless", "true", "--server.fileWatcherType", "none", "--server.address", "127.0.0.1"]
        choice = [] if by_setting else ["--collect", source]
        command = [sys.executable, "-m", "liq", "app", "--port", str(port), *choice, "--", *options]
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**environment, **({"LIQ_COLLECT": source} if by_setting else {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        processes.append(process)
        return process

    yield start, folder
    venues.latency = 0.0
    for process in processes:
        process.kill()
        process.wait()
    wait_for(lambda: not collectors(folder))


def collectors(folder: Path) -> list[int]:
    """Return the processes that collect into a folder, those that have ended and were not waited for left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            is_over = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if b"liq.commands.collector" in words and str(folder).encode() in words and not is_over:
            found.append(int(path.name))
    return found


def shown(folder: Path) -> list[int]:
    """Return how many accounts each snapshot so far had asked."""
    return [read_metadata(path)["asked"] for path in snapshot_files(folder)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_collector_ends_with_the_app_and_goes_on_with_the_next(venues, started, number):
    start, folder = started
    venues.knobs.accounts = 900
    app = start(by_setting=number == signal.SIGINT)
    wait_for(lambda: len(shown(folder)) >= 2, seconds=30)
    first, second = shown(folder)[-2:]
    assert 0 < first < second < 810, "snapshots of a pass under way, one after the other"
    status = collecting_status(folder)
    assert status is not None
    assert status.of == 810
    assert "of 810 accounts asked" in status.sentence
    app.send_signal(number)
    app.wait(15)
    wait_for(lambda: not collectors(folder), seconds=15)
    before = set(venues.knobs.asked)
    venues.latency = 0.0
    start()
    wait_for(lambda: any(not read_metadata(path).get("partial") for path in snapshot_files(folder)), seconds=30)
    done = next(path for path in snapshot_files(folder) if not read_metadata(path).get("partial"))
    assert read_metadata(done)["asked"] == read_metadata(done)["answered"] == 810
    again = [account for account in venues.knobs.asked if account in before]
    assert len(again) - len(before) <= 204, "what was answered is not asked again, but for what a kill may lose"


def test_a_kill_of_the_collector_leaves_the_app_and_its_next_start_goes_on(venues, started):
    start, folder = started
    venues.knobs.accounts = 900
    app = start()
    wait_for(lambda: shown(folder), seconds=30)
    [collector] = collectors(folder)
    os.kill(collector, signal.SIGKILL)
    wait_for(lambda: not collectors(folder))
    assert app.poll() is None
    journal = (folder / "pass.jsonl").read_text(encoding="utf-8")
    assert json.loads(journal.splitlines()[0])["pass"] > 0
    app.kill()
    app.wait()
    venues.latency = 0.0
    start()
    wait_for(lambda: any(not read_metadata(path).get("partial") for path in snapshot_files(folder)), seconds=30)


def test_a_second_app_finds_the_lock_taken_says_so_and_takes_over(venues, started, tmp_path):
    start, folder = started
    first = start()
    wait_for(lambda: shown(folder), seconds=30)
    start()
    wait_for(lambda: b"by another process" in (tmp_path / "log").read_bytes(), seconds=30)
    assert b"Traceback" not in (tmp_path / "log").read_bytes()
    first.kill()
    first.wait()
    wait_for(lambda: len(collectors(folder)) == 1, seconds=15)
    [second] = collectors(folder)
    wait_for(lambda: (status := collecting_status(folder)) is not None and status.pid == second, seconds=30)


def test_both_venues_share_a_folder(venues, started):
    start, folder = started
    start("hyperliquid,lighter")
    wait_for(lambda: snapshot_files(folder) and snapshot_files(folder, "lighter"), seconds=40)
    assert len(collectors(folder)) == 2
    assert (folder / "salt").exists()


def test_a_venue_out_of_order_is_waited_for(venues, started):
    start, folder = started
    venues.fail("hyperliquid", "503")
    app = start()
    wait_for(lambda: (status := collecting_status(folder)) is not None and status.trouble, seconds=40)
    assert collecting_status(folder).sentence.startswith("Collecting waits: Hyperliquid does not answer")
    assert app.poll() is None
    venues.heal()
    app.kill()
    wait_for(lambda: not collectors(folder), seconds=15)


@pytest.mark.parametrize("named", ["https://example.org/positions", "file"])
def test_collecting_needs_a_folder(named, tmp_path):
    from liq.commands.collector import collecting_folder

    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="names no folder"):
        collecting_folder(named if "://" in named else str(tmp_path / named))


def test_without_a_folder_it_is_that_of_the_platform(monkeypatch, tmp_path):
    from liq.commands.collector import checked_sources, collecting_folder

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert collecting_folder("").name == "positions"
    with pytest.raises(InputError, match="hyperliquid or lighter"):
        checked_sources("okx")


@pytest.mark.parametrize(
    ("venue", "words", "said"),
    [("hyperliquid", [], "True False"), ("lighter", [], "True False"), ("lighter", ["otherwise"], "False True")],
)
def test_a_collector_imports_one_venue_of_ccxt_and_all_of_it_where_that_is_arranged_otherwise(venue, words, said):
    script = f"""
import sys
from liq.sources.venues import one_venue
if len(sys.argv) > 1:
    one_venue.PACKAGES = ("ccxt", "ccxt.elsewhere")
alone = one_venue.import_alone({venue!r})
import ccxt, ccxt.pro
assert ccxt.{venue}().id == ccxt.pro.{venue}().id == {venue!r}
assert issubclass(ccxt.RequestTimeout, ccxt.OperationFailed)
print(alone, "ccxt.binance" in sys.modules)
"""
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == said
