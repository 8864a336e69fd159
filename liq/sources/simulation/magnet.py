"""A magnet: a price drawn towards liquidation prices, which the simulated market has only on request.

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
_REST = 18  # hours without a pull after a target was reached


def magnet_shift(ticker: Ticker, path: PricePath, groups: list[TraderGroups], strength: float) -> np.ndarray:
    """Return the log shift of each minute of `path` towards the heaviest liquidation prices around it, (n,).

    groups : all groups that open during the path, with their ends on it. The shift depends on the shift before it, so
    unlike everything else here it depends on where the path begins.

    >>> from liq.sources.simulation.market import simulate
    >>> drawn, free = (simulate("BTC", "12h", now="2026-09-01", magnet=strength) for strength in (1.0, 0.0))
    >>> bool(drawn.price != free.price)
    True
    """
    rows = TraderGroups(*(np.concatenate(column) for column in zip(*groups, strict=True)))
    hours = len(path.close) // 60
    base = float(path.low.min()) - 0.5
    book = np.zeros(int((float(path.high.max()) + 0.5 - base) / _GRID) + 1)
    log_level = np.log(np.maximum(rows.level, 1e-12)) - base
    slot = np.full(len(log_level), -1)
    by_end = np.argsort(rows.closed, kind="stable")
    begins = np.searchsorted(rows.opened, np.arange(hours + 1) * 60)
    ends = np.searchsorted(rows.closed[by_end], np.arange(hours + 1) * 60)
    high, low = path.high.reshape(-1, 60).max(axis=1), path.low.reshape(-1, 60).min(axis=1)
    offsets = np.arange(-_REACH, _REACH + 1)
    nearness = np.exp(-np.abs(offsets) * _GRID / 0.03) * (np.abs(offsets) > 3)
    step = _STEP * strength * ticker.volatility / np.sqrt(24.0)
    shift, shift_now = np.zeros(hours + 1), 0.0
    target: int | None = None
    pause = 0
    for hour in range(hours):
        opening = slice(begins[hour], begins[hour + 1])
        # Positions open at the shifted price, so their liquidation prices are shifted as well.
        slot[opening] = np.clip((log_level[opening] + shift_now) / _GRID, -1, len(book) - 1).astype(int)
        opened = np.flatnonzero(slot[opening] >= 0) + begins[hour]
        np.add.at(book, slot[opened], rows.lots[opened])
        closed = by_end[ends[hour] : ends[hour + 1]]
        closed = closed[slot[closed] >= 0]
        np.subtract.at(book, slot[closed], rows.lots[closed])
        np.maximum(book, 0.0, out=book)
        reached = (np.array([low[hour], high[hour]]) + shift_now - base) / _GRID
        book[max(int(reached[0]), 0) : max(int(reached[1]) + 1, 0)] = 0.0
        price_slot = int((path.close[hour * 60 + 59] + shift_now - base) / _GRID)
        if target is not None and reached[0] <= target + 1 and reached[1] >= target:
            target, pause = None, _REST
        pause -= 1
        if pause < 0 and _REACH < price_slot < len(book) - _REACH - 1:
            # Squared, so that one concentration outweighs the same dollars spread out.
            weight = (
                np.convolve(book[price_slot - _REACH : price_slot + _REACH + 1], np.ones(3), mode="same") ** 2
                * nearness
            )
            target = price_slot - _REACH + int(weight.argmax())
            shift_now += step * float(np.sign(target - price_slot))
        shift_now *= _KEEP
        shift[hour + 1] = shift_now
    return np.interp(np.arange(len(path.close)) / 60.0, np.arange(hours + 1), shift)
