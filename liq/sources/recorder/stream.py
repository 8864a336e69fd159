"""Follow the venues' public liquidation streams for as long as it takes, and note what was heard and when.

All times are the venue's own: it is asked what time it is, and from there a clock that nobody sets counts on. So
whatever happens to the local clock, a stretch of listening is where the venue's liquidations are.
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
from liq.sources.recorder.messages import MESSAGE_FORMATS, parse_rows
from liq.sources.recorder.storage import ALL, LiquidationStore, ListeningSpan
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure
from liq.sources.venues.symbols import match_symbol
from liq.sources.venues.table import VENUES

STREAMS = tuple(MESSAGE_FORMATS)
"""Venues with a public liquidation stream that ccxt speaks."""

TOPICS = 21_000
"""Characters of topics that Bybit takes on one connection (its documentation, "Connect")."""


class Timing(NamedTuple):
    """Seconds between things.

    look : emptying what came; flush : writing it down; settle : bringing the files up to date; tell : a line of
    progress; ping : keeping a connection awake; silent : with no frame for so long, it is dead; quiet : with no
    liquidation for so long, a stream of every perpetual is; first, longest : waits before connecting again;
    anchor : asking a venue what time it is; late : what happened may be sent so much later.
    """

    look: float = 0.25
    flush: float = 2.0
    settle: float = 60.0
    tell: float = 600.0
    ping: float = 10.0
    silent: float = 30.0
    quiet: float = 900.0
    first: float = 1.0
    longest: float = 60.0
    anchor: float = 600.0
    late: float = 2.0


TIMING = Timing()
"""In force for every venue; tests put a shorter one here."""

JUMP = 2.0
"""Seconds by which two clocks must part before something happened to one of them."""

HELD = 100_000
"""Liquidations of a venue held between two looks; more, and some were missed."""

BUDGET = 8.0
"""Seconds that failing may cost one question."""


class Clocks(NamedTuple):
    """Two clocks, in seconds: one that nobody sets, and the one on the wall, which only says when to ask again."""

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


@dataclass
class StreamState:
    """What is known of one venue while it is followed.

    wanted : tickers, or none for every perpetual; heard, refused : counts of liquidations taken down and of rows
    that could not be true, the latter by reason; state : how it stands, for people.
    """

    name: str
    wanted: tuple[str, ...]
    ledger: LiquidationStore
    say: Callable[[str], None]
    clocks: Clocks = field(default_factory=Clocks)
    heard: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    state: str = "connecting"

    @property
    def title(self) -> str:
        """The venue's name for people."""
        return VENUES[self.name].title


class ClockOffset(NamedTuple):
    """What a venue's clock shows when the steady one shows zero, seconds: at least, and at most.

    The answer was given at some moment between question and reply; claims of listening keep to the worse of both.
    """

    low: float
    high: float


class StreamEnded(Exception):
    """A stream ended; the text is the rest of a sentence that begins with the venue."""


async def record(
    followed: list[StreamState], ledger: LiquidationStore, over: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Follow venues into a ledger until `over` is set.

    say : told in one line what changed, and now and then how it goes. Raises InputError where no venue lists any of
    the tickers, and OSError where the ledger cannot be written.
    """
    tasks = {asyncio.ensure_future(follow_venue(one)): one for one in followed}
    settled = told = time.monotonic()
    try:
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), TIMING.flush)
            for task in [task for task in tasks if task.done()]:
                one = tasks.pop(task)
                error = task.exception()
                if not isinstance(error, InputError) or not tasks:
                    raise error or AssertionError("following does not end")
                say(f"{one.title} is left out: {error}")
            ledger.flush()
            if time.monotonic() - settled > TIMING.settle:
                ledger.settle()
                settled = time.monotonic()
            if time.monotonic() - told > TIMING.tell:
                say("; ".join(map(progress, tasks.values())))
                told = time.monotonic()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def progress(one: StreamState) -> str:
    """Return how the following of a venue stands.

    >>> progress(Following("okx", (), None, print, heard=3, state="listening"))
    'OKX listening, 3 liquidations'
    """
    refused = ", ".join(f"{count:,} {reason}" for reason, count in one.refused.items())
    return f"{one.title} {one.state}, {one.heard:,} liquidations" + (f" ({refused})" if refused else "")


async def follow_venue(one: StreamState) -> None:
    """Listen to a venue until cancelled, connecting anew whenever the stream ends, with growing waits.

    Raises InputError where the venue lists none of the tickers.
    """
    wait, said = TIMING.first, ""
    while True:
        try:
            await _listen(one)
        except VenueFailure as failure:
            reason = failure.reason
        except StreamEnded as end:
            reason = str(end)
        except InputError:
            raise
        except Exception as error:  # ccxt lets many kinds out; the text may be the venue's, so only the kind is told
            reason = f"broke off the stream ({type(error).__name__})"
        if one.state == "listening":
            wait, said = TIMING.first, ""
        one.state = "away"
        if reason != said:
            one.say(f"{one.title} {reason}; connecting again in {wait:g} s, then less often.")
        said = reason
        await asyncio.sleep(wait)
        wait = min(2 * wait, TIMING.longest)


async def _listen(one: StreamState) -> None:
    """Listen on one connection until it ends; raise what ended it."""
    sizes, scope = await asyncio.to_thread(_asked, one)
    symbols = list(sizes)
    anchor = await _anchor(one)
    steady = one.clocks.steady
    async with client.open_stream(one.name, steady, TIMING.ping, HELD) as line:
        began = asked_time = steady()
        parted = one.clocks.wall() - began
        since: float | None = None  # the stretch that is being listened to, in the venue's seconds
        unread, last = 0, began
        watching = asyncio.ensure_future(client.subscribe(line, symbols))
        try:
            while True:
                await asyncio.sleep(TIMING.look)
                now = steady()
                jumped = abs(one.clocks.wall() - now - parted) > JUMP
                if jumped or now - asked_time > TIMING.anchor:
                    # The computer slept, or somebody set its clock; only the venue knows which.
                    asked_time, parted = now, one.clocks.wall() - now
                    before, anchor = anchor, await _anchor(one, None if jumped else anchor)
                    now = steady()
                    if since is not None and (anchor.low > before.high + JUMP or anchor.high < before.low - JUMP):
                        since = anchor.high + now
                    with suppress(VenueFailure):
                        if await asyncio.to_thread(_asked, one) != (sizes, scope):
                            raise StreamEnded("lists other perpetuals now")
                if watching.done():
                    watching.result()
                    if not client.is_open(line):
                        raise StreamEnded("closed the stream")
                    watching = asyncio.ensure_future(client.subscribe(line, symbols))
                rows = client.drain_stream(line)
                _take_down(one, rows, sizes, anchor.low + now)
                if not line.acknowledged:
                    if now - began > TIMING.silent:
                        raise StreamEnded("did not confirm the subscription")
                    continue
                heard = line.heard if line.heard is not None else began
                if since is None:
                    since, one.state, last = anchor.high + heard, "listening", heard
                    one.say(f"{one.title}: listening to {'every perpetual' if scope == [ALL] else ', '.join(scope)}.")
                if line.unread > unread or len(rows) >= HELD:
                    unread, since = line.unread, anchor.high + heard
                    one.refused["could not be read"] += 1
                # Where every perpetual is in one stream, only liquidations prove that it is alive: a connection
                # may answer pings long after its subscription is forgotten.
                last = heard if rows or not MESSAGE_FORMATS[one.name].everything else last
                if (until := anchor.low + last - TIMING.late) > since:
                    for symbol in scope:
                        one.ledger.listened(one.name, ListeningSpan(round(since * 1000), round(until * 1000), symbol))
                    since = until
                if now - heard > TIMING.silent:
                    raise StreamEnded("fell silent")
                if now - last > TIMING.quiet:
                    raise StreamEnded("sent no liquidation for long")
                if not client.is_open(line):
                    raise StreamEnded("closed the stream")
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await watching


def _asked(one: StreamState) -> tuple[dict[str, float], list[str]]:
    """Return coins a contract by symbol to listen to on a venue, and the symbols under which that is noted."""
    listed = client.contracts(client.connect(one.name), RetryBudget(BUDGET, 2))
    venue, everything = VENUES[one.name], MESSAGE_FORMATS[one.name].everything
    symbols = [match_symbol(ticker, listed, venue.quotes, venue.title) for ticker in one.wanted] or list(listed)
    sizes, length = dict[str, float](), 0
    for symbol in symbols:
        length += len(f'"allLiquidation.{listed[symbol].id}",')
        if everything or length <= TOPICS:
            sizes[symbol] = listed[symbol].size
    return sizes, [ALL] if len(sizes) == len(listed) else list(sizes)


async def _anchor(one: StreamState, otherwise: ClockOffset | None = None) -> ClockOffset:
    """Return how a venue's clock stands to the steady one.

    Where the venue does not say, `otherwise`; raises VenueFailure where that is None.
    """
    before = one.clocks.steady()
    try:
        shown = await asyncio.to_thread(client.venue_clock, one.name, RetryBudget(BUDGET, 2))
    except VenueFailure:
        if otherwise is None:
            raise
        return otherwise
    return ClockOffset(shown / 1000 - one.clocks.steady(), shown / 1000 - before)


def _take_down(one: StreamState, rows: list[dict[str, Any]], sizes: dict[str, float], now: float) -> None:
    """Write down the liquidations in what came."""
    for row in rows:
        for found in parse_rows(one.name, row, sizes, round(now * 1000)):
            if isinstance(found, str):
                one.refused[found] += 1
            else:
                one.heard += 1
                one.ledger.add(one.name, found)
