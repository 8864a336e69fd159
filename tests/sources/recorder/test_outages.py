"""The recorder when streams end, venues refuse, clocks jump and processes die: every gap is noted."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from liq.sources.recorder.storage import read_day
from liq.sources.recorder.stream import STREAMS, Clocks
from liq.sources.venues import client
from tests.served import ROOT
from tests.sources.recorder.recording import (
    PRICE,
    QUICK,
    RECORD_COMMAND,
    recorded_rows,
    recorded_spans,
    recording,
    wait_for,
)
from tests.venue_server.streams import liquidation
from tests.venue_server.wire import now_ms


@pytest.mark.parametrize("end", ["closes", "hangs up", "falls silent"])
def test_a_stream_that_ends_is_reopened_and_the_gap_is_recorded(quick, tmp_path, end):
    with recording(quick, tmp_path, *STREAMS) as session:
        first = {venue: session.wire(venue) for venue in STREAMS}
        for venue, wire in first.items():
            wire.tell(liquidation(venue, "BTC", now_ms(), "long", PRICE, 1.0))
            session.wait_for_rows(1, venue)
            session.prove(venue)
        for wire in first.values():
            if end == "falls silent":
                wire.mute = True
            else:
                wire.close(politely=end == "closes")
        for venue, wire in first.items():
            second = session.wire(venue, but=wire)
            repeated = liquidation(venue, "BTC", now_ms(), "short", PRICE, 1.0)
            second.tell(repeated)
            second.tell(repeated)
        for venue in STREAMS:
            session.prove(venue)
    for venue in STREAMS:
        rows = recorded_rows(tmp_path).query("venue == @venue")
        assert rows["side"].tolist() == ["long", "short"], "reported twice is one liquidation"
        spans = recorded_spans(tmp_path, venue)
        hole = max(after - before for (_, before), (after, _) in itertools.pairwise(spans))
        assert hole > 0
        if end == "falls silent":
            assert hole >= 2 * 1000 * QUICK.ping, "silence was taken for listening"
    assert any("connecting again" in line for line in session.said)


def test_a_venue_that_refuses_is_retried(quick, tmp_path):
    quick.fail("okx", "503")
    with recording(quick, tmp_path, "okx", "bybit") as session:
        session.wire("bybit")
        wait_for(lambda: sum("OKX is out of order" in line for line in session.said))
        time.sleep(4 * QUICK.longest_wait)
        assert sum("OKX is out of order" in line for line in session.said) == 1, "said over and over"
        quick.heal()
        session.wire("okx")


def test_pings_alone_do_not_prove_a_stream_of_everything_alive(quick, tmp_path):
    """Where every perpetual is in one stream, quiet may be a subscription that the venue forgot."""
    with recording(quick, tmp_path, "okx") as session:
        wire = session.wire("okx")
        session.prove("okx")
        recorded_at = now_ms()
        time.sleep(6 * QUICK.ping)
        closed = now_ms()
        wire.close()
        session.wire("okx", but=wire)
    claimed = max(until for _, until in recorded_spans(tmp_path, "okx"))
    assert claimed <= recorded_at
    assert claimed < closed - 5 * 1000 * QUICK.ping


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_jump_of_the_local_clock_changes_nothing(quick, tmp_path, jump):
    wrong = [0.0]
    clocks = Clocks(wall=lambda: time.time() + wrong[0])
    began = now_ms()
    with recording(quick, tmp_path, "bybit", clocks=clocks) as session:
        wire = session.wire("bybit")
        calls = quick.calls["bybit"]
        wrong[0] = jump
        wait_for(lambda: quick.calls["bybit"] > calls)  # it asked the venue what time it is
        wire.tell(liquidation("bybit", "BTC", now_ms(), "long", PRICE, 1.0))
        session.wait_for_rows(1)
        time.sleep(3 * QUICK.ping)
        assert session.server.wires == [wire]
    ((since, until),) = recorded_spans(tmp_path, "bybit")
    (at,) = recorded_rows(tmp_path)["ms"]
    assert began <= since < at < until <= now_ms()


def test_hours_of_suspended_process_are_a_gap(quick, tmp_path, monkeypatch):
    """A clock that stands still while the computer sleeps: afterwards the venue's has gone on."""
    slept = [0.0]
    real = client.venue_clock
    monkeypatch.setattr(client, "venue_clock", lambda *asked: real(*asked) + round(1000 * slept[0]))
    with recording(quick, tmp_path, "bybit", clocks=Clocks(wall=lambda: time.time() + slept[0])) as session:
        wire = session.wire("bybit")
        session.prove("bybit")
        recorded_at = session.followed[0].recorded
        slept[0] = 3 * 3600.0
        wait_for(lambda: any(span.since > now_ms() + 2 * 3_600_000 for _, span in session.claims))
        late = now_ms() + 3 * 3_600_000
        wire.tell(liquidation("bybit", "BTC", late, "long", PRICE, 1.0))
        session.wait_for_rows(recorded_at + 1)
        time.sleep(3 * QUICK.ping)
    (_, before), (after, until) = recorded_spans(tmp_path, "bybit")[-2:]
    assert after - before >= 3 * 3_600_000 - 1000
    assert until > late


def files_on_disk(folder: Path) -> set[tuple[str, float]]:
    """Return venue and price of the liquidations that have reached the disk, in the files or on the way there."""
    states = set()
    for path in folder.glob("liquidations/*/[0-9]*.parquet"):
        states |= {(path.parent.name.removeprefix("venue="), price) for price in read_day(path)["price"]}
    lines = (folder / "journal").read_text(encoding="utf-8").split("\n")[:-1] if (folder / "journal").exists() else []
    return states | {(row[0], row[4]) for row in map(json.loads, lines) if len(row) > 4}


def test_killed_at_any_moment_files_stay_whole_and_recorded_spans_hold_their_rows(quick, tmp_path):
    """A real process, killed again and again while it writes; all it claims to have listened to is there, once."""
    sent: dict[str, list[tuple[int, float]]] = {venue: [] for venue in STREAMS}
    over, number = threading.Event(), itertools.count(1)

    def talk() -> None:
        while not over.wait(0.008):
            for wire in list(quick.wires):
                if wire.topics:
                    now, price = now_ms(), 1000.0 + next(number) / 100
                    wire.tell(liquidation(wire.venue, "BTC", now, "long", price, 1.0))
                    sent[wire.venue].append((now, price))

    talking = threading.Thread(target=talk)
    talking.start()
    chance, kept = random.Random(7), set()
    environment = {**os.environ, "LIQ_GATEWAY": quick.url}
    try:
        for life in range(5):
            process = subprocess.Popen(
                [sys.executable, "-c", RECORD_COMMAND, str(tmp_path)],
                cwd=ROOT,
                env=environment,
                stderr=subprocess.PIPE,
            )
            wait_for(lambda kept=kept: len(files_on_disk(tmp_path) - kept) > 350)
            kept = kept | files_on_disk(tmp_path)
            time.sleep(0.3 * chance.random())
            last = life == 4
            process.send_signal(signal.SIGTERM if last else signal.SIGKILL)
            assert process.wait(30) == (0 if last else -signal.SIGKILL)
            for path in tmp_path.glob("*/*/[0-9]*.parquet"):
                assert len(pd.read_parquet(path))
            assert kept <= files_on_disk(tmp_path), "a kill took back what was kept"
    finally:
        over.set()
        talking.join()
    rows = recorded_rows(tmp_path)
    assert kept <= set(zip(rows["venue"], rows["price"], strict=True))
    assert not rows.duplicated(["venue", "price"]).any()
    for venue in STREAMS:
        mine = rows[rows["venue"] == venue]
        kept_prices, spans = set(mine["price"].round(2)), recorded_spans(tmp_path, venue)
        assert len(spans) >= 2, "lives are stretches of their own"
        claimed = [(at, price) for at, price in sent[venue] if any(a <= at < b for a, b in spans)]
        assert len(claimed) > 50
        assert [row for row in claimed if round(row[1], 2) not in kept_prices] == []
        assert kept_prices <= {round(price, 2) for _, price in sent[venue]}
