"""`app`: start the Streamlit app, from a checkout or from an installed package, and collectors beside it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from liq.app import app_folder
from liq.commands.collector import checked_sources, collecting_folder, start_collectors
from liq.sources.rate_limit import COLLECT

EXAMPLES = """examples:
  python -m liq app
  python -m liq app --collect hyperliquid
  python -m liq app --port 8600
  python -m liq app -- --server.headless true

--collect asks the venue's accounts what they hold, beside the app and as long as it runs, so that their positions are
the map (docs/positions.md). What stands after -- goes to `streamlit run` as it is. The environment variables are the
app's (docs/hosting.md).
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--port", type=int, default=8501, metavar="N", help="where the app listens (default 8501)")
    parser.add_argument(
        "--collect",
        default=os.environ.get(COLLECT, ""),
        metavar="VENUE",
        help=f"collect real positions beside the app, such as hyperliquid; default: {COLLECT}, else nothing",
    )
    parser.add_argument("options", nargs="*", metavar="OPTION", help="options of streamlit run, after --")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Start the app in this process's place, or below it where the system cannot replace a process."""
    script = str(app_folder() / "streamlit_app.py")
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(args.port), *args.options]
    os.environ.pop(COLLECT, None)
    if sources := checked_sources(args.collect):
        folder = collecting_folder(os.environ.get("LIQ_POSITIONS", ""))
        start_collectors(sources, folder)
        os.environ.update({COLLECT: ",".join(sources), "LIQ_POSITIONS": str(folder)})
    if os.name == "posix":  # one process: whoever stops it stops the app, and no orphan keeps the port
        os.execv(command[0], command)
    return subprocess.call(command)
