"""The public liquidation streams of Binance, Bybit and OKX over real websockets, in their wire formats.

The formats are those of the venues' documentation; pings are answered as each venue answers them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.venue_server import formula
from tests.venue_server.venues.okx import OKX_SIZE
from tests.venue_server.wire import now_ms

if TYPE_CHECKING:
    from tests.venue_server.server import Handler

QUIET = logging.Logger("streams", logging.ERROR)

HOSTS = {
    "fstream.binance.com": "binanceusdm",
    "stream.bybit.com": "bybit",
    "ws.okx.com": "okx",
    "api.hyperliquid.xyz": "hyperliquid",
    "mainnet.zklighter.elliot.ai": "lighter",
}


class Wire:
    """One websocket: what a client subscribed to, and a way to send it things."""

    def __init__(self, handler: Handler, venue: str) -> None:
        self.venue, self.socket = venue, handler.connection
        self.protocol, self.lock = ServerProtocol(logger=QUIET), threading.Lock()
        self.topics: list[str] = []
        self.mute = False
        head = handler.raw_requestline + str(handler.headers).replace("\n", "\r\n").encode()
        self.protocol.receive_data(head)

    def serve(self) -> None:
        """Shake hands, answer subscriptions and pings, until the client is gone or `close`."""
        (request,) = self.protocol.events_received()
        with self.lock:
            self.protocol.send_response(self.protocol.accept(request))
            self._push()
        while data := self._received():
            with self.lock:
                self.protocol.receive_data(data)
                frames = [event for event in self.protocol.events_received() if isinstance(event, Frame)]
                outgoing = self.protocol.data_to_send()  # pongs among them
                if not self.mute:
                    self._send(outgoing)
            for frame in frames:
                if frame.opcode is Opcode.TEXT and not self.mute:
                    self._heed(bytes(frame.data).decode())
                elif frame.opcode is Opcode.CLOSE:
                    return

    def _received(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except OSError:
            return b""

    def _push(self) -> None:
        self._send(self.protocol.data_to_send())

    def _send(self, parts: list[bytes]) -> None:
        with suppress(OSError):
            self.socket.sendall(b"".join(parts))

    def _heed(self, text: str) -> None:
        if text == "ping":
            return self.tell("pong")
        asked = json.loads(text)
        topics = asked.get("params") or asked.get("args") or []
        if self.venue == "hyperliquid":
            if asked.get("method") == "ping":
                self.tell({"channel": "pong"})
            else:
                self.topics.append(asked["subscription"]["coin"])
                self.tell({"channel": "subscriptionResponse", "data": asked})
        elif self.venue == "lighter":
            self.topics.append(asked["channel"])
            self.tell({"type": "subscribed/trade", "channel": asked["channel"].replace("/", ":"), "trades": []})
        elif self.venue == "binanceusdm":
            self.topics += topics
            self.tell({"result": None, "id": asked["id"]})
        elif asked.get("op") == "ping":
            self.tell({"success": True, "ret_msg": "pong", "conn_id": "c-1", "req_id": asked["req_id"], "op": "ping"})
        elif self.venue == "bybit":
            coins = [topic.removeprefix("allLiquidation.").removesuffix("USDT") for topic in topics]
            unknown = [topic for topic, coin in zip(topics, coins, strict=True) if coin not in formula.COINS]
            said = f"error:handler not found,topic:{unknown[0]}" if unknown else ""
            self.topics += [] if unknown else topics
            self.tell(
                {
                    "success": not unknown,
                    "ret_msg": said,
                    "conn_id": "c-1",
                    "req_id": asked["req_id"],
                    "op": "subscribe",
                }
            )
        else:
            for topic in topics:
                self.topics.append(topic["channel"])
                self.tell({"event": "subscribe", "arg": topic, "connId": "a4d3ae55"})

    def tell(self, message: Any) -> None:
        """Send one text frame: JSON, or a string as it is."""
        with self.lock:
            if self.protocol.state is not State.OPEN:  # the other side is just leaving
                return
            self.protocol.send_text((message if isinstance(message, str) else json.dumps(message)).encode())
            if not self.mute:
                self._push()

    def close(self, *, politely: bool = True) -> None:
        """Close with a closing frame, or hang up."""
        with self.lock:
            if politely:
                self.protocol.send_close(1001, "going away")
                self._push()
            else:
                self.socket.shutdown(2)


def stream(handler: Handler, host: str) -> bool:
    """Serve a websocket where one was asked for at a host that has one, and return whether so."""
    if host not in HOSTS or handler.headers.get("Upgrade", "").lower() != "websocket":
        return False
    wire = Wire(handler, HOSTS[host])
    handler.server.wires.append(wire)
    handler.close_connection = True
    try:
        wire.serve()
    except InvalidHandshake:
        pass
    finally:
        handler.server.wires.remove(wire)
    return True


def liquidation(venue: str, coin: str, time: int, side: str, price: float, coins: float) -> dict[str, Any]:
    """Return the message that tells of one liquidation of a long or a short."""
    if venue == "binanceusdm":
        order = {
            "s": f"{coin}USDT",
            "S": "SELL" if side == "long" else "BUY",
            "o": "LIMIT",
            "f": "IOC",
            "q": str(coins),
            "p": str(price * 0.99),
            "ap": str(price),
            "X": "FILLED",
            "l": str(coins / 2),
            "z": str(coins),
            "T": time,
        }
        return {"e": "forceOrder", "E": time + 3, "o": order}
    if venue == "bybit":
        row = {
            "T": time,
            "s": f"{coin}USDT",
            "S": "Buy" if side == "long" else "Sell",
            "v": str(coins),
            "p": str(price),
        }
        return {"topic": f"allLiquidation.{coin}USDT", "type": "snapshot", "ts": time + 200, "data": [row]}
    detail = {
        "bkLoss": "0",
        "bkPx": str(price),
        "ccy": "",
        "posSide": side,
        "side": "sell" if side == "long" else "buy",
        "sz": str(coins / OKX_SIZE[coin]),
        "ts": str(time),
    }
    row = {
        "details": [detail],
        "instFamily": f"{coin}-USDT",
        "instId": f"{coin}-USDT-SWAP",
        "instType": "SWAP",
        "uly": f"{coin}-USDT",
    }
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]}


def made_up_liquidations(venue: str, since: int, until: int) -> Iterator[tuple[str, int, str, float, float]]:
    """Yield (coin, time, side, price, coins) of the liquidations that a venue tells of between two times, UTC ms.

    They add up to what `formula.liquidated` says, one a second, coin and side.
    """
    for moment in range(-(-since // 1000) * 1000, until, 1000):
        for coin in formula.COINS:
            dollars = formula.liquidated(venue, coin, moment, moment + 1000)
            for side, usd in zip(("long", "short"), dollars, strict=True):
                price = round(float(formula.price(venue, coin, moment)), 6)
                yield coin, moment, side, price, round(float(usd) / price, 8)


def flow(wires: list[Wire], over: Callable[[], bool]) -> None:
    """Tell everyone who listens of the made-up liquidations as they happen, until `over`."""
    reported_until = now_ms()
    while not over():
        time.sleep(0.5)
        now = now_ms()
        for wire in list(wires):
            for coin, *rest in made_up_liquidations(wire.venue, reported_until, now):
                if wire.venue != "bybit" or f"allLiquidation.{coin}USDT" in wire.topics:
                    wire.tell(liquidation(wire.venue, coin, *rest))
        reported_until = now
