"""A recorder in a thread, against the local server, and what it has written."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from liq.sources.recorder.storage import ListeningSpan, open_store
from liq.sources.recorder.stream import Clocks, StreamState, Timing, record
from tests.venue_server import VenueServer
from tests.venue_server.streams import Wire, liquidation
from tests.venue_server.wire import now_ms

QUICK = Timing(0.02, 0.05, 0.2, 600.0, 0.3, 1.2, 600.0, 0.05, 0.2, 600.0, 0.05)
PRICE = 60_000.0
RECORD_COMMAND = """
import sys
from liq.__main__ import main
from liq.sources.recorder import stream
stream.TIMING = stream.Timing(0.02, 0.05, 0.15, 600.0, 0.5, 5.0, 600.0, 0.05, 0.2, 600.0, 0.3)
sys.exit(main(["record", "--to", sys.argv[1]]))
"""


class Session:
    """A recorder at work in a thread of its own."""

    def __init__(self, server: VenueServer, followed: list[StreamState], said: list[str]) -> None:
        self.server, self.followed, self.said = server, followed, said
        self.claims: list[tuple[str, ListeningSpan]] = []
        store = followed[0].store
        listened = store.add_span

        def claim(venue: str, span: ListeningSpan) -> None:
            self.claims.append((venue, span))
            listened(venue, span)

        store.add_span = claim  # type: ignore[method-assign]

    def wire(self, venue: str, *, but: Wire | None = None) -> Wire:
        """Return the connection to a venue once it is listened to."""
        one = next(one for one in self.followed if one.name == venue)
        return wait_for(
            lambda: (
                one.state == "listening"
                and next((w for w in self.server.wires if w.venue == venue and w is not but and w.topics), None)
            )
        )

    def prove(self, venue: str) -> None:
        """Tell of liquidations of another coin until what came before is claimed as listened to."""
        now = now_ms()

        def claimed() -> bool:
            self.wire(venue).tell(liquidation(venue, "DOGE", now_ms(), "long", 0.15, 100.0))
            time.sleep(QUICK.max_delay)
            return any(name == venue and span.until > now for name, span in self.claims)

        wait_for(claimed)

    def wait_for_rows(self, count: int, venue: str | None = None) -> None:
        """Wait until so many liquidations were heard."""
        wait_for(lambda: sum(one.recorded for one in self.followed if venue in (None, one.name)) >= count)


def wait_for(condition: Callable[[], object], seconds: float = 30.0):
    """Return what `found` finds, once it is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := condition():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


@contextmanager
def recording(
    server: VenueServer, folder: Path, *venues: str, wanted: tuple[str, ...] = (), clocks: Clocks | None = None
) -> Iterator[Session]:
    """Record until the block ends, then settle."""
    loop, over, said = asyncio.new_event_loop(), asyncio.Event(), []
    failed: list[BaseException] = []
    with open_store(folder) as store:
        followed = [StreamState(name, wanted, store, said.append, clocks or Clocks()) for name in venues]

        session = Session(server, followed, said)

        def work() -> None:
            try:
                loop.run_until_complete(record(followed, store, over, said.append))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield session
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join(30)
    loop.close()
    assert not failed, failed


def recorded_rows(folder: Path) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "liquidations")
    frame = frame[frame["symbol"] != "DOGE/USDT:USDT"].reset_index(drop=True)  # what `prove` told
    return frame.assign(ms=pd.DatetimeIndex(frame["time"]).as_unit("ms").asi8)


def recorded_spans(folder: Path, venue: str) -> list[tuple[int, int]]:
    frame = pd.read_parquet(folder / "listening")
    frame = frame[frame["venue"] == venue].sort_values("since")
    columns = (pd.DatetimeIndex(frame[name]).as_unit("ms").asi8.tolist() for name in ("since", "until"))
    return [(a, b) for a, b in zip(*columns, strict=True) if (a % 86_400_000) or len(frame) == 1]
