"""The recorder against a local server that speaks the venues' formats over real websockets, and breaks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from liq.__main__ import main
from liq.sources.recorder.stream import STREAMS
from tests.served import ROOT
from tests.sources.recorder.recording import PRICE, RECORD_COMMAND, recorded_rows, recorded_spans, recording, wait_for
from tests.venue_server.streams import liquidation
from tests.venue_server.wire import now_ms


def test_each_venues_messages_become_sides_coins_and_dollars(quick, tmp_path):
    now = now_ms()
    with recording(quick, tmp_path, *STREAMS) as session:
        for venue in STREAMS:
            wire = session.wire(venue)
            wire.tell(liquidation(venue, "BTC", now - 500, "long", PRICE, 0.25))
            wire.tell(liquidation(venue, "ETH", now - 400, "short", 3000.0, 1.5))
        for venue in STREAMS:
            session.prove(venue)
    rows = recorded_rows(tmp_path)
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
        session.wait_for_rows(7)
    assert recorded_rows(tmp_path).groupby("venue", observed=True).size().to_dict() == {"bybit": 3, "okx": 4}
    assert (recorded_rows(tmp_path).query("venue == 'okx'")["side"] == "short").sum() == 3


def test_only_the_requested_tickers_are_kept(quick, tmp_path):
    with recording(quick, tmp_path, *STREAMS, wanted=("ETH", "SOL")) as session:
        for venue in STREAMS:
            wire, now = session.wire(venue), now_ms()
            for coin in ("BTC", "ETH"):
                wire.tell(liquidation(venue, coin, now, "short", PRICE, 0.1))
        session.wait_for_rows(3)
        for venue in ("binanceusdm", "okx"):
            session.prove(venue)
    assert set(recorded_rows(tmp_path)["symbol"]) == {"ETH/USDT:USDT"}
    assert set(pd.read_parquet(tmp_path / "listening")["symbol"]) == {"ETH/USDT:USDT", "SOL/USDT:USDT"}


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
    rows = recorded_rows(tmp_path)
    assert set(rows["price"]) == {PRICE}
    assert set(rows["side"]) == {"short"}


def test_an_unreadable_frame_ends_the_recorded_span(quick, tmp_path):
    with recording(quick, tmp_path, "bybit") as session:
        wire = session.wire("bybit")
        session.prove("bybit")
        wire.tell(BROKEN[0])
        wait_for(lambda: session.followed[0].rejected)
        session.prove("bybit")
        assert session.server.wires == [wire]
    assert len(recorded_spans(tmp_path, "bybit")) == 2


def test_the_command_ends_on_a_signal_and_refuses_bad_arguments(quick, tmp_path, capsys, monkeypatch):
    environment = {**os.environ, "LIQ_GATEWAY": quick.url}
    process = subprocess.Popen(
        [sys.executable, "-c", RECORD_COMMAND, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
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
