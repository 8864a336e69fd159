"""What collecting and a comparison cost, and how soon there is something to see: `python -m benchmarks.positions`.

A pass over 45,000 accounts runs against the local server without delay, with the venue's weight limit at sixty times
its speed. The first picture is half of the dollars within 10 % of the price that such a pass sees, on disk; there an
account's dollars fall as one over its rank on the leaderboard, as its value does on the local server, and its level
lies up to 31 % from its entry. The comparison is of 3,000 positions with a map, beside the time of the estimate
itself. The reference of each is the venue's limit, the bar, or the estimate. Memory is what both processes hold
together, pages that they share counted once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

import liq
from benchmarks.linux import peak_memory, require_linux
from benchmarks.sessions import opened
from liq.sources.positions import collect
from liq.sources.positions.asking import requests
from liq.sources.positions.reader import read_snapshot, snapshot_files
from liq.sources.positions.storage import open_store
from liq.sources.rate_limit import COLLECTOR_SHARE, RateLimit, limits_within
from liq.sources.simulation.market import simulate
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget

ACCOUNTS = 50_000
"""Accounts of the local server, of which the leaderboard names nine tenths."""

SPEED = 60

EARLY_SPEED = 10
"""The same for the first picture, where the time of a snapshot's writing counts as well."""

NEAR = 0.1
BAR_SECONDS, BAR_MEMORY = 150, 350

SERVER = f"""
import time
from tests.venue_server import VenueServer
from tests.venue_server.venues import hyperliquid_accounts as accounts

plain = accounts.state

def by_rank(user, knobs):
    status, answer = plain(user, knobs)
    number = accounts.number_of(user)
    for row in answer["assetPositions"]:
        size, entry = (float(row["position"][name] or 0) for name in ("szi", "entryPx"))
        away = 0.01 + 0.3 * (number * 7919 % 1000) / 1000
        level = entry * (1 - away if size > 0 else 1 + away)
        row["position"].update(szi=str(size * 1e3 / (1 + number)), liquidationPx=str(level))
    return status, answer

accounts.state = by_rank
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
            whole = passed()
            for share in (1.0, COLLECTOR_SHARE):
                first_picture(whole, share)
            beside_the_app()
        finally:
            server.kill()


def passed() -> float:
    """Print what one pass costs; return the dollars near the price that it saw."""
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
    return near_dollars(rows)


def near_dollars(rows: pd.DataFrame) -> float:
    """Return the dollars of BTC whose level lies near the price."""
    own, price = rows[rows["coin"] == "BTC"], liq.quote("BTC", "hyperliquid").price
    is_near = (own["liquidation_price"] / price - 1).abs() < NEAR
    return float((own["coins"] * own["liquidation_price"])[is_near].sum())


def first_picture(whole: float, share: float) -> None:
    """Print how long it takes from nothing until half of a pass's dollars near the price are on disk."""
    connection, stop = client.connect("hyperliquid"), threading.Event()
    limits = limits_within(5.0, connection.venue.limits, share)
    connection.rate_limit = RateLimit([limit._replace(seconds=limit.seconds / EARLY_SPEED) for limit in limits])
    times = (requests.FIRST_SNAPSHOT, requests.EARLY)
    requests.FIRST_SNAPSHOT, requests.EARLY = (seconds / EARLY_SPEED for seconds in times)
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder), "hyperliquid") as store:
        options = {"every": None, "stop": stop}
        plan = collect.Plan(find=("leaderboard",))
        began = time.perf_counter()
        work = threading.Thread(
            target=collect.collect, args=(connection, store, plan, lambda _: None), kwargs=options
        )
        work.start()
        seen = 0.0
        while seen < whole / 2 and work.is_alive():
            time.sleep(0.02)
            if files := snapshot_files(Path(folder)):
                rows, said = read_snapshot(files[-1])
                seen = near_dollars(rows)
        seconds = (time.perf_counter() - began) * EARLY_SPEED
        stop.set()
        work.join()
    requests.FIRST_SNAPSHOT, requests.EARLY = times
    print(
        f"first picture with {share:.0%} of the limit: {seconds:.0f} s, {said['asked']:,} accounts asked; "
        f"{seconds / BAR_SECONDS:.2f} of the bar of {BAR_SECONDS} s"
    )


def beside_the_app() -> None:
    """Print what the app with one session and a collector beside it hold together."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = ["--server.headless", "true", "--server.fileWatcherType", "none", "--server.address", "127.0.0.1"]
        command = [
            sys.executable,
            "-m",
            "liq",
            "app",
            "--port",
            str(port),
            "--collect",
            "hyperliquid",
            "--",
            *options,
        ]
        environment = {**os.environ, "LIQ_POSITIONS": folder}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as app:
            try:
                peak = asyncio.run(watched(app.pid, f"http://127.0.0.1:{port}"))
            finally:
                app.kill()
        time.sleep(8)  # the collector's farewell
    both = peak[0] + peak[1]
    print(
        f"app with one session {peak[0]:.0f} MB, collector {peak[1]:.0f} MB, together {both:.0f}; "
        f"{both / BAR_MEMORY:.2f} of the bar of {BAR_MEMORY} MB; the app's reader of files besides {peak[2]:.0f} MB"
    )


async def watched(process: int, address: str) -> tuple[float, float, float]:
    """Return the most MB that the app, its collector and its other processes held within half a minute."""
    for _ in range(100):
        with suppress(OSError):
            socket_of_session, *_ = await opened(address, "source=hyperliquid&timeframe=7d")
            break
        await asyncio.sleep(0.2)
    peak = (0.0, 0.0, 0.0)
    for _ in range(60):
        tasks = Path(f"/proc/{process}/task").glob("*/children")
        children = sorted({child for path in tasks for child in path.read_text(encoding="utf-8").split()})
        names = [Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8") for child in children]
        held = [proportional(int(child)) for child in children]
        collectors = sum(mb for mb, name in zip(held, names, strict=True) if "liq.commands.collector" in name)
        now = (proportional(process), collectors, sum(held) - collectors)
        peak = max(peak, now, key=lambda one: one[0] + one[1])
        await asyncio.sleep(0.5)
    await socket_of_session.close()
    return peak


def proportional(process: int) -> float:
    """Return the MB that a process holds, a page that several share counted in parts; 0 where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    return 0.0


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
