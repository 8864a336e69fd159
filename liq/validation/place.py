"""Score of place: where inside the range that a bar swept the liquidated dollars lay, against the map and chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import counted, money
from liq.market import SIDES
from liq.market_checks import utc_times
from liq.model.estimated import Estimate
from liq.validation.alignment import drawn_again

SLICES = 8
"""Number of equal slices of log price into which a swept range is cut."""

MIN_RANGE = 0.004
"""Log distance that a bar must have gone beyond the close before it for place inside it to mean anything."""

UNIFORM_SHARE = 0.2
"""Share of chance mixed into the map, so that one order in an empty slice does not decide the score."""

RESAMPLES = 500
"""Number of bootstrap draws of whole days."""

MIN_DAYS = 3
"""Minimum number of days for an interval; below it, it is NaN."""


class PlaceScore(NamedTuple):
    """How much better the map names the place of liquidations inside swept ranges than chance does.

    bits : mean gain over an even spread, bits a dollar: 0 is chance, log2 of SLICES the most; low, high : its 95 %
    interval from draws of whole days; usd : dollars scored; bars : swept ranges scored; days : on how many days.
    """

    bits: float
    low: float
    high: float
    usd: float
    bars: int
    days: int

    @property
    def sentence(self) -> str:
        """What the score says, in one plain sentence."""
        if np.isnan(self.low):
            return f"{self.days} days of liquidations with prices are too few to score place."
        span = f"{self.bits:+.2f} bits a dollar (95 % interval {self.low:+.2f} to {self.high:+.2f})"
        if self.low > 0:
            return f"Inside the ranges that price swept, the map names the place better than chance: {span}."
        return f"Inside the ranges that price swept, the map names the place no better than chance: {span}."

    @property
    def line(self) -> str:
        """The score with its dollars, in one line, also of a single day.

        >>> PlaceScore(0.125, float("nan"), float("nan"), 2.5e6, 7, 1).line
        'Place: +0.12 bits a dollar against an even spread, $2.50M in 7 swept ranges; 1 day has no interval.'
        """
        interval = f"95 % interval {self.low:+.2f} to {self.high:+.2f}"
        if np.isnan(self.low):
            interval = f"{counted(self.days, 'day')} {'has' if self.days == 1 else 'have'} no interval"
        return (
            f"Place: {self.bits:+.2f} bits a dollar against an even spread, {money(self.usd)} in {self.bars:,} swept "
            f"ranges; {interval}."
        )


def place_score(heatmap: Estimate, events: pd.DataFrame) -> PlaceScore:
    """Score where inside each bar's swept range the liquidated dollars lay.

    events : a row a liquidation, columns ``time`` (UTC), ``side`` of the position ("long", "short"), ``price`` and
    ``usd``. A bar's range is from the close before it to its low (longs) or high (shorts). The map's share of a slice
    is that of the levels which the bar swept there. Raises InputError where nothing can be scored.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"), columns=1)
    >>> candles = heatmap.market.candles
    >>> falls = candles[np.log(candles["close"].shift() / candles["low"]) > 0.005]
    >>> events = pd.DataFrame({"time": falls.index, "side": "long", "price": falls["low"] * 1.001, "usd": 1e6})
    >>> bool(np.isfinite(place_score(heatmap, events).bits))
    True
    """
    if missing := [name for name in ("time", "side", "price", "usd") if name not in events]:
        raise InputError(f"liquidation events lack the column {missing[0]!r}.")
    market = heatmap.market
    starts = pd.DatetimeIndex(market.times)
    starts = starts.tz_localize("UTC") if starts.tz is None else starts
    times = pd.DatetimeIndex(utc_times(events["time"], "liquidation events: time"))
    bar_of = starts.searchsorted(times, side="right") - 1
    close = market.candles["close"].to_numpy()
    before = np.concatenate([[market.candles["open"].iloc[0]], close[:-1]])
    gains, weights, days = [], [], []
    for side, extreme, sign in zip(SIDES, ("low", "high"), (-1.0, 1.0), strict=True):
        reach = sign * np.log(market.candles[extreme].to_numpy() / before)
        own = (events["side"] == side).to_numpy() & (bar_of >= 0)
        own &= reach[np.maximum(bar_of, 0)] >= MIN_RANGE
        bars, price, usd = bar_of[own], events["price"].to_numpy(float)[own], events["usd"].to_numpy(float)[own]
        place = sign * np.log(price / before[bars]) / reach[bars]
        inside = (place >= 0) & (place <= 1)
        bars, usd = bars[inside], usd[inside]
        slices = np.minimum((place[inside] * SLICES).astype(int), SLICES - 1)
        share = _swept_shares(heatmap, side, sign, before, reach, np.unique(bars))
        rows = np.searchsorted(np.unique(bars), bars)
        known = share.sum(axis=1)[rows] > 0
        mixed = (1 - UNIFORM_SHARE) * share[rows, slices] + UNIFORM_SHARE / SLICES
        gains.append(np.log2(mixed[known] * SLICES))
        weights.append(usd[known])
        days.append(np.stack([starts[bars[known]].floor("D").asi8, bars[known]], axis=1))
    gain, usd, at = np.concatenate(gains), np.concatenate(weights), np.concatenate(days)
    if not usd.sum() > 0:
        raise InputError("liquidation events share no swept range with the candles.")
    day = np.unique(at[:, 0], return_inverse=True)[1]
    by_day = np.stack([np.bincount(day, gain * usd), np.bincount(day, usd)])
    low = high = float("nan")
    if by_day.shape[1] >= MIN_DAYS:
        drawn = by_day[:, drawn_again(by_day.shape[1], RESAMPLES)].sum(axis=2)
        low, high = (float(end) for end in np.quantile(drawn[0] / drawn[1], (0.025, 0.975)))
    bits = float((gain * usd).sum() / usd.sum())
    return PlaceScore(bits, low, high, float(usd.sum()), len(np.unique(at[:, 1])), by_day.shape[1])


def _swept_shares(
    heatmap: Estimate, side: str, sign: float, before: np.ndarray, reach: np.ndarray, bars: np.ndarray
) -> np.ndarray:
    """Return the map's share of each slice of the ranges that these bars swept, (bars, SLICES); zeros where none."""
    walk, log = heatmap.walk, heatmap.walk.flow.log_survival
    wanted = np.append(np.isin(walk.bar, bars), False)
    row, tier = np.nonzero(wanted[walk.reached[side]])
    leg = walk.reached[side][row, tier]
    bar = walk.bar[leg]
    survived = np.exp(heatmap.paces[tier] * (log[leg - 1] - log[walk.entries.leg[row]]))
    usd = heatmap.notional[row] * heatmap.weights[tier] * survived
    level = walk.entries.price[row] * walk.factor[side][tier]
    place = np.clip(sign * np.log(level / before[bar]) / reach[bar], 0.0, 1.0 - 1e-9)
    number = np.searchsorted(bars, bar) * SLICES + (place * SLICES).astype(int)
    total = np.bincount(number, usd, len(bars) * SLICES).reshape(len(bars), SLICES)
    return np.asarray(total / np.maximum(total.sum(axis=1, keepdims=True), 1e-300))
