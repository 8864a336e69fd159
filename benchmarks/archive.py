"""How long a window of the archive takes against the local server: `python -m benchmarks.archive`.

Every request is answered after 150 ms. Cold is a new process with an empty folder, again is another new one with that
folder. The server has made its files before, as object storage has.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

LATENCY = 0.15

WINDOWS = (("7d", "2024-11-29", 6.0), ("6M", "2025-06-15", 12.0), ("12h", "2025-10-11", 6.0))
"""Lookback, moment, and the seconds within which the map has to be there."""

AGAIN = 1.0
"""Seconds within which it has to be there again, in a process that has imported the package."""

SCRIPT = """
import sys, time
import liq, requests, diskcache, filelock
from liq.sources import fetch
began = time.perf_counter()
market = liq.fetch("BTC", sys.argv[1], "archive", as_of=sys.argv[2])
there = time.perf_counter()
liq.estimate(market)
print(there - began, time.perf_counter() - began)
"""


def main() -> None:
    """Print seconds to the market and to the map, cold and again, with the requests that were made."""
    print("window           market     map    bar   requests")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert server.stdin is not None
    assert server.stdout is not None
    url = server.stdout.readline().strip()

    def tell(word: str) -> str:
        """Return the server's answer to a word."""
        server.stdin.write(f"{word}\n")
        server.stdin.flush()
        return server.stdout.readline().strip()

    for lookback, as_of, bar in WINDOWS:
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            tell("quick")
            _seconds(url, lookback, as_of, first)
            tell("slow")
            for what, limit in (("cold", bar), ("again", AGAIN)):
                tell("forget")
                market, heatmap = _seconds(url, lookback, as_of, second)
                print(f"{lookback:4} {what:10} {market:6.2f}  {heatmap:6.2f}  {limit:5.1f}   {tell('calls'):>6}")
            size = sum(path.stat().st_size for path in Path(second).rglob("*") if path.is_file())
            print(f"{lookback:4} on disk    {size / 1e6:6.2f} MB")
    server.kill()


SERVER = f"""
import sys
from tests.venue_server import VenueServer
with VenueServer() as server:
    print(server.url, flush=True)
    for line in sys.stdin:
        word = line.strip()
        if word in ("quick", "slow"):
            server.latency = {LATENCY} if word == "slow" else 0.0
        if word == "forget":
            server.forget()
        print(server.calls["archive"], flush=True)
"""


def _seconds(url: str, lookback: str, as_of: str, folder: str) -> tuple[float, float]:
    """Return the seconds to the market and to the map in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, lookback, as_of],
        env={**os.environ, "LIQ_GATEWAY": url, "LIQ_CACHE": folder},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    market, heatmap = map(float, done.stdout.split())
    return market, heatmap


if __name__ == "__main__":
    main()
