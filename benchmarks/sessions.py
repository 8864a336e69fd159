"""What many sessions at once cost the server, without a browser: `python -m benchmarks.sessions [10 25 50]`.

A client speaks Streamlit's websocket: each session opens a page, waits until the script has finished and stays.
First so many sessions open one simulated view at once that is worked out already, then 85 sessions open 48 views; all
leave, and memory is read two minutes later. The reference is one session alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.linux import require_linux
from benchmarks.page import resident
from liq.market import LOOKBACKS
from tests.served import served_process

VIEWS = list(itertools.product(("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE"), LOOKBACKS))
"""48 views: six coins in eight timeframes."""

SESSIONS = 85
LEFT_ALONE = 120
"""Seconds after the last session left at which memory is read again."""

TIMEOUT = 120


def processor_seconds(process: int) -> float:
    """Return the processor time of a process so far; Linux only."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def opened(address: str, query: str) -> tuple[Any, float, int]:
    """Open a session; return its socket, the seconds until its page was complete, and the bytes that came."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect

    began, received = time.perf_counter(), 0
    url = address.replace("http", "ws") + "/_stcore/stream"
    socket = await connect(url, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
    request = BackMsg()
    request.rerun_script.query_string = query
    await socket.send(request.SerializeToString())
    while True:
        data = await asyncio.wait_for(socket.recv(), TIMEOUT)
        received += len(data)
        message = ForwardMsg()
        message.ParseFromString(data)  # type: ignore[arg-type]
        if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
            raise SystemExit("a session got an exception")
        if message.WhichOneof("type") == "script_finished":
            return socket, time.perf_counter() - began, received


async def burst(address: str, process: int, queries: list[str]) -> list[Any]:
    """Open sessions at once, print what they cost, and return their sockets."""
    before = processor_seconds(process)
    sessions = await asyncio.gather(*(opened(address, query) for query in queries))
    spent = (processor_seconds(process) - before) / len(queries)
    seconds = sorted(session[1] for session in sessions)
    print(
        f"{len(queries):>3} sessions on {len(set(queries)):>2} views: median {median(seconds):.1f} s, "
        f"last {seconds[-1]:.1f} s, processor {spent:.2f} s a session, {sessions[0][2] / 1000:.0f} KB, "
        f"{resident(process):.0f} MB",
        flush=True,
    )
    return [session[0] for session in sessions]


async def measure(address: str, process: int, counts: list[int], alone: float) -> None:
    """Print every figure."""
    view = "source=simulated&live=false&timeframe=7d"
    for socket in await burst(address, process, [view]):
        await socket.close()
    for count in [1, *counts]:
        for socket in await burst(address, process, [view] * count):
            await socket.close()
        await asyncio.sleep(2)
    queries = [f"source=simulated&live=false&ticker={ticker}&timeframe={timeframe}" for ticker, timeframe in VIEWS]
    sockets = []
    for number in range(0, SESSIONS, 5):
        sockets += await burst(
            address, process, [queries[one % len(queries)] for one in range(number, min(number + 5, SESSIONS))]
        )
    print(f"{len(sockets)} sessions open: {resident(process):.0f} MB", flush=True)
    for socket in sockets:
        await socket.close()
    await asyncio.sleep(alone)
    print(f"{alone:.0f} s after all have left: {resident(process):.0f} MB", flush=True)


def main() -> None:
    """Run the server and the sessions."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[10, 25, 50], help="sessions at once on one view")
    parser.add_argument("--alone", type=float, default=LEFT_ALONE, help="seconds before memory is read again")
    chosen = parser.parse_args()
    require_linux()
    with served_process(LIQ_CACHE="off") as (address, process):
        asyncio.run(measure(address, process, chosen.counts, chosen.alone))


if __name__ == "__main__":
    sys.exit(main())
