"""`app`: start the Streamlit app, from a checkout or from an installed package."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from liq.app import app_folder

EXAMPLES = """examples:
  python -m liq app
  python -m liq app --port 8600
  python -m liq app -- --server.headless true

What stands after -- goes to `streamlit run` as it is. The environment variables are the app's (docs/hosting.md).
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--port", type=int, default=8501, metavar="N", help="where the app listens (default 8501)")
    parser.add_argument("options", nargs="*", metavar="OPTION", help="options of streamlit run, after --")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Start the app in this process's place, or below it where the system cannot replace a process."""
    script = str(app_folder() / "streamlit_app.py")
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(args.port), *args.options]
    if os.name == "posix":  # one process: whoever stops it stops the app, and no orphan keeps the port
        os.execv(command[0], command)
    return subprocess.call(command)
