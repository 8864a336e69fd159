"""Record the venues' public liquidation streams into a folder."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

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


def run(asked: argparse.Namespace) -> int:
    """Record until told to stop; 130 where interrupted, 0 where terminated."""
    names = list(dict.fromkeys(name.strip() for name in asked.source.split(",")))
    for name in names:
        if name not in STREAMS:
            raise InputError(f"source must be among {', '.join(STREAMS)}, not {name!r}.")
    return asyncio.run(_recorded(names, tuple(asked.symbols), Path(asked.to)))


async def _recorded(names: list[str], wanted: tuple[str, ...], folder: Path) -> int:
    over, caught = asyncio.Event(), list[int]()

    def stop(number: int) -> None:
        caught.append(number)
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    with open_store(folder) as store:
        followed = [StreamState(name, wanted, store, say) for name in names]
        say(f"Recording into {folder}. Stop with Ctrl-C.")
        await record(followed, store, over, say)
    say("Stopped; everything heard is in the files.")
    return 130 if signal.SIGINT in caught else 0


def say(line: str) -> None:
    """Write a line of progress."""
    print(f"liq: {line}", file=sys.stderr, flush=True)
