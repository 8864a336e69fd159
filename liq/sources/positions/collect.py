"""Collector of observed positions: asks a venue's accounts what they hold, pass after pass, within its limits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import pandas as pd

from liq.errors import InputError, SourceError
from liq.positions import COLUMNS
from liq.sources.positions import accounts
from liq.sources.positions.reader import read_snapshot, snapshot_files
from liq.sources.positions.storage import PositionStore
from liq.sources.venues.client import Connection
from liq.sources.venues.failures import RetryBudget, VenueFailure

DAY = 86_400
"""Seconds in which every known account is asked at least once."""

MAX_AGE = pd.Timedelta(days=1)
"""Age from which the last known state of an account that no longer answers is dropped."""

TRIES, PATIENCE = 4, 40.0
"""Attempts an account, and seconds that they may lose to failures."""

GIVE_UP = 25
"""Number of accounts in a row without an answer after which the venue counts as out of order."""

FLUSH_EVERY = 200
"""Number of answers after which the journal is forced to disk."""

REPORT_SECONDS = 10.0


@dataclass
class Plan:
    """What to collect: coins (all of the main exchange if empty), how many accounts at most, where addresses come
    from (``leaderboard``, ``stream``), and addresses of the user's own."""

    coins: tuple[str, ...] = ()
    most: int | None = None
    find: tuple[str, ...] = ("leaderboard", "stream")
    own: tuple[str, ...] = ()


@dataclass
class Found:
    """Addresses found so far, in order, and the lock that the stream's thread shares."""

    addresses: dict[str, None] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, address: str) -> None:
        """Add an address, up to the bound."""
        with self.lock:
            if len(self.addresses) < accounts.MAX_ADDRESSES:
                self.addresses.setdefault(address)

    def copy(self) -> list[str]:
        """Return the addresses so far."""
        with self.lock:
            return list(self.addresses)


def collect(
    connection: Connection,
    store: PositionStore,
    plan: Plan,
    report: Callable[[str], None],
    *,
    every: float | None,
    stop: threading.Event,
    on_snapshot: Callable[[], object] | None = None,
) -> None:
    """Write snapshots until stopped: one, or one every so many seconds. `on_snapshot` is called after each.

    The first pass asks every account that is known. Later ones ask those that held something, and of the rest as many
    as it takes to ask each once a day; what was not asked again is carried over with the time of its answer. A pass
    that was interrupted is taken up where it ended. Raises SourceError where the venue does not answer at all.
    """
    found = Found()
    for address in plan.own:
        found.add(address)
    listener = _listen(connection, plan, found, report, stop) if "stream" in plan.find else None
    try:
        while not stop.is_set():
            began = time.time()
            if "leaderboard" in plan.find:
                _add_leaderboard(connection, found, report)
            if not found.copy():
                raise SourceError(
                    f"{connection.venue.title} named no account to ask. Give a file of addresses, or try again later."
                )
            if not one_pass(connection, store, plan, found, report, every, stop):
                return
            if on_snapshot is not None:
                on_snapshot()
            if every is None:
                return
            stop.wait(max(0.0, began + every - time.time()))
    finally:
        stop.set()
        if listener is not None:
            listener.join(timeout=6)


def one_pass(
    connection: Connection,
    store: PositionStore,
    plan: Plan,
    found: Found,
    report: Callable[[str], None],
    every: float | None,
    stop: threading.Event,
) -> bool:
    """Ask the accounts of one pass and write its snapshot; return whether it was finished, not stopped."""
    if store.pass_start is None:
        store.begin(int(time.time()))
    else:
        report(f"Going on with the pass of {pd.Timestamp(store.pass_start, unit='s'):%d %b %H:%M} UTC.")
    began, reported, row, in_a_row = time.monotonic(), time.monotonic(), 0, 0
    failed = sum(held is None for held in store.answers.values())
    holding = sum(bool(held) for held in store.answers.values())
    queue = accounts_to_ask(found.copy(), store, every, plan.most)
    already = len(store.answers)
    while not stop.is_set():
        if row == len(queue):
            # accounts that traded while the pass ran are asked at its end
            known = set(queue)
            queue += [address for address in found.copy() if address not in known and _is_new(store, address)]
            queue = queue[: plan.most]
            if row == len(queue):
                break
        address = queue[row]
        row += 1
        name = store.account(address)
        if name in store.answers:
            continue
        try:
            held = accounts.held(connection, address, RetryBudget(PATIENCE, TRIES))
            kept = [one for one in held if (one.coin in plan.coins if plan.coins else ":" not in one.coin)]
            store.add(name, kept)
            holding, in_a_row = holding + bool(kept), 0
        except VenueFailure as failure:
            store.add(name, None)
            failed, in_a_row = failed + 1, in_a_row + 1
            if in_a_row >= GIVE_UP:
                store.take_back(in_a_row)  # they say nothing about those accounts
                raise SourceError(
                    f"{connection.venue.title} {failure}, {GIVE_UP} accounts in a row; what was answered is kept, "
                    "and the same command goes on from there."
                ) from None
        if row % FLUSH_EVERY == 0:
            store.flush()
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            asked_now = max(1, len(store.answers) - already)
            remains = (reported - began) / asked_now * (len(queue) - row)
            report(
                f"{row:,} of {len(queue):,} accounts asked, {holding:,} hold something, {failed:,} did not answer; "
                f"about {_duration(remains)} remain."
            )
    if stop.is_set():
        store.flush()
        return False
    _finish(connection, store, report)
    return True


def accounts_to_ask(found: Iterable[str], store: PositionStore, every: float | None, most: int | None) -> list[str]:
    """Return the addresses that this pass asks, those that held something first.

    The rest, longest unasked first, is cut to what asks each once a day; never asked ones are not cut.
    """
    by_state: dict[str, list[tuple[int, str]]] = {"holds": [], "new": [], "rest": []}
    for place, address in enumerate(found):
        state = store.accounts.get(store.account(address))
        if state is None:
            by_state["new"].append((place, address))
        else:
            by_state["holds" if state[1] else "rest"].append((state[0], address))
    by_state["rest"].sort()
    # without an interval a pass is complete
    share = 1.0 if every is None else min(1.0, every / DAY)
    rest = by_state["rest"][: -int(-len(by_state["rest"]) * share // 1)]
    return [address for _, address in [*by_state["holds"], *by_state["new"], *rest]][:most]


def _is_new(store: PositionStore, address: str) -> bool:
    name = store.account(address)
    return name not in store.accounts and name not in store.answers


def _finish(connection: Connection, store: PositionStore, report: Callable[[str], None]) -> None:
    """Write the snapshot of the pass, with open interest where the venue states it."""
    try:
        interest = accounts.open_interest(connection, RetryBudget(PATIENCE, TRIES))
    except VenueFailure:
        interest = {}
    answered = sum(held is not None for held in store.answers.values())
    asked = len(store.answers)
    path = store.finish(_carried(store), interest, asked)
    rows, _ = read_snapshot(path)
    report(
        f"{path.name}: {len(rows):,} positions; {answered:,} of {asked:,} accounts asked answered, "
        f"{asked - answered:,} did not."
    )


def _carried(store: PositionStore) -> pd.DataFrame:
    """Return the last snapshot's rows of accounts that this pass did not ask or that did not answer."""
    files = snapshot_files(store.folder, store.venue)
    if not files or store.pass_start is None:
        return pd.DataFrame(columns=[*COLUMNS, "answered"])
    rows, _ = read_snapshot(files[-1])
    again = {name for name, held in store.answers.items() if held is not None}
    fresh = rows["answered"] > pd.Timestamp(store.pass_start, unit="s", tz="UTC") - MAX_AGE
    return rows[~rows["account"].isin(again) & fresh]


def _add_leaderboard(connection: Connection, found: Found, report: Callable[[str], None]) -> None:
    """Add the leaderboard's addresses; a failure is said, and the pass goes on with what is known."""
    try:
        for address in accounts.leaderboard(connection, RetryBudget(PATIENCE, TRIES)):
            found.add(address)
    except VenueFailure as failure:
        report(f"The leaderboard was not read: {connection.venue.title} {failure}.")


def _listen(
    connection: Connection, plan: Plan, found: Found, report: Callable[[str], None], stop: threading.Event
) -> threading.Thread:
    """Start a thread that adds the accounts of every trade until stopped; a broken connection is opened again."""

    async def follow(coin: str) -> None:
        wait = 1.0
        while not stop.is_set():
            try:
                await accounts.watch_accounts(connection.venue.name, f"{coin}/USDC:USDC", found.add)
            except Exception:  # ccxt lets anything out of a broken stream; the leaderboard goes on without it
                await asyncio.sleep(wait)
                wait = min(60.0, 2 * wait)

    async def run() -> None:
        tasks = [asyncio.ensure_future(follow(coin)) for coin in plan.coins or ("BTC", "ETH")]
        while not stop.is_set():
            await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True, name="trades")
    thread.start()
    return thread


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(1, round(seconds / 60))} min"


def checked_every(text: str) -> float:
    """Return seconds of an interval such as ``15m`` or ``1h``; raise InputError outside a minute to a day.

    >>> checked_every("15m")
    900.0
    """
    try:
        seconds = float(pd.Timedelta(f"{text}s" if text.isdigit() else text.replace("d", "D")).total_seconds())
    except ValueError:
        raise InputError(f"--every must be a time such as 15m or 1h, not {text!r}.") from None
    if not 60 <= seconds <= DAY:
        raise InputError(f"--every must lie between 1m and 1d, not {text!r}.")
    return seconds
