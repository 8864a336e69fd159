"""`watch`: one JSON line when price comes near a zone, or a zone is built, moved or swept."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from liq import system
from liq.commands import options, webhook
from liq.commands.notify import notifier
from liq.errors import InputError, LiqError
from liq.export.schema import round_price, source_name, to_json
from liq.model.heatmap import Heatmap
from liq.sources import fetch, market_cache, titles
from liq.wording import WORDS
from liq.zones import alerts, events
from liq.zones.alerts import AlertRule
from liq.zones.ranking import top_zones

SCHEMA = "liq.event/1"

MIN_INTERVAL = 2.0
"""Seconds between two requests for a price at least: venues limit calls, and a price is cached as long."""

RETRY_AFTER = pd.Timedelta(minutes=1)
"""Time without requests after a source has failed."""

EXAMPLES = """examples:
  python -m liq watch BTC ETH SOL --lookback 7d
  python -m liq watch BTC --source gate --within 0.3 --usd 20e6 --webhook https://example.org/hook
  python -m liq watch BTC --notify ntfy://my-topic --notify tgram://TOKEN/CHAT
  python -m liq watch --source simulated --once

One line a time on standard output, schema liq.event/1 (docs/commands.md), "event" one of near, built, moved, swept.
Price is asked for every few seconds, the map when a bar closes. Ctrl-C (exit code 130) or SIGTERM (0) ends it.
"""


@dataclass
class WatchedTicker:
    """Hold the state of one ticker.

    heatmap, zones, fetched : its map, the zones of the map, and when its market was fetched; standing, near : the
    states of `events.detect` and `alerts.check`; reported : end of the last bar whose events were printed;
    retry_at, failure : when to try again after a failure, and its message.
    """

    name: str
    heatmap: Heatmap | None = None
    zones: pd.DataFrame = field(default_factory=pd.DataFrame)
    fetched: pd.Timestamp = field(default_factory=market_cache.utc_now)
    standing: dict[str, Any] = field(default_factory=dict)
    near: dict[str, Any] = field(default_factory=dict)
    reported: pd.Timestamp | None = None
    retry_at: pd.Timestamp | None = None
    failure: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    options.market_arguments(parser, many=True)
    options.map_arguments(parser)
    parser.add_argument(
        "--within", type=float, default=0.5, metavar="PERCENT", help="what is near, in per cent (0.5)"
    )
    parser.add_argument("--usd", type=float, default=2.5e6, help="least dollars of a zone (2.5e6)")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="how often to ask for prices (5)")
    parser.add_argument("--webhook", metavar="URL", help="post every line there as well, as JSON")
    parser.add_argument(
        "--notify",
        action="append",
        default=[],
        metavar="URL",
        help="notify an address of Apprise's of every line, with a picture where the service takes one: tgram://, "
        'discord://, slack://, mailto://, ntfy:// and more; needs pip install "liq[notify]"; may be repeated',
    )
    parser.add_argument("--once", action="store_true", help="look once: near now, and what the last bar did")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Watch until a signal ends it; return 130 for SIGINT, 0 for SIGTERM."""
    if args.source == "file":
        raise InputError("A file does not move, so there is nothing to watch; choose another source.")
    if args.source == "archive":
        raise InputError("The archive ends before today, so there is nothing to watch; choose another source.")
    if not args.every >= MIN_INTERVAL:
        raise InputError(f"--every must be at least {MIN_INTERVAL:g} seconds, not {args.every:g}.")
    if not 0 <= args.usd < float("inf"):
        raise InputError(f"--usd must be dollars, not {args.usd}.")
    options.load_prior(args)  # a bad prior is reported before the first request
    with ExitStack() as stack:
        stop = stack.enter_context(system.stop_on_signals())
        maps: dict[str, Heatmap] = {}
        told = [stack.enter_context(webhook.webhook_poster(args.webhook))] if args.webhook else []
        if args.notify:
            told.append(stack.enter_context(notifier(args.notify, lambda symbol: _picture(args, maps[symbol]))))

        def write(line: str) -> None:
            print(line, flush=True)
            for tell in told:
                tell(line)

        for _ in rounds(args, write, maps):
            if stop.event.is_set() or args.once or stop.event.wait(args.every):
                break
    return stop.exit_code


def rounds(
    args: argparse.Namespace, write: Callable[[str], None], maps: dict[str, Heatmap] | None = None
) -> Iterator[None]:
    """Check every ticker, one after the other, and write a line per event; yield after each round.

    maps : where given, the latest map of each symbol is kept in it.

    Raises InputError for a ticker that does not exist, SourceError where no source answers the first request. A later
    failure is printed to stderr once, and that ticker is tried again after RETRY_AFTER.
    """
    watched = [WatchedTicker(name) for name in dict.fromkeys(args.tickers or [options.DEFAULT_TICKER])]
    rule = AlertRule(within=args.within / 100, usd=args.usd)
    while True:
        for ticker in watched:
            if ticker.retry_at is not None and market_cache.utc_now() < ticker.retry_at:
                continue
            try:
                _update_map(args, ticker, write, {} if maps is None else maps)
                _check_price(ticker, rule, write)
                ticker.failure = ""
            except LiqError as error:
                if ticker.heatmap is None:
                    raise
                if str(error) != ticker.failure:
                    options.message(f"{ticker.name}: {error}")
                ticker.failure, ticker.retry_at = str(error), market_cache.utc_now() + RETRY_AFTER
        yield


def _update_map(
    args: argparse.Namespace, ticker: WatchedTicker, write: Callable[[str], None], maps: dict[str, Heatmap]
) -> None:
    """Update the map if a bar has closed, and write the events of its finished bars."""
    if ticker.heatmap is not None and not market_cache.needs_refresh(ticker.heatmap.market, ticker.fetched):
        return
    name, now = args.source or "auto", market_cache.utc_now()
    market = fetch.fetch(ticker.name, args.lookback, name)
    options.refuse_simulated(market, name)
    if ticker.heatmap is None or ticker.heatmap.market.source != market.source:
        options.message(f"{ticker.name}: {market.symbol} from {source_name(market)}.")
        options.print_notices(market, f"{ticker.name}: ")
        ticker.standing, ticker.near, ticker.reported = (
            {},
            {},
            None,
        )  # another venue is another market with other zones
    ticker.heatmap, ticker.fetched = options.load_heatmap(args, market), now
    ticker.zones, maps[market.symbol] = top_zones(ticker.heatmap), ticker.heatmap
    kind = ticker.heatmap.kind
    for bar, zones in events.finished_bars(ticker.heatmap, ticker.reported):
        new, ticker.standing = events.detect(ticker.standing, market.symbol, zones, bar, args.usd, map_kind=kind)
        ticker.reported = bar.end
        for event in new:
            write(_event_json(ticker.heatmap, event.kind, asdict(event), events.describe(event)))


def _picture(args: argparse.Namespace, heatmap: Heatmap) -> bytes:
    """Return the PNG of a map, as the page draws it."""
    from liq.charts.heatmap import png  # only a picture needs the charts

    title = titles.market_title(heatmap.market, args.lookback)
    return png.heatmap_png(
        heatmap, title=title, watermark="Simulated" if heatmap.market.source == "simulated" else ""
    )


def _check_price(ticker: WatchedTicker, rule: AlertRule, write: Callable[[str], None]) -> None:
    """Request the price, and write an alert for each zone that it has come near to."""
    assert ticker.heatmap is not None
    market = ticker.heatmap.market
    quote = fetch.quote(market.symbol, market.source)
    price, time = (quote.price, quote.time) if quote.time > market.as_of else (float(market.price), market.as_of)
    kind = ticker.heatmap.kind
    new, ticker.near = alerts.check(ticker.near, market.symbol, ticker.zones, price, time, rule, map_kind=kind)
    for alert in new:
        write(_event_json(ticker.heatmap, "near", asdict(alert), alerts.describe(alert)))


def _event_json(heatmap: Heatmap, kind: str, fields: dict[str, Any], sentence: str) -> str:
    """Return one event as a line of JSON, schema liq.event/1."""
    market = heatmap.market
    side = fields["side"]
    edge = max(fields["low"], fields["price"]) if side == "above" else min(fields["high"], fields["price"])
    return to_json(
        {
            "schema": SCHEMA,
            "event": kind,
            "symbol": market.symbol,
            "source": source_name(market),
            "simulated": market.source == "simulated",
            "time": fields["time"],
            "price": fields["price"],
            "side": side,
            **{name: round_price(fields[name]) for name in ("low", "high", "peak")},
            "usd": round(fields["usd"]),
            "distance": round(fields.get("distance", edge / fields["price"] - 1), 6),
            "moved_from": round_price(fields.get("before", float("nan"))),
            "sentence": sentence,
            "disclaimer": WORDS[heatmap.kind].disclaimer,
        }
    )
