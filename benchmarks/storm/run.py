"""Many corrupted files read in a few processes, under a watchdog, and the table of what came of them."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.storm.case import Case, clean_case, made
from benchmarks.storm.reading import Read, held, left, read_case, trim
from benchmarks.storm.verdict import verdict
from liq.sources.file_worker import process as file_worker

OUTCOMES = ("equal", "said", "refused", "bounded", "undetectable", "FAULT")
"""What may come of a file; bounded : too much for the readers alone, and refused by the process that reads files."""

HANG = 60.0
"""Seconds after which a read in a process of the storm is ended, and tried on the bounded path alone."""

LONG, LARGE = 1.0, 150.0
"""Seconds and megabytes of a read from which it is done on the bounded path as well."""

SAMPLE = 10
"""One in so many reads is done on the bounded path as well."""

OWN = 110.0
"""Megabytes that the process that reads files holds before a file: what it may still take is MEGABYTES less these."""

GROWN = 30_000_000
"""Bytes by which a caller may have grown after a read on the bounded path: allocators keep some."""

MOST_SECONDS = 15.0
"""Seconds of the bounded path from which it is a fault: SECONDS, and Python's start beside all else that runs."""

READS = 400
"""Reads after which a process of the storm is replaced by a new one."""


class Outcome(NamedTuple):
    """What came of one file; seconds, megabytes : of reading it here; bounded : seconds of the bounded path, or 0."""

    number: int
    kind: str
    group: str
    detail: str
    outcome: str
    reason: str
    seconds: float
    megabytes: float
    bounded: float = 0.0


def tried(case: Case, alone: bool = True, sampled: bool = False, bounds: bool = True) -> Outcome:
    """Return what comes of a case.

    alone : whether it is read here at all; sampled : on the bounded path too; bounds : whether that is tried for
    what takes LONG or is LARGE.
    """
    plain_case = clean_case(case)
    clean = read_case(plain_case, measured=False)
    if clean.error or clean.fault:
        return _outcome(case, Read(), "unknown kind", clean.error or clean.fault)
    what, reason = verdict(plain_case, clean, clean)
    if what == "FAULT":
        return _outcome(case, clean, what, f"even when clean: {reason}")
    read = read_case(case, measured=bounds) if alone else Read(fault="hangs", seconds=HANG)
    too_much = not alone or read.seconds > file_worker.SECONDS or read.megabytes > file_worker.MEGABYTES - OWN
    what, reason = verdict(case, read, clean) if alone else ("FAULT", "hangs")
    large = too_much or read.seconds > LONG or read.megabytes > LARGE or read.fault
    if not (sampled or (bounds and large)):
        return _outcome(case, read, what, reason)
    before = held()
    again = read_case(case, bounded=True)
    if case.layout.task in ("liquidations", "events"):
        again = again._replace(notes=again.notes or read.notes)
    behind = left(before, held(), GROWN)
    said, why = verdict(case, again, clean)
    if behind:
        what, reason = "FAULT", f"left behind by the bounded path: {behind}"
    elif again.seconds > MOST_SECONDS:
        what, reason = "FAULT", f"the bounded path takes {again.seconds:.1f} s"
    elif said == "FAULT" and what != "FAULT":
        what, reason = said, f"bounded path: {why}"
    elif large and said == "refused" and re.search("to read; cut it|read to its end|too much memory", why):
        what, reason = "bounded", f"{why} (here {read.seconds:.1f} s, {read.megabytes:.0f} MB)"
    elif what != said and not (read.fault and said == "refused") and what != "FAULT":
        what, reason = "FAULT", f"here {what}, on the bounded path {said}: {why[:200]}"
    return _outcome(case, read, what, reason, again.seconds)


def _outcome(case: Case, read: Read, what: str, reason: str, bounded: float = 0.0) -> Outcome:
    return Outcome(
        case.number, case.kind, case.group, case.detail, what, reason, read.seconds, read.megabytes, bounded
    )


def serve(connection: Connection, seed: int, group: str, kind: str, folder: str) -> None:
    """Try the cases whose numbers come, and answer with what came of each; ends when the other end is gone."""
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    with suppress(EOFError):
        while (task := connection.recv()) is not None:
            number, alone = task
            try:
                case = made(seed, number, group, kind)
                trim()
                connection.send("made")
                answer = tried(case, alone, sampled=number % SAMPLE == 0)
            except Exception as error:  # a mistake of the storm, not of a reader
                answer = Outcome(number, kind, group, "", "FAULT", f"the storm itself: {error!r}", 0.0, 0.0)
            connection.send(answer)


class Worker:
    """A process of the storm, and what it does at the moment."""

    def __init__(self, seed: int, group: str, kind: str) -> None:
        """Start it."""
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.folder = tempfile.mkdtemp(prefix="storm-")
        self.process = context.Process(target=serve, args=(theirs, seed, group, kind, self.folder))
        self.process.start()
        theirs.close()
        self.task: tuple[int, bool] | None = None
        self.since, self.done = 0.0, 0

    def give(self, task: tuple[int, bool]) -> None:
        """Let it try a case."""
        self.task, self.since = task, float("inf")
        self.connection.send(task)

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(numbers: list[int], seed: int, jobs: int, group: str = "", kind: str = "", show: Any = None) -> list[Outcome]:
    """Return what comes of the cases of a seed, by number."""
    tasks: list[tuple[int, bool]] = [(number, True) for number in reversed(numbers)]
    workers = [Worker(seed, group, kind) for _ in range(min(jobs, max(1, len(numbers))))]
    found: list[Outcome] = []
    try:
        while tasks or any(worker.task for worker in workers):
            for place, worker in enumerate(workers):
                if worker.task is None and tasks:
                    if worker.done >= READS:
                        worker.end()
                        workers[place] = worker = Worker(seed, group, kind)
                    worker.give(tasks.pop())
            ready = wait([worker.connection for worker in workers if worker.task], timeout=0.5)
            for place, worker in enumerate(workers):
                if worker.task is None:
                    continue
                number, alone = worker.task
                answer: Any = None
                ended = ""
                if worker.connection in ready:
                    try:
                        answer = worker.connection.recv()
                    except (EOFError, OSError):
                        ended = "dies"
                elif time.monotonic() > worker.since:
                    ended = "hangs"
                if answer == "made":
                    worker.since = time.monotonic() + HANG + 3 * file_worker.SECONDS
                elif answer is not None:
                    found.append(answer)
                    worker.task, worker.done = None, worker.done + 1
                    if show:
                        show(answer)
                elif ended:
                    worker.end()
                    workers[place] = Worker(seed, group, kind)
                    if alone:
                        tasks.append((number, False))
                    else:
                        found.append(
                            Outcome(
                                number, "", "", "", "FAULT", f"the process {ended} on the bounded path", HANG, 0.0
                            )
                        )
    finally:
        for worker in workers:
            worker.end()
    return sorted(found)


def table(found: list[Outcome]) -> str:
    """Return the table of outcomes by kind of corruption, the longest time and the largest memory of each."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        counts[one.group][one.outcome] += 1
    head = "".join(f"{name:>13}" for name in OUTCOMES)
    lines = [f"{'kind of corruption':34}{head}{'longest':>10}{'largest':>10}"]
    for group in [*sorted(counts), "all"]:
        own = [one for one in found if group in (one.group, "all") and one.outcome != "unknown kind"]
        count = Counter(one.outcome for one in own)
        most = max((one.seconds for one in own), default=0.0), max((one.megabytes for one in own), default=0.0)
        lines.append(
            f"{group:34}" + "".join(f"{count[name]:13,}" for name in OUTCOMES) + f"{most[0]:8.1f} s{most[1]:7.0f} MB"
        )
    unknown = sorted({one.kind for one in found if one.outcome == "unknown kind"})
    slow = max((one.bounded for one in found), default=0.0)
    lines.append(
        f"{sum(one.bounded > 0 for one in found):,} of them on the bounded path as well, at most {slow:.1f} s."
    )
    if unknown:
        lines.append(f"Kinds that are not read even when clean, left out: {', '.join(unknown)}.")
    return "\n".join(lines)


def storm(count: int, seed: int, jobs: int, only: str, keep: str) -> int:
    """Print what comes of many corrupted files, or of one, and return 1 for a fault.

    only : SEED:NUMBER of one; keep : where that one is written, or "".
    """
    if only:
        seed, number = map(int, only.split(":"))
        case = made(seed, number)
        if keep:
            Path(keep).write_bytes(case.files[-1][1])
            print(f"Written to {keep}.")
        found = run([number], seed, 1)
        print(f"{case.kind}, {case.group}: {case.detail}; named {[name for name, _ in case.files]}")
        for one in found:
            took = f"{one.seconds:.2f} s, {one.megabytes:.0f} MB, bounded {one.bounded:.2f} s"
            print(f"{one.outcome}: {one.reason} ({took})")
    else:
        done: list[Outcome] = []

        def show(one: Outcome) -> None:
            done.append(one)
            if len(done) % 100 == 0:
                faults = sum(each.outcome == "FAULT" for each in done)
                print(f"{len(done):,} files, {faults:,} faults", file=sys.stderr, flush=True)

        found = run(list(range(count)), seed, jobs, show=show)
        print(table(found))
    for outcome in ("bounded", "FAULT"):
        for one in found if not only else []:
            if one.outcome == outcome:
                said = f"{one.kind}, {one.group}: {one.detail:.120}: {one.reason:.300}"
                print(f"{outcome} {seed}:{one.number} {said!r}")
    return int(any(one.outcome == "FAULT" for one in found))
