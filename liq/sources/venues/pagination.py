"""Pagination of a venue's history, all pages side by side; ccxt's own pagination truncates silently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

Rows = Sequence[Sequence[Any]]
PageOf = Callable[[int, int], Rows]
"""Requests up to so many rows from a time on (UTC ms); a row begins with its time."""


class Submit(Protocol):
    """Start a call and return what waits for its answer, such as the bound method of an executor."""

    def __call__(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]: ...


class Pages:
    """The pages of a time range, requested as soon as this is made; `rows` waits for them.

    A venue that caps a page below `size` is followed from either end of what it sent. At most `calls` pages are
    requested, the newest. Rows are not checked here: those with an impossible time are returned too.

    submit : starts a request; start, end : UTC ms, `end` excluded; step : ms between rows; size : rows a page.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> page_of = lambda since, count: [[since + 10 * number] for number in range(count)]
    >>> with ThreadPoolExecutor() as pool:
    ...     sorted(row[0] for row in Pages(pool.submit, page_of, 0, 50, step=10, size=2).rows())
    [0, 10, 20, 30, 40]
    """

    def __init__(
        self, submit: Submit, page_of: PageOf, start: int, end: int, *, step: int, size: int, calls: int = 64
    ) -> None:
        self._page_of, self._start, self._step, self._size = page_of, start, step, size
        windows = page_windows(start, end, step, size)
        self._calls = calls - len(windows[:calls])
        self._pages = [
            (since, until, submit(page_of, since, -(-(until - since) // step))) for since, until in windows[:calls]
        ]

    def are_there(self) -> bool:
        """Return whether the pages known beforehand are answered."""
        return all(page.done() for _, _, page in self._pages)

    def rows(self) -> list[Sequence[Any]]:
        """Return every row that was sent, as it came; rows from before the range are left out."""
        sent = [(since, until, list(page.result())) for since, until, page in self._pages]
        rows, largest = (
            [row for _, _, page in sent for row in page],
            max((len(page) for _, _, page in sent), default=0),
        )
        for number, (since, until, page) in enumerate(sent):
            times = [row[0] for row in page if isinstance(row[0], (int, float)) and since <= row[0] < until]
            if not times:
                continue
            rows += self._newer(int(max(times)) + self._step, until, len(page))
            # where the older page is empty, the venue's history begins in this one, unless the venue caps its pages
            if number + 1 == len(sent) or sent[number + 1][2] or len(page) == largest:
                rows += self._older(since, int(min(times)))
        return [row for row in rows if not (isinstance(row[0], (int, float)) and row[0] < self._start)]

    def _newer(self, since: int, until: int, n_sent: int) -> list[Sequence[Any]]:
        """Return the rows that a capped page of `n_sent` rows lacks at its newer end, one page after the other.

        A page that lacks one row is not followed: that of the bar that forms may not be there yet.
        """
        rows: list[Sequence[Any]] = []
        cap = n_sent if until - since > self._step else None
        while self._calls > 0 and until - since > (0 if n_sent == cap else self._step):
            times, page = self._request(since, until)
            rows += page
            if not times:
                break
            since, n_sent = max(times) + self._step, len(page)
        return rows

    def _older(self, since: int, until: int) -> list[Sequence[Any]]:
        """Return the rows that a capped page lacks at its older end."""
        rows: list[Sequence[Any]] = []
        while until - since >= self._step and self._calls > 0:
            times, page = self._request(max(since, until - self._size * self._step), until)
            rows += page
            if not times:
                break
            until = min(times)
        return rows

    def _request(self, since: int, until: int) -> tuple[list[int], Rows]:
        """Return the times within a range that one page sent, and all its rows."""
        self._calls -= 1
        page = self._page_of(since, min(self._size, -(-(until - since) // self._step)))
        times = [int(row[0]) for row in page if isinstance(row[0], (int, float)) and since <= row[0] < until]
        return times, page


def page_windows(start: int, end: int, step: int, size: int) -> list[tuple[int, int]]:
    """Return the pages of a time range as (start, end), newest first, each of at most `size` rows.

    >>> page_windows(0, 50, step=10, size=2)
    [(30, 50), (10, 30), (0, 10)]
    """
    windows = []
    while end > start:
        count = min(size, -(-(end - start) // step))
        since = max(start, end - count * step)
        windows.append((since, end))
        end = since
    return windows


def wait(function: Callable[..., Any], /, *args: Any) -> Future[Any]:
    """Call a function at once and return what holds its answer: pages one after the other, in this thread.

    >>> wait(max, 1, 2).result()
    2
    """
    answer: Future[Any] = Future()
    try:
        answer.set_result(function(*args))
    except Exception as error:
        answer.set_exception(error)
    return answer
