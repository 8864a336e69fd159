"""Progress of a collector in a small file beside its snapshots, for the app and whoever else reads the folder."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from liq import system
from liq.sources.positions.storage import own_file

STALE = 120.0
"""Seconds after which progress that was not written again says nothing any more: one account may take 40 seconds of
a venue that is out of order, and the file is written every few seconds otherwise."""

AHEAD = 60.0
"""Seconds by which the file's clock may be ahead of the reader's."""


class Status(NamedTuple):
    """What a collector is doing.

    source : the venue; title : its name on screen; pid : the collector's process; written : when this was said, since
    : when the pass began, both UTC s. asked, of : accounts of the pass that were asked and that are to be;
    holding : accounts known to hold something; failed : those that did not answer. rate : accounts a second.
    newest : time of the newest snapshot, UTC s, or None. complete : whether a pass was ever finished. next : when the
    next pass begins, UTC s, or None while one is under way. trouble : why it waits, the rest of a sentence, or "".
    """

    source: str
    title: str
    pid: int
    written: float
    since: float
    asked: int = 0
    of: int = 0
    holding: int = 0
    failed: int = 0
    rate: float = 0.0
    newest: int | None = None
    complete: bool = False
    next: float | None = None
    trouble: str = ""

    @property
    def sentence(self) -> str:
        """Return what it is doing, in one sentence.

        >>> Status("hyperliquid", "Hyperliquid", 1, 0.0, 0.0, 1240, 44900, 310, rate=10.0).sentence
        'Collecting: 1,240 of 44,900 accounts asked, 310 hold something, about 73 min remain.'
        """
        if self.trouble:
            return f"Collecting waits: {self.title} {self.trouble}."
        if self.next is not None:
            return (
                f"Collecting: {self.holding:,} accounts hold something; those that trade are asked again, all of "
                f"them from {datetime.fromtimestamp(self.next, UTC):%H:%M} UTC on."
            )
        if not self.asked:
            return "Collecting: the first accounts are being asked."
        remain = f", about {duration(self.remaining)} remain" if self.rate else ""
        return f"Collecting: {self.asked:,} of {self.of:,} accounts asked, {self.holding:,} hold something{remain}."

    @property
    def remaining(self) -> float:
        """Seconds until the pass is done at the present rate; infinite where nothing was asked yet."""
        return max(0, self.of - self.asked) / self.rate if self.rate else float("inf")


def duration(seconds: float) -> str:
    """Return a time as a sentence says it.

    >>> duration(30), duration(9000)
    ('1 min', '2.5 h')
    """
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(1, round(seconds / 60))} min"


def write_status(folder: Path, status: Status) -> None:
    """Write a collector's progress in one step; a folder that cannot be written is left alone.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_status(Path(folder), Status("hyperliquid", "Hyperliquid", 1, 5.0, 0.0, asked=3, of=9))
    ...     collecting_status(folder, now=6.0).asked
    3
    """
    text = json.dumps(status._asdict()).encode()
    path = own_file(folder, status.source, "status.json")
    temporary = path.with_name(f".{path.name}")
    try:  # not forced to disk: after a loss of power nobody is collecting
        temporary.write_bytes(text)
        system.move_in_place(temporary, path)
    except OSError:
        return


def remove_status(folder: Path, source: str) -> None:
    """Remove a collector's progress, as it ends.

    >>> remove_status(Path("nowhere"), "hyperliquid")
    """
    try:
        own_file(folder, source, "status.json").unlink(missing_ok=True)
    except OSError:
        return


def collecting_status(
    folder: str | os.PathLike[str], source: str = "hyperliquid", now: float | None = None
) -> Status | None:
    """Return what a folder's collector of a venue is doing, or None where none is at work or it cannot be read.

    now : UTC s, default the present.

    >>> collecting_status("nowhere") is None
    True
    """
    now = time.time() if now is None else now
    try:
        with system.open_to_read(own_file(Path(folder), source, "status.json")) as file:
            said = json.loads(file.read(10_000))
        status = Status(**said)
        is_fresh = -AHEAD < now - float(status.written) < STALE
        return status if is_fresh and status.sentence else None
    except (OSError, ValueError, TypeError):
        return None
