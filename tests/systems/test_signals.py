"""Commands end on a signal, also where an event loop has no handlers for any, as on Windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from liq import system
from tests.served import ROOT
from tests.sources.recorder.recording import wait_for
from tests.systems.windows import COMMAND, needs_proc


@needs_proc
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGUSR1, 0)])
@pytest.mark.parametrize("command", ["record", "positions", "watch"])
def test_commands_end_on_a_signal_without_a_loops_handlers(venues, tmp_path, command, number, code):
    folder, log = tmp_path / "folder", tmp_path / "log"
    words, at_work = {
        "record": (["record", "--to", str(folder)], lambda: len(venues.wires) == 3),
        "positions": (
            ["positions", "--find", "leaderboard", "--to", str(folder), "--every", "1h"],
            lambda: list(folder.rglob("*Z.parquet")) and not (folder / "pass.jsonl").exists(),
        ),
        "watch": (
            ["watch", "--source", "simulated", "--every", "600"],
            lambda: "BTC" in log.read_text(encoding="utf-8"),
        ),
    }[command]
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            cwd=ROOT,
            env={**os.environ, "LIQ_GATEWAY": venues.url},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            wait_for(at_work)
            time.sleep(0.5)  # into the wait
            process.send_signal(number)
            assert process.wait(15) == code, log.read_text(encoding="utf-8")
        finally:
            process.kill()
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_the_same_signal_a_second_time_is_for_who_handled_it_before():
    received = []
    earlier = signal.signal(signal.SIGTERM, lambda *_: received.append("earlier"))
    try:
        called = []
        with system.stop_on_signals(lambda: called.append(True)) as stop:
            signal.raise_signal(signal.SIGTERM)
            assert stop.event.wait(5)
            assert (called, received, stop.exit_code) == ([True], [], 0)
            signal.raise_signal(signal.SIGTERM)
            assert received == ["earlier"]
        signal.raise_signal(signal.SIGTERM)
        assert received == ["earlier", "earlier"]
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_a_signal_does_not_wait_for_a_lock_that_the_main_thread_holds():
    with system.stop_on_signals() as stop:
        with stop.event._cond:  # as in the middle of `wait`
            signal.raise_signal(signal.SIGINT)
        assert stop.event.wait(5)
        assert stop.exit_code == 130


def test_the_main_thread_waits_in_pieces_on_windows(monkeypatch):
    pieces, real = [], threading.Event.wait
    event = system.StopEvent()

    def wait(self, left=None):
        if self is event:
            pieces.append(left)
            left = 0.01
        return real(self, left)

    monkeypatch.setattr(threading.Event, "wait", wait)
    assert event.wait(900) is False
    assert pieces.pop() == pytest.approx(900, abs=1)
    monkeypatch.setattr(system, "WINDOWS", True)
    threading.Timer(0.1, event.set).start()
    assert event.wait(900)
    assert max(pieces[:-1]) <= system.LONGEST_WAIT, "the last finds it set"
    assert len(pieces) > 3
