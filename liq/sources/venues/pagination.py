"""Pagination of a venue's history, newest page first; ccxt's own pagination truncates silently."""

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
    """Return every row that was sent for [start, end) as it came; rows from before `start` are left out.

    page_of(since, count) requests up to `count` rows from `since` on; a row begins with its time. Times are
    UTC ms, rows `step` ms apart. Newest page first, so that an empty page means that the venue's history ends
    there. A venue that caps a page below `size` is followed from either end of what it sent. At most `calls`
    pages are requested. Rows are not checked here: those with an impossible time are returned too.

    >>> page_of = lambda since, count: [[since + 10 * number] for number in range(count)]
    >>> sorted(row[0] for row in fetch_pages(page_of, 0, 50, step=10, size=2))
    [0, 10, 20, 30, 40]
    """
    rows: list[Sequence[Any]] = []

    def request_page(since: int, count: int, until: int) -> list[int]:
        sent = page_of(since, count)
        with_time = [row for row in sent if isinstance(row[0], (int, float))]
        without_time = [row for row in sent if not isinstance(row[0], (int, float))]
        rows.extend([row for row in with_time if not row[0] < start] + without_time)
        return [int(row[0]) for row in with_time if since <= row[0] < until]

    while end > start and calls > 0:
        count = min(size, -(-(end - start) // step))
        since = max(start, end - count * step)
        sent_times = request_page(since, count, end)
        calls -= 1
        if not sent_times:
            break
        oldest, newest = min(sent_times), max(sent_times)
        # a capped page may hold the oldest rows of its window: go on from there until the window is full
        while calls > 0 and len(sent_times) < count and newest < end - 2 * step:
            sent_times = request_page(newest + step, min(size, (end - newest) // step), end)
            calls -= 1
            if not sent_times:
                break
            newest = max(sent_times)
            count -= len(sent_times)
        end = min(oldest, end - step)
    return rows
