"""Collector of real positions: asks a venue's accounts what they hold, pass after pass, within its limits."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from liq.errors import InputError, SourceError
from liq.sources.positions.asking.found import Found, listen
from liq.sources.positions.asking.requests import AT_ONCE, PATIENCE, TRIES, Plan, Requests, wait_for_trades
from liq.sources.positions.status import remove_status
from liq.sources.positions.storage import PositionStore
from liq.sources.positions.venues.table import POSITION_VENUES, PositionVenue
from liq.sources.venues.client import Connection
from liq.sources.venues.failures import RetryBudget, VenueFailure

DAY = 86_400
"""Seconds in which every known account is asked at least once."""

TRADED_SHARE = 3
"""Of so many groups of requests in a pass one may go to accounts that have just traded, so that the pass goes on."""

UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": DAY}
"""Seconds of a unit of time; a number alone is of seconds."""


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
    """Write snapshots until stopped: one, or one every so many seconds, and on the way.

    on_snapshot : called after each pass.

    The first pass asks every account that is known, the largest first. Later ones ask those that held something, and
    of the rest as many as it takes to ask each once a day; what was not asked again is carried over with the time of
    its answer. Accounts that trade are asked again first, and between the passes they alone. A pass that was
    interrupted is taken up where it ended. Raises SourceError where the venue does not answer at all.
    """
    venue, found = POSITION_VENUES[connection.venue.name], Found()
    for account in plan.own:
        found.add(account, float("inf"))
    find = plan.find or venue.find
    over = threading.Event()
    listener = listen(venue, plan.coins, found, over) if "stream" in find else None
    requests = Requests(connection, store, plan, found, report)
    try:
        while not stop.is_set():
            began = time.time()
            requests.tell()
            if venue.list_name in find:
                add_listed(connection, venue, plan, found, report)
            if not found.copy():
                raise SourceError(
                    f"{connection.venue.title} named no account to ask. Give a file of addresses, or try again later."
                )
            if not ask_all(requests, every, stop):
                return
            if on_snapshot is not None:
                on_snapshot()
            if every is None:
                return
            wait_for_trades(requests, began + every, stop)
    finally:
        over.set()
        requests.close()
        remove_status(store.folder, store.venue)
        if listener is not None:
            listener.join(timeout=6)


def ask_all(requests: Requests, every: float | None, stop: threading.Event) -> bool:
    """Ask the accounts of one pass and write its snapshot; return whether it was finished, not stopped."""
    store, found, most = requests.store, requests.found, requests.plan.most
    if store.resumed and store.pass_start is not None:
        began = datetime.fromtimestamp(store.pass_start, UTC)
        requests.report(f"Going on with the pass of {began:%d %b %H:%M} UTC.")
    store.resumed = False
    queue, row, turn = accounts_to_ask(found.copy(), store, every, most), 0, 0
    queue = [account for account in queue if not requests.is_asked(account)]
    while not stop.is_set():
        requests.of = len(store.answers) + len(queue) - row
        turn += 1
        batch = requests.traded() if turn % TRADED_SHARE == 0 else []
        while not batch and row < len(queue):
            batch = [account for account in queue[row : row + AT_ONCE] if not requests.is_asked(account)]
            row = min(row + AT_ONCE, len(queue))
        if not batch:
            # accounts that were found while the pass ran are asked at its end
            known, room = set(queue), None if most is None else max(0, most - len(store.answers))
            queue += [name for name in found.copy() if name not in known and is_new(store, name)][:room]
            if row < len(queue):
                continue
            break
        requests.ask(batch)
        requests.snapshot_if_due()
        requests.tell()
    if stop.is_set():
        store.flush()
        return False
    if store.pass_start is None:
        store.begin(int(time.time()))
    requests.finish()
    return True


def accounts_to_ask(found: Iterable[str], store: PositionStore, every: float | None, most: int | None) -> list[str]:
    """Return the accounts that this pass asks, those that held something first; within each kind as they come.

    The rest, longest unasked first, is cut to what asks each once a day; never asked ones are not cut. Those that did
    not answer in the last pass come last: each costs many seconds, and some never answer.
    """
    by_state: dict[str, list[tuple[int, str]]] = {"holds": [], "new": [], "rest": [], "silent": []}
    for place, account in enumerate(found):
        name = store.account(account)
        state = store.accounts.get(name)
        if name in store.silent:
            by_state["silent"].append((place, account))
        elif state is None:
            by_state["new"].append((place, account))
        else:
            by_state["holds" if state[1] else "rest"].append((state[0], account))
    by_state["rest"].sort()
    # without an interval a pass is complete
    share = 1.0 if every is None else min(1.0, every / DAY)
    rest = by_state["rest"][: -int(-len(by_state["rest"]) * share // 1)]
    return [account for _, account in [*by_state["holds"], *by_state["new"], *rest, *by_state["silent"]]][:most]


def is_new(store: PositionStore, account: str) -> bool:
    """Return whether an account was never asked.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from liq.sources.positions.storage import open_store
    >>> with tempfile.TemporaryDirectory() as folder, open_store(Path(folder), "hyperliquid") as store:
    ...     is_new(store, "0xa")
    True
    """
    name = store.account(account)
    return name not in store.accounts and name not in store.answers


def add_listed(
    connection: Connection, venue: PositionVenue, plan: Plan, found: Found, report: Callable[[str], None]
) -> None:
    """Add the accounts that the venue names all at once; a failure is said, and the pass goes on with the rest."""
    try:
        for account, usd in venue.accounts(connection, RetryBudget(PATIENCE, TRIES), plan.coins).items():
            found.add(account, usd)
    except VenueFailure as failure:
        report(f"The {venue.list_name} was not read: {connection.venue.title} {failure}.")


def checked_every(text: str) -> float:
    """Return seconds of an interval such as ``15m`` or ``1h``; raise InputError outside a minute to a day.

    >>> checked_every("15m")
    900.0
    """
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]+)?)\s*(s|m|min|h|d|)", text.strip().lower())
    if match is None:
        raise InputError(f"--every must be a time such as 15m or 1h, not {text!r}.")
    seconds = float(match[1]) * UNITS[match[2]]
    if not 60 <= seconds <= DAY:
        raise InputError(f"--every must lie between 1m and 1d, not {text!r}.")
    return seconds
