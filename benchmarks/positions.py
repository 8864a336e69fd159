"""What a pass over 45,000 accounts and a comparison cost: `python -m benchmarks.positions`.

The pass runs against the local server without delay, with the venue's weight limit at sixty times its speed; the
comparison is of 3,000 positions with a map, beside the time of the estimate itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

import liq
from benchmarks.linux import peak_memory, require_linux
from liq.sources.positions import collect
from liq.sources.positions.reader import read_snapshot, snapshot_files
from liq.sources.positions.storage import open_store
from liq.sources.rate_limit import RateLimit
from liq.sources.simulation.market import simulate
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget

ACCOUNTS = 50_000
"""Accounts of the local server, of which the leaderboard names nine tenths."""

SPEED = 60

SERVER = f"""
import time
from tests.venue_server import VenueServer
with VenueServer() as server:
    server.knobs.accounts = {ACCOUNTS}
    print(server.url, flush=True)
    time.sleep(3600)
"""


def main() -> None:
    """Print the figures."""
    require_linux()
    compared()
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        os.environ["LIQ_GATEWAY"] = server.stdout.readline().strip()
        try:
            passed()
        finally:
            server.kill()


def passed() -> None:
    """Print what one pass costs."""
    connection = client.connect("hyperliquid")
    client.contracts(connection, RetryBudget(10.0, 2))
    limits = [limit._replace(seconds=limit.seconds / SPEED) for limit in connection.venue.limits]
    connection.rate_limit = RateLimit(limits)
    before = peak_memory()
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder), "hyperliquid") as store:
        began = time.perf_counter()
        plan = collect.Plan(find=("leaderboard",))
        collect.collect(connection, store, plan, print, every=None, stop=threading.Event())
        seconds = time.perf_counter() - began
        rows, said = read_snapshot(snapshot_files(Path(folder))[-1])
        size = snapshot_files(Path(folder))[-1].stat().st_size
    memory = peak_memory()
    weight = 2 * said["asked"] / seconds
    print(
        f"{said['asked']:,} accounts, {len(rows):,} positions in {seconds:.0f} s: {weight:.0f} of weight a second, "
        f"limit {20 * SPEED}; peak {memory:.0f} MB, {before:.0f} before; snapshot {size / 1000:.0f} kB"
    )


def compared() -> None:
    """Print what comparing a snapshot costs."""
    market = simulate("BTC", "7d", now="2026-09-01")
    rng = np.random.default_rng(0)
    side = rng.choice(["long", "short"], 3000)
    entry = market.price * np.exp(rng.normal(0, 0.03, 3000))
    level = entry * np.exp(np.where(side == "long", -1, 1) * rng.exponential(0.06, 3000))
    rows = pd.DataFrame({"time": market.as_of, "coin": "BTC", "side": side, "coins": rng.exponential(2, 3000)})
    rows = rows.assign(entry=entry, liquidation_price=level, leverage=10.0, margin="cross", account="a")
    began = time.perf_counter()
    heatmap = liq.estimate(market)
    estimated = time.perf_counter() - began
    positions = liq.Positions(rows, "hyperliquid")
    times = []
    for _ in range(9):
        began = time.perf_counter()
        liq.compare(heatmap, positions.levels("BTC"))
        times.append(time.perf_counter() - began)
    print(
        f"comparing 3,000 positions {np.median(times) * 1000:.1f} ms, {np.median(times) / estimated:.2f} of the "
        f"estimate ({estimated * 1000:.0f} ms)"
    )


if __name__ == "__main__":
    main()
