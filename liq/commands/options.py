"""What commands are asked alike: which market, through which window, weighed how; and the market and map it means."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liq.errors import InputError, SourceError
from liq.market import LOOKBACKS, Market
from liq.model.estimate import estimate
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS, select_bands
from liq.model.prior import PRIORS, Prior
from liq.sources import failover, fetch, titles
from liq.sources.files import market_file

FIRST = "BTC"
"""The ticker where none is named, as in the app."""


def market_arguments(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Add the ticker, or many, and what says where its market comes from."""
    what = f"coin or symbol, such as ETH or ETH/USDT:USDT (default {FIRST})"
    if many:
        parser.add_argument("tickers", nargs="*", metavar="ticker", help=what)
    else:
        parser.add_argument("ticker", nargs="?", help=what)
        parser.add_argument(
            "--file", metavar="PATH", help="a recording of your own, CSV, CSV.gz or Parquet, as source"
        )
    lookback_argument(parser)
    parser.add_argument(
        "--source",
        choices=fetch.SOURCES,
        metavar="SOURCE",
        help=f"{', '.join(fetch.SOURCES)} (default auto: the first venue that answers)",
    )


def lookback_argument(parser: argparse.ArgumentParser) -> None:
    """Add the window."""
    parser.add_argument(
        "--lookback",
        "--timeframe",
        default="7d",
        choices=list(LOOKBACKS),
        metavar="WINDOW",
        help=f"{', '.join(LOOKBACKS)} (default 7d)",
    )


def map_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says how the map is weighed."""
    prior_argument(parser)
    parser.add_argument(
        "--leverage",
        metavar="BANDS",
        help=f"which positions count, separated by commas: {', '.join(BANDS)} (default all)",
    )


def prior_argument(parser: argparse.ArgumentParser) -> None:
    """Add the prior, by name or from a file."""
    parser.add_argument(
        "--prior",
        default="calibrated",
        metavar="PRIOR",
        help=f"{', '.join(PRIORS)}, or a JSON file that calibrate wrote (default calibrated)",
    )


def load_market(asked: argparse.Namespace) -> Market:
    """Return the market that was asked for, and say on stderr what must not be missed about it.

    Raises InputError; SourceError also where only the simulated market would stand in for the venues: the page can
    say so where nobody misses it, a file that a script keeps cannot.
    """
    if asked.file is not None:
        if asked.source not in (None, "file"):
            raise InputError("--file is a source of its own; leave --source out.")
        found = market_file.read_market(asked.file, lookback=asked.lookback, symbol=asked.ticker)
    else:
        source = asked.source or "auto"
        found = fetch.fetch(asked.ticker or FIRST, asked.lookback, source, on_progress=_progress)
        _clear()
        refuse_simulated(found, source)
    announce_market(found)
    return found


def announce_market(found: Market, prefix: str = "") -> None:
    """Say what must not be missed about a market: that it is simulated, and what its source could not give."""
    for note in found.notes:
        message(f"{prefix}{note}")
    for name, reason in found.left_out.items():
        message(f"{prefix}{titles.source_title(name)} {reason}, so it is not in this.")


def refuse_simulated(found: Market, source: str) -> None:
    """Raise SourceError where the simulated market stands in for venues that did not answer."""
    if found.source == "simulated" and source != "simulated":
        reasons = failover.describe_failures(dict(found.left_out))
        raise SourceError(f"No venue answered ({reasons}); try again, or ask for --source simulated.")


def load_prior(asked: argparse.Namespace) -> str | Prior:
    """Return the prior that was asked for: a name, or what a file holds. Raises InputError."""
    if asked.prior in PRIORS:
        return str(asked.prior)
    path = Path(asked.prior)
    if not path.is_file():
        raise InputError(f"--prior must be one of {', '.join(PRIORS)}, or a file, not {asked.prior!r}.")
    from liq.model.prior import read_prior  # only a prior of one's own needs it

    return read_prior(read_file(path))


def load_heatmap(asked: argparse.Namespace, found: Market, columns: int | None = None) -> Heatmap:
    """Return the map of a market as it was asked for. Raises InputError."""
    bands = list(BANDS) if asked.leverage is None else asked.leverage.split(",")
    unknown = [band for band in bands if band not in BANDS]
    if unknown:
        raise InputError(f"--leverage must be of {', '.join(BANDS)}, not {unknown[0]!r}.")
    return select_bands(estimate(found, prior=load_prior(asked), columns=columns), set(bands))


def read_file(path: Path) -> bytes:
    """Return what a file holds; raise InputError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}.") from None


def message(sentence: str) -> None:
    """Say something that is not part of the answer."""
    print(f"liq: {sentence}", file=sys.stderr)


def _progress(what: str, done: int, total: int) -> None:
    """Say on a terminal what is waited for, in one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what} ({done} of {total})", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
