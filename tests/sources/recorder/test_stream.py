"""The recorder against a local server that speaks the venues' formats over real websockets, and breaks."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from liq.__main__ import main
from liq.sources.recorder import stream
from liq.sources.recorder.storage import ListeningSpan, open_store, read_day
from liq.sources.recorder.stream import STREAMS, Clocks, StreamState, Timing, record
from liq.sources.venues import client
from tests.served import ROOT
from tests.venue_server import VenueServer
from tests.venue_server.streams import Wire, liquidation
from tests.venue_server.wire import now_ms

QUICK = Timing(0.02, 0.05, 0.2, 600.0, 0.3, 1.2, 600.0, 0.05, 0.2, 600.0, 0.05)
PRICE = 60_000.0


class Session:
    """A recorder at work in a thread of its own."""

    def __init__(self, server: VenueServer, followed: list[StreamState], said: list[str]) -> None:
        self.server, self.followed, self.said = server, followed, said
        self.claims: list[tuple[str, ListeningSpan]] = []
        store = followed[0].store
        listened = store.add_span

        def claim(venue: str, span: ListeningSpan) -> None:
            self.claims.append((venue, span))
            listened(venue, span)

        store.add_span = claim  # type: ignore[method-assign]

    def wire(self, venue: str, *, but: Wire | None = None) -> Wire:
        """Return the connection to a venue once it is listened to."""
        one = next(one for one in self.followed if one.name == venue)
        return wait_for(
            lambda: (
                one.state == "listening"
                and next((w for w in self.server.wires if w.venue == venue and w is not but and w.topics), None)
            )
        )

    def prove(self, venue: str) -> None:
        """Tell of liquidations of another coin until what came before is claimed as listened to."""
        now = now_ms()

        def claimed() -> bool:
            self.wire(venue).tell(liquidation(venue, "DOGE", now_ms(), "long", 0.15, 100.0))
            time.sleep(QUICK.max_delay)
            return any(name == venue and span.until > now for name, span in self.claims)

        wait_for(claimed)

    def heard(self, count: int, venue: str | None = None) -> None:
        """Wait until so many liquidations were heard."""
        wait_for(lambda: sum(one.recorded for one in self.followed if venue in (None, one.name)) >= count)


def wait_for(found: Callable[[], object], seconds: float = 30.0):
    """Return what `found` finds, once it is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := found():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


@contextmanager
def recording(
    server: VenueServer, folder: Path, *venues: str, wanted: tuple[str, ...] = (), clocks: Clocks | None = None
) -> Iterator[Session]:
    """Record until the block ends, then settle."""
    loop, over, said = asyncio.new_event_loop(), asyncio.Event(), []
    failed: list[BaseException] = []
    with open_store(folder) as store:
        followed = [StreamState(name, wanted, store, said.append, clocks or Clocks()) for name in venues]

        session = Session(server, followed, said)

        def work() -> None:
            try:
                loop.run_until_complete(record(followed, store, over, said.append))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield session
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join(30)
    loop.close()
    assert not failed, failed


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, venues: VenueServer) -> VenueServer:
    monkeypatch.setattr(stream, "TIMING", QUICK)
    return venues


def told(folder: Path) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "liquidations")
    frame = frame[frame["symbol"] != "DOGE/USDT:USDT"].reset_index(drop=True)  # what `prove` told
    return frame.assign(ms=pd.DatetimeIndex(frame["time"]).as_unit("ms").asi8)


def stretches(folder: Path, venue: str) -> list[tuple[int, int]]:
    frame = pd.read_parquet(folder / "listening")
    frame = frame[frame["venue"] == venue].sort_values("since")
    columns = (pd.DatetimeIndex(frame[name]).as_unit("ms").asi8.tolist() for name in ("since", "until"))
    return [(a, b) for a, b in zip(*columns, strict=True) if (a % 86_400_000) or len(frame) == 1]


def test_each_venues_words_become_sides_coins_and_dollars(quick, tmp_path):
    now = now_ms()
    with recording(quick, tmp_path, *STREAMS) as session:
        for venue in STREAMS:
            wire = session.wire(venue)
            wire.tell(liquidation(venue, "BTC", now - 500, "long", PRICE, 0.25))
            wire.tell(liquidation(venue, "ETH", now - 400, "short", 3000.0, 1.5))
        for venue in STREAMS:
            session.prove(venue)
    rows = told(tmp_path)
    for venue in STREAMS:
        mine = rows[rows["venue"] == venue].set_index("symbol")
        assert mine.loc["BTC/USDT:USDT", ["ms", "side", "price"]].tolist() == [now - 500, "long", PRICE]
        assert mine.loc["ETH/USDT:USDT", ["ms", "side", "price"]].tolist() == [now - 400, "short", 3000.0]
        assert mine["coins"].tolist() == pytest.approx([0.25, 1.5])
        assert mine["usd"].tolist() == pytest.approx([15_000.0, 4_500.0])
    assert set(pd.read_parquet(tmp_path / "listening")["symbol"]) == {"*"}


def test_every_liquidation_of_a_message_counts(quick, tmp_path):
    """Bybit sends several rows in one message; OKX several details in one row, of which ccxt reads the first."""
    now = now_ms()
    bybit, okx = (liquidation(name, "BTC", now, "long", PRICE, 0.5) for name in ("bybit", "okx"))
    bybit["data"] += [{**bybit["data"][0], "T": now + row, "p": str(PRICE + row)} for row in (1, 2)]
    details = okx["data"][0]["details"]
    details += [{**details[0], "ts": str(now + row), "side": "buy", "posSide": "short"} for row in (1, 2, 3)]
    with recording(quick, tmp_path, "bybit", "okx") as session:
        session.wire("bybit").tell(bybit)
        session.wire("okx").tell(okx)
        session.heard(7)
    assert told(tmp_path).groupby("venue", observed=True).size().to_dict() == {"bybit": 3, "okx": 4}
    assert (told(tmp_path).query("venue == 'okx'")["side"] == "short").sum() == 3


def test_only_what_was_asked_for_is_kept_and_claimed(quick, tmp_path):
    with recording(quick, tmp_path, *STREAMS, wanted=("ETH", "SOL")) as session:
        for venue in STREAMS:
            wire, now = session.wire(venue), now_ms()
            for coin in ("BTC", "ETH"):
                wire.tell(liquidation(venue, coin, now, "short", PRICE, 0.1))
        session.heard(3)
        for venue in ("binanceusdm", "okx"):
            session.prove(venue)
    assert set(told(tmp_path)["symbol"]) == {"ETH/USDT:USDT"}
    assert set(pd.read_parquet(tmp_path / "listening")["symbol"]) == {"ETH/USDT:USDT", "SOL/USDT:USDT"}


@pytest.mark.parametrize("end", ["closes", "hangs up", "falls silent"])
def test_a_stream_that_ends_is_opened_again_and_the_hole_is_noted(quick, tmp_path, end):
    with recording(quick, tmp_path, *STREAMS) as session:
        first = {venue: session.wire(venue) for venue in STREAMS}
        for venue, wire in first.items():
            wire.tell(liquidation(venue, "BTC", now_ms(), "long", PRICE, 1.0))
            session.heard(1, venue)
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
        rows = told(tmp_path).query("venue == @venue")
        assert rows["side"].tolist() == ["long", "short"], "told twice is one liquidation"
        spans = stretches(tmp_path, venue)
        hole = max(after - before for (_, before), (after, _) in itertools.pairwise(spans))
        assert hole > 0
        if end == "falls silent":
            assert hole >= 2 * 1000 * QUICK.ping, "silence was taken for listening"
    assert any("connecting again" in line for line in session.said)


def test_a_venue_that_refuses_is_asked_again_and_again(quick, tmp_path):
    quick.fail("okx", "503")
    with recording(quick, tmp_path, "okx", "bybit") as session:
        session.wire("bybit")
        wait_for(lambda: sum("OKX is out of order" in line for line in session.said))
        time.sleep(4 * QUICK.longest_wait)
        assert sum("OKX is out of order" in line for line in session.said) == 1, "said over and over"
        quick.heal()
        session.wire("okx")


BROKEN = [
    '{"e": "forceOrder", "o": {"s": "BTC',
    "[1, 2",
    "hello",
    "[]",
    "null",
    '{"topic": "allLiquidation.BTCUSDT", "data": null}',
    '{"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "data": [null, 7]}',
    '{"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [{"instId": "BTC-USDT-SWAP"}]}',
    '{"e": "forceOrder"}',
    '{"e": "forceOrder", "o": {"s": "BTCUSDT", "S": "SELL", "ap": "-1", "z": "1", "T": 1}}',
]


def test_frames_that_make_no_sense_are_passed_over(quick, tmp_path):
    with recording(quick, tmp_path, *STREAMS) as session:
        for venue in STREAMS:
            wire = session.wire(venue)
            for price in ("-5", "NaN", "1e300", ""):
                row = json.dumps(liquidation(venue, "BTC", now_ms(), "long", PRICE, 1.0))
                wire.tell(row.replace(str(PRICE), price))
            wire.tell(liquidation(venue, "BTC", now_ms() + 10 * 60_000, "long", PRICE, 1.0))
            wire.tell(liquidation(venue, "BTC", now_ms() - 48 * 3_600_000, "long", PRICE, 1.0))
        wait_for(lambda: all(one.rejected.total() >= 6 for one in session.followed))
        for venue in STREAMS:
            for frame in BROKEN:
                session.wire(venue).tell(frame)

        def goes_on() -> bool:  # whatever the frames did, on this connection or the next
            for venue in STREAMS:
                session.wire(venue).tell(liquidation(venue, "BTC", now_ms(), "short", PRICE, 1.0))
            return all(one.recorded for one in session.followed)

        wait_for(goes_on)
    rows = told(tmp_path)
    assert set(rows["price"]) == {PRICE}
    assert set(rows["side"]) == {"short"}


def test_a_frame_that_cannot_be_read_may_have_held_something(quick, tmp_path):
    with recording(quick, tmp_path, "bybit") as session:
        wire = session.wire("bybit")
        session.prove("bybit")
        wire.tell(BROKEN[0])
        wait_for(lambda: session.followed[0].rejected)
        session.prove("bybit")
        assert session.server.wires == [wire]
    assert len(stretches(tmp_path, "bybit")) == 2


def test_pings_alone_do_not_prove_a_stream_of_everything_alive(quick, tmp_path):
    """Where every perpetual is in one stream, quiet may be a subscription that the venue forgot."""
    with recording(quick, tmp_path, "okx") as session:
        wire = session.wire("okx")
        session.prove("okx")
        heard = now_ms()
        time.sleep(6 * QUICK.ping)
        closed = now_ms()
        wire.close()
        session.wire("okx", but=wire)
    claimed = max(until for _, until in stretches(tmp_path, "okx"))
    assert claimed <= heard
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
        session.heard(1)
        time.sleep(3 * QUICK.ping)
        assert session.server.wires == [wire]
    ((since, until),) = stretches(tmp_path, "bybit")
    (at,) = told(tmp_path)["ms"]
    assert began <= since < at < until <= now_ms()


def test_hours_slept_through_are_a_hole(quick, tmp_path, monkeypatch):
    """A clock that stands still while the computer sleeps: afterwards the venue's has gone on."""
    slept = [0.0]
    real = client.venue_clock
    monkeypatch.setattr(client, "venue_clock", lambda *asked: real(*asked) + round(1000 * slept[0]))
    with recording(quick, tmp_path, "bybit", clocks=Clocks(wall=lambda: time.time() + slept[0])) as session:
        wire = session.wire("bybit")
        session.prove("bybit")
        heard = session.followed[0].recorded
        slept[0] = 3 * 3600.0
        wait_for(lambda: any(span.since > now_ms() + 2 * 3_600_000 for _, span in session.claims))
        late = now_ms() + 3 * 3_600_000
        wire.tell(liquidation("bybit", "BTC", late, "long", PRICE, 1.0))
        session.heard(heard + 1)
        time.sleep(3 * QUICK.ping)
    (_, before), (after, until) = stretches(tmp_path, "bybit")[-2:]
    assert after - before >= 3 * 3_600_000 - 1000
    assert until > late


KILLED = """
import sys
from liq.__main__ import main
from liq.sources.recorder import stream
stream.TIMING = stream.Timing(0.02, 0.05, 0.15, 600.0, 0.5, 5.0, 600.0, 0.05, 0.2, 600.0, 0.3)
sys.exit(main(["record", "--to", sys.argv[1]]))
"""


def on_disk(folder: Path) -> set[tuple[str, float]]:
    """Return venue and price of the liquidations that have reached the disk, in the files or on the way there."""
    found = set()
    for path in folder.glob("liquidations/*/[0-9]*.parquet"):
        found |= {(path.parent.name.removeprefix("venue="), price) for price in read_day(path)["price"]}
    lines = (folder / "journal").read_text().split("\n")[:-1] if (folder / "journal").exists() else []
    return found | {(row[0], row[4]) for row in map(json.loads, lines) if len(row) > 4}


def test_killed_at_any_moment_no_file_is_torn_and_nothing_claimed_is_missing(quick, tmp_path):
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
                [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, env=environment, stderr=subprocess.PIPE
            )
            wait_for(lambda kept=kept: len(on_disk(tmp_path) - kept) > 350)
            kept = kept | on_disk(tmp_path)
            time.sleep(0.3 * chance.random())
            last = life == 4
            process.send_signal(signal.SIGTERM if last else signal.SIGKILL)
            assert process.wait(30) == (0 if last else -signal.SIGKILL)
            for path in tmp_path.glob("*/*/[0-9]*.parquet"):
                assert len(pd.read_parquet(path))
            assert kept <= on_disk(tmp_path), "a kill took back what was kept"
    finally:
        over.set()
        talking.join()
    rows = told(tmp_path)
    assert kept <= set(zip(rows["venue"], rows["price"], strict=True))
    assert not rows.duplicated(["venue", "price"]).any()
    for venue in STREAMS:
        mine = rows[rows["venue"] == venue]
        kept_prices, spans = set(mine["price"].round(2)), stretches(tmp_path, venue)
        assert len(spans) >= 2, "lives are stretches of their own"
        claimed = [(at, price) for at, price in sent[venue] if any(a <= at < b for a, b in spans)]
        assert len(claimed) > 50
        assert [row for row in claimed if round(row[1], 2) not in kept_prices] == []
        assert kept_prices <= {round(price, 2) for _, price in sent[venue]}


def test_the_command_ends_as_it_is_told_to_and_refuses_what_makes_no_sense(quick, tmp_path, capsys, monkeypatch):
    environment = {**os.environ, "LIQ_GATEWAY": quick.url}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: len(quick.wires) == 3)
    assert main(["record", "--to", str(tmp_path)]) == 2
    assert "another recorder" in capsys.readouterr().err
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert main(["record", "--source", "gate", "--to", str(tmp_path)]) == 2
    assert "binanceusdm, bybit, okx" in capsys.readouterr().err
    assert main(["record", "NOSUCHCOIN", "--to", str(tmp_path)]) == 2
    assert "no perpetual 'NOSUCHCOIN'" in capsys.readouterr().err
