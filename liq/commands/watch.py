"""`watch`: one JSON line when price comes near a zone, or a zone is built, moved or swept."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from liq.commands import options, webhook
from liq.errors import InputError, LiqError
from liq.export.schema import round_price, source_name, to_json
from liq.formatting import DISCLAIMER
from liq.model.heatmap import Heatmap
from liq.sources import fetch, market_cache
from liq.zones import alerts, events
from liq.zones.alerts import AlertRule
from liq.zones.ranking import top_zones

SCHEMA = "liq.event/1"

LEAST_WAIT = 2.0
"""Seconds between prices at least: venues count calls, and a price is kept for as long anyway."""

PAUSE = pd.Timedelta(minutes=1)
"""How long a source that failed is left alone."""

EXAMPLES = """examples:
  python -m liq watch BTC ETH SOL --lookback 7d
  python -m liq watch BTC --source gate --within 0.3 --usd 20e6 --webhook https://example.org/hook
  python -m liq watch --source simulated --once

One line a time on standard output, schema liq.event/1 (docs/commands.md), "event" one of near, built, moved, swept.
Price is asked for every few seconds, the map when a bar closes. Ctrl-C (exit code 130) or SIGTERM (0) ends it.
"""


@dataclass
class Followed:
    """Hold what is known of one ticker.

    heatmap, zones, read : its map, the zones of that, and when it was read; stood, near : what `events` and `alerts`
    hold; told : the end of the last bar that was told; quiet : until when it is left alone, because of `trouble`.
    """

    ticker: str
    heatmap: Heatmap | None = None
    zones: pd.DataFrame = field(default_factory=pd.DataFrame)
    read: pd.Timestamp = field(default_factory=market_cache.utc_now)
    stood: dict[str, Any] = field(default_factory=dict)
    near: dict[str, Any] = field(default_factory=dict)
    told: pd.Timestamp | None = None
    quiet: pd.Timestamp | None = None
    trouble: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    options.market_arguments(parser, many=True)
    options.map_arguments(parser)
    parser.add_argument(
        "--within", type=float, default=0.5, metavar="PERCENT", help="what is near, in per cent (0.5)"
    )
    parser.add_argument("--usd", type=float, default=10e6, help="least dollars of a zone (10e6)")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="how often to ask for prices (5)")
    parser.add_argument("--webhook", metavar="URL", help="post every line there as well, as JSON")
    parser.add_argument("--once", action="store_true", help="look once: near now, and what the last bar did")
    parser.epilog = EXAMPLES


def run(asked: argparse.Namespace) -> int:
    """Watch until told to stop; 130 where interrupted, 0 where terminated."""
    if asked.source == "file":
        raise InputError("A file does not move, so there is nothing to watch; choose another source.")
    if not asked.every >= LEAST_WAIT:
        raise InputError(f"--every must be at least {LEAST_WAIT:g} seconds, not {asked.every:g}.")
    if not 0 <= asked.usd < float("inf"):
        raise InputError(f"--usd must be dollars, not {asked.usd}.")
    options.load_prior(asked)  # what makes no sense is said before anything is asked for
    with ExitStack() as stack:
        stop, caught = stack.enter_context(_told_to_stop())
        post = stack.enter_context(webhook.webhook_poster(asked.webhook)) if asked.webhook else None

        def say(line: str) -> None:
            print(line, flush=True)
            if post is not None:
                post(line)

        for _ in rounds(asked, say):
            if stop.is_set() or asked.once or stop.wait(asked.every):
                break
    return 130 if signal.SIGINT in caught else 0


def rounds(asked: argparse.Namespace, say: Callable[[str], None]) -> Iterator[None]:
    """Look at every ticker, one after the other, and say a line for all that happened; yield after each round.

    Raises InputError for a ticker that does not exist, SourceError where the first look finds no source. A later
    failure is said on stderr, once, and that ticker left alone for PAUSE.
    """
    following = [Followed(ticker) for ticker in dict.fromkeys(asked.tickers or [options.FIRST])]
    rule = AlertRule(within=asked.within / 100, usd=asked.usd)
    while True:
        for one in following:
            if one.quiet is not None and market_cache.utc_now() < one.quiet:
                continue
            try:
                _look(asked, one, say)
                _price(one, rule, say)
                one.trouble = ""
            except LiqError as error:
                if one.heatmap is None:
                    raise
                if str(error) != one.trouble:
                    options.message(f"{one.ticker}: {error}")
                one.trouble, one.quiet = str(error), market_cache.utc_now() + PAUSE
        yield


def _look(asked: argparse.Namespace, one: Followed, say: Callable[[str], None]) -> None:
    """Read the map anew if a bar has closed, and say what its finished bars did."""
    if one.heatmap is not None and not market_cache.needs_refresh(one.heatmap.market, one.read):
        return
    name, now = asked.source or "auto", market_cache.utc_now()
    market = fetch.fetch(one.ticker, asked.lookback, name)
    options.refuse_simulated(market, name)
    if one.heatmap is None or one.heatmap.market.source != market.source:
        options.message(f"{one.ticker}: {market.symbol} from {source_name(market)}.")
        options.announce_market(market, f"{one.ticker}: ")
        one.stood, one.near, one.told = {}, {}, None  # another venue's zones are another market's
    one.heatmap, one.read = options.load_heatmap(asked, market), now
    one.zones = top_zones(one.heatmap)
    for bar, zones in events.finished_bars(one.heatmap, one.told):
        found, one.stood = events.detect(one.stood, market.symbol, zones, bar, asked.usd)
        one.told = bar.end
        for event in found:
            say(_line(one.heatmap, event.kind, asdict(event), events.describe(event)))


def _price(one: Followed, rule: AlertRule, say: Callable[[str], None]) -> None:
    """Ask for the price, and say which zones it has come near to."""
    assert one.heatmap is not None
    market = one.heatmap.market
    quote = fetch.quote(market.symbol, market.source)
    price, time = (quote.price, quote.time) if quote.time > market.as_of else (float(market.price), market.as_of)
    found, one.near = alerts.check(one.near, market.symbol, one.zones, price, time, rule)
    for alert in found:
        say(_line(one.heatmap, "near", asdict(alert), alerts.describe(alert)))


def _line(heatmap: Heatmap, kind: str, body: dict[str, Any], sentence: str) -> str:
    """Return one event as a line of JSON."""
    market = heatmap.market
    side = body["side"]
    edge = max(body["low"], body["price"]) if side == "above" else min(body["high"], body["price"])
    return to_json(
        {
            "schema": SCHEMA,
            "event": kind,
            "symbol": market.symbol,
            "source": source_name(market),
            "simulated": market.source == "simulated",
            "time": body["time"],
            "price": body["price"],
            "side": side,
            **{name: round_price(body[name]) for name in ("low", "high", "peak")},
            "usd": round(body["usd"]),
            "distance": round(body.get("distance", edge / body["price"] - 1), 6),
            "moved_from": round_price(body.get("before", float("nan"))),
            "sentence": sentence,
            "disclaimer": DISCLAIMER,
        }
    )


@contextmanager
def _told_to_stop() -> Iterator[tuple[threading.Event, list[int]]]:
    """Yield an event that Ctrl-C or SIGTERM sets, and which did; a second one ends the process at once."""
    stop, caught = threading.Event(), list[int]()
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def heed(number: int, _: Any) -> None:
        stop.set()
        caught.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, heed)
    try:
        yield stop, caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
