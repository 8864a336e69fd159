"""Ask a venue for a long history page by page, newest page first; ccxt's own pagination truncates silently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def fetch_pages(
    page_of: Callable[[int, int], Sequence[Sequence[Any]]],
    start: int,
    end: int,
    step: int,
    size: int,
    *,
    calls: int = 64,
) -> list[Sequence[Any]]:
    """Return every row that was sent for [start, end) as it came, rows from before `start` left out.

    page_of(since, count) asks for up to `count` rows from `since` on; a row begins with its time. Times are
    UTC ms, rows `step` ms apart. Newest page first, so that an empty page means that the venue's history ends
    there. A venue that caps a page below `size` is followed from either end of what it gave. At most `calls`
    pages are asked for. Nothing is judged here: rows with an impossible time are handed on.
    """
    rows: list[Sequence[Any]] = []

    def times(since: int, count: int, until: int) -> list[int]:
        sent = page_of(since, count)
        known = [row for row in sent if isinstance(row[0], (int, float))]
        strange = [row for row in sent if not isinstance(row[0], (int, float))]
        rows.extend([row for row in known if not row[0] < start] + strange)
        return [int(row[0]) for row in known if since <= row[0] < until]

    while end > start and calls > 0:
        count = min(size, -(-(end - start) // step))
        since = max(start, end - count * step)
        found = times(since, count, end)
        calls -= 1
        if not found:
            break
        oldest, newest = min(found), max(found)
        # a capped page may hold the oldest rows of its window: go on from there until the window is full
        while calls > 0 and len(found) < count and newest < end - 2 * step:
            found = times(newest + step, min(size, (end - newest) // step), end)
            calls -= 1
            if not found:
                break
            newest = max(found)
            count -= len(found)
        end = min(oldest, end - step)
    return rows
