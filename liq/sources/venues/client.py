"""The one place that knows ccxt: one connection a venue, one question at a time, and the venue's markets.

Everything that goes wrong leaves this module as a VenueFailure.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from cachetools import LRUCache, TTLCache, cached

from liq.sources.single_flight import single_flight
from liq.sources.venues import failures
from liq.sources.venues.failures import NO_REPLY, Reply, RetryBudget, VenueFailure, classify_failure, retry
from liq.sources.venues.table import VENUES, Venue

T = TypeVar("T")

MARKETS_KEPT = 6 * 3600
"""Seconds a venue's list of markets is believed; contracts are listed every few days."""


class Contract(NamedTuple):
    """One linear perpetual: unified symbol, the venue's own id, coins a contract, price step, the raw entry."""

    symbol: str
    id: str
    size: float
    tick: float
    info: dict[str, Any]


@dataclass
class Connection:
    """A venue's ccxt object, the lock that every call holds, and the last reply it got."""

    venue: Venue
    exchange: Any
    lock: threading.RLock = field(default_factory=threading.RLock)
    reply: Reply = NO_REPLY
    calls: int = 0


def gateway() -> str:
    """Return the address that stands in front of every venue, from LIQ_GATEWAY, or the empty string."""
    return os.environ.get("LIQ_GATEWAY", "").rstrip("/")


def connect(name: str) -> Connection:
    """Return the process's one connection to a venue; no request is made.

    LIQ_GATEWAY=http://host:port sends every request to <gateway>/<original host>/<path>. HTTPS_PROXY and
    its kin are honoured.
    """
    return _connect(name, gateway())


@cached(LRUCache(maxsize=2 * len(VENUES)), condition=threading.Condition())
def _connect(name: str, front: str) -> Connection:
    import ccxt  # half a second and 60 MB, so only once a venue is really asked

    venue, patience = VENUES[name], failures.RETRY_POLICY
    exchange = getattr(ccxt, name)(
        {
            "timeout": int(patience.timeout * 1000),
            "enableRateLimit": patience.spaced,
            "requests_trust_env": True,
            "enableLastJsonResponse": True,
            "options": dict(venue.options),
        }
    )
    exchange.has["fetchCurrencies"] = False  # saves a call; coins are named by the markets anyway
    if front:
        exchange.urls["api"] = _through(front, exchange.urls["api"])
    connection = Connection(venue, exchange)
    exchange.on_rest_response = _listener(connection)
    return connection


def _through(front: str, urls: Any) -> Any:
    if isinstance(urls, dict):
        return {key: _through(front, value) for key, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    live = front.replace("http", "ws", 1)  # a stream goes the same way as a request
    return urls.replace("https://", f"{front}/", 1).replace("wss://", f"{live}/", 1).replace(":443/", "/", 1)


def _listener(connection: Connection) -> Callable[..., str]:
    """Return ccxt's hook for a finished reply; what it notes is what failures are judged by."""

    def note(code: int, reason: str, url: str, method: str, headers: Any, body: str, *_: Any) -> str:
        lowered = {str(key).lower(): str(value) for key, value in dict(headers).items()}
        connection.reply = Reply(int(code), lowered, body or "")
        connection.calls += 1
        return (body or "").strip()

    return note


def call(connection: Connection, budget: RetryBudget, question: Callable[[Any], T]) -> T:
    """Return what one question to the venue's ccxt object gives; raise VenueFailure.

    The lock is held for one attempt at a time, so that other views of the same venue get their turn.
    """
    return retry(lambda: _attempt(connection, question), budget, failures.RETRY_POLICY)


def _attempt(connection: Connection, question: Callable[[Any], T]) -> T:
    import ccxt

    with connection.lock:
        connection.reply = NO_REPLY
        try:
            answer = question(connection.exchange)
        except VenueFailure as failure:
            raise _unread(connection) or failure from None
        except Exception as error:  # ccxt lets plain KeyError and AttributeError out on answers it did not expect
            timed_out = isinstance(error, ccxt.RequestTimeout)
            reply = NO_REPLY if timed_out or _broke_off(error) else connection.reply
            refused = isinstance(error, ccxt.ExchangeError) and not isinstance(error, ccxt.OperationFailed)
            raise classify_failure(reply, timed_out=timed_out, refused=refused) from error
        unread = _unread(connection)
        if unread is not None:
            raise unread
        return answer


def _unread(connection: Connection) -> VenueFailure | None:
    """Return the failure that a reply was a page of HTML or half an answer.

    ccxt hands these on as text, and reads nothing out of them without complaint.
    """
    reply = connection.reply
    if not reply.status or (
        reply.text.lstrip()[:1] in ("{", "[") and connection.exchange.last_json_response is not None
    ):
        return None
    return classify_failure(reply, timed_out=False, refused=False)


def _broke_off(error: BaseException) -> bool:
    cause = f"{type(error.__cause__).__name__} {error.__cause__}"
    return any(words in cause for words in ("ChunkedEncodingError", "Connection broken", "ConnectionError"))


@single_flight(
    TTLCache(2 * len(VENUES), MARKETS_KEPT), key=lambda connection, budget: id(connection), failure=VenueFailure
)
def contracts(connection: Connection, budget: RetryBudget) -> dict[str, Contract]:
    """Return a venue's active linear perpetuals by unified symbol; raise VenueFailure."""

    def question(exchange: Any) -> dict[str, Contract]:
        found = {}
        for market in exchange.load_markets(True).values():
            size, tick = market.get("contractSize"), (market.get("precision") or {}).get("price")
            alive = market.get("swap") and market.get("linear") and market.get("active") is not False
            if alive and isinstance(size, (int, float)) and size > 0:
                symbol = market["symbol"]
                found[symbol] = Contract(symbol, market["id"], float(size), float(tick or 0.0), market["info"])
        if not found:
            raise VenueFailure("answered with an empty list of markets", passing=True)
        return found

    return call(connection, budget, question)


@dataclass
class LiquidationStream:
    """An open stream of a venue's liquidations; made by `line`.

    heard : when its last frame came, by the clock that was given, pings and pongs included; None before.
    acknowledged : the venue confirmed the subscription. unread : frames that could not be read.
    """

    exchange: Any
    heard: float | None = None
    acknowledged: bool = False
    unread: int = 0


@asynccontextmanager
async def open_stream(
    name: str, clock: Callable[[], float], keep_alive: float, kept: int
) -> AsyncIterator[LiquidationStream]:
    """Open a venue's stream, through LIQ_GATEWAY and HTTPS_PROXY like every request; `contracts` must be loaded.

    clock : seconds, for `Line.heard`; keep_alive : seconds between the pings that are sent; kept : most
    liquidations held between two calls of `drain`.
    """
    import ccxt.pro

    front = gateway()
    venue = getattr(ccxt.pro, name)({"aiohttp_trust_env": True, "options": dict(VENUES[name].options)})
    venue.options["liquidationsLimit"] = kept
    venue.streaming["keepAlive"] = keep_alive * 1000
    venue.set_markets_from_exchange(connect(name).exchange)
    if front:
        venue.urls["api"] = _through(front, venue.urls["api"])
    opened = LiquidationStream(venue)
    made, read = venue.client, venue.handle_message

    def handle_message(client: Any, message: Any) -> None:
        read(client, message)
        opened.acknowledged = opened.acknowledged or _acknowledges(message)

    def client(url: str) -> Any:
        found = made(url)
        if "handle_message" not in vars(found):
            found.handle_message = _heed(opened, clock, found.handle_message)
        return found

    venue.client, venue.handle_message = client, handle_message
    try:
        yield opened
    finally:
        with suppress(Exception):  # a connection that is gone may complain about being closed
            await asyncio.wait_for(venue.close(), 5)


def _heed(
    opened: LiquidationStream, clock: Callable[[], float], read: Callable[[Any], None]
) -> Callable[[Any], None]:
    """Return ccxt's reader of one frame with a note of what came.

    An exception in it would end ccxt's receiving for good, without a word.
    """

    def heed(frame: Any) -> None:
        if frame.type.name in ("TEXT", "BINARY", "PING", "PONG"):
            opened.heard = clock()
        try:
            read(frame)
        except Exception:
            opened.unread += 1

    return heed


def _acknowledges(message: Any) -> bool:
    """Return whether a message confirms a subscription, in Binance's, Bybit's or OKX's words."""
    if not isinstance(message, dict):
        return False
    if message.get("op") == "subscribe":
        return message.get("success") is True
    return message.get("event") == "subscribe" or ("id" in message and message.get("result", "") is None)


async def subscribe(opened: LiquidationStream, symbols: list[str]) -> None:
    """Wait until liquidations came; asks for the stream where that was not done yet. Raises what ccxt raises.

    symbols : unified; Binance and OKX send every perpetual's in one stream, whatever is named.
    """
    venue = opened.exchange
    if venue.has["watchLiquidationsForSymbols"]:
        await venue.watch_liquidations_for_symbols([] if venue.id == "binanceusdm" else None)
        return
    # Bybit's has one topic a symbol. One message asks for all: one by one they would take minutes.
    url = await venue.get_url_by_market_type(symbols[0], False, "watchLiquidations")
    hashes = [f"liquidations::{symbol}" for symbol in symbols]
    await venue.watch_topics(url, hashes, [f"allLiquidation.{venue.market(symbol)['id']}" for symbol in symbols])


def is_open(opened: LiquidationStream) -> bool:
    """Return whether the stream is on the one connection it was opened with."""
    clients = list((opened.exchange.clients or {}).values())
    return len(clients) == 1 and clients[0].error is None and (not clients[0].isConnected or not clients[0].closed())


def drain_stream(opened: LiquidationStream) -> list[dict[str, Any]]:
    """Return the liquidations that came since the last call, as ccxt parsed them, each with the venue's own row."""
    cache = opened.exchange.liquidations
    rows = list(cache or ())
    if rows:
        cache.clear()
    return rows


def venue_clock(name: str, budget: RetryBudget) -> int:
    """Return what time it is on a venue, UTC ms; raise VenueFailure."""
    return int(call(connect(name), budget, lambda exchange: exchange.fetch_time()))
