"""One local HTTP server that stands in for every venue and both archives behind LIQ_GATEWAY, over real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.venue_server import faults, streams, wire
from tests.venue_server.moving import Clock
from tests.venue_server.venues import (
    archive,
    binance,
    bybit,
    gate,
    hyperliquid,
    hyperliquid_accounts,
    krakenfutures,
    lighter,
    okx,
)

HOSTS = {
    "fapi.binance.com": "binanceusdm",
    "api.bybit.com": "bybit",
    "www.okx.com": "okx",
    "api.gateio.ws": "gate",
    "futures.kraken.com": "krakenfutures",
    "api.hyperliquid.xyz": "hyperliquid",
    "stats-data.hyperliquid.xyz": "hyperliquid",
    "mainnet.zklighter.elliot.ai": "lighter",
    "data.binance.vision": "archive",
    "s3-ap-northeast-1.amazonaws.com": "archive",
    "datasets.tardis.dev": "tardis",
}

SPEAK = {
    "binanceusdm": binance.answer,
    "bybit": bybit.answer,
    "okx": okx.answer,
    "gate": gate.answer,
    "krakenfutures": krakenfutures.answer,
    "hyperliquid": hyperliquid.answer,
    "lighter": lighter.answer,
    "archive": archive.vision,
    "tardis": archive.tardis,
}


class Fault(NamedTuple):
    """A fault in force: its mode, a part of the path that it is limited to, and after how many calls it begins."""

    mode: str
    only: str = ""
    after: int = 0


class VenueServer(ThreadingHTTPServer):
    """The server; `fail` and `heal` set faults, `calls` and `log` tell what was asked.

    >>> with VenueServer() as server:
    ...     server.fail("okx", "503")
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, *, slow: float = 10.0, latency: float = 0.0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.slow, self.latency = slow, latency
        self.lock, self.over = threading.Lock(), threading.Event()
        self.faults: dict[str, Fault] = {}
        self.calls: Counter[str] = Counter()
        self.log: list[tuple[str, str]] = []
        self.knobs = wire.Knobs()
        self.wires: list[streams.Wire] = []

    @property
    def url(self) -> str:
        """The address for LIQ_GATEWAY."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> VenueServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def fail(self, venue: str, mode: str, *, only: str = "", after: int = 0) -> None:
        """Put a fault in force for a venue, or for all of them with ``"*"``."""
        for name in SPEAK if venue == "*" else [venue]:
            self.faults[name] = Fault(mode, only, after)

    def heal(self) -> None:
        """Take back every fault."""
        self.faults.clear()

    def move(self, pace: float = 1.0, minutes: float = 0.0) -> Clock:
        """Let Hyperliquid's accounts move, from so many minutes ago and so many times as fast until the present."""
        real = time.time()
        self.knobs.clock = Clock(real, int((real - 60 * minutes) * 1000), pace)
        return self.knobs.clock

    def forget(self) -> None:
        """Begin counting anew."""
        with self.lock:
            self.calls.clear()
            self.log.clear()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: VenueServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body go out in two writes, which would cost 40 ms an answer

    def do_GET(self) -> None:
        """Answer a GET, or one of the server's own paths: /_fault/<venue>/<mode>, /_heal, /_calls, /_move, /_book."""
        self._answer({})

    def do_POST(self) -> None:
        """Answer a POST with a JSON body."""
        self._answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"))

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _answer(self, body: dict[str, Any]) -> None:
        split = urlsplit(self.path)
        host, _, path = split.path.lstrip("/").partition("/")
        query = {**dict(parse_qsl(split.query)), **body}
        if host.startswith("_"):
            return self._own(host, path)
        if streams.stream(self, host):
            return None
        venue = HOSTS.get(host)
        if venue is None:
            return self._send(404, json.dumps({"error": f"no venue at {host}"}))
        with self.server.lock:
            self.server.calls[venue] += 1
            count = self.server.calls[venue]
            self.server.log.append((venue, f"{path}?{split.query}{body.get('type', '')}"))
        fault = self.server.faults.get(venue)
        if fault is not None and (fault.only not in f"{path}{body.get('type', '')}" or count <= fault.after):
            fault = None
        return self._speak(venue, path, query, fault.mode if fault else None)

    def _speak(self, venue: str, path: str, query: dict[str, Any], mode: str | None) -> None:
        if self.server.latency:
            time.sleep(self.server.latency)
        if mode in faults.ANSWERS:
            return self._send(*faults.ANSWERS[mode])
        if mode == "slow":
            self.server.over.wait(self.server.slow)
        if mode in ("reset", "refused"):
            return faults.reset(self)
        try:
            status, payload = SPEAK[venue](path, query, mode, self.server.knobs)
        except KeyError as missing:
            status, payload = 400, {"code": -1102, "msg": f"parameter {missing} was not sent"}
        if isinstance(payload, archive.Body):
            return self._send_body(status, payload, mode)
        text = json.dumps(faults.emptied(payload) if mode == "empty" else payload)
        if mode == "cut":
            return faults.cut(self, text.encode())
        return self._send(status, text)

    def _own(self, what: str, rest: str) -> None:
        if what == "_fault":
            venue, _, mode = rest.partition("/")
            self.server.fail(venue if venue != "all" else "*", mode)
        elif what == "_heal":
            self.server.heal()
        elif what == "_move":
            self.server.move(*(float(word) for word in rest.split("/") if word))
        elif what == "_book":
            lives = hyperliquid_accounts.book(self.server.knobs, int(rest) if rest else None)
            return self._send(200, json.dumps([one._asdict() for one in lives]))
        self._send(200, json.dumps({"calls": self.server.calls, "faults": self.server.faults}))

    def _send_body(self, status: int, body: archive.Body, mode: str | None) -> None:
        content = b"" if mode == "empty" else body.content
        if mode == "cut":
            return faults.cut(self, content)
        if mode == "drip":
            return faults.drip(self, content)
        return self._send(status, content, {"Content-Type": body.type, **body.headers})

    def _send(self, status: int, text: str | bytes, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
