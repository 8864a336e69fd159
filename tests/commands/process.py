"""Run a command in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from tests.served import ROOT

SIMULATED = ("--source", "simulated")


def run_in_process(*words: str, **more) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "liq", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False, **more, encoding="utf-8")
