"""`watch`: lines that hold, an outage that is said once, a webhook that never holds anything up, and a clean end."""

from __future__ import annotations

import argparse
import ast
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from liq.__main__ import _parser, main
from liq.commands import watch, webhook
from liq.errors import SourceError
from liq.sources import fetch, market_cache
from liq.sources.venues import failures
from tests.served import ROOT
from tests.venue_server.fixtures import QUICK

SIMULATED = ("--source", "simulated")
BEGIN = pd.Timestamp("2026-11-17 12:01", tz="UTC")


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> pd.Timestamp:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Iterator[Clock]:
    """Let no test ask a venue, and let time pass only where a test says so."""
    clock = Clock()
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")
    monkeypatch.setattr(failures, "RETRY_POLICY", QUICK)
    monkeypatch.setattr(market_cache, "utc_now", clock)
    fetch.clear_caches()
    yield clock
    fetch.clear_caches()


def parsed(*words: str) -> argparse.Namespace:
    return _parser(["watch"]).parse_args(["watch", *words])


@contextmanager
def listening(*codes: int, wait: float = 0.0) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield an address that answers with these codes in turn, then 200, and what was posted there."""
    got: list[tuple[str, bytes]] = []
    answers = list(codes)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Content-Type"], body))
            time.sleep(wait)
            code = answers.pop(0) if answers else 200
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            got.append(("GET", b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret/path", got
    finally:
        server.shutdown()
        server.server_close()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


def test_an_afternoon_is_printed_line_by_line_without_repeats(clock, capsys):
    lines: list[str] = []
    looks = watch.rounds(parsed("BTC", "ETH", "BTC", *SIMULATED, "--usd", "2e6", "--within", "2"), lines.append)
    for _ in range(18):
        next(looks)
        clock.now += pd.Timedelta(minutes=5)
    output = [json.loads(line) for line in lines]
    assert {one["symbol"] for one in output} == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    assert {one["event"] for one in output} >= {"near", "built"}
    for one in output:
        assert one["schema"] == "liq.event/1"
        assert one["simulated"] is True
        assert one["low"] <= one["peak"] <= one["high"]
        assert one["usd"] >= (2e6 if one["event"] in ("near", "built") else 0)
        at = pd.Timestamp(one["time"])
        assert at <= clock.now
        if one["event"] == "near":
            assert abs(one["distance"]) <= 0.02001
        else:
            assert at == at.floor("15min"), "the end of a bar"
    assert len({(one["symbol"], one["event"], one["time"], one["low"]) for one in output}) == len(output)
    assert capsys.readouterr().err.count("This is a simulated market") == 2


def test_the_price_is_requested_often_and_the_map_when_a_bar_closes(clock, monkeypatch):
    calls = {"fetch": 0, "quote": 0}
    for name in calls:
        real = getattr(fetch, name)

        def counted(*words, name=name, real=real, **more):
            calls[name] += 1
            return real(*words, **more)

        monkeypatch.setattr(fetch, name, counted)
    looks = watch.rounds(parsed(*SIMULATED), lambda _: None)
    for _ in range(60):
        next(looks)
        clock.now += pd.Timedelta(seconds=30)
    assert calls == {"fetch": 3, "quote": 60}  # half an hour that sees two bars of 15 minutes close


def test_an_outage_is_reported_once_and_survived(clock, monkeypatch, capsys):
    looks = watch.rounds(parsed(*SIMULATED), lambda _: None)
    next(looks)
    real, tries = fetch.fetch, []

    def down(*_, **__):
        tries.append(clock.now)
        raise SourceError("the venue is down.")

    monkeypatch.setattr(fetch, "fetch", down)
    for _ in range(40):
        clock.now += pd.Timedelta(seconds=30)
        next(looks)
    assert capsys.readouterr().err.count("the venue is down") == 1
    assert 3 <= len(tries) <= 11, "left alone for a minute after each failure"
    monkeypatch.setattr(fetch, "fetch", real)
    clock.now += pd.Timedelta(minutes=2)
    next(looks)
    assert "down" not in capsys.readouterr().err


def test_the_simulated_market_is_not_watched_in_place_of_a_venue(capsys):
    assert main(["watch", "BTC", "--once"]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert "No venue answered" in output.err


def test_once_looks_once_and_posts_what_it_prints(capsys):
    with listening() as (address, got):
        words = ["watch", "BTC", *SIMULATED, "--once", "--usd", "1e5", "--within", "3", "--webhook", address]
        assert main(words) == 0
        printed = capsys.readouterr().out.splitlines()
        assert printed
        assert [body.decode() for _, body in got] == printed
        assert {kind for kind, _ in got} == {"application/json"}


@pytest.mark.parametrize(
    "words",
    [
        ["--source", "file"],
        ["NOSUCH", *SIMULATED],
        [*SIMULATED, "--every", "0.1"],
        [*SIMULATED, "--within", "0"],
        [*SIMULATED, "--usd", "nan"],
        [*SIMULATED, "--prior", "nosuch"],
        [*SIMULATED, "--webhook", "file:///etc/passwd"],
        [*SIMULATED, "--webhook", "ftp://example.org/"],
        [*SIMULATED, "--webhook", "http://"],
        [*SIMULATED, "--webhook", "http://example.org/a b"],
        [*SIMULATED, "--webhook", "http://example.org:99999/"],
    ],
)
def test_what_makes_no_sense_ends_with_two(capsys, words):
    assert main(["watch", *words, "--once"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("liq: ")


def test_a_webhook_in_trouble_is_tried_again(monkeypatch, capsys):
    monkeypatch.setattr(webhook, "RETRY_DELAYS", (0.01, 0.01, 0.01))
    with listening(500, 429, 503) as (address, got), webhook.webhook_poster(address) as post:
        post('{"a": 1}')
        wait_until(lambda: len(got) == 4)
    assert [body for _, body in got] == [b'{"a": 1}'] * 4
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("code", "tries"), [(404, 1), (302, 1), (500, 4)])
def test_a_webhook_that_refuses_is_given_up_without_naming_its_path(monkeypatch, capsys, code, tries):
    monkeypatch.setattr(webhook, "RETRY_DELAYS", (0.01, 0.01, 0.01))
    with listening(*[code] * tries) as (address, got), webhook.webhook_poster(address) as post:
        post("{}")
        post("[]")
        wait_until(lambda: len(got) == tries + 1)
    assert [kind for kind, _ in got] == ["application/json"] * (tries + 1), "no redirect is followed"
    output = capsys.readouterr().err
    assert f"answered {code}" in output
    assert "secret" not in output


def test_a_dead_webhook_holds_nothing_up(monkeypatch, capsys):
    monkeypatch.setattr(webhook, "RETRY_DELAYS", (60.0,))
    monkeypatch.setattr(webhook, "SHUTDOWN_TIMEOUT", 0.5)
    monkeypatch.setattr(webhook, "MAX_QUEUED", 3)
    with webhook.webhook_poster("http://127.0.0.1:9/") as post:
        for number in range(50):
            post(str(number))
    output = capsys.readouterr().err
    assert output.count("oldest line is given up") >= 40
    wait_until(lambda: not any(thread.name == "webhook" for thread in threading.enumerate()))


def test_a_full_queue_keeps_the_newest():
    lines: queue.Queue[str | None] = queue.Queue(2)
    for line in ("a", "b", "c"):
        webhook._put(lines, line)
    assert [lines.get(), lines.get()] == ["b", "c"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_cleanly_on_a_signal(number, code):
    process = subprocess.Popen(
        [sys.executable, "-m", "liq", "watch", *SIMULATED, "--usd", "1e5", "--within", "5", "--every", "60"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
        encoding="utf-8",
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    _, output = process.communicate(timeout=30)
    assert json.loads(first)["schema"] == "liq.event/1"
    assert process.returncode == code
    assert "Traceback" not in output


READERS = {"liq/sources/positions/download.py", "liq/sources/archive/hosts.py"}
"""Modules that load files from an address that the operator named, or from an archive: they ask, and send nothing."""


def test_the_served_app_has_no_way_to_a_webhook():
    """Follow every import from the entry, the pages and the controls, also those inside functions."""

    def imported_names(file: Path) -> set[str]:
        names = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return names

    def source_file(name: str) -> Path | None:
        path = ROOT / name.replace(".", "/")
        return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)

    waiting = [ROOT / "streamlit_app.py", *(ROOT / "liq" / "app").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    reached: set[Path] = set()
    outside: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file in reached:
            continue
        reached.add(file)
        for name in imported_names(file):
            if (imported := source_file(name)) is not None:
                waiting.append(imported)
            elif file.relative_to(ROOT).as_posix() not in READERS:
                outside.add(name)
    files = {str(file.relative_to(ROOT)) for file in reached}
    assert "liq/sources/fetch.py" in files, "imports are followed"
    assert not [name for name in files if name.startswith("liq/commands")]
    assert not {"urllib.request", "http.client", "requests", "httpx", "aiohttp", "smtplib", "importlib"} & outside
    for name in READERS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"POST|PUT|\.post\(|body=|data=", text), name
