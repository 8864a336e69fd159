"""A static host over real sockets: files of a folder with ETags, after a delay, and with faults."""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

PAGE = b"<!doctype html><title>Not what you asked for</title>"

PACKED = zlib.compress(bytes(50_000_000), 1)
"""Few bytes that are many once they are unpacked."""


class Request(NamedTuple):
    """One request: its path, the status it was answered with, and the headers that it came with."""

    path: str
    status: int
    headers: dict[str, str]


class StaticHost(ThreadingHTTPServer):
    """The host of a folder; `fail` and `heal` set faults, `log` tells what was asked.

    >>> with StaticHost(Path(".")) as host:
    ...     host.fail("404", only="index.json")
    ...     host.url.startswith("http://127.0.0.1:")
    True
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, latency: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.latency = folder, latency
        self.lock, self.over = threading.Lock(), threading.Event()
        self.mode, self.only = "", ""
        self.log: list[Request] = []

    @property
    def url(self) -> str:
        """The address of the folder."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def fail(self, mode: str, only: str = "") -> None:
        """Let every request fail in one way, or those whose path has a part."""
        self.mode, self.only = mode, only

    def heal(self) -> None:
        """Take the fault back and forget what was asked."""
        self.mode, self.log = "", []

    def asked(self, part: str = "") -> list[str]:
        """Return the names that were asked for, of those that have a part."""
        return [one.path.rsplit("/", 1)[-1] for one in self.log if part in one.path]

    def __enter__(self) -> StaticHost:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that went away."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET out of the host's folder."""

    protocol_version = "HTTP/1.1"
    server: StaticHost

    def do_GET(self) -> None:
        """Answer with a file, or as the fault has it."""
        host = self.server
        host.over.wait(host.latency)
        path = host.folder / self.path.lstrip("/")
        if host.mode and host.only in self.path:
            self.fault(host.mode, path)
        elif not path.is_file():
            self.answer(404, PAGE)
        else:
            self.file(path)

    def file(self, path: Path) -> None:
        """Answer with a file, or that the one that is known still holds."""
        content = path.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            self.answer(304, b"", ETag=etag)
        else:
            self.answer(200, content, ETag=etag)

    def answer(self, status: int, content: bytes, length: int | None = None, **headers: str) -> None:
        """Write an answer and note the request."""
        with self.server.lock:
            self.server.log.append(Request(self.path, status, dict(self.headers)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def fault(self, mode: str, path: Path) -> None:
        """Answer as a fault has it."""
        port = self.server.server_address[1]
        content = path.read_bytes() if path.is_file() else PAGE
        to = {
            "local": f"https://127.0.0.1:{port}{self.path}",
            "private": f"http://192.168.0.1:{port}{self.path}",
            "link-local": f"http://169.254.169.254{self.path}",
            "elsewhere": f"http://example.org{self.path}",
            "another-port": f"http://127.0.0.1:9{self.path}",
            "file": "file:///etc/passwd",
            "with-password": f"http://me:secret@127.0.0.1:{port}{self.path}",
            "loop": self.path,
            "nowhere": "http://[",
        }
        if mode in to:
            self.answer(302, b"", Location=to[mode])
        elif mode == "moved":
            new = self.path.replace("/moved", "")
            self.file(self.server.folder / new.lstrip("/")) if "/moved" in self.path else self.answer(
                301, b"", Location=f"/moved{self.path}"
            )
        elif mode == "gzip":
            self.answer(200, PACKED, Content_Encoding="deflate")
        elif mode == "html":
            self.answer(200, PAGE, Content_Type="text/html")
        elif mode == "million":
            self.answer(200, b"[\n" + b'{"file": 1},\n' * 1_000_000 + b"0]")
        elif mode == "other":
            changed = content.replace(
                b"parquet-cpp-arrow", b"parquet-cpp-arroz"
            )  # who wrote it; else all is the same
            self.answer(200, changed if changed != content else content[:-1] + bytes([content[-1] ^ 1]))
        elif mode == "cut":
            self.answer(200, content[: len(content) // 2], length=len(content))
            self.close_connection = True
        elif mode == "endless":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            while not self.server.over.is_set():
                self.wfile.write(b" " * 65_536)
        elif mode in ("silent", "drip", "drip-head"):
            self.drip(mode, content)
        elif mode == "nonsense":
            self.wfile.write(b"\x00\x01 what is this\r\n\r\n")
            self.close_connection = True
        elif mode == "reset":
            self.close_connection = True
        else:
            self.answer(int(mode), PAGE)

    def drip(self, mode: str, content: bytes) -> None:
        """Answer never, or a byte at a time."""
        self.close_connection = True
        if mode == "drip":
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
        elif mode == "drip-head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        end = time.monotonic() + 20
        while not self.server.over.wait(0.05) and time.monotonic() < end:
            if mode != "silent":
                self.wfile.write(b"a")
                self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Print nothing."""
