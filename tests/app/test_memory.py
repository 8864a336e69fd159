"""The shared cache: bounded in bytes, keys that keep nothing alive, and memory that comes back."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass

import numpy as np
import pytest

from liq.app import memory
from liq.process_memory import HEAPS


@dataclass(frozen=True, eq=False)
class Thing:
    array: np.ndarray


def test_it_stays_below_its_bound_and_keeps_what_is_used(monkeypatch):
    made = []

    @memory.shared
    def block(number: int) -> Thing:
        made.append(number)
        return Thing(np.zeros(1_250_000))

    for number in range(60):
        block(number)
        block(0)
    assert memory._cache.currsize <= memory._cache.maxsize
    assert made.count(0) == 1, "used again and again, so kept"
    block(3)
    assert made.count(3) == 2, "not used for longest, so gone"


def test_a_key_keeps_nothing_alive():
    @memory.shared
    def size(thing: Thing) -> int:
        return thing.array.size

    thing = Thing(np.zeros(10))
    seen = weakref.ref(thing)
    assert size(thing) == 10
    del thing
    gc.collect()
    assert seen() is None


def test_sessions_that_want_one_value_at_once_wait_for_one_computation():
    calls = []

    @memory.shared
    def slow(number: int) -> int:
        calls.append(number)
        time.sleep(0.1)
        return number

    threads = [threading.Thread(target=slow, args=(7,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [7]


@pytest.mark.parametrize("seconds", [0, 0.9])
def test_everything_is_given_back_once_nobody_looks(monkeypatch, seconds):
    monkeypatch.setattr(memory, "IDLE", 0.4)
    memory._uses["watched"] = 0.0

    @memory.shared
    def value(number: int) -> Thing:
        time.sleep(seconds)
        return Thing(np.zeros(1000))

    value(1)
    assert memory._cache.currsize > 0
    deadline = time.monotonic() + 5
    while memory._cache.currsize and time.monotonic() < deadline:
        time.sleep(0.05)
    assert memory._cache.currsize == 0


def test_the_bound_is_a_setting_and_nonsense_counts_as_none(monkeypatch):
    for text, expected in (("300", 300.0), ("0", 1.0), ("plenty", memory.DEFAULT_MEGABYTES)):
        monkeypatch.setenv("LIQ_MEMORY", text)
        assert memory.megabytes() == expected


THREADS = """
import ctypes, sys, threading
from liq.process_memory import use_few_heaps
if sys.argv[1] == "few":
    use_few_heaps()
meet = threading.Barrier(12)
def allocate():
    meet.wait()
    kept = [bytearray(50_000) for _ in range(400)]
    meet.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL("libc.so.6").malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc opens a heap per thread")
def test_threads_share_few_heaps():
    """What the threads of many sessions have freed would stay in heaps of their own."""
    heaps = {}
    for kind in ("few", "default"):
        done = subprocess.run(
            [sys.executable, "-c", THREADS, kind], capture_output=True, check=True, encoding="utf-8"
        )
        heaps[kind] = done.stderr.count("Arena ")
    assert heaps["few"] <= HEAPS + 1 < heaps["default"]
