"""Matched control levels: follow price from any bar to a level, and draw other bars of about the same volatility."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import Market

N_CONTROLS = 40
"""Number of control levels drawn for each zone."""

VOLATILITY_TOLERANCE = 0.25
"""Share of all bars, those nearest in volatility over the last day, that a zone's controls are drawn from."""

WATCH_TIME = pd.Timedelta(days=1)
"""Time after a touch within which price passes or turns."""


class PricePath(NamedTuple):
    """Hold the bars that are followed: end times in hours since the first open, prices, and volatility over a day.

    opens, ends : (n,) hours; high, low, close : (n,); volatility : (n,) of the 24 hours before each bar's end,
    per root hour, NaN where there are fewer; first : the first open.
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
        # Parkinson (1980): variance over an interval from its range, log(high / low)² / (4 log 2)
        variance_sum = np.concatenate([[0.0], np.cumsum(np.log(high / low) ** 2 / (4 * np.log(2)))])
        first_bar = np.searchsorted(ends, ends - 24.0, side="right")
        span = ends - opens[np.minimum(first_bar, len(opens) - 1)]
        variance = (variance_sum[1:] - variance_sum[first_bar]) / np.maximum(span, 1e-9)
        volatility = np.where(ends >= 24.0, np.sqrt(np.maximum(variance, 1e-16)), np.nan)
        return cls(opens, ends, high, low, close, volatility, _utc(market.candles.index[0]))


def complete(path: PricePath, hours: float) -> np.ndarray:
    """Return which bars are followed by at least so many hours, bool (n,).

    >>> from liq.sources.simulation.market import simulate
    >>> path = PricePath.of(simulate("BTC", "1d", now="2026-09-01"))
    >>> bool(complete(path, 1.0)[-1])
    False
    """
    return path.ends + hours <= path.ends[-1] + 1e-6


def matched_controls(path: PricePath, bar: np.ndarray, pool: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return bars to draw control levels from, (cases, N_CONTROLS): from those nearest in log volatility.

    >>> from liq.sources.simulation.market import simulate
    >>> path = PricePath.of(simulate("BTC", "1d", now="2026-09-01"))
    >>> pool = np.flatnonzero(np.isfinite(path.volatility))
    >>> matched_controls(path, pool[:3], pool, np.random.default_rng(0)).shape
    (3, 40)
    """
    if not len(pool):
        return np.empty((len(bar), 0), int)
    size = max(1, int(VOLATILITY_TOLERANCE * len(pool)))
    log_volatility, length = np.log(path.volatility), path.ends - path.opens
    uniform = rng.random((len(bar), N_CONTROLS))
    controls = np.empty(uniform.shape, int)
    for case, row in enumerate(bar):
        nearest = pool[np.argsort(np.abs(log_volatility[pool] - log_volatility[row]), kind="stable")[:size]]
        # Drawn in proportion to length: a bar four times as long covers four times as many moments at which a zone
        # could have been found.
        share = np.cumsum(length[nearest])
        controls[case] = nearest[np.searchsorted(share, uniform[case] * share[-1], side="right")]
    return controls


def follow_price(
    path: PricePath, bar: np.ndarray, sign: np.ndarray, distance: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return hours to the touch of each level (inf if none), and whether price then passed (1) or turned (0).

    bar : any shape; a level lies at `distance` from that bar's close, above where sign is positive. What follows
    the touch is read from closes, the touching bar's included; NaN where neither happened within WATCH_TIME.

    >>> from liq.sources.simulation.market import simulate
    >>> path = PricePath.of(simulate("BTC", "1d", now="2026-09-01"))
    >>> one = np.array([1.0])
    >>> follow_price(path, np.array([100]), one, 9 * one, one)[0]
    array([inf])
    """
    shape = bar.shape
    sign, distance, width = (np.broadcast_to(values, shape).ravel() for values in (sign, distance, width))
    bar = bar.ravel()
    level = path.close[bar] * (1 + sign * distance)
    hours, through = np.full(len(bar), np.inf), np.full(len(bar), np.nan)
    watch_hours = WATCH_TIME / pd.Timedelta(hours=1)
    for case in range(len(bar)):
        first_row, up = bar[case] + 1, sign[case] > 0
        touched = path.high[first_row:] >= level[case] if up else path.low[first_row:] <= level[case]
        step = int(touched.argmax()) if len(touched) else 0
        if not len(touched) or not touched[step]:
            continue
        touch = first_row + step
        hours[case] = path.opens[touch] - path.ends[bar[case]]
        stop = int(np.searchsorted(path.ends, path.ends[touch] + watch_hours, side="right"))
        beyond = sign[case] * (path.close[touch:stop] / level[case] - 1)
        passed, turned = beyond >= width[case], beyond <= -width[case]
        decided = passed | turned
        if decided.any():
            through[case] = float(passed[int(decided.argmax())])
    return hours.reshape(shape), through.reshape(shape)


def _utc(moment: pd.Timestamp) -> pd.Timestamp:
    """Return a moment aware in UTC, a naive one taken as UTC."""
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment
