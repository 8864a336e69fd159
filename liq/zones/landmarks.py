"""Landmarks: swing highs and lows, range edges, round numbers, the previous day's and week's extremes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import Market

SWING_SHARE = 14
"""A swing reaches this fraction of the visible window to both sides: 12 hours in a week's view."""

ROUND_STEP = 0.05
"""Round numbers are multiples of 1, 2.5 or 5 times a power of ten, the smallest such step of at least this share of
the price; finer ones would put a round number into every zone."""


class Landmark(NamedTuple):
    """One price that traders watch: its kind, the price, and when it was made (NaT for a round number)."""

    kind: str
    price: float
    time: pd.Timestamp


def landmarks(market: Market, low: float, high: float) -> list[Landmark]:
    """Return the landmarks between two prices, by price: swings, range edges, round numbers, last day and week.

    Kinds: swing high, swing low, range high, range low, round number, previous day high (low), previous week high
    (low). Days and weeks are UTC, weeks begin on Monday; one that the candles do not cover is left out. A range edge
    is not listed again as a swing.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> marks = landmarks(market, market.price * 0.9, market.price * 1.1)
    >>> {"range high", "previous day low"} <= {mark.kind for mark in marks}
    True
    """
    edges = range_edges(market)
    edge_prices = {mark.price for mark in edges}
    marks = [*edges, *(mark for mark in swings(market) if mark.price not in edge_prices), *_periods(market)]
    marks += [Landmark("round number", price, pd.NaT) for price in round_numbers(low, high, market.price)]  # type: ignore[arg-type]
    return sorted((mark for mark in marks if low <= mark.price <= high), key=lambda mark: mark.price)


def landmark_kinds(marks: list[Landmark]) -> set[str]:
    """Return the kinds among landmarks, a high and a low of one kind being one.

    >>> landmark_kinds([Landmark("range high", 1.0, pd.NaT), Landmark("range low", 1.0, pd.NaT)])
    {'range'}
    """
    return {mark.kind.removesuffix(" high").removesuffix(" low") for mark in marks}


def swings(market: Market) -> list[Landmark]:
    """Return the swing highs and lows of the visible window, by time.

    A swing high is a bar whose high no bar within window / SWING_SHARE to either side exceeds (of equals, the
    first). It is known only once that much time has passed after it; the forming bar is left out.

    >>> from liq.sources.simulation.market import simulate
    >>> swings(simulate("BTC", "7d", now="2026-09-01"))[0].kind in ("swing high", "swing low")
    True
    """
    candles = market.visible.iloc[:-1] if market.forming else market.visible
    bars = max(2, round(len(candles) / SWING_SHARE))
    marks = []
    for kind, column, sign in (("swing high", "high", 1.0), ("swing low", "low", -1.0)):
        values = sign * candles[column].to_numpy()
        if len(values) < 2 * bars + 1:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(values, 2 * bars + 1)
        tops = np.flatnonzero(windows.argmax(axis=1) == bars) + bars
        marks += [Landmark(kind, float(sign * values[row]), candles.index[int(row)]) for row in tops]
    return sorted(marks, key=lambda mark: mark.time)


def range_edges(market: Market) -> list[Landmark]:
    """Return the highest high and the lowest low of the visible window.

    >>> from liq.sources.simulation.market import simulate
    >>> [mark.kind for mark in range_edges(simulate("BTC", "1d", now="2026-09-01"))]
    ['range high', 'range low']
    """
    return _extremes(market.visible, "range")


def round_numbers(low: float, high: float, price: float) -> list[float]:
    """Return the round numbers from low to high, at the step that suits the price (ROUND_STEP).

    >>> round_numbers(70_000, 81_000, 78_706)
    [70000.0, 75000.0, 80000.0]
    """
    min_step = ROUND_STEP * price
    decade = 10.0 ** np.floor(np.log10(min_step))
    step = next(decade * digit for digit in (1.0, 2.5, 5.0, 10.0) if decade * digit >= min_step * (1 - 1e-9))
    return [float(number * step) for number in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _periods(market: Market) -> list[Landmark]:
    """Return the extremes of the last whole UTC day and week as of the market's own time."""
    candles = market.candles
    day = market.as_of.normalize()
    monday = day - pd.Timedelta(days=day.weekday())
    marks = []
    for name, start, end in (
        ("day", day - pd.Timedelta(days=1), day),
        ("week", monday - pd.Timedelta(days=7), monday),
    ):
        inside = candles[(candles.index >= start) & (candles.index < end)]
        if len(inside) and candles.index[0] <= start:
            marks += _extremes(inside, f"previous {name}")
    return marks


def _extremes(candles: pd.DataFrame, name: str) -> list[Landmark]:
    """Return the high and the low of candles as landmarks of that name."""
    high, low = candles["high"], candles["low"]
    return [
        Landmark(f"{name} high", float(high.max()), candles.index[int(high.argmax())]),
        Landmark(f"{name} low", float(low.min()), candles.index[int(low.argmin())]),
    ]
