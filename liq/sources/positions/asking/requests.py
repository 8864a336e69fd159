"""Requests for what accounts hold: a few at a time, noted as they are answered, with snapshots on the way."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from liq.errors import SourceError
from liq.sources.positions.accounts import Position
from liq.sources.positions.asking.found import Found
from liq.sources.positions.status import Status, duration, write_status
from liq.sources.positions.storage import PositionStore
from liq.sources.positions.venues.table import POSITION_VENUES
from liq.sources.venues.client import Connection
from liq.sources.venues.failures import RetryBudget, VenueFailure

TRIES, PATIENCE = 4, 40.0
"""Attempts an account, and seconds that they may lose to failures."""

GIVE_UP = 25
"""Number of accounts in a row without an answer after which the venue counts as out of order, unless it answers for
others (`Requests._is_answering`): some accounts are never answered, and these may stand side by side."""

AT_ONCE = 4
"""Requests beside each other, so that the limit and not the way to the venue sets the pace: at 0.4 s an answer they
make the ten accounts a second that Hyperliquid allows."""

FLUSH_EVERY = 200
"""Number of answers after which the journal is forced to disk."""

FIRST_SNAPSHOT, EARLY, LATER = 10.0, 30.0, 60.0
"""Seconds until the first snapshot on the way, between two while no pass was ever finished, and between two later."""

INTEREST_SECONDS = 120.0
"""Seconds for which open interest is kept; on Hyperliquid one request for it weighs as much as ten accounts."""

REPORT_SECONDS = 10.0

STATUS_SECONDS = 3.0
"""Seconds between two writings of the progress."""

RATE_SECONDS = 60.0
"""Seconds over which the rate is taken."""


@dataclass
class Plan:
    """What to collect: coins (all of the main exchange if empty), how many accounts at most, where accounts come
    from (names of `PositionVenue.find`, all if empty), and accounts of the user's own."""

    coins: tuple[str, ...] = ()
    most: int | None = None
    find: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


class Requests:
    """Ask accounts for what they hold and note it in a folder; used by one thread, and closed at the end.

    of : how many accounts the pass is to ask, for what is said about its progress.
    """

    def __init__(
        self, connection: Connection, store: PositionStore, plan: Plan, found: Found, report: Callable[[str], None]
    ) -> None:
        self.connection, self.store, self.plan, self.found, self.report = connection, store, plan, found, report
        self.venue = POSITION_VENUES[connection.venue.name]
        self.of = 0
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="accounts")
        self._in_a_row = self._since_flush = self._since_snapshot = 0
        self._failed: deque[tuple[int, str]] = deque(maxlen=GIVE_UP + AT_ONCE)
        now = time.monotonic()
        self._began, self._snapshot_at, self._reported, self._told = now, now + FIRST_SNAPSHOT, now, 0.0
        self._interest: dict[str, float] = {}
        self._interest_at = float("-inf")
        self._lately: list[tuple[float, int]] = [(now, 0)]
        self._count = 0

    def close(self) -> None:
        """Let the requests under way end."""
        self._pool.shutdown(wait=True)

    def ask(self, accounts: list[str]) -> None:
        """Ask accounts and note what they answer; raise SourceError where the venue has not answered for long."""
        if self.store.pass_start is None:
            self.store.begin(int(time.time()))
        for account, (held, moment) in zip(accounts, self._pool.map(self._held, accounts), strict=True):
            failure = held if isinstance(held, VenueFailure) else None
            kept = None if isinstance(held, VenueFailure) else self._wanted(held)
            name = self.store.account(account)
            self.store.add(name, kept, moment)
            self._count += 1
            if failure is None:
                self._in_a_row = 0
                continue
            self._in_a_row += 1
            self._failed.append((self._count, name))
            if self._in_a_row >= GIVE_UP and self._is_answering():
                self._in_a_row = 0
            if self._in_a_row >= GIVE_UP:
                # these failures say nothing about the accounts, nor do those of requests beside the first of them
                first = self._count - GIVE_UP - AT_ONCE
                self.store.take_back([name for count, name in self._failed if count > first])
                raise SourceError(
                    f"{self.connection.venue.title} {failure}, {GIVE_UP} accounts in a row; what was answered is "
                    "kept, and the same command goes on from there."
                ) from None
        self._since_flush += len(accounts)
        self._since_snapshot += len(accounts)
        if self._since_flush >= FLUSH_EVERY:
            self.store.flush()
            self._since_flush = 0

    def _is_answering(self) -> bool:
        """Return whether the venue answers for accounts that it answered for before, else for the smallest ones."""
        names = {account: self.store.account(account) for account in self.found.copy()}
        others = [account for account, name in names.items() if self.store.answers.get(name, []) is not None]
        known = {*self.store.accounts, *self.store.answers}
        asked = ([account for account in others if names[account] in known] or others)[-AT_ONCE:]
        answers = list(self._pool.map(self._held, asked))
        for account, (held, moment) in zip(asked, answers, strict=True):
            if not isinstance(held, VenueFailure) and names[account] in known:
                self.store.add(names[account], self._wanted(held), moment)
        return not all(isinstance(held, VenueFailure) for held, _ in answers)

    def _held(self, account: str) -> tuple[list[Position] | VenueFailure, int]:
        """Return what an account holds and when it was answered; a request beside it may take longer."""
        held: list[Position] | VenueFailure
        try:
            held = self.venue.held(self.connection, account, RetryBudget(PATIENCE, TRIES))
        except VenueFailure as failure:
            held = failure
        return held, int(time.time())

    def _wanted(self, held: list[Position]) -> list[Position]:
        """Return the positions that are kept: of the coins named, else of the main exchange."""
        return [one for one in held if (one.coin in self.plan.coins if self.plan.coins else ":" not in one.coin)]

    def traded(self) -> list[str]:
        """Return accounts that have just traded and are due, as many as are asked at once."""
        due = self.found.due(AT_ONCE)
        if self.plan.most is None:
            return due
        return [one for one in due if self.store.account(one) in self.store.accounts or self.is_asked(one)]

    def is_asked(self, account: str) -> bool:
        """Return whether an account was asked in the pass under way."""
        return self.store.account(account) in self.store.answers

    def snapshot_if_due(self) -> None:
        """Write a snapshot on the way where it is time and something was answered since the last."""
        now = time.monotonic()
        if now < self._snapshot_at or not self._since_snapshot:
            return
        self.store.save(self.interest(), max(self.of, len(self.store.answers)))
        self._since_snapshot = 0
        self._snapshot_at = time.monotonic() + (LATER if self.store.snapshots.has_complete else EARLY)

    def interest(self) -> dict[str, float]:
        """Return the venue's open interest, some minutes old at most; the last known one where it does not answer."""
        if time.monotonic() - self._interest_at > INTEREST_SECONDS:
            try:
                self._interest = self.venue.open_interest(self.connection, RetryBudget(PATIENCE, TRIES))
                self._interest_at = time.monotonic()
            except VenueFailure:  # asked again with the next snapshot
                return self._interest
        return self._interest

    def finish(self) -> None:
        """Write the snapshot that ends the pass, and say what it holds."""
        answers = self.store.answers
        answered, asked = sum(held is not None for held in answers.values()), len(answers)
        path = self.store.finish(self.interest())
        self._since_snapshot = 0
        self._snapshot_at = time.monotonic() + LATER
        count = sum(len(held) for _, held in self.store.book.values())
        self.report(
            f"{path.name}: {count:,} positions; {answered:,} of {asked:,} accounts asked answered, "
            f"{asked - answered:,} did not."
        )

    def tell(self, next_pass: float | None = None) -> None:
        """Say how far it is, every few seconds: in the folder always, and in words while a pass is under way."""
        now = time.monotonic()
        if now - self._told < STATUS_SECONDS:
            return
        self._told = now
        self._lately.append((now, self._count))
        while len(self._lately) > 2 and now - self._lately[0][0] > RATE_SECONDS:
            self._lately.pop(0)
        status = self.status(next_pass)
        write_status(self.store.folder, status)
        if next_pass is None and now - self._reported > REPORT_SECONDS:
            self._reported = now
            self.report(
                f"{status.asked:,} of {status.of:,} accounts asked, {status.holding:,} hold something, "
                f"{status.failed:,} did not answer; about {duration(min(status.remaining, 1e6))} remain."
            )

    def status(self, next_pass: float | None = None) -> Status:
        """Return how far it is."""
        (first, before), (last, count) = self._lately[0], self._lately[-1]
        answers, newest = self.store.answers, self.store.snapshots.newest_moment
        return Status(
            source=self.venue.name,
            title=self.connection.venue.title,
            pid=os.getpid(),
            written=time.time(),
            since=float(self.store.pass_start or time.time()),
            asked=len(answers),
            of=max(self.of, len(answers)),
            holding=len(self.store.book),
            failed=sum(held is None for held in answers.values()),
            rate=(count - before) / (last - first) if last > first else 0.0,
            newest=newest,
            complete=self.store.snapshots.has_complete,
            next=next_pass,
        )


def wait_for_trades(requests: Requests, until: float, stop: threading.Event) -> None:
    """Ask accounts that trade until a time (UTC s) or stopped; raise SourceError like `Requests.ask`."""
    while not stop.is_set() and (left := until - time.time()) > 0:
        if due := requests.traded():
            requests.ask(due)
        else:
            stop.wait(min(0.5, left))
        requests.snapshot_if_due()
        requests.tell(next_pass=until)
