"""A price drawn to where positions would be force-closed: what the simulated market is without, unless asked.

No claim that markets do this. It exists so that a test for magnets can be shown to find one where there is
one, and none where there is none.
"""

from __future__ import annotations

import numpy as np

from liq.sources.simulation.price_path import PricePath, Ticker
from liq.sources.simulation.traders import TraderGroups

_GRID = 0.001  # log width of the buckets the pull is felt in
_REACH = 35  # buckets on either side of the price
_KEEP = 0.5 ** (1 / 36)  # an hour's memory of the pull so far: half of it is given back in a day and a half
_STEP = 0.6  # of an hour's volatility, every hour
_REST = 18  # hours after a heavy place was reached in which nothing is pulled


def magnet_shift(ticker: Ticker, path: PricePath, shadows: list[TraderGroups], strength: float) -> np.ndarray:
    """Return the log shift of each minute of `path` towards the heaviest forced-close prices around it, (n,).

    shadows : everybody who opens during the path, as they would fare on it. The pull feeds on where it has
    led before, so unlike all else here it depends on where the path begins.
    """
    rows = TraderGroups(*(np.concatenate(column) for column in zip(*shadows, strict=True)))
    hours = len(path.close) // 60
    base = float(path.low.min()) - 0.5
    book = np.zeros(int((float(path.high.max()) + 0.5 - base) / _GRID) + 1)
    place = np.log(np.maximum(rows.level, 1e-12)) - base
    slot = np.full(len(place), -1)
    by_end = np.argsort(rows.closed, kind="stable")
    begins = np.searchsorted(rows.opened, np.arange(hours + 1) * 60)
    ends = np.searchsorted(rows.closed[by_end], np.arange(hours + 1) * 60)
    high, low = path.high.reshape(-1, 60).max(axis=1), path.low.reshape(-1, 60).min(axis=1)
    apart = np.arange(-_REACH, _REACH + 1)
    nearness = np.exp(-np.abs(apart) * _GRID / 0.03) * (np.abs(apart) > 3)
    step = _STEP * strength * ticker.volatility / np.sqrt(24.0)
    shift, held = np.zeros(hours + 1), 0.0
    target: int | None = None
    rest = 0
    for hour in range(hours):
        new = slice(begins[hour], begins[hour + 1])
        # Who opens now opens at the price as it has been drawn, and so has the forced-close price moved along.
        slot[new] = np.clip((place[new] + held) / _GRID, -1, len(book) - 1).astype(int)
        stand = np.flatnonzero(slot[new] >= 0) + begins[hour]
        np.add.at(book, slot[stand], rows.lots[stand])
        gone = by_end[ends[hour] : ends[hour + 1]]
        gone = gone[slot[gone] >= 0]
        np.subtract.at(book, slot[gone], rows.lots[gone])
        np.maximum(book, 0.0, out=book)
        reached = (np.array([low[hour], high[hour]]) + held - base) / _GRID
        book[max(int(reached[0]), 0) : max(int(reached[1]) + 1, 0)] = 0.0
        here = int((path.close[hour * 60 + 59] + held - base) / _GRID)
        if target is not None and reached[0] <= target + 1 and reached[1] >= target:
            target, rest = None, _REST
        rest -= 1
        if rest < 0 and _REACH < here < len(book) - _REACH - 1:
            # Squared, so that one heavy place outweighs the same dollars strewn about.
            heavy = np.convolve(book[here - _REACH : here + _REACH + 1], np.ones(3), mode="same") ** 2 * nearness
            target = here - _REACH + int(heavy.argmax())
            held += step * float(np.sign(target - here))
        held *= _KEEP
        shift[hour + 1] = held
    return np.interp(np.arange(len(path.close)) / 60.0, np.arange(hours + 1), shift)
