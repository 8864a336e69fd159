"""Legs: the way of price inside each bar, from its open over both extremes to its close."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from liq.market import Market

LONG_BAR = 0.5
"""Hours from which a bar is walked in legs. On held-out hours of BTC they add 0.02 to R² of log dollars at 30
minutes, 0.07 at 1 hour and 0.14 at 4 hours, and nothing at 15 minutes (docs/method.md, "Long bars")."""


class Legs(NamedTuple):
    """Parts of bars along which price moves one way, oldest first; a short bar is one leg.

    bar : number of the bar each belongs to, ascending (S,); low, high : prices (S,); volume : coins traded (S,);
    open_interest : coins at its end, NaN where unknown (S,); hours : length (S,).
    """

    bar: np.ndarray
    low: np.ndarray
    high: np.ndarray
    volume: np.ndarray
    open_interest: np.ndarray
    hours: np.ndarray


def price_legs(market: Market) -> Legs:
    """Return the legs of a market's bars.

    A bar of LONG_BAR and more goes from its open to the first extreme, to the second, to its close: a bar that closes
    higher made its low first, one that closes lower its high. Time, volume and the change of open interest are split
    in proportion to the length of the way in log price. A leg of no length is left out.

    >>> import pandas as pd
    >>> hours = pd.date_range("2026-01-01", periods=1, freq="1h")
    >>> bars = pd.DataFrame(dict(open=100.0, high=104.0, low=99.0, close=103.0, volume=7.0), index=hours)
    >>> legs = price_legs(Market("BTC/USDT:USDT", "example", bars))
    >>> legs.low, legs.high
    (array([ 99.,  99., 103.]), array([100., 104., 104.]))
    """
    opens, highs, lows, closes, volume = (
        market.candles[name].to_numpy() for name in ("open", "high", "low", "close", "volume")
    )
    hours = market.hours()
    interest = np.full(len(opens), np.nan) if market.open_interest is None else market.open_interest.to_numpy()
    rises = closes >= opens
    turns = np.stack([opens, np.where(rises, lows, highs), np.where(rises, highs, lows), closes], axis=1)
    length = np.abs(np.log(turns[:, 1:] / turns[:, :-1]))
    whole = (hours < LONG_BAR) | (length.sum(axis=1) <= 0)
    length[whole] = (1.0, 0.0, 0.0)
    travelled = np.cumsum(length, axis=1)
    travelled /= travelled[:, -1:]
    share = np.diff(travelled, axis=1, prepend=0.0)
    bar, leg = np.nonzero(length)
    first, last = turns[bar, leg], turns[bar, leg + 1]
    ends = np.append(bar[1:] != bar[:-1], True)
    before = np.concatenate([[np.nan], interest[:-1]])[bar]
    after = interest[bar]
    return Legs(
        bar,
        np.where(whole[bar], lows[bar], np.minimum(first, last)),
        np.where(whole[bar], highs[bar], np.maximum(first, last)),
        volume[bar] * share[bar, leg],
        np.where(ends, after, before + (after - before) * travelled[bar, leg]),
        hours[bar] * share[bar, leg],
    )
