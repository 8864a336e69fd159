"""Blind twins: the same engine given less than the map was, so that what each input adds can be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from liq.market import SIDES, Market
from liq.model.estimate import estimate
from liq.model.estimated import Estimate

WEEK = pd.Timedelta(days=7)

PHOTOS = 120
"""Number of moments whose books are averaged by distance from price."""

DISTANCES = np.linspace(0.0, 0.25, 501)
"""Log distances from price up to which the mean book is summed."""


def twin_swept(heatmap: Estimate, since: pd.Timestamp) -> dict[str, np.ndarray]:
    """Return USD per candle, longs and shorts (n, 2), that twins of the map would have swept.

    ``path`` knows the path of price alone: open interest is unknown, and each bar's volume is in proportion to its
    range. ``shifted`` has the volume of a week before in the place of each bar's own. ``mean_book`` has no structure:
    the mean book by distance from price of the bars before `since`, swept as far as each bar went from the close
    before.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"), columns=1)
    >>> sorted(twin_swept(heatmap, heatmap.market.start))
    ['mean_book', 'path', 'shifted']
    """
    market = replace(heatmap.market, parts=())
    candles, hours, times = market.candles, market.hours(), pd.DatetimeIndex(market.times)
    volume = candles["volume"].to_numpy()
    ranges = np.log(candles["high"].to_numpy() / candles["low"].to_numpy())
    path = ranges * volume.sum() / max(float(ranges.sum()), 1e-12)
    in_first_week = np.asarray(times <= times[0] + WEEK)
    # a bar of the first week has no week before it and takes that week's mean
    first = float(volume[in_first_week].sum() / hours[in_first_week].sum())
    before = times.searchsorted(times - WEEK, side="right") - 1
    shifted = np.where(before >= 0, (volume / hours)[before], first) * hours
    return {
        "path": _swept(heatmap, market, path),
        "shifted": _swept(heatmap, market, shifted),
        "mean_book": _mean_book(heatmap, market, since),
    }


def _swept(heatmap: Estimate, market: Market, volume: np.ndarray) -> np.ndarray:
    """Return USD per candle and side under another volume, open interest unknown."""
    blind = replace(market, candles=market.candles.assign(volume=volume), open_interest=None)
    return estimate(blind, heatmap.prior, columns=1).reweigh(heatmap.weights).swept.to_numpy()


def _mean_book(heatmap: Estimate, market: Market, since: pd.Timestamp) -> np.ndarray:
    """Return USD per candle and side of the mean book, swept from each close as far as the next bar goes."""
    early = replace(market, start=market.times[0])
    pictured = estimate(early, heatmap.prior, columns=PHOTOS).reweigh(heatmap.weights)
    known = pictured.times < since
    close = market.candles["close"].to_numpy()
    middle = np.log(np.sqrt(pictured.edges[:-1] * pictured.edges[1:]))
    photo_close = np.log(close[pictured.walk.photos[known]])
    previous = np.concatenate([[market.candles["open"].iloc[0]], close[:-1]])
    columns = []
    for side, extreme, sign in zip(SIDES, ("low", "high"), (1.0, -1.0), strict=True):
        book = getattr(pictured, side)[known]
        within = np.zeros(len(DISTANCES))
        for usd, price in zip(book, photo_close, strict=True):
            distance = sign * (price - middle)
            order = np.argsort(distance)
            within += np.interp(DISTANCES, distance[order], np.cumsum(usd[order]))
        gone = sign * np.log(previous / market.candles[extreme].to_numpy())
        columns.append(np.interp(np.maximum(gone, 0.0), DISTANCES, within / max(1, int(known.sum()))))
    return np.stack(columns, axis=1)
