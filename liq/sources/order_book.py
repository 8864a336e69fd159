"""The order book of a market's venues as one: bids and asks in USD, with its age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from cachetools import TTLCache

from liq.errors import SourceError
from liq.market import Market, OrderBook
from liq.sources import failover, market_cache
from liq.sources.single_flight import single_flight
from liq.sources.titles import source_title
from liq.sources.venues import client, endpoints
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.table import VENUES

SECONDS = 10
"""Seconds for which an order book is cached."""

SIMULATED_DEPTH = 0.012
"""Share of a day's traded dollars that rests within 2 % on each side of the simulated market; invented."""


def order_book(market: Market) -> OrderBook:
    """Return the order book of a market's venue, or of all its parts' together; raise SourceError.

    A venue of several that does not answer is left out; `sources` names those that are in it.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> book = order_book(market)
    >>> bool(book.bids[:, 0].max() < market.price < book.asks[:, 0].min())
    True
    """
    if market.source == "simulated":
        return _simulated_book(market)
    names = [(part.source, part.symbol) for part in market.parts or (market,) if part.source in VENUES]
    found, reason = list[OrderBook](), f"{source_title(market.source)} has no order book"
    for name, symbol in names:
        try:
            found.append(books(name, symbol, client.gateway()))
        except VenueFailure as failure:
            reason = f"{VENUES[name].title} {failure.reason}"
    if not found:
        raise SourceError(f"No order book: {reason}.")
    return OrderBook(
        np.concatenate([book.bids for book in found]),
        np.concatenate([book.asks for book in found]),
        min(book.time for book in found),
        tuple(source for book in found for source in book.sources),
    )


@single_flight(TTLCache(64, ttl=SECONDS), key=lambda *key: key, failure=VenueFailure)
def books(name: str, symbol: str, gateway: str) -> OrderBook:
    """Return a venue's order book of a contract; raise VenueFailure."""
    connection, now = client.connect(name), market_cache.utc_now()
    contract = market_cache.listed_contract(name, symbol, failover.short_budget())
    bids, asks = endpoints.order_book(connection, failover.short_budget(), contract)
    return OrderBook(bids, asks, now, (name,))


def _simulated_book(market: Market) -> OrderBook:
    """Return an invented order book: even dollars by distance, in proportion to what is traded in a day."""
    day = market.candles[market.candles.index >= market.candles.index[-1] - pd.Timedelta(days=1)]
    within = SIMULATED_DEPTH * float((day["close"] * day["volume"]).sum())
    distances = np.arange(1, 501) * 1e-4
    usd = np.full(len(distances), within / 200)
    sides = [np.column_stack([float(market.price) * np.exp(sign * distances), usd]) for sign in (-1, 1)]
    return OrderBook(sides[0], sides[1], market.as_of, ("simulated",))
