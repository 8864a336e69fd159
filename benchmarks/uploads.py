"""What a process for every file costs, and what it spares others: `python -m benchmarks.uploads`; Linux only.

First a file read in this process and in one of its own, cold and prepared, and what a process that waits takes. Then
a server with ten live sessions, whose prices tick; the reference is how long a tick takes while nobody reads a file,
beside it how long while file after file is read that takes all the time or memory that it may.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from benchmarks.sessions import opened
from liq.errors import LiqError
from liq.sources.file_worker import process, readers
from liq.sources.files import market_file
from tests.served import served_process, write_recording

RUNS = 5
LIVE = 10
TICK = 0.5
"""Seconds between two ticks of a session; a page's price ticks every five, which only takes longer."""

TICKS = 40
HEAVY_ROWS = 1_200_000


def heavy_file(path: Path) -> Path:
    """Write a file of candles as large as is read at all, every cell with as many digits as a float has."""
    rows = np.arange(HEAVY_ROWS)
    cells = np.char.mod("%.12f", 50_000 + np.sin(rows / 100))
    with open(path, "w", encoding="ascii") as file:
        file.write("open_time_ms,open,high,low,close,volume,a,b\n")
        for row, cell in zip((1_500_000_000_000 + 60_000 * rows).tolist(), cells.tolist(), strict=True):
            file.write(f"{row},{cell},60000,40000,{cell},{cell},{cell},{cell}\n")
    return path


def cost_of_a_file(name: str, content: bytes) -> None:
    """Print how long a file takes to be read here, in a new process, and in one that was prepared."""

    def file() -> io.BytesIO:
        buffer = io.BytesIO(content)
        buffer.name = "btcusdt_5m.csv"
        return buffer

    def seconds(read: Any, prepared: bool = False) -> float:
        took = []
        for _ in range(RUNS):
            if prepared:
                process.prepare()
                time.sleep(1.5)
            began = time.perf_counter()
            read(file())
            took.append(time.perf_counter() - began)
        return median(took)

    here, cold = seconds(market_file.read_market), seconds(readers.read_market)
    warm = seconds(readers.read_market, prepared=True)
    print(
        f"{name}: here {here:.2f} s; in a process of its own {warm:.2f} s where one waits ({warm - here:+.2f}), "
        f"{cold:.2f} s where none does ({cold - here:+.2f})",
        flush=True,
    )


def cost_of_waiting() -> None:
    """Print the memory of a process that waits."""
    process.prepare()
    time.sleep(2)
    memory = psutil.Process().children()[0].memory_full_info()
    print(f"one that waits: {memory.rss / 1e6:.0f} MB resident, {memory.uss / 1e6:.0f} MB of its own", flush=True)
    process.give_back()


async def tick_seconds(address: str) -> list[float]:
    """Return how long each tick of LIVE sessions took."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect

    async def session() -> list[float]:
        url = address.replace("http", "ws") + "/_stcore/stream"
        socket = await connect(url, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        fragment, took = "", []
        for number in range(TICKS + 1):
            request = BackMsg()
            request.rerun_script.query_string = "source=simulated&timeframe=7d"
            request.rerun_script.fragment_id = fragment
            began = time.perf_counter()
            await socket.send(request.SerializeToString())
            while True:
                message = ForwardMsg()
                message.ParseFromString(await socket.recv())  # type: ignore[arg-type]
                if message.WhichOneof("type") == "auto_rerun":
                    fragment = message.auto_rerun.fragment_id
                if message.WhichOneof("type") == "script_finished":
                    break
            took += [time.perf_counter() - began] if number else []
            await asyncio.sleep(TICK)
        await socket.close()
        return took

    return [one for took in await asyncio.gather(*(session() for _ in range(LIVE))) for one in took]


async def beside(address: str, file: Path) -> tuple[list[float], int]:
    """Return how long ticks took while file after file was read, and how many were."""
    ticking = asyncio.create_task(tick_seconds(address))
    count = 0
    while not ticking.done():
        os.utime(file)  # a file that is the same as before would not be read again
        sockets = await asyncio.gather(*(opened(address, f"source=file&timeframe={one}") for one in ("7d", "14d")))
        count += len(sockets)
        for socket, *_ in sockets:
            await socket.close()
    return await ticking, count


def print_ticks(what: str, took: list[float]) -> None:
    """Print how long ticks took."""
    part = np.percentile(took, [50, 95, 100]) * 1000
    print(f"{what}: {len(took)} ticks, median {part[0]:.0f} ms, 95 % {part[1]:.0f} ms, longest {part[2]:.0f} ms")


def main() -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory() as folder:
        usual, heavy = (
            write_recording(Path(folder) / "btcusdt_5m.csv", days=62),
            heavy_file(Path(folder) / "heavy.csv"),
        )
        cost_of_a_file(f"{usual.stat().st_size / 1e6:.1f} MB, 62 days of 5 minutes", usual.read_bytes())
        cost_of_waiting()
        began = time.perf_counter()
        with suppress(LiqError):
            readers.read_market(heavy)
        print(f"{heavy.stat().st_size / 1e6:.0f} MB, {HEAVY_ROWS:,} bars: {time.perf_counter() - began:.1f} s")
        with served_process(LIQ_FILE=str(heavy), LIQ_CACHE="off") as (address, _):
            print_ticks("nobody reads a file", asyncio.run(tick_seconds(address)))
            took, count = asyncio.run(beside(address, heavy))
            print_ticks(f"{count} sessions read such a file meanwhile", took)


if __name__ == "__main__":
    sys.exit(main())
