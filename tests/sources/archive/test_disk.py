"""What the archive's files leave on disk: nothing twice, nothing torn, nothing without bound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter

import pytest

import liq
from liq.sources import fetch
from liq.sources.archive import storage
from tests.served import ROOT
from tests.sources.archive.test_windows import YOUNG
from tests.venue_server import VenueServer

SCRIPT = """
import json, sys, liq
market = liq.fetch("BTC", "7d", "archive", as_of="2025-03-09")
print(json.dumps([len(market.candles), float(market.candles["close"].sum()), float(market.open_interest.sum())]))
"""


def process(**environment: str) -> subprocess.Popen[str]:
    """Start another process that asks for a window."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def asked(server: VenueServer) -> Counter[str]:
    """Return how often each file was asked for."""
    return Counter(path for venue, path in server.log if venue == "archive" and ".zip" in path)


def test_a_finished_day_is_never_asked_for_twice(archive: VenueServer):
    market = liq.fetch(**YOUNG)
    assert set(asked(archive).values()) == {1}
    archive.forget()
    fetch.clear_caches()
    again = liq.fetch(**YOUNG)
    assert archive.calls["archive"] == 0
    assert again.candles.equals(market.candles)
    assert again.open_interest.equals(market.open_interest)
    assert again.notes == market.notes
    liq.fetch(**{**YOUNG, "as_of": "2023-05-08 12:00"})  # another window of the same days
    assert sum(asked(archive).values()) == 0


def test_within_a_process_a_window_is_one_object(archive: VenueServer):
    assert liq.fetch(**YOUNG) is liq.fetch(**YOUNG)


def test_two_processes_at_once_fetch_once_between_them(archive: VenueServer):
    both = [process(), process()]
    answers = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    assert answers[0] == answers[1]
    assert answers[0][0] == 37 * 96
    assert set(asked(archive).values()) == {1}


def test_a_kill_while_files_come_in_leaves_what_is_whole(archive: VenueServer, monkeypatch: pytest.MonkeyPatch):
    archive.latency = 0.05
    try:
        killed = process()
        while sum(asked(archive).values()) < 40:
            time.sleep(0.01)
        killed.kill()
        killed.wait()
    finally:
        archive.latency = 0.0
    archive.forget()
    market = liq.fetch("BTC", "7d", "archive", as_of="2025-03-09")
    assert len(market.candles) == 37 * 96
    assert market.open_interest.notna().all()
    assert market.notes[0].startswith("From Binance's archive, BTCUSDT")
    fetch.clear_caches()
    archive.forget()
    assert liq.fetch("BTC", "7d", "archive", as_of="2025-03-09").candles.equals(market.candles)
    assert archive.calls["archive"] == 0


def test_what_is_torn_on_disk_is_fetched_anew(archive: VenueServer):
    market = liq.fetch(**YOUNG)
    store = storage._opened(storage.folder())
    torn = [name for name in store if "files/" in name][:3]
    for name, content in zip(torn, (b"", b"\x00" * 40, store.get(torn[2])[:100]), strict=True):
        store.set(name, content)
    archive.forget()
    fetch.clear_caches()
    assert liq.fetch(**YOUNG).candles.equals(market.candles)
    assert len(asked(archive)) == 2 * len(torn)


def test_a_pickle_in_the_folder_is_not_loaded(archive: VenueServer):
    import diskcache

    with diskcache.Cache(storage.folder()) as other:
        other.set("1/example", {"anything": 1})
    assert storage.read(["example"]) == {}


def test_the_folder_is_bounded(archive: VenueServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "SIZE_LIMIT", 200_000)
    storage._opened.cache_clear()
    for row in range(40):
        storage.write({f"files/{row}": os.urandom(20_000)})
    assert storage._opened(storage.folder()).volume() < 400_000
    assert len(storage.read([f"files/{row}" for row in range(40)])) < 20
    storage._opened.cache_clear()


def test_without_a_folder_the_archive_is_asked_every_time(archive: VenueServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LIQ_CACHE", "off")
    first = liq.fetch(**YOUNG)
    fetch.clear_caches()
    assert liq.fetch(**YOUNG).candles.equals(first.candles)
    assert set(asked(archive).values()) == {2}
