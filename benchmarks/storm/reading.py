"""One corrupted file read, here or in the process that reads files for a server, and what that took."""

from __future__ import annotations

import ctypes
import gc
import io
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil

from benchmarks.storm.case import Case
from liq.errors import DateOrderError, InputError
from liq.sources.file_worker import readers
from liq.sources.files import market_file
from liq.sources.files.joined import contents, understood
from liq.sources.positions import reader


class Read(NamedTuple):
    """What came of reading a file: bars by open time (ns) or rows of positions, notes, or an error or a fault.

    seconds, megabytes : time (of the processor where it is read here), and the peak of memory beyond that before.
    """

    frame: pd.DataFrame | None = None
    rows: list[tuple[Any, ...]] | None = None
    notes: tuple[str, ...] = ()
    bar: str = ""
    symbol: str = ""
    error: str = ""
    fault: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def read_case(case: Case, bounded: bool = False, measured: bool = True) -> Read:
    """Return what the readers make of a case's files.

    bounded : in the process that reads files for a server; measured : whether the peak of memory is looked at, for
    which memory is given back first.
    """
    if not measured:
        return _answered(case, bounded)
    trim()
    before = _peak(reset=True)
    clock = time.perf_counter if bounded else time.process_time  # here, what else runs takes no part in it
    began = clock()
    read = _answered(case, bounded)
    seconds = clock() - began
    return read._replace(seconds=seconds, megabytes=max(0.0, (_peak() - before) / 1e6))


def _answered(case: Case, bounded: bool) -> Read:
    try:
        try:
            return _asked(case, bounded, "")
        except DateOrderError as error:
            order = _true_order(case, error)
            answer = _asked(case, bounded, order)
            return answer._replace(notes=(*answer.notes, f"Dates were asked for: {error}"))
    except InputError as error:
        return Read(error=str(error))
    except MemoryError:
        return Read(fault="MemoryError")
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
        return Read(fault=f"{type(error).__name__} at {place}: {str(error)[:150]}")


def _true_order(case: Case, error: DateOrderError) -> str:
    """Return the order that gives the period of the clean bars, else the first."""
    first = str(pd.Timestamp("2026-01-05").date())
    return next(
        (order for order, period in error.readings.items() if period[0][:10] == first), next(iter(error.readings))
    )


def _asked(case: Case, bounded: bool, dates: str) -> Read:
    files: list[Any] = []
    for name, raw in case.files:
        file = io.BytesIO(raw)
        file.name = name
        files.append(file)
    task, more = case.layout.task, {"dates": dates} if dates else {}
    if task == "positions":
        found = (readers if bounded else reader).read_positions(files[0], **more)
        return Read(rows=_positions(found.rows))
    if task in ("events", "liquidations"):
        notes: tuple[str, ...] = ()
        frame = (readers if bounded else market_file).read_liquidations(files, **more)
        if not bounded:  # what is said of liquidations is said by their contents alone
            notes = (understood(contents(files, **more)),)
        return Read(frame=_by_time(frame), notes=notes, bar=_bar(frame.index))
    market = (readers if bounded else market_file).read_market(files, lookback=case.lookback, **more)
    parts = [market.candles, market.open_interest, market.liquidations]
    frame = pd.concat([part for part in parts if part is not None], axis=1)
    return Read(frame=_by_time(frame), notes=market.notes, bar=str(market.bar), symbol=market.symbol)


def _by_time(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table by time in nanoseconds."""
    return frame.set_axis(pd.DatetimeIndex(frame.index).as_unit("ns").asi8, axis=0)


def _bar(index: pd.Index) -> str:
    steps = np.diff(pd.DatetimeIndex(index).as_unit("ns").asi8)
    if not len(steps):
        return "0 days"
    lengths, counts = np.unique(steps, return_counts=True)
    return str(pd.Timedelta(int(lengths[np.argmax(counts)])))


def _positions(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return positions as tuples that can be compared."""
    numbers = rows[["coins", "entry", "liquidation_price", "leverage"]].fillna(0.0).to_numpy(float)
    texts = rows[["coin", "side", "margin"]].astype(str).to_numpy()
    return [
        (coin.upper(), side.lower(), *(float(f"{value:.9g}") for value in values), margin.lower())
        for (coin, side, margin), values in zip(texts, numbers, strict=True)
    ]


def trim() -> None:
    """Give back memory that is held for later, so that a read begins where the one before began."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _peak(reset: bool = False) -> int:
    """Return the peak of resident memory since it was reset; where the system does not say, what is resident."""
    if reset:
        with suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as control:
            control.write("5")
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return int(psutil.Process().memory_info().rss)


class Left(NamedTuple):
    """What a process holds beside its memory: children, files of its own temporary folder, descriptors, threads."""

    children: int
    files: int
    descriptors: int
    threads: int
    resident: int


def held() -> Left:
    """Return what this process holds now."""
    trim()
    known = psutil.Process()
    folder = Path(tempfile.gettempdir())
    files = sum(1 for _ in folder.iterdir()) if os.environ.get("TMPDIR") == str(folder) else 0
    descriptors = known.num_handles() if os.name == "nt" else known.num_fds()
    return Left(len(known.children()), files, descriptors, known.num_threads(), known.memory_info().rss)


def left(before: Left, after: Left, grown: int) -> str:
    """Return what is left behind by a read, or ""; grown : bytes by which memory may have grown."""
    said = {
        "processes": after.children > before.children,
        "temporary files": after.files > before.files,
        "descriptors": after.descriptors > before.descriptors,
        f"{(after.resident - before.resident) / 1e6:.0f} MB": after.resident - before.resident > grown,
    }
    return ", ".join(what for what, is_left in said.items() if is_left)


Reader = Callable[[Case, bool], Read]
