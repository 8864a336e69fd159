"""Pages put together without gap, and the border: what a venue may send, and what becomes of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liq.sources.venues.failures import Reply, VenueFailure, classify_failure
from liq.sources.venues.pagination import Pages, wait
from liq.sources.venues.sanity import check_continuity, clean_candles, clean_open_interest, quality_notes

STEP = 60_000
NOW = 1_000_000 * STEP


def valid_rows(count: int = 40) -> list[list[object]]:
    """Return candles as a venue sends them, ending with the one that forms."""
    return [
        [NOW - (count - 1 - row) * STEP, 100.0 + row, 101.0 + row, 99.0 + row, 100.5 + row, 7.0]
        for row in range(count)
    ]


def checked(rows: list[list[object]]) -> tuple[pd.DataFrame, Counter[str]]:
    dropped: Counter[str] = Counter()
    return clean_candles(rows, STEP, NOW, dropped, "candles"), dropped


@given(
    bars=st.integers(1, 400),
    size=st.integers(1, 120),
    cap=st.integers(1, 120),
    begins=st.integers(0, 300),
    newest=st.booleans(),
    missing=st.sets(st.integers(0, 400), max_size=3),
)
def test_pages_leave_no_gap(bars: int, size: int, cap: int, begins: int, newest: bool, missing: set[int]) -> None:
    """Whatever a venue's page, and whichever end of the asked window it caps, every row that it has arrives."""
    # the newest bar is there: a venue that has nothing at all there has nothing further back either
    has = [row for row in range(begins, bars) if row not in missing or row == bars - 1]
    asked = 0

    def page_of(since: int, count: int) -> list[list[int]]:
        nonlocal asked
        asked += 1
        window = [[row * STEP] for row in has if since <= row * STEP < since + count * STEP]
        kept = min(cap, count)
        return window[-kept:][::-1] if newest else window[:kept]

    rows = Pages(wait, page_of, 0, bars * STEP, step=STEP, size=size, calls=2000).rows()
    times = {int(row[0]) // STEP for row in rows}
    lone = min(size, cap) <= len(missing) + 2  # a page that falls whole into a hole reads as the end of history
    assert times == set(has) or lone or (not newest and cap < size)
    assert times <= set(has)
    assert asked <= 2 * (bars // min(size, cap) + len(missing)) + 4


def test_pages_of_full_size_cost_no_call_too_many() -> None:
    calls: list[tuple[int, int]] = []

    def page_of(since: int, count: int) -> list[list[int]]:
        calls.append((since // STEP, count))
        return [[row * STEP] for row in range(since // STEP, since // STEP + count)]

    rows = Pages(wait, page_of, 0, 768 * STEP, step=STEP, size=300).rows()
    assert calls == [(468, 300), (168, 300), (0, 168)]
    assert sorted(row[0] // STEP for row in rows) == list(range(768))


@pytest.mark.parametrize("bars", [200, 701, 768])
def test_a_venue_that_caps_below_the_page_is_followed(bars: int) -> None:
    """To its last row, also where a single one is left for the last page."""

    def page_of(since: int, count: int) -> list[list[int]]:
        return [[row * STEP] for row in range(since // STEP, min(since // STEP + min(count, 100), bars))]

    rows = Pages(wait, page_of, 0, bars * STEP, step=STEP, size=1000).rows()
    assert sorted({row[0] // STEP for row in rows}) == list(range(bars))


def test_a_row_that_is_not_published_yet_costs_no_call() -> None:
    calls: list[int] = []

    def page_of(since: int, count: int) -> list[list[int]]:
        calls.append(since // STEP)
        return [[row * STEP] for row in range(since // STEP, min(since // STEP + count, 767))]

    assert len(Pages(wait, page_of, 0, 768 * STEP, step=STEP, size=1000).rows()) == 767
    assert calls == [0]


def test_good_rows_stay_as_they_are() -> None:
    frame, dropped = checked(valid_rows())
    assert not dropped
    assert len(frame) == 40
    assert frame.index.tz is not None
    assert frame["volume"].eq(7.0).all()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (1, float("nan"), "without a positive price"),
        (4, "abc", "without a positive price"),
        (2, None, "without a positive price"),
        (3, 0.0, "without a positive price"),
        (3, -5.0, "without a positive price"),
        (2, float("inf"), "without a positive price"),
        (2, 1.0, "with high below low"),
        (4, 500.0, "with open or close outside low to high"),
        (5, -1.0, "without a volume"),
        (5, None, "without a volume"),
        (0, None, "with a time that is none"),
        (0, "soon", "with a time that is none"),
        (0, NOW - 20 * STEP + 1, "with a time that is none"),
        (0, NOW + 10 * STEP, "from the future"),
    ],
)
def test_an_impossible_row_is_dropped_and_counted(column: int, value: object, reason: str) -> None:
    rows = valid_rows()
    rows[20][column] = value
    frame, dropped = checked(rows)
    assert dropped == {reason: 1}
    assert len(frame) == 39


@pytest.mark.parametrize("times", [1000, 10, 0.1])
def test_a_row_far_off_its_neighbours_is_dropped(times: float) -> None:
    rows = valid_rows()
    rows[20][1:5] = [value * times for value in rows[20][1:5]]  # type: ignore[operator]
    frame, dropped = checked(rows)
    assert dropped == {"far off the bars around": 1}
    assert frame["high"].max() < 200


def test_rows_out_of_order_and_repeated_are_put_right() -> None:
    rows = valid_rows()
    frame, dropped = checked([*rows[::-1], list(rows[5])])
    assert not dropped, "an identical repeat is only an overlap of pages"
    pd.testing.assert_frame_equal(frame, checked(rows)[0])
    other = list(rows[5])
    other[5] = 9.0
    frame, dropped = checked([*rows, other])
    assert dropped == {"that repeat a time with other values": 1}
    assert frame["volume"].iloc[5] == 9.0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no candles"),
        ([[None] * 6] * 5, "cannot be true"),
        (
            [*valid_rows()[:30], *[[*row[:1], -1, -1, -1, -1, 1] for row in valid_rows()[30:]]],
            "cannot be true: 10 of 40",
        ),
        ([*valid_rows()[:20], *[[row[0], *[v * 20 for v in row[1:5]], 1] for row in valid_rows()[20:]]], "leaps"),
        ([[1, 2]], "cannot be true"),
    ],
)
def test_an_answer_that_cannot_be_true_is_refused(rows: list[list[object]], words: str) -> None:
    with pytest.raises(VenueFailure, match=words):
        checked(rows)


def test_a_tail_of_another_symbol_does_not_join() -> None:
    frame, _ = checked(valid_rows())
    check_continuity(frame[:30], frame[30:])
    with pytest.raises(VenueFailure, match="do not continue"):
        check_continuity(frame[:30], frame[30:] * 30)


def test_open_interest_that_does_not_fit_its_dollars_is_refused() -> None:
    """A forgotten contract size is caught while the app runs, not only here."""
    rows = [[NOW - row * STEP, 500.0, 500.0 * 60_000, np.nan, np.nan] for row in range(20)]
    assert len(clean_open_interest(rows, 0, NOW, 61_000.0, Counter())) == 20
    contracts = [[time, coins / 0.0001, *rest] for time, coins, *rest in rows]
    with pytest.raises(VenueFailure, match="do not belong together"):
        clean_open_interest(contracts, 0, NOW, 61_000.0, Counter())


def test_impossible_open_interest_is_dropped_too() -> None:
    rows = [[NOW - row * STEP, 500.0, np.nan, -1.0, 5.0] for row in range(20)]
    rows[3][1], rows[4][1], rows[5][1], rows[6][0] = -1.0, np.nan, 50_000.0, NOW + STEP
    dropped: Counter[str] = Counter()
    frame = clean_open_interest(rows, 0, NOW, 1.0, dropped)
    assert dropped.total() == 4
    assert len(frame) == 16
    assert frame["long"].isna().all(), "a negative liquidation is not known"


def test_open_interest_may_grow_tenfold_in_time() -> None:
    rows = [[NOW - (99 - row) * STEP, 100 * 1.05**row, np.nan, np.nan, np.nan] for row in range(100)]
    dropped: Counter[str] = Counter()
    assert len(clean_open_interest(rows, 0, NOW, 1.0, dropped)) == 100
    assert not dropped


def test_dropped_and_missing_rows_are_reported() -> None:
    frame, dropped = checked([row for number, row in enumerate(valid_rows()) if number not in (20, 21)])
    dropped["with high below low"] = 1
    assert quality_notes(dropped, frame, pd.Timedelta(milliseconds=STEP), frame.index[0]) == [
        "1 row with high below low left out.",
        "2 bars missing; the bar before each lasts until the next.",
    ]


@pytest.mark.parametrize(
    ("status", "text", "blocked", "passing"),
    [
        (451, "", True, False),
        (403, "<html>CloudFront is configured to block access from your country", True, False),
        (403, '{"msg": "forbidden"}', False, False),
        (503, "<html>Generated by cloudfront", False, True),
        (400, '{"msg": "Service unavailable from a restricted location"}', True, False),
        (200, '{"note": "eligibility"}', False, True),
        (200, "<html>restricted location", True, False),
        (418, "", False, False),
        (429, "", False, True),
        (500, "", False, True),
        (0, "", False, True),
        (404, "", False, False),
    ],
)
def test_refusals_are_recognised_by_status_and_text(status: int, text: str, blocked: bool, passing: bool) -> None:
    failure = classify_failure(Reply(status, {}, text), timed_out=False, refused=False)
    assert (failure.blocked, failure.passing) == (blocked, passing)
