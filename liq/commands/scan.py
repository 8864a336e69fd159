"""`scan`: every market of a source, or a list, ranked by what is nearest and biggest."""

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

from liq import formatting
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
from liq.sources import failover, fetch, titles
from liq.sources.simulation import coins
from liq.sources.simulation import market as simulation
from liq.sources.venue_status import AllVenuesFailed

EXAMPLES = """examples:
  python -m liq scan --source gate --top 100 --to scan.parquet
  python -m liq scan --tickers BTC,ETH,SOL --lookback 1d --format json
  python -m liq scan --source simulated --top 300 --to scan.parquet --workers 2
  python -m liq scan --source binanceusdm --to scan.parquet --scheduler tcp://10.0.0.5:8786

The table goes to stdout, and with --to also to a Parquet file that the watchlist page reads. A scan that was cut off
goes on where it was when it is asked for again. docs/scan.md has the rule of rank and the columns.
"""

SOURCES = tuple(name for name in fetch.SOURCES if name != "file")

SAID_EVERY = 25
"""Rows between two messages."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
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
    options.prior_argument(parser)
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="Parquet file to write; beside it a journal meanwhile"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="how many at a time (default: one a processor core)")
    parser.add_argument("--executor", default="processes", choices=("threads", "processes"), help="default processes")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="estimate on the Dask cluster there, tcp://host:port")
    output.arguments(parser, ("table", "json", "csv"))
    parser.epilog = EXAMPLES


def run(asked: argparse.Namespace) -> int:
    """Answer."""
    form = output.output_format(asked)
    for name in ("top", "workers"):
        if getattr(asked, name) is not None and getattr(asked, name) < 1:
            raise InputError(f"--{name} must be a whole number from 1.")
    prior, source = options.load_prior(asked), _source(asked.source)
    if source == "simulated":
        message(simulation.NOTE)
    names = _names(asked, source)
    meant = {"source": source, "lookback": asked.lookback, "prior": _named(prior)}
    bar = LOOKBACKS[asked.lookback].bar_length
    with nullcontext() if asked.to is None else ScanJournal(asked.to, meant, bar, pd.Timestamp.now("UTC")) as journal:
        kept = {} if journal is None else journal.rows
        if journal is not None and journal.why:
            message(f"starting anew: there is an earlier scan, but {journal.why}.")
        rows = [kept[name] for name in names if name in kept]
        left = [name for name in names if name not in kept]
        if rows:
            message(f"going on with an earlier scan: {len(rows)} of {len(names)} are done.")
        try:
            for row in _told(_rows(asked, source, prior, left), len(rows), len(names)):
                rows.append(row)
                if journal is not None:
                    journal.add(row)
        except KeyboardInterrupt:
            if journal is not None:
                message(f"interrupted; ask again to go on from {len(rows)} of {len(names)}.")
            raise
        found = ranking_table(rows, source)
        failed = found["error"] != ""
        if failed.all():
            raise InputError(f"none of {len(found)} markets could be had; the first: {found['error'].iloc[0]}")
        if journal is not None:
            write_scan(found, asked.to, meant)
            journal.remove()
    if failed.any():
        message(f"{int(failed.sum())} of {len(found)} failed; the first: {found.loc[failed, 'error'].iloc[0]}")
    if form == "table":
        output.write_output(_text(found), asked)
    elif form == "csv":
        output.write_output(str(found.to_csv(index=False)), asked)
    else:
        rows_out = found.astype(object).where(found.notna(), None).to_dict("records")
        told = {"schema": SCHEMA, "simulated": source == "simulated", "disclaimer": DISCLAIMER}
        output.write_output(to_json({**told, **meant, "rows": rows_out}), asked)
    return 0


def _named(prior: str | Prior) -> str:
    """Return the prior's name, with what tells one from a file from others of that name."""
    return prior if isinstance(prior, str) else f"{prior.name}-{zlib.crc32(prior.to_json().encode()):08x}"


def _source(name: str) -> str:
    """Return the source that is meant, the one venue that answers for auto: a scan is never a mix of venues."""
    if name != "auto":
        return name
    try:
        venue = failover.answering_venue()
    except AllVenuesFailed as silence:
        raise SourceError(
            str(failover.all_failed(silence.reasons)).replace("choose auto", "--source simulated")
        ) from None
    message(f"{titles.source_title(venue)} answers.")
    return venue


def _names(asked: argparse.Namespace, source: str) -> list[str]:
    if asked.tickers is not None:
        names = list(dict.fromkeys(word.strip() for word in asked.tickers.split(",") if word.strip()))
        if not names:
            raise InputError("--tickers names none.")
        return names
    if source == "simulated" and asked.top is not None:
        return coins.coins_to_simulate(asked.top)
    return fetch.tickers(source)[: asked.top]


def _rows(asked: argparse.Namespace, source: str, prior: str | Prior, names: list[str]) -> Iterator[ScanRow]:
    """Return the rows of what is left to do."""
    count = min(asked.workers or os.cpu_count() or 1, max(1, len(names)))
    executor: Callable[[], Executor]
    if not names:
        return iter(())
    if asked.scheduler is not None:
        first, count = executors.dask_cluster(asked.scheduler)
        opened = iter([first])
        executor = lambda: next(opened, None) or executors.dask_cluster(asked.scheduler)[0]  # noqa: E731
        message(
            f"{count} threads work at {asked.scheduler}." if count else "the cluster has no workers yet; waiting."
        )
    else:
        pool = executors.thread_pool if asked.executor == "threads" else executors.process_pool
        executor = partial(pool, count)
    apart = source == "simulated"  # nobody limits its rate, and making it is most of the work
    get: Callable[[str], Market]
    if apart:
        get = partial(simulation.simulate, lookback=asked.lookback)
    else:
        get = partial(fetch.fetch, lookback=asked.lookback, source=source)
    return scan(names, get, executor, prior=prior, at_once=2 * max(2, count), apart=apart)


def _told(rows: Iterable[ScanRow], done: int, total: int) -> Iterator[ScanRow]:
    """Yield the rows, and say on stderr how far it is."""
    for row in rows:
        yield row
        done += 1
        if done % SAID_EVERY == 0 or done == total:
            message(f"{done} of {total}")


def _text(found: pd.DataFrame) -> str:
    """Return the table as text to read: a zone a side, its distance and dollars."""
    good = found[found["error"] == ""]
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
