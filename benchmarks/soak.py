"""What half an hour costs the server while venues fail in turns: `python -m benchmarks.soak [--minutes 30]`.

Sessions on several venues, `auto` and `all` stay open over Streamlit's websocket and do as a browser does: they run
each fragment as often as it asks. Every minute another venue fails in another way. A line a minute says the server's
memory, threads, descriptors and requests of that minute; the reference is the first line, in which all are well.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import time
from contextlib import suppress
from typing import Any

from benchmarks.linux import require_linux
from benchmarks.page import resident
from benchmarks.sessions import processor_seconds
from liq.sources.venues.table import VENUES
from tests.served import served_process
from tests.venue_server import VenueServer
from tests.venue_server.faults import MODES

VIEWS = [
    *(f"source={name}&timeframe=12h" for name in VENUES),
    *("source=auto&timeframe=12h", "source=auto&timeframe=1d&ticker=ETH", "source=all&timeframe=12h"),
    "source=simulated&timeframe=12h",
]
"""What the sessions look at: bars of one minute, so that every view is refreshed once a minute."""


async def session(address: str, query: str, counts: dict[str, int]) -> None:
    """Keep one session open: run it once, then each of its fragments as often as it asks; count what comes."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect

    socket: Any = await connect(
        address.replace("http", "ws") + "/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
    )
    timers: dict[str, asyncio.Task[None]] = {}

    async def send(fragment: str = "") -> None:
        request = BackMsg()
        request.rerun_script.query_string = query
        request.rerun_script.fragment_id = fragment
        await socket.send(request.SerializeToString())

    async def repeat(fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await send(fragment)

    await send()
    try:
        async for data in socket:
            message = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "auto_rerun" and message.auto_rerun.fragment_id not in timers:
                fragment, interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
                timers[fragment] = asyncio.create_task(repeat(fragment, interval))
            counts["runs"] += kind == "script_finished"
            is_element = kind == "delta" and message.delta.HasField("new_element")
            counts["exceptions"] += is_element and message.delta.new_element.WhichOneof("type") == "exception"
    finally:
        for timer in timers.values():
            timer.cancel()


async def soak(address: str, process: int, venues: VenueServer, minutes: int) -> None:
    """Print one line a minute."""
    counts = {"runs": 0, "exceptions": 0}
    sessions = [asyncio.create_task(session(address, query, counts)) for query in VIEWS]
    faults = itertools.cycle(itertools.product(MODES, VENUES))
    print(f"{len(VIEWS)} sessions", flush=True)
    for minute in range(1, minutes + 1):
        mode, venue = next(faults)
        venues.heal()
        if minute > 1:
            venues.fail(venue, mode)
        calls, spent, began = sum(venues.calls.values()), processor_seconds(process), time.monotonic()
        runs = counts["runs"]
        await asyncio.sleep(60)
        load = (processor_seconds(process) - spent) / (time.monotonic() - began)
        calls = sum(venues.calls.values()) - calls
        print(
            f"{minute:>3} min  {resident(process):>5.0f} MB  {len(os.listdir(f'/proc/{process}/task')):>3} threads  "
            f"{len(os.listdir(f'/proc/{process}/fd')):>3} descriptors  {calls:>4} requests  "
            f"{counts['runs'] - runs:>4} runs  {load:>4.0%} of a core  "
            f"{counts['exceptions']} exceptions  {'all well' if minute == 1 else f'{venue} {mode}'}",
            flush=True,
        )
    for task in sessions:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def main() -> None:
    """Run the server, the venues and the sessions."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    chosen = parser.parse_args()
    require_linux()
    with (
        VenueServer(latency=0.1) as venues,
        served_process(LIQ_GATEWAY=venues.url, LIQ_CACHE="off") as (address, process),
    ):
        asyncio.run(soak(address, process, venues, chosen.minutes))


if __name__ == "__main__":
    sys.exit(main())
