"""Client of the venues, and the only module that imports ccxt: one connection a venue, one call at a time.

Every failure leaves this module as a VenueFailure.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from cachetools import LRUCache, TTLCache, cached

from liq.sources.single_flight import single_flight
from liq.sources.venues import failures
from liq.sources.venues.failures import NO_REPLY, Reply, RetryBudget, VenueFailure, classify_failure, retry
from liq.sources.venues.table import VENUES, Venue

T = TypeVar("T")

MARKETS_SECONDS = 6 * 3600
"""Seconds for which a venue's list of markets is cached; contracts are listed every few days."""


class Contract(NamedTuple):
    """One linear perpetual: unified symbol, the venue's id, coins a contract, price step, the venue's own entry."""

    symbol: str
    id: str
    size: float
    tick: float
    info: dict[str, Any]


@dataclass
class Connection:
    """A venue's ccxt object, the lock that every call holds, the last reply, and the number of replies."""

    venue: Venue
    exchange: Any
    lock: threading.RLock = field(default_factory=threading.RLock)
    reply: Reply = NO_REPLY
    calls: int = 0


def gateway() -> str:
    """Return the gateway's address from LIQ_GATEWAY, or the empty string.

    >>> gateway().endswith("/")
    False
    """
    return os.environ.get("LIQ_GATEWAY", "").rstrip("/")


def connect(name: str) -> Connection:
    """Return the process's one connection to a venue; no request is made.

    LIQ_GATEWAY=http://host:port sends every request to <gateway>/<original host>/<path>. HTTPS_PROXY and the like are
    honoured.
    """
    return _connect(name, gateway())


@cached(LRUCache(maxsize=2 * len(VENUES)), condition=threading.Condition())
def _connect(name: str, gateway_url: str) -> Connection:
    """Return a new connection to a venue, through the gateway if there is one."""
    import ccxt  # half a second and 60 MB, so only once a venue is called

    venue, policy = VENUES[name], failures.RETRY_POLICY
    exchange = getattr(ccxt, name)(
        {
            "timeout": int(policy.timeout * 1000),
            "enableRateLimit": policy.spaced,
            "requests_trust_env": True,
            "enableLastJsonResponse": True,
            "options": dict(venue.options),
        }
    )
    exchange.has["fetchCurrencies"] = False  # saves a call; coins are named by the markets anyway
    if gateway_url:
        exchange.urls["api"] = behind_gateway(gateway_url, exchange.urls["api"])
    connection = Connection(venue, exchange)
    exchange.on_rest_response = _reply_hook(connection)
    return connection


def behind_gateway(gateway_url: str, urls: Any) -> Any:
    """Return ccxt's table of addresses with every address behind the gateway, streams as well as requests.

    >>> behind_gateway("http://127.0.0.1:9", {"rest": "https://api.example.org/v1"})
    {'rest': 'http://127.0.0.1:9/api.example.org/v1'}
    """
    if isinstance(urls, dict):
        return {key: behind_gateway(gateway_url, value) for key, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    websocket_url = gateway_url.replace("http", "ws", 1)  # a stream goes the same way as a request
    return (
        urls.replace("https://", f"{gateway_url}/", 1)
        .replace("wss://", f"{websocket_url}/", 1)
        .replace(":443/", "/", 1)
    )


def _reply_hook(connection: Connection) -> Callable[..., str]:
    """Return ccxt's hook for a finished reply, which keeps it for `failures.classify_failure`."""

    def note(code: int, reason: str, url: str, method: str, headers: Any, body: str, *_: Any) -> str:
        lowered = {str(key).lower(): str(value) for key, value in dict(headers).items()}
        connection.reply = Reply(int(code), lowered, body or "")
        connection.calls += 1
        return (body or "").strip()

    return note


def call(connection: Connection, budget: RetryBudget, request: Callable[[Any], T]) -> T:
    """Return the answer of one call to the venue's ccxt object, retried within the budget; raise VenueFailure.

    The lock is held for one attempt at a time, so that other requests to the venue get their turn between attempts.
    """
    return retry(lambda: _attempt(connection, request), budget, failures.RETRY_POLICY)


def _attempt(connection: Connection, request: Callable[[Any], T]) -> T:
    """Return the answer of one attempt; raise VenueFailure."""
    import ccxt

    with connection.lock:
        connection.reply = NO_REPLY
        try:
            answer = request(connection.exchange)
        except VenueFailure as failure:
            raise _unreadable_reply(connection) or failure from None
        except Exception as error:  # ccxt lets plain KeyError and AttributeError out on answers it did not expect
            timed_out = isinstance(error, ccxt.RequestTimeout)
            reply = NO_REPLY if timed_out or _is_connection_error(error) else connection.reply
            refused = isinstance(error, ccxt.ExchangeError) and not isinstance(error, ccxt.OperationFailed)
            raise classify_failure(reply, timed_out=timed_out, refused=refused) from error
        unreadable = _unreadable_reply(connection)
        if unreadable is not None:
            raise unreadable
        return answer


def _unreadable_reply(connection: Connection) -> VenueFailure | None:
    """Return the failure that a reply was a page of HTML or a truncated answer, or None.

    ccxt returns these as text, and parses nothing out of them without an error.
    """
    reply = connection.reply
    if not reply.status or (
        reply.text.lstrip()[:1] in ("{", "[") and connection.exchange.last_json_response is not None
    ):
        return None
    return classify_failure(reply, timed_out=False, refused=False)


def _is_connection_error(error: BaseException) -> bool:
    """Return whether an exception was caused by a connection that broke."""
    cause = f"{type(error.__cause__).__name__} {error.__cause__}"
    return any(words in cause for words in ("ChunkedEncodingError", "Connection broken", "ConnectionError"))


@single_flight(
    TTLCache(2 * len(VENUES), MARKETS_SECONDS), key=lambda connection, budget: id(connection), failure=VenueFailure
)
def contracts(connection: Connection, budget: RetryBudget) -> dict[str, Contract]:
    """Return a venue's active linear perpetuals by unified symbol; raise VenueFailure."""

    def load(exchange: Any) -> dict[str, Contract]:
        by_symbol = {}
        for market in exchange.load_markets(True).values():
            size, tick = market.get("contractSize"), (market.get("precision") or {}).get("price")
            is_active = market.get("swap") and market.get("linear") and market.get("active") is not False
            if is_active and isinstance(size, (int, float)) and size > 0:
                symbol = market["symbol"]
                by_symbol[symbol] = Contract(symbol, market["id"], float(size), float(tick or 0.0), market["info"])
        if not by_symbol:
            raise VenueFailure("answered with an empty list of markets", passing=True)
        return by_symbol

    return call(connection, budget, load)


def stream_exchange(name: str, **more: Any) -> Any:
    """Return a new ccxt object for a venue's streams, through LIQ_GATEWAY and HTTPS_PROXY like every request.

    more : further settings of ccxt. `contracts` must be loaded.
    """
    import ccxt.pro

    venue = getattr(ccxt.pro, name)({"aiohttp_trust_env": True, "options": dict(VENUES[name].options), **more})
    loaded = connect(name).exchange
    for helper in loaded.options.get("marketHelperProps") or ():
        loaded.options.setdefault(helper, None)  # ccxt copies these of Hyperliquid's, and fails where one is missing
    venue.set_markets_from_exchange(loaded)
    if gateway_url := gateway():
        venue.urls["api"] = behind_gateway(gateway_url, venue.urls["api"])
    return venue


def venue_clock(name: str, budget: RetryBudget) -> int:
    """Return a venue's time, UTC ms; raise VenueFailure."""
    return int(call(connect(name), budget, lambda exchange: exchange.fetch_time()))
