"""Ways in which a venue may fail, as a real socket shows them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tests.venue_server.server import Handler

CLOUDFRONT = (
    "<!DOCTYPE HTML><HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>"
    "<H1>403 ERROR</H1>"
    "The Amazon CloudFront distribution is configured to block access from your country.</BODY></HTML>"
)
RESTRICTED = '{"code": 0, "msg": "Service unavailable from a restricted location according to b. Eligibility."}'
CAPTCHA = "<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"


class Answer(NamedTuple):
    """A status, a body and further headers."""

    status: int
    body: str
    headers: Mapping[str, str] = MappingProxyType({})


ANSWERS = {
    "451": Answer(451, RESTRICTED),
    "403": Answer(403, CLOUDFRONT, {"Content-Type": "text/html"}),
    "418": Answer(418, '{"code": -1003, "msg": "Way too many requests; IP banned."}', {"Retry-After": "120"}),
    "429": Answer(429, '{"msg": "Too many requests."}'),
    "429-after": Answer(429, '{"msg": "Too many requests."}', {"Retry-After": "0.05"}),
    "429-long": Answer(429, '{"msg": "Too many requests."}', {"Retry-After": "3600"}),
    "503": Answer(
        503, "<html><body>503 Service Temporarily Unavailable</body></html>", {"Content-Type": "text/html"}
    ),
    "html": Answer(200, CAPTCHA, {"Content-Type": "text/html"}),
}
"""Faults that are a whole answer."""

MODES = (*ANSWERS, "empty", "cut", "slow", "refused", "reset", "nonsense")
"""Every fault. ``spoiled`` besides: one row in twenty is impossible, which must not cost the venue its place."""


def cut(handler: Handler, body: bytes) -> None:
    """Announce the whole body, send half of it, and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def drip(handler: Handler, body: bytes) -> None:
    """Announce the whole body and send a byte every tenth of a second, until the other side or the server ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for place in range(len(body)):
        handler.wfile.write(body[place : place + 1])
        if handler.server.over.wait(0.1):
            break
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Hang up so that the other side sees a reset connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(handler.connection.detach())
    handler.close_connection = True


def spoil(candles: np.ndarray, mode: str | None) -> np.ndarray:
    """Return candles with rows made impossible: all of them for ``nonsense``, each twentieth for ``spoiled``."""
    if mode not in ("nonsense", "spoiled") or not len(candles):
        return candles
    every = 1 if mode == "nonsense" else 20
    candles = candles.copy()
    for place, row in enumerate(range(every - 1, len(candles) - 1 if mode == "spoiled" else len(candles), every)):
        kind = place % 5
        if kind == 0:
            candles[row, 1:5] = np.nan
        elif kind == 1:
            candles[row, 3] = -candles[row, 3]
        elif kind == 2:
            candles[row, [2, 3]] = candles[row, [3, 2]]
        elif kind == 3:
            candles[row, 1:5] *= 1000
        else:
            candles[row, 4] = 0.0
    return candles


def emptied(payload: Any) -> Any:
    """Return an answer of the same shape with every list of rows empty."""
    if isinstance(payload, list):
        return []
    if isinstance(payload, dict):
        return {key: emptied(value) if isinstance(value, (list, dict)) else value for key, value in payload.items()}
    return payload
