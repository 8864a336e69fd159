"""`positions`: collect what a venue's accounts hold, as snapshots in a folder."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from liq import system
from liq.errors import InputError, SourceError
from liq.sources.positions import accounts, collect
from liq.sources.positions.asking.requests import PATIENCE, TRIES, Plan
from liq.sources.positions.publish import publish
from liq.sources.positions.reader import is_url
from liq.sources.positions.storage import open_store
from liq.sources.positions.venues.table import POSITION_VENUES, PositionVenue
from liq.sources.rate_limit import RateLimit, limits_within
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure

SPREAD = 5.0
"""Seconds over which requests are spread: an account that has just traded waits no longer for its turn."""

EXAMPLES = """examples:
  python -m liq positions --to seen --coins BTC,ETH --every 15m
  python -m liq positions --to seen --once --accounts 3000
  python -m liq positions --to seen --source lighter
  python -m liq positions --to seen --publish public

Stop it with Ctrl-C; start it again at any time, with the same folder. docs/positions.md has the rest.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--source", default="hyperliquid", help=f"the venue, {' or '.join(POSITION_VENUES)}; default: %(default)s"
    )
    parser.add_argument(
        "--to",
        default=_default_folder(),
        metavar="FOLDER",
        help="where to; start the app with LIQ_POSITIONS=FOLDER to see them; default: %(default)s",
    )
    parser.add_argument("--publish", metavar="FOLDER", help="write what others may read there, after each pass")
    parser.add_argument("--coins", default="", help="such as BTC,ETH; default: every coin of the main exchange")
    parser.add_argument("--accounts", type=int, metavar="N", help="ask at most N accounts a pass, the largest first")
    lists = ", ".join(f"{','.join(venue.find)} ({venue.name})" for venue in POSITION_VENUES.values())
    parser.add_argument("--find", default="", help=f"where accounts come from; default: {lists}")
    parser.add_argument("--addresses", metavar="FILE", help="a text file of further accounts: addresses, or numbers")
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--every", default="15m", help="time between two passes; default: %(default)s")
    often.add_argument("--once", action="store_true", help="one complete pass, then stop")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Collect until a signal ends it; return 130 for SIGINT, 0 else."""
    venue = checked_source(args.source)
    find = tuple(name.strip() for name in args.find.split(",") if name.strip())
    if unknown := [name for name in find if name not in venue.find]:
        raise InputError(f"--find takes {' and '.join(venue.find)}, not {unknown[0]!r}.")
    if args.accounts is not None and args.accounts < 1:
        raise InputError(f"--accounts must be at least 1, not {args.accounts}.")
    every = None if args.once else collect.checked_every(args.every)
    own = accounts.addresses_in_file(args.addresses, venue.account, venue.looks) if args.addresses else ()
    plan = Plan(
        coins=tuple(coin.strip().upper() for coin in args.coins.split(",") if coin.strip()),
        most=args.accounts,
        find=find,
        own=tuple(own),
    )
    with system.stop_on_signals() as stop:
        collect_into(Path(args.to), venue.name, plan, every, stop.event, message, on_snapshot=lambda: _publish(args))
    if stop.signals:
        message("Stopped; everything answered is in the folder.")
    return stop.exit_code


def checked_source(name: str) -> PositionVenue:
    """Return the venue of a name; raise InputError where it does not state positions.

    >>> checked_source("hyperliquid").list_name
    'leaderboard'
    """
    if name not in POSITION_VENUES:
        raise InputError(f"source must be {' or '.join(POSITION_VENUES)}, which state positions, not {name!r}.")
    return POSITION_VENUES[name]


def collect_into(
    folder: Path,
    source: str,
    plan: Plan,
    every: float | None,
    stop: threading.Event,
    report: Callable[[str], None],
    share: float = 1.0,
    on_snapshot: Callable[[], object] | None = None,
) -> None:
    """Collect into a folder until stopped, or one pass, with a share of the venue's limits.

    on_snapshot : called after each pass. Raises SourceError or InputError.
    """
    connection = client.connect(source)
    connection.rate_limit = RateLimit(limits_within(SPREAD, connection.venue.limits, share))
    with open_store(folder, source) as store:
        try:
            known = client.contracts(connection, RetryBudget(PATIENCE, TRIES))
        except VenueFailure as failure:
            raise SourceError(f"{connection.venue.title} {failure}. Try again later.") from None
        _check_coins(
            plan.coins, {contract.id for contract in known.values()} | {name.split("/")[0] for name in known}
        )
        report(f"Collecting into {folder}. Stop with Ctrl-C; what was answered is kept.")
        collect.collect(connection, store, plan, report, every=every, stop=stop, on_snapshot=on_snapshot)


def _default_folder() -> str:
    """Return the folder that LIQ_POSITIONS names, where it is one and not the address of what others publish."""
    named = os.environ.get("LIQ_POSITIONS", "")
    return named if named and not is_url(named) else "positions"


def _publish(args: argparse.Namespace) -> None:
    """Publish what was collected, if that was asked for; where it cannot be, collecting goes on, if it does."""
    if args.publish:
        try:
            index = publish(args.to, args.publish, args.source)
        except InputError as error:
            if args.once:
                raise
            message(f"Not published: {error}")
        else:
            size = sum(file.size for file in index.files)
            message(f"{args.publish}: {len(index.files)} files, {size / 1e6:.1f} MB.")


def _check_coins(coins: tuple[str, ...], known: set[str]) -> None:
    """Raise InputError for a coin that the venue does not list."""
    if unknown := [coin for coin in coins if coin not in known and ":" not in coin]:
        raise InputError(f"the venue lists no {unknown[0]}.")


def message(line: str) -> None:
    """Print a line to stderr at once.

    >>> message("Stopped.")
    """
    print(f"liq: {line}", file=sys.stderr, flush=True)
