"""`positions`: collect what a venue's accounts hold, as snapshots in a folder."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from liq import system
from liq.errors import InputError, SourceError
from liq.sources.positions import accounts, collect
from liq.sources.positions.publish import publish
from liq.sources.positions.storage import open_store
from liq.sources.venues import client
from liq.sources.venues.failures import RetryBudget, VenueFailure

FIND = ("leaderboard", "stream")

EXAMPLES = """examples:
  python -m liq positions --to seen --coins BTC,ETH --every 15m
  python -m liq positions --to seen --once --accounts 3000
  python -m liq positions --to seen --publish public

Stop it with Ctrl-C; start it again at any time, with the same folder. docs/positions.md has the rest.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--source", default="hyperliquid", help="the venue; only Hyperliquid states positions")
    parser.add_argument(
        "--to",
        default=_default_folder(),
        metavar="FOLDER",
        help="where to; start the app with LIQ_POSITIONS=FOLDER to see them; default: %(default)s",
    )
    parser.add_argument("--publish", metavar="FOLDER", help="write what others may read there, after each snapshot")
    parser.add_argument("--coins", default="", help="such as BTC,ETH; default: every coin of the main exchange")
    parser.add_argument("--accounts", type=int, metavar="N", help="ask at most N accounts a pass, the largest first")
    parser.add_argument("--find", default=",".join(FIND), help="where addresses come from; default: %(default)s")
    parser.add_argument("--addresses", metavar="FILE", help="a text file of further addresses, 0x and forty digits")
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--every", default="15m", help="time between two snapshots; default: %(default)s")
    often.add_argument("--once", action="store_true", help="one complete pass, then stop")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Collect until a signal ends it; return 130 for SIGINT, 0 else."""
    if args.source not in accounts.SOURCES:
        raise InputError(
            f"source must be {' or '.join(accounts.SOURCES)}, which states positions, not {args.source!r}."
        )
    find = tuple(name.strip() for name in args.find.split(",") if name.strip())
    if unknown := [name for name in find if name not in FIND]:
        raise InputError(f"--find takes {' and '.join(FIND)}, not {unknown[0]!r}.")
    if args.accounts is not None and args.accounts < 1:
        raise InputError(f"--accounts must be at least 1, not {args.accounts}.")
    every = None if args.once else collect.checked_every(args.every)
    plan = collect.Plan(
        coins=tuple(coin.strip().upper() for coin in args.coins.split(",") if coin.strip()),
        most=args.accounts,
        find=find,
        own=tuple(accounts.addresses_in_file(args.addresses)) if args.addresses else (),
    )
    with system.stop_on_signals() as stop:
        return _collect(args, plan, every, stop)


def _collect(args: argparse.Namespace, plan: collect.Plan, every: float | None, stop: system.Stop) -> int:
    """Collect until the signal, or one pass; return the exit code."""
    connection = client.connect(args.source)
    with open_store(Path(args.to), args.source) as store:
        try:
            known = client.contracts(connection, RetryBudget(collect.PATIENCE, collect.TRIES))
        except VenueFailure as failure:
            raise SourceError(f"{connection.venue.title} {failure}. Try again later.") from None
        _check_coins(
            plan.coins, {contract.id for contract in known.values()} | {name.split("/")[0] for name in known}
        )
        message(f"Collecting into {args.to}. Stop with Ctrl-C; what was answered is kept.")
        collect.collect(
            connection, store, plan, message, every=every, stop=stop.event, on_snapshot=lambda: _publish(args)
        )
    if stop.signals:
        message("Stopped; everything answered is in the folder.")
    return stop.exit_code


def _default_folder() -> str:
    """Return the folder that LIQ_POSITIONS names, where it is one and not the address of what others publish."""
    named = os.environ.get("LIQ_POSITIONS", "")
    return named if named and not named.startswith(("https://", "http://")) else "positions"


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
