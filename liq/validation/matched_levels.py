"""Follow price forward from any bar to a level, and draw other bars of about the same volatility."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import Market

N_CONTROLS = 40
"""Levels drawn for each zone."""

VOLATILITY_TOLERANCE = 0.25
"""Share of all bars, those nearest in volatility over the last day, that a zone's rivals are drawn from."""

AFTER = pd.Timedelta(days=1)
"""How long after the touch that is watched."""


class PricePath(NamedTuple):
    """The bars that are followed: end times in hours since the first open, prices, and volatility over a day.

    opens, ends : (n,) hours; high, low, close : (n,); volatility : (n,) of the 24 hours before each bar's end,
    per root hour, NaN while there are none; first : the first open.
    """

    opens: np.ndarray
    ends: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volatility: np.ndarray
    first: pd.Timestamp

    @classmethod
    def of(cls, market: Market) -> PricePath:
        """Return the path of a market's bars; one that is still forming is part of it as far as it went."""
        hours = market.hours()
        opens = np.concatenate([[0.0], np.cumsum(hours)[:-1]])
        ends = opens + hours
        high, low, close = (market.candles[name].to_numpy() for name in ("high", "low", "close"))
        # Parkinson (1980): variance of a stretch from its range, log(high / low)² / (4 log 2)
        spread = np.concatenate([[0.0], np.cumsum(np.log(high / low) ** 2 / (4 * np.log(2)))])
        begin = np.searchsorted(ends, ends - 24.0, side="right")
        span = ends - opens[np.minimum(begin, len(opens) - 1)]
        variance = (spread[1:] - spread[begin]) / np.maximum(span, 1e-9)
        volatility = np.where(ends >= 24.0, np.sqrt(np.maximum(variance, 1e-16)), np.nan)
        return cls(opens, ends, high, low, close, volatility, _utc(market.candles.index[0]))


def complete(path: PricePath, hours: float) -> np.ndarray:
    """Return which bars are followed by at least so many hours."""
    return path.ends + hours <= path.ends[-1] + 1e-6


def matched_controls(path: PricePath, bar: np.ndarray, pool: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Return bars to draw rival levels from, (cases, RIVALS): from those nearest in log volatility."""
    if not len(pool):
        return np.empty((len(bar), 0), int)
    size = max(1, int(VOLATILITY_TOLERANCE * len(pool)))
    calm, length = np.log(path.volatility), path.ends - path.opens
    drawn = chance.random((len(bar), N_CONTROLS))
    rivals = np.empty(drawn.shape, int)
    for case, here in enumerate(bar):
        near = pool[np.argsort(np.abs(calm[pool] - calm[here]), kind="stable")[:size]]
        # a bar four times as long stands for four times as many moments
        share = np.cumsum(length[near])
        rivals[case] = near[np.searchsorted(share, drawn[case] * share[-1], side="right")]
    return rivals


def follow_price(
    path: PricePath, bar: np.ndarray, sign: np.ndarray, distance: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return hours to the touch of each level (inf if none), and whether price then passed (1) or turned (0).

    bar : any shape; a level lies at `distance` from that bar's close, above where sign is positive. What follows
    the touch is read from closes, the touching bar's included; NaN where neither came within AFTER.
    """
    shape = bar.shape
    sign, distance, width = (np.broadcast_to(values, shape).ravel() for values in (sign, distance, width))
    bar = bar.ravel()
    level = path.close[bar] * (1 + sign * distance)
    hours, through = np.full(len(bar), np.inf), np.full(len(bar), np.nan)
    watch = AFTER / pd.Timedelta(hours=1)
    for case in range(len(bar)):
        first, up = bar[case] + 1, sign[case] > 0
        ahead = path.high[first:] >= level[case] if up else path.low[first:] <= level[case]
        step = int(ahead.argmax()) if len(ahead) else 0
        if not len(ahead) or not ahead[step]:
            continue
        touch = first + step
        hours[case] = path.opens[touch] - path.ends[bar[case]]
        stop = int(np.searchsorted(path.ends, path.ends[touch] + watch, side="right"))
        beyond = sign[case] * (path.close[touch:stop] / level[case] - 1)
        over, back = beyond >= width[case], beyond <= -width[case]
        decided = over | back
        if decided.any():
            through[case] = float(over[int(decided.argmax())])
    return hours.reshape(shape), through.reshape(shape)


def _utc(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment
