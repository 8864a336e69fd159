"""`scan`: rank every market of a source, or a list, by what is nearest and biggest."""

from __future__ import annotations

import argparse
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pandas as pd

from liq import formatting, system
from liq.commands import options, output
from liq.commands.options import message
from liq.errors import InputError, SourceError
from liq.export.schema import to_json
from liq.formatting import DISCLAIMER
from liq.market import LOOKBACKS, Market
from liq.model.prior import Prior
from liq.scan import executors
from liq.scan.ranking import ScanRow, ranking_table, scan
from liq.scan.results import SCHEMA, ScanJournal, write_scan
from liq.sources import failover, fetch, market_cache, titles
from liq.sources.simulation import coins
from liq.sources.simulation import market as simulation
from liq.sources.venue_status import AllVenuesFailed

EXAMPLES = """examples:
  python -m liq scan --source gate --top 100 --to scan.parquet
  python -m liq scan --tickers BTC,ETH,SOL --lookback 1d --format json
  python -m liq scan --source simulated --top 300 --to scan.parquet --workers 2
  python -m liq scan --source binanceusdm --to scan.parquet --scheduler tcp://10.0.0.5:8786

The table goes to stdout, and with --to also to a Parquet file that the watchlist page reads. A scan that was cut off
resumes when the same scan is started again. docs/scan.md has the rule of rank and the columns.
"""

SOURCES = tuple(name for name in fetch.SOURCES if name != "file")

MESSAGE_EVERY = 25
"""Rows between two messages."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--source",
        default="auto",
        choices=SOURCES,
        metavar="SOURCE",
        help=f"{', '.join(SOURCES)} (default auto: the first venue that answers)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--tickers", metavar="A,B,C", help="coins or symbols, separated by commas (default all)")
    which.add_argument("--top", type=int, metavar="N", help="the first N by traded volume (default all)")
    options.lookback_argument(parser)
    options.as_of_argument(parser)
    options.prior_argument(parser)
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="Parquet file to write; beside it a journal meanwhile"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="how many at a time (default: one a processor core)")
    parser.add_argument("--executor", default="processes", choices=("threads", "processes"), help="default processes")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="estimate on the Dask cluster there, tcp://host:port")
    output.arguments(parser, ("table", "json", "csv"))
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Scan the markets, resume an interrupted scan, and write the ranking."""
    format = output.output_format(args)
    for name in ("top", "workers"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise InputError(f"--{name} must be a whole number from 1.")
    most = system.max_workers()
    if most is not None and args.executor == "processes" and (args.workers or 1) > most and args.scheduler is None:
        raise InputError(f"--workers must be {most} at most on Windows, or choose --executor threads.")
    prior, source = options.load_prior(args), _resolve_source(args.source)
    if source == "simulated":
        message(simulation.NOTE)
    names = _names(args, source)
    if args.as_of is not None and source != "archive":
        raise InputError("--as-of is for --source archive.")
    request = {"source": source, "lookback": args.lookback, "prior": _prior_identity(prior)}
    request |= {} if args.as_of is None else {"as_of": args.as_of}
    bar = LOOKBACKS[args.lookback].bar_length
    with nullcontext() if args.to is None else ScanJournal(args.to, request, bar, market_cache.utc_now()) as journal:
        done = {} if journal is None else journal.rows
        if journal is not None and journal.why:
            message(f"starting anew: there is an earlier scan, but {journal.why}.")
        rows = [done[name] for name in names if name in done]
        remaining = [name for name in names if name not in done]
        if rows:
            message(f"going on with an earlier scan: {len(rows)} of {len(names)} are done.")
        try:
            for row in _with_progress(_rows(args, source, prior, remaining), len(rows), len(names)):
                rows.append(row)
                if journal is not None:
                    journal.add(row)
        except KeyboardInterrupt:
            if journal is not None:
                message(f"interrupted; ask again to go on from {len(rows)} of {len(names)}.")
            raise
        ranking = ranking_table(rows, source)
        failed = ranking["error"] != ""
        if failed.all():
            raise InputError(f"none of {len(ranking)} markets could be had; the first: {ranking['error'].iloc[0]}")
        if journal is not None:
            write_scan(ranking, args.to, request)
            journal.remove()
    if failed.any():
        message(f"{int(failed.sum())} of {len(ranking)} failed; the first: {ranking.loc[failed, 'error'].iloc[0]}")
    if format == "table":
        output.write_output(_text(ranking), args)
    elif format == "csv":
        output.write_output(str(ranking.to_csv(index=False, lineterminator="\n")), args)
    else:
        rows_out = ranking.astype(object).where(ranking.notna(), None).to_dict("records")
        head = {"schema": SCHEMA, "simulated": source == "simulated", "disclaimer": DISCLAIMER}
        output.write_output(to_json({**head, **request, "rows": rows_out}), args)
    return 0


def _prior_identity(prior: str | Prior) -> str:
    """Return the prior's name; one from a file gets a checksum, as another file may use the same name."""
    return prior if isinstance(prior, str) else f"{prior.name}-{zlib.crc32(prior.to_json().encode()):08x}"


def _resolve_source(name: str) -> str:
    """Return the source, for auto the one venue that answers: a scan is never a mix of venues."""
    if name != "auto":
        return name
    try:
        venue = failover.answering_venue()
    except AllVenuesFailed as error:
        raise SourceError(
            str(failover.all_failed(error.reasons)).replace("choose auto", "--source simulated")
        ) from None
    message(f"{titles.source_title(venue)} answers.")
    return venue


def _names(args: argparse.Namespace, source: str) -> list[str]:
    if args.tickers is not None:
        names = list(dict.fromkeys(word.strip() for word in args.tickers.split(",") if word.strip()))
        if not names:
            raise InputError("--tickers names none.")
        return names
    if source == "simulated" and args.top is not None:
        return coins.coins_to_simulate(args.top)
    return fetch.tickers(source)[: args.top]


def _rows(args: argparse.Namespace, source: str, prior: str | Prior, names: list[str]) -> Iterator[ScanRow]:
    """Return the rows of the remaining markets, as they are done."""
    count = min(args.workers or os.cpu_count() or 1, max(1, len(names)))
    executor: Callable[[], Executor]
    if not names:
        return iter(())
    if args.scheduler is not None:
        first, count = executors.dask_cluster(args.scheduler)
        connected = iter([first])
        executor = lambda: next(connected, None) or executors.dask_cluster(args.scheduler)[0]  # noqa: E731
        message(f"{count} threads work at {args.scheduler}." if count else "the cluster has no workers yet; waiting.")
    else:
        pool = executors.thread_pool if args.executor == "threads" else executors.process_pool
        executor = partial(pool, count)
    fetch_in_worker = source == "simulated"  # it has no rate limit, and simulating is most of the work
    get_market: Callable[[str], Market]
    if fetch_in_worker:
        get_market = partial(simulation.simulate, lookback=args.lookback)
    else:
        get_market = partial(fetch.fetch, lookback=args.lookback, source=source, as_of=args.as_of)
    return scan(
        names, get_market, executor, prior=prior, max_submitted=2 * max(2, count), fetch_in_worker=fetch_in_worker
    )


def _with_progress(rows: Iterable[ScanRow], done: int, total: int) -> Iterator[ScanRow]:
    """Yield the rows and print to stderr how many are done."""
    for row in rows:
        yield row
        done += 1
        if done % MESSAGE_EVERY == 0 or done == total:
            message(f"{done} of {total}")


def _text(ranking: pd.DataFrame) -> str:
    """Return the ranking as a text table: per side the distance and the dollars of one zone."""
    good = ranking[ranking["error"] == ""]
    shown = pd.DataFrame(
        {
            "rank": good["rank"],
            "symbol": good["symbol"],
            "price": [f"{value:.6g}" for value in good["price"]],
            "above": [formatting.percent(value) for value in good["above_distance"]],
            "shorts": [formatting.money(value) for value in good["above_usd"]],
            "below": [formatting.percent(value) for value in good["below_distance"]],
            "longs": [formatting.money(value) for value in good["below_usd"]],
            "score": [f"{value:.3f}" for value in good["score"]],
        }
    )
    return f"{shown.to_string(index=False)}\n\n{DISCLAIMER}"
