"""`record`: record the venues' public liquidation streams into a folder."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from liq import system
from liq.errors import InputError
from liq.sources.recorder.storage import open_store
from liq.sources.recorder.stream import STREAMS, StreamState, record

EXAMPLES = """examples:
  python -m liq record BTC ETH --to recordings
  python -m liq record --source bybit,okx

Stop it with Ctrl-C; start it again at any time, with the same folder. docs/recorder.md has the rest.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help="such as BTC ETH; default: every perpetual")
    parser.add_argument("--source", default=",".join(STREAMS), help="venues, comma between; default: %(default)s")
    parser.add_argument(
        "--to",
        default=os.environ.get("LIQ_RECORDED") or "recordings",
        metavar="FOLDER",
        help="where to; start the app with LIQ_RECORDED=FOLDER to score against it; default: %(default)s",
    )
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Record until a signal ends it; return 130 for SIGINT, 0 for SIGTERM."""
    names = list(dict.fromkeys(name.strip() for name in args.source.split(",")))
    for name in names:
        if name not in STREAMS:
            raise InputError(f"source must be among {', '.join(STREAMS)}, not {name!r}.")
    return asyncio.run(_record(names, tuple(args.symbols), Path(args.to)))


async def _record(names: list[str], symbols: tuple[str, ...], folder: Path) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    with system.stop_on_signals(lambda: loop.call_soon_threadsafe(stop.set)) as stopped, open_store(folder) as store:
        streams = [StreamState(name, symbols, store, message) for name in names]
        message(f"Recording into {folder}. Stop with Ctrl-C.")
        await record(streams, store, stop, message)
    message("Stopped; everything received is in the files.")
    return stopped.exit_code


def message(line: str) -> None:
    """Print a line to stderr at once.

    >>> message("Stopped.")
    """
    print(f"liq: {line}", file=sys.stderr, flush=True)
