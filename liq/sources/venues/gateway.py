"""Gateway through which every request to a venue goes where one is named."""

from __future__ import annotations

import os
from typing import Any


def gateway() -> str:
    """Return the gateway's address from LIQ_GATEWAY, or the empty string.

    >>> gateway().endswith("/")
    False
    """
    return os.environ.get("LIQ_GATEWAY", "").rstrip("/")


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
