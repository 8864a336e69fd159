"""Run the stand-in by itself: python -m tests.venue_server --port 8765, then LIQ_GATEWAY=http://127.0.0.1:8765."""

from __future__ import annotations

import argparse
import threading

from tests.venue_server import VenueServer
from tests.venue_server.streams import flow


def main() -> None:
    """Serve until interrupted, streams included.

    Faults: GET /_fault/<venue or all>/<mode>, GET /_heal, GET /_calls. GET /_move lets Hyperliquid's accounts move,
    /_move/<pace>/<minutes> from so many minutes ago and so many times as fast until the present; GET /_book tells
    what they hold, /_book/<UTC ms> held.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.venue_server", description=__doc__)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--slow", type=float, default=10.0, help="seconds that the fault 'slow' takes")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    chosen = parser.parse_args()
    server = VenueServer(chosen.port, slow=chosen.slow, latency=chosen.latency)
    print(f"LIQ_GATEWAY={server.url}", flush=True)
    threading.Thread(target=flow, args=(server.wires, server.over.is_set), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
