"""Options that commands share (market, lookback, prior, leverage), and the market and map that they stand for."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from liq.errors import InputError, LiqError, SourceError
from liq.market import LOOKBACKS, Market, as_utc
from liq.model.choice import AUTO, choose_map
from liq.model.estimate import estimate
from liq.model.estimated import Estimate
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS
from liq.model.observed import observe
from liq.model.prior import PRIORS, Prior
from liq.model.snapshots import MAX_AGE
from liq.positions import Positions
from liq.sources import failover, fetch, titles
from liq.sources.file_worker import readers
from liq.sources.files.times import DATE_ORDERS
from liq.sources.positions.reader import venue_to_read
from liq.sources.simulation.positions import seen_share, simulated_positions
from liq.validation.book_losses import book_losses
from liq.wording import ESTIMATE, REAL

MAP_NAMES = {AUTO: AUTO, "real": REAL, "estimate": ESTIMATE}
"""What --map takes, and what is meant (`liq.model.choice.MAPS`)."""

DEFAULT_TICKER = "BTC"
"""The ticker where none is given, as in the app."""

WIDTH = 79
"""Characters of a progress line, which the next one overwrites; older Windows consoles know no code for erasing."""


def market_arguments(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Add ticker (many: tickers), --file, --dates and --as-of (not with many), --lookback and --source.

    >>> parser = argparse.ArgumentParser()
    >>> market_arguments(parser)
    >>> parser.parse_args(["ETH", "--source", "gate"]).ticker
    'ETH'
    """
    what = f"coin or symbol, such as ETH or ETH/USDT:USDT (default {DEFAULT_TICKER})"
    if many:
        parser.add_argument("tickers", nargs="*", metavar="ticker", help=what)
    else:
        parser.add_argument("ticker", nargs="?", help=what)
        parser.add_argument(
            "--file", metavar="PATH", help="a file, zip or folder of your own as source (docs/files.md)"
        )
        parser.add_argument(
            "--dates",
            default="",
            choices=DATE_ORDERS,
            metavar="ORDER",
            help=f"how dates in files are written where they leave it open: {', '.join(DATE_ORDERS)}",
        )
        as_of_argument(parser)
    lookback_argument(parser)
    parser.add_argument(
        "--source",
        choices=fetch.SOURCES,
        metavar="SOURCE",
        help=f"{', '.join(fetch.SOURCES)} (default auto: the first venue that answers)",
    )


def as_of_argument(parser: argparse.ArgumentParser) -> None:
    """Add --as-of, the moment that a window of the archive ends at.

    >>> parser = argparse.ArgumentParser()
    >>> as_of_argument(parser)
    >>> parser.parse_args(["--as-of", "2025-10-11"]).as_of
    '2025-10-11'
    """
    parser.add_argument(
        "--as-of",
        metavar="TIME",
        help="with --source archive: where the window ends, UTC, such as 2025-10-11 (default the newest there is)",
    )


def lookback_argument(parser: argparse.ArgumentParser) -> None:
    """Add --lookback.

    >>> parser = argparse.ArgumentParser()
    >>> lookback_argument(parser)
    >>> parser.parse_args(["--lookback", "1M"]).lookback
    '1M'
    """
    parser.add_argument(
        "--lookback",
        "--timeframe",
        default="7d",
        choices=list(LOOKBACKS),
        metavar="WINDOW",
        help=f"{', '.join(LOOKBACKS)} (default 7d)",
    )


def map_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --map, --positions, --prior and --leverage.

    >>> parser = argparse.ArgumentParser()
    >>> map_arguments(parser)
    >>> parser.parse_args(["--map", "real"]).map
    'real'
    """
    parser.add_argument(
        "--map",
        default=AUTO,
        choices=list(MAP_NAMES),
        help="real positions or the estimate (default auto: real ones where --positions covers the market)",
    )
    parser.add_argument(
        "--positions",
        default=os.environ.get("LIQ_POSITIONS") or None,
        metavar="PATH",
        help="real positions: a folder that `liq positions` wrote, a file, or https://… (default LIQ_POSITIONS)",
    )
    estimate_arguments(parser)


def estimate_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --prior and --leverage.

    >>> parser = argparse.ArgumentParser()
    >>> estimate_arguments(parser)
    >>> parser.parse_args(["--leverage", "26-50x,51-100x"]).leverage
    '26-50x,51-100x'
    """
    prior_argument(parser)
    parser.add_argument(
        "--leverage",
        metavar="BANDS",
        help=f"which positions count, separated by commas: {', '.join(BANDS)} (default all)",
    )


def prior_argument(parser: argparse.ArgumentParser) -> None:
    """Add --prior, a name or a file.

    >>> parser = argparse.ArgumentParser()
    >>> prior_argument(parser)
    >>> parser.parse_args([]).prior
    'calibrated'
    """
    parser.add_argument(
        "--prior",
        default="calibrated",
        metavar="PRIOR",
        help=f"{', '.join(PRIORS)}, or a JSON file that calibrate wrote (default calibrated)",
    )


def load_market(args: argparse.Namespace) -> Market:
    """Return the requested market and print its notices to stderr.

    Raises InputError; SourceError also where only the simulated market could replace the venues: a page shows that in
    a banner, a file that a script writes cannot.

        >>> load_market(argparse.Namespace(file=None, source="simulated", ticker="ETH", lookback="1d")).base
        'ETH'
    """
    as_of = getattr(args, "as_of", None)
    if args.file is not None:
        if as_of is not None:
            raise InputError("--as-of is for --source archive; cut the file to end where you want.")
        if args.source not in (None, "file"):
            raise InputError("--file is a source of its own; leave --source out.")
        market = readers.read_market(args.file, lookback=args.lookback, symbol=args.ticker, dates=args.dates)
    else:
        source = args.source or "auto"
        ticker = args.ticker or DEFAULT_TICKER
        market = fetch.fetch(ticker, args.lookback, source, as_of=as_of, on_progress=_progress)
        _clear()
        refuse_simulated(market, source)
    print_notices(market)
    return market


def print_notices(market: Market, prefix: str = "") -> None:
    """Print the notices about a market to stderr: that it is simulated, and what its source could not give.

    >>> print_notices(fetch.fetch("BTC", "1d", source="simulated"))
    """
    for note in market.notes:
        message(f"{prefix}{note}")
    for name, reason in market.left_out.items():
        message(f"{prefix}{titles.source_title(name)} {reason}, so it is not in this.")


def refuse_simulated(market: Market, source: str) -> None:
    """Raise SourceError where the market is simulated because no venue answered.

    >>> refuse_simulated(fetch.fetch("BTC", "1d", source="simulated"), source="auto")
    Traceback (most recent call last):
        ...
    liq.errors.SourceError: No venue answered (); try again, or ask for --source simulated.
    """
    if market.source == "simulated" and source != "simulated":
        reasons = failover.describe_failures(dict(market.left_out))
        raise SourceError(f"No venue answered ({reasons}); try again, or ask for --source simulated.")


def load_prior(args: argparse.Namespace) -> str | Prior:
    """Return the requested prior, as a name or read from a file. Raises InputError.

    >>> load_prior(argparse.Namespace(prior="flat"))
    'flat'
    """
    if args.prior in PRIORS:
        return str(args.prior)
    path = Path(args.prior)
    if not path.is_file():
        raise InputError(f"--prior must be one of {', '.join(PRIORS)}, or a file, not {args.prior!r}.")
    from liq.model.prior import read_prior  # imported only where a file is given

    return read_prior(read_file(path))


def load_heatmap(args: argparse.Namespace, market: Market) -> Heatmap:
    """Return the map of a market that was asked for, with the requested bands. Raises InputError.

    >>> market = fetch.fetch("BTC", "1d", source="simulated")
    >>> args = argparse.Namespace(prior="calibrated", leverage="26-50x,51-100x", map="estimate")
    >>> load_heatmap(args, market).market is market
    True
    """
    return load_all_bands(args, market).with_bands(chosen_bands(args))


def load_all_bands(args: argparse.Namespace, market: Market) -> Heatmap:
    """Return the map of a market that was asked for, all bands counted: of real positions, or the estimate. Raises
    InputError.

    >>> args = argparse.Namespace(prior="calibrated", leverage=None, map="real", positions=None)
    >>> load_all_bands(args, fetch.fetch("BTC", "1d", source="simulated")).kind
    'real positions'
    """
    wanted = MAP_NAMES[args.map]
    if wanted == ESTIMATE:
        return load_estimate(args, market)
    try:
        positions = _positions(args, market, wanted)
    except LiqError as error:
        if wanted == REAL:
            raise
        message(f"{error} This is the estimate.")
        positions = None
    choice = choose_map(market, positions, wanted)
    if choice.positions is None and wanted == REAL:
        raise InputError(choice.sentence.replace("; this is the estimate.", "; name them with --positions."))
    if choice.sentence:
        message(choice.sentence)
    return load_estimate(args, market) if choice.positions is None else observe(market, choice.positions)


def _positions(args: argparse.Namespace, market: Market, wanted: str) -> Positions | None:
    """Return the positions at hand of a market's coin and window, None for none; raise LiqError."""
    if market.source == "simulated":
        return simulated_positions(market, seen_share()) if wanted == REAL else None
    if not args.positions:
        return None
    since = as_utc(market.start, "start") - MAX_AGE
    dates, source = getattr(args, "dates", ""), venue_to_read(args.positions, market.source)
    positions = readers.read_positions(args.positions, market.base, dates, since, source=source)
    for note in positions.notes:
        message(note)
    return positions


def load_estimate(args: argparse.Namespace, market: Market, columns: int | None = None) -> Estimate:
    """Return the estimate of a market with the requested prior, all bands counted. Raises InputError.

    >>> args = argparse.Namespace(prior="flat")
    >>> load_estimate(args, fetch.fetch("BTC", "1d", source="simulated")).prior.name
    'flat'
    """
    heatmap = estimate(market, prior=load_prior(args), columns=columns)
    for note in book_losses(heatmap):
        message(note)
    return heatmap


def chosen_bands(args: argparse.Namespace) -> list[str]:
    """Return the requested leverage bands, all where none is named. Raises InputError.

    >>> chosen_bands(argparse.Namespace(leverage="26-50x,51-100x"))
    ['26-50x', '51-100x']
    """
    bands = list(BANDS) if args.leverage is None else list(dict.fromkeys(args.leverage.split(",")))
    if unknown := [band for band in bands if band not in BANDS]:
        raise InputError(f"--leverage must be of {', '.join(BANDS)}, not {unknown[0]!r}.")
    return bands


def read_file(path: Path) -> bytes:
    """Return the bytes of a file; raise InputError where it cannot be read.

    >>> read_file(Path("no_such_file.json"))
    Traceback (most recent call last):
        ...
    liq.errors.InputError: no_such_file.json cannot be read: No such file or directory.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}.") from None


def message(sentence: str) -> None:
    """Print a sentence to stderr.

    >>> message("BTC from Gate.")
    """
    print(f"liq: {sentence}", file=sys.stderr)


def _progress(what: str, done: int, total: int) -> None:
    """Show progress on a terminal, in one line that is overwritten."""
    if sys.stderr.isatty():
        print(f"\r{f'{what} ({done} of {total})':<{WIDTH}.{WIDTH}}", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print(f"\r{'':{WIDTH}}\r", end="", file=sys.stderr, flush=True)
