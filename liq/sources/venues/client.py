"""Client of the venues, and the only module that imports ccxt: one connection a venue, several calls at a time.

Every failure leaves this module as a VenueFailure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from cachetools import LRUCache, TTLCache, cached

from liq.sources import disk_cache
from liq.sources.rate_limit import RateLimit, app_limits
from liq.sources.single_flight import single_flight
from liq.sources.venues import failures
from liq.sources.venues.failures import NO_REPLY, Reply, RetryBudget, VenueFailure, classify_failure, retry
from liq.sources.venues.gateway import behind_gateway, gateway
from liq.sources.venues.table import VENUES, Venue

T = TypeVar("T")

MARKETS_SECONDS = 6 * 3600
"""Seconds for which a venue's list of markets is cached; contracts are listed every few days."""

PART = 1 << 18
"""Bytes of a large answer that are read at a time."""

SESSIONS = 8
"""Maximum number of requests to one venue beside each other."""


class Contract(NamedTuple):
    """One linear perpetual: unified symbol, the venue's id, coins a contract, price step, the venue's own entry."""

    symbol: str
    id: str
    size: float
    tick: float
    info: dict[str, Any]


@dataclass
class Session:
    """One ccxt object and the reply to its last request; it makes one request at a time."""

    exchange: Any
    reply: Reply = NO_REPLY


class Connection:
    """A venue's sessions, at most SESSIONS of them, under one rate limit; requests beside each other take one each.

    `exchange` is the first session's ccxt object, whose markets and settings the others take over; `replies` counts
    what the venue has answered.
    """

    def __init__(self, venue: Venue, gateway_url: str) -> None:
        self.venue, self.gateway_url = venue, gateway_url
        self.rate_limit = RateLimit(app_limits(venue.name, venue.limits))
        self.replies = 0
        self._idle: list[Session] = []
        self._opened, self._change = 0, threading.Condition()
        with self.session() as first:
            self.exchange = first.exchange

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session, opened if none is idle and fewer than SESSIONS are."""
        with self._change:
            self._change.wait_for(lambda: self._idle or self._opened < SESSIONS)
            session = self._idle.pop() if self._idle else None
            self._opened += session is None
        try:
            session = session or self._open()
            self._take_over(session.exchange)
            yield session
        finally:
            with self._change:
                if session is None:
                    self._opened -= 1
                else:
                    self._idle.append(session)
                self._change.notify()

    def _open(self) -> Session:
        session = Session(_new_exchange(self.venue, self.gateway_url))
        exchange = session.exchange

        def note(code: int, reason: str, url: str, method: str, headers: Any, body: str, *_: Any) -> str:
            """Keep a finished reply for `failures.classify_failure`; called by ccxt."""
            lowered = {str(key).lower(): str(value) for key, value in dict(headers).items()}
            session.reply = Reply(int(code), lowered, body or "")
            self.replies += 1
            return (body or "").strip()

        fetch = exchange.fetch2

        def limited(path: str, api: Any, method: str = "GET", params: Any = None, config: Any = None) -> Any:
            """Send ccxt's request once the venue's limits allow it."""
            if failures.RETRY_POLICY.spaced:
                weight = exchange.calculate_rate_limiter_cost(api, method, path, params or {}, config or {})
                self.rate_limit.wait(path, weight)
            return fetch(path, api, method, params or {}, config or {})

        exchange.on_rest_response, exchange.fetch2 = note, limited
        return session

    def _take_over(self, exchange: Any) -> None:
        """Give a further session the first one's markets and settings."""
        first = getattr(self, "exchange", exchange)
        if exchange is first:
            return
        exchange.session, exchange.urls, exchange.timeout = first.session, first.urls, first.timeout
        if first.markets and exchange.markets is not first.markets:
            copy_markets(first, exchange)


def connect(name: str) -> Connection:
    """Return the process's one connection to a venue; no request is made.

    LIQ_GATEWAY=http://host:port sends every request to <gateway>/<original host>/<path>. HTTPS_PROXY and the like are
    honoured.
    """
    return _connect(name, gateway())


@cached(LRUCache(maxsize=2 * len(VENUES)), condition=threading.Condition())
def _connect(name: str, gateway_url: str) -> Connection:
    """Return a new connection to a venue, through the gateway if there is one."""
    return Connection(VENUES[name], gateway_url)


def _new_exchange(venue: Venue, gateway_url: str) -> Any:
    """Return a new ccxt object of a venue; ccxt's own pause between requests is off, see `Connection`."""
    import ccxt  # half a second and 60 MB, so only once a venue is called

    exchange = getattr(ccxt, venue.name)(
        {
            "timeout": int(failures.RETRY_POLICY.timeout * 1000),
            "enableRateLimit": False,
            "requests_trust_env": True,
            "enableLastJsonResponse": True,
            "options": dict(venue.options),
        }
    )
    exchange.has["fetchCurrencies"] = False  # saves a call; coins are named by the markets anyway
    if gateway_url:
        exchange.urls["api"] = behind_gateway(gateway_url, exchange.urls["api"])
    return exchange


def copy_markets(loaded: Any, other: Any) -> None:
    """Give one ccxt object the markets that another one has loaded."""
    for helper in loaded.options.get("marketHelperProps") or ():
        loaded.options.setdefault(helper, None)  # ccxt copies these of Hyperliquid's, and fails where one is missing
    other.set_markets_from_exchange(loaded)


def call(connection: Connection, budget: RetryBudget, request: Callable[[Any], T]) -> T:
    """Return the answer of one call to a ccxt object of the venue, retried within the budget; raise VenueFailure."""
    return retry(lambda: _attempt(connection, request), budget, failures.RETRY_POLICY)


def read_stream(connection: Connection, budget: RetryBudget, url: str, read: Callable[[Iterator[bytes]], T]) -> T:
    """Return what a function makes of the parts of an answer as they come, retried within the budget.

    For an answer too large to be held whole. Raises VenueFailure, and so may `read`.
    """

    def request(exchange: Any) -> T:
        with exchange.session.get(url, stream=True, timeout=exchange.timeout / 1000) as answer:
            if answer.status_code != 200:
                headers = {key.lower(): value for key, value in answer.headers.items()}
                reply = Reply(
                    answer.status_code, headers, answer.raw.read(4000, decode_content=True).decode("latin-1")
                )
                raise classify_failure(reply, timed_out=False, refused=False)
            return read(answer.iter_content(PART))

    return call(connection, budget, request)


def _attempt(connection: Connection, request: Callable[[Any], T]) -> T:
    """Return the answer of one attempt; raise VenueFailure."""
    import ccxt

    with connection.session() as session:
        session.reply = NO_REPLY
        try:
            answer = request(session.exchange)
        except VenueFailure as failure:
            raise _unreadable_reply(session) or failure from None
        except Exception as error:  # ccxt lets plain KeyError and AttributeError out on answers it did not expect
            timed_out = isinstance(error, ccxt.RequestTimeout)
            reply = NO_REPLY if timed_out or _is_connection_error(error) else session.reply
            refused = isinstance(error, ccxt.ExchangeError) and not isinstance(error, ccxt.OperationFailed)
            raise classify_failure(reply, timed_out=timed_out, refused=refused) from error
        unreadable = _unreadable_reply(session)
        if unreadable is not None:
            raise unreadable
        return answer


def _unreadable_reply(session: Session) -> VenueFailure | None:
    """Return the failure that a reply was a page of HTML or a truncated answer, or None.

    ccxt returns these as text, and parses nothing out of them without an error.
    """
    reply = session.reply
    if not reply.status or (
        reply.text.lstrip()[:1] in ("{", "[") and session.exchange.last_json_response is not None
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
    """Return a venue's active linear perpetuals by unified symbol; raise VenueFailure.

    The list outlives the process (`liq.sources.disk_cache`), for MARKETS_SECONDS.
    """
    key = ("markets", connection.venue.name, connection.gateway_url)
    saved = disk_cache.read(key)
    with suppress(Exception):  # a list that another version of ccxt wrote is requested anew
        if saved is not None:
            with connection.session() as session:
                session.exchange.set_markets(saved)
                return _linear_perpetuals(connection, session.exchange)

    def load(exchange: Any) -> dict[str, Contract]:
        exchange.load_markets(True)
        return _linear_perpetuals(connection, exchange)

    by_symbol = call(connection, budget, load)
    disk_cache.write(key, list(connection.exchange.markets.values()), MARKETS_SECONDS)
    return by_symbol


def _linear_perpetuals(connection: Connection, exchange: Any) -> dict[str, Contract]:
    """Return the active linear perpetuals of the markets that a ccxt object has, and share those with the first."""
    by_symbol = {}
    for market in exchange.markets.values():
        size = connection.venue.contract_size or market.get("contractSize")
        tick = (market.get("precision") or {}).get("price")
        is_active = market.get("swap") and market.get("linear") and market.get("active") is not False
        if is_active and isinstance(size, (int, float)) and size > 0:
            symbol = market["symbol"]
            by_symbol[symbol] = Contract(symbol, market["id"], float(size), float(tick or 0.0), market["info"])
    if not by_symbol:
        raise VenueFailure("answered with an empty list of markets", passing=True)
    if exchange is not connection.exchange:
        copy_markets(exchange, connection.exchange)
    return by_symbol


def http_session(connections: int) -> Any:
    """Return a new HTTP session of the kind that ccxt uses, for what is no venue's interface, such as files.

    connections : kept open to a host; HTTPS_PROXY and the like are honoured.
    """
    import ccxt

    session = ccxt.Exchange().session
    session.trust_env = True
    for scheme in ("https://", "http://"):
        session.mount(scheme, type(session.get_adapter(scheme))(pool_connections=4, pool_maxsize=connections))
    return session


def stream_exchange(name: str, **more: Any) -> Any:
    """Return a new ccxt object for a venue's streams, through LIQ_GATEWAY and HTTPS_PROXY like every request.

    more : further settings of ccxt. `contracts` must be loaded.
    """
    import ccxt.pro

    venue = getattr(ccxt.pro, name)({"aiohttp_trust_env": True, "options": dict(VENUES[name].options), **more})
    copy_markets(connect(name).exchange, venue)
    if gateway_url := gateway():
        venue.urls["api"] = behind_gateway(gateway_url, venue.urls["api"])
    return venue


def venue_clock(name: str, budget: RetryBudget) -> int:
    """Return a venue's time, UTC ms; raise VenueFailure."""
    return int(call(connect(name), budget, lambda exchange: exchange.fetch_time()))
