"""One pass of a collector by itself, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

from liq.sources.positions.asking.found import Found
from liq.sources.positions.asking.requests import Plan, Requests
from liq.sources.positions.collect import ask_all
from liq.sources.positions.storage import PositionStore
from liq.sources.venues.client import Connection


def one_pass(
    connection: Connection,
    store: PositionStore,
    found: Found,
    plan: Plan | None = None,
    *,
    report: Callable[[str], None] = print,
    every: float | None = None,
) -> bool:
    """Ask the accounts of one pass and write its snapshot; return whether it was finished."""
    with closing(Requests(connection, store, plan or Plan(), found, report)) as requests:
        return ask_all(requests, every, threading.Event())
