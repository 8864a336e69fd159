"""Follow the venues' public liquidation streams and record what arrives, and when the stream was listened to.

All times are the venue's own: its clock is read, and from there a clock that cannot be set counts on. So whatever
happens to the local clock, a listening span lies where the venue's liquidations are.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from liq.errors import InputError
from liq.sources.recorder.connection import drain_stream, is_open, open_stream, subscribe
from liq.sources.recorder.messages import MESSAGE_FORMATS, parse_rows
from liq.sources.recorder.storage import ALL, LiquidationStore, ListeningSpan, write_pending
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.symbols import match_symbol
from liq.sources.venues.table import VENUES

STREAMS = tuple(MESSAGE_FORMATS)
"""Venues with a public liquidation stream that ccxt supports."""

TOPICS = 21_000
"""Maximum characters of topics on one of Bybit's connections (its documentation, "Connect")."""


class Timing(NamedTuple):
    """Intervals and timeouts, in seconds.

    poll : between two reads of what arrived; flush : between writes to the journal; settle : between updates of the
    files; report : between lines of progress; ping : between pings; frame_timeout : without a frame for so long, a
    connection is dead; liquidation_timeout : without a liquidation for so long, a stream of all perpetuals is dead;
    first_wait, longest_wait : before connecting again; clock_check : between reads of a venue's clock; max_delay : an
    event may be sent so much later than it happened.
    """

    poll: float = 0.25
    flush: float = 2.0
    settle: float = 60.0
    report: float = 600.0
    ping: float = 10.0
    frame_timeout: float = 30.0
    liquidation_timeout: float = 900.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    clock_check: float = 600.0
    max_delay: float = 2.0


TIMING = Timing()
"""Timing of every venue; tests set a shorter one."""

JUMP = 2.0
"""Seconds by which two clocks must differ before one of them was set or stood still."""

MAX_ROWS = 100_000
"""Maximum number of liquidations of a venue between two polls; where it is reached, some were missed."""

BUDGET = 8.0
"""Seconds that failures may cost one request."""


class Clocks(NamedTuple):
    """Two clocks, in seconds: a steady one that cannot be set, and the wall clock, which shows that time jumped."""

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


@dataclass
class StreamState:
    """State of one venue's stream while it is followed.

    tickers : what to record, or none for all perpetuals; recorded, rejected : counts of liquidations that were
    recorded and of impossible rows, the latter by reason; state : in one word for progress lines.
    """

    name: str
    tickers: tuple[str, ...]
    store: LiquidationStore
    report: Callable[[str], None]
    clocks: Clocks = field(default_factory=Clocks)
    recorded: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    state: str = "connecting"

    @property
    def title(self) -> str:
        """The venue's name on screen."""
        return VENUES[self.name].title


class ClockOffset(NamedTuple):
    """Difference between a venue's clock and the steady one, seconds: at least, and at most.

    The venue read its clock at some moment between request and reply; listening spans use the worse of both limits.
    """

    low: float
    high: float


class StreamEnded(Exception):
    """A stream ended; the text is the rest of a sentence that begins with the venue."""


async def record(
    streams: list[StreamState], store: LiquidationStore, stop: asyncio.Event, report: Callable[[str], None]
) -> None:
    """Follow venues into a store until `stop` is set.

    report : called with one line on each change, and with progress now and then. Raises InputError where no venue
    lists any of the tickers, and OSError where the store cannot be written.
    """
    tasks = {asyncio.ensure_future(follow_venue(stream)): stream for stream in streams}
    settled = reported = time.monotonic()
    try:
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TIMING.flush)
            for task in [task for task in tasks if task.done()]:
                stream = tasks.pop(task)
                error = task.exception()
                if not isinstance(error, InputError) or not tasks:
                    raise error or AssertionError("following does not end")
                report(f"{stream.title} is left out: {error}")
            due = time.monotonic() - settled > TIMING.settle
            settled = time.monotonic() if due else settled
            write_pending(store, due, report)
            if time.monotonic() - reported > TIMING.report:
                report("; ".join(map(progress, tasks.values())))
                reported = time.monotonic()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def progress(stream: StreamState) -> str:
    """Return one line on a venue's stream.

    >>> progress(StreamState("okx", (), None, print, recorded=3, state="listening"))
    'OKX listening, 3 liquidations'
    """
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in stream.rejected.items())
    return f"{stream.title} {stream.state}, {stream.recorded:,} liquidations" + (f" ({rejected})" if rejected else "")


async def follow_venue(stream: StreamState) -> None:
    """Record a venue's stream until cancelled; connect again whenever it ends, with growing waits.

    Raises InputError where the venue lists none of the tickers.
    """
    wait, reported = TIMING.first_wait, ""
    while True:
        try:
            await _listen(stream)
        except VenueFailure as failure:
            reason = failure.reason
        except StreamEnded as end:
            reason = str(end)
        except InputError:
            raise
        except Exception as error:  # ccxt raises many kinds; the text may be the venue's, so only the kind is shown
            reason = f"broke off the stream ({type(error).__name__})"
        if stream.state == "listening":
            wait, reported = TIMING.first_wait, ""
        stream.state = "away"
        if reason != reported:
            stream.report(f"{stream.title} {reason}; connecting again in {wait:g} s, then less often.")
        reported = reason
        await asyncio.sleep(wait)
        wait = min(2 * wait, TIMING.longest_wait)


async def _listen(stream: StreamState) -> None:
    """Record from one connection until it ends; raise what ended it."""
    sizes, scope = await asyncio.to_thread(_symbols_to_record, stream)
    symbols = list(sizes)
    offset = await _clock_offset(stream)
    steady = stream.clocks.steady
    async with open_stream(stream.name, steady, TIMING.ping, MAX_ROWS) as connection:
        opened = checked = steady()
        wall_offset = stream.clocks.wall() - opened
        span_start: float | None = None  # start of the current listening span, in the venue's seconds
        unread, last_proof = 0, opened
        subscription = asyncio.ensure_future(subscribe(connection, symbols))
        try:
            while True:
                await asyncio.sleep(TIMING.poll)
                now = steady()
                jumped = abs(stream.clocks.wall() - now - wall_offset) > JUMP
                if jumped or now - checked > TIMING.clock_check:
                    # The computer slept, or its clock was set; the venue's clock decides which.
                    checked, wall_offset = now, stream.clocks.wall() - now
                    offset_before, offset = offset, await _clock_offset(stream, None if jumped else offset)
                    now = steady()
                    if span_start is not None and (
                        offset.low > offset_before.high + JUMP or offset.high < offset_before.low - JUMP
                    ):
                        span_start = offset.high + now
                    with suppress(VenueFailure):
                        if await asyncio.to_thread(_symbols_to_record, stream) != (sizes, scope):
                            raise StreamEnded("lists other perpetuals now")
                if subscription.done():
                    subscription.result()
                    if not is_open(connection):
                        raise StreamEnded("closed the stream")
                    subscription = asyncio.ensure_future(subscribe(connection, symbols))
                rows = drain_stream(connection)
                _store_rows(stream, rows, sizes, offset.low + now)
                if not connection.acknowledged:
                    if now - opened > TIMING.frame_timeout:
                        raise StreamEnded("did not confirm the subscription")
                    continue
                last_frame = connection.last_frame if connection.last_frame is not None else opened
                if span_start is None:
                    span_start, stream.state, last_proof = offset.high + last_frame, "listening", last_frame
                    stream.report(
                        f"{stream.title}: listening to {'every perpetual' if scope == [ALL] else ', '.join(scope)}."
                    )
                if connection.unread > unread or len(rows) >= MAX_ROWS:
                    unread, span_start = connection.unread, offset.high + last_frame
                    stream.rejected["could not be read"] += 1
                # Where all perpetuals are in one stream, only liquidations prove that it is alive: a connection
                # may answer pings long after its subscription was dropped.
                last_proof = last_frame if rows or not MESSAGE_FORMATS[stream.name].everything else last_proof
                if (span_end := offset.low + last_proof - TIMING.max_delay) > span_start:
                    for symbol in scope:
                        stream.store.add_span(
                            stream.name, ListeningSpan(round(span_start * 1000), round(span_end * 1000), symbol)
                        )
                    span_start = span_end
                if now - last_frame > TIMING.frame_timeout:
                    raise StreamEnded("fell silent")
                if now - last_proof > TIMING.liquidation_timeout:
                    raise StreamEnded("sent no liquidation for long")
                if not is_open(connection):
                    raise StreamEnded("closed the stream")
        finally:
            subscription.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await subscription


def _symbols_to_record(stream: StreamState) -> tuple[dict[str, float], list[str]]:
    """Return coins a contract by symbol to record on a venue, and the symbols of its listening spans."""
    contracts = client.contracts(client.connect(stream.name), RetryBudget(BUDGET, 2))
    venue, everything = VENUES[stream.name], MESSAGE_FORMATS[stream.name].everything
    symbols = [match_symbol(ticker, contracts, venue.quotes, venue.title) for ticker in stream.tickers] or list(
        contracts
    )
    sizes, length = dict[str, float](), 0
    for symbol in symbols:
        length += len(f'"allLiquidation.{contracts[symbol].id}",')
        if everything or length <= TOPICS:
            sizes[symbol] = contracts[symbol].size
    return sizes, [ALL] if len(sizes) == len(contracts) else list(sizes)


async def _clock_offset(stream: StreamState, fallback: ClockOffset | None = None) -> ClockOffset:
    """Return the difference between a venue's clock and the steady one.

    Where the venue does not answer, `fallback`; raises VenueFailure where that is None.
    """
    asked_at = stream.clocks.steady()
    try:
        venue_time = await asyncio.to_thread(client.venue_clock, stream.name, RetryBudget(BUDGET, 2))
    except VenueFailure:
        if fallback is None:
            raise
        return fallback
    return ClockOffset(venue_time / 1000 - stream.clocks.steady(), venue_time / 1000 - asked_at)


def _store_rows(stream: StreamState, rows: list[dict[str, Any]], sizes: dict[str, float], now: float) -> None:
    """Add the liquidations in rows to the store, and count the impossible ones."""
    for row in rows:
        for liquidation in parse_rows(stream.name, row, sizes, round(now * 1000)):
            if isinstance(liquidation, str):
                stream.rejected[liquidation] += 1
            else:
                stream.recorded += 1
                stream.store.add(stream.name, liquidation)
