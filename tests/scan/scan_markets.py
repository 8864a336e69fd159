"""Small markets for scans, made from their name; worker processes import this module."""

from __future__ import annotations

import os
import signal
import time
import zlib
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np

import liq
from tests.markets import candles

NAMES = [f"C{number}" for number in range(12)]


def markets_by_ticker(ticker: str) -> liq.Market:
    """Return a market of its own for every name."""
    chance = np.random.default_rng(zlib.crc32(ticker.encode()))
    closes = 100 * np.exp(np.cumsum(chance.normal(0, 0.004, 240)))
    frame = candles(closes.tolist(), chance.uniform(0, 0.003, 240).tolist(), volume=1e4 * chance.uniform(1, 9))
    start = frame.index[60]
    return liq.Market(f"{ticker}/USDT:USDT", "test", frame, None, start=start)


def slow_market(ticker: str) -> liq.Market:
    time.sleep(0.1)
    return markets_by_ticker(ticker)


def killing_market(ticker: str, marks: str) -> liq.Market:
    """Kill the worker that comes to C5 first."""
    mark = Path(marks) / ticker
    if ticker == "C5" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return slow_market(ticker)


def in_this_process() -> Executor:
    return ThreadPoolExecutor(2)


def failing_market(ticker: str, bad: dict[str, Exception]) -> liq.Market:
    if ticker in bad:
        raise bad[ticker]
    return markets_by_ticker(ticker)
