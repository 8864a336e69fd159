"""The app as a person meets it: a server of its own on a recording, and a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""

needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here; name one in CHROMIUM")


def write_recording(path: Path, days: int = 34, minutes: int = 5) -> Path:
    """Write a made-up market of such bars, from 2026 on for that many days: waves of several lengths, with wicks."""
    n = days * 1440 // minutes
    at = np.arange(n + 1)
    waves = sum(size * np.sin(at / length) for size, length in ((0.05, 900), (0.012, 130), (0.004, 17), (0.001, 3.1)))
    path_of_price = 60_000 * np.exp(waves)
    opens, closes = path_of_price[:-1], path_of_price[1:]
    wick = 1 + 0.0004 * (1 + np.sin(at[1:] * 1.7))
    volume = 300 * (1 + 2 * np.abs(np.sin(at[1:] / 41)))
    frame = pd.DataFrame(
        {
            "open_time_ms": 1_767_225_600_000 + 60_000 * minutes * at[1:],
            "open": opens.round(1),
            "high": (np.maximum(opens, closes) * wick + 0.1).round(1),
            "low": (np.minimum(opens, closes) / wick - 0.1).round(1),
            "close": closes.round(1),
            "volume": volume.round(3),
            "open_interest": (80_000 * (1 + 0.1 * np.sin(at[1:] / 500) + 0.01 * np.sin(at[1:] / 23))).round(3),
        }
    )
    frame.to_csv(path, index=False)
    return path


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """Run the app on a free port and yield its address."""
    with served_process(**environment) as (address, _):
        yield address


@contextmanager
def served_process(**environment: str) -> Iterator[tuple[str, int]]:
    """Run the app on a free port and yield its address and process number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = environment.pop("LIQ_SCRIPT", "streamlit_app.py")
    # a venue server has the real time, and so has an app that asks one
    streamlit = "streamlit" if "LIQ_GATEWAY" in environment else "tests.clock"
    command = [sys.executable, "-m", streamlit, "run", script, "--server.port", str(port)]
    options = ["--server.headless", "true", "--server.fileWatcherType", "none", "--server.address", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).read()
                break
            except OSError:
                time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(10)
