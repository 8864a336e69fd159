"""Connection to a venue's stream of liquidations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from liq.sources.venues.client import stream_exchange


@dataclass
class LiquidationStream:
    """An open stream of a venue's liquidations; made by `open_stream`.

    last_frame : time of the last frame, by the given clock, pings and pongs included; None before. acknowledged :
    whether the venue confirmed the subscription. unread : number of frames that could not be read.
    """

    exchange: Any
    last_frame: float | None = None
    acknowledged: bool = False
    unread: int = 0


@asynccontextmanager
async def open_stream(
    name: str, clock: Callable[[], float], keep_alive: float, max_rows: int
) -> AsyncIterator[LiquidationStream]:
    """Open a venue's stream, through LIQ_GATEWAY and HTTPS_PROXY like every request; `contracts` must be loaded.

    clock : seconds, for `LiquidationStream.last_frame`; keep_alive : seconds between pings; max_rows : maximum number
    of liquidations kept between two calls of `drain_stream`.
    """
    venue = stream_exchange(name)
    venue.options["liquidationsLimit"] = max_rows
    venue.streaming["keepAlive"] = keep_alive * 1000
    stream = LiquidationStream(venue)
    make_client, handle = venue.client, venue.handle_message

    def handle_message(client: Any, message: Any) -> None:
        handle(client, message)
        stream.acknowledged = stream.acknowledged or _acknowledges(message)

    def client(url: str) -> Any:
        made_client = make_client(url)
        if "handle_message" not in vars(made_client):
            made_client.handle_message = _frame_reader(stream, clock, made_client.handle_message)
        return made_client

    venue.client, venue.handle_message = client, handle_message
    try:
        yield stream
    finally:
        with suppress(Exception):  # a connection that is gone may complain about being closed
            await asyncio.wait_for(venue.close(), 5)


def _frame_reader(
    stream: LiquidationStream, clock: Callable[[], float], read: Callable[[Any], None]
) -> Callable[[Any], None]:
    """Return ccxt's reader of one frame, which also notes its time and whether it could be read.

    An exception in it would end ccxt's receiving for good, without a message.
    """

    def read_frame(frame: Any) -> None:
        if frame.type.name in ("TEXT", "BINARY", "PING", "PONG"):
            stream.last_frame = clock()
        try:
            read(frame)
        except Exception:
            stream.unread += 1

    return read_frame


def _acknowledges(message: Any) -> bool:
    """Return whether a message confirms a subscription, as Binance, Bybit or OKX phrase it."""
    if not isinstance(message, dict):
        return False
    if message.get("op") == "subscribe":
        return message.get("success") is True
    return message.get("event") == "subscribe" or ("id" in message and message.get("result", "") is None)


async def subscribe(stream: LiquidationStream, symbols: list[str]) -> None:
    """Wait until liquidations arrive; subscribes where that was not done yet. Raises what ccxt raises.

    symbols : unified; Binance and OKX send all perpetuals in one stream, whatever is named.
    """
    venue = stream.exchange
    if venue.has["watchLiquidationsForSymbols"]:
        await venue.watch_liquidations_for_symbols([] if venue.id == "binanceusdm" else None)
        return
    # Bybit's has one topic a symbol. One message subscribes to all: one by one they would take minutes.
    url = await venue.get_url_by_market_type(symbols[0], False, "watchLiquidations")
    hashes = [f"liquidations::{symbol}" for symbol in symbols]
    await venue.watch_topics(url, hashes, [f"allLiquidation.{venue.market(symbol)['id']}" for symbol in symbols])


def is_open(stream: LiquidationStream) -> bool:
    """Return whether the stream is still on the one connection that it was opened with."""
    clients = list((stream.exchange.clients or {}).values())
    return len(clients) == 1 and clients[0].error is None and (not clients[0].isConnected or not clients[0].closed())


def drain_stream(stream: LiquidationStream) -> list[dict[str, Any]]:
    """Return the liquidations since the last call, as ccxt parsed them, each with the venue's own row."""
    cache = stream.exchange.liquidations
    rows = list(cache or ())
    if rows:
        cache.clear()
    return rows
