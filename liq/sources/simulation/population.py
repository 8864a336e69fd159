"""Populations of the simulated market: what kinds of traders there are, and how much is traded and hedged."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class TraderKind(NamedTuple):
    """A kind of trader: share of the crowds, hold (median minutes, log spread), leverage (median, log spread),
    target (median, fraction), share with a stop, stop over target, size over the mean, trend following."""

    share: float
    hold: float
    hold_spread: float
    leverage: float
    leverage_spread: float
    target: float
    stops: float
    stop: float
    size: float
    follows: float


class Population(NamedTuple):
    """Who trades a market.

    kinds : the kinds of traders; turnover : coins that they open a day on each side over open interest; hedged :
    share of open interest held by hedgers and market makers, with no liquidation price in reach; churn : coins over
    open interest that market makers trade among themselves on an average day; volatility : of prices, over the
    ticker's usual one.
    """

    kinds: tuple[TraderKind, ...]
    turnover: float
    hedged: float
    churn: float
    volatility: float


POPULATIONS: Mapping[str, Population] = MappingProxyType(
    {
        "hedged": Population(
            (
                TraderKind(0.61, 60.0, 1.2, 32.0, 1.00, 0.006, 0.55, 1.1, 0.45, -0.10),  # scalpers
                TraderKind(0.24, 600.0, 1.0, 13.0, 0.80, 0.020, 0.50, 1.2, 0.95, 0.12),  # day traders
                TraderKind(0.10, 3600.0, 0.9, 7.0, 0.60, 0.055, 0.30, 1.5, 1.40, 0.12),  # swing traders
                TraderKind(0.05, 12000.0, 0.8, 3.5, 0.60, 0.160, 0.15, 1.5, 1.60, 0.05),  # position traders
            ),
            turnover=0.21,
            hedged=0.45,
            churn=1.1,
            volatility=1.0,
        ),
        "unhedged": Population(
            (
                TraderKind(0.45, 90.0, 1.0, 18.0, 0.90, 0.005, 0.40, 1.3, 0.70, 0.05),
                TraderKind(0.35, 700.0, 1.1, 15.0, 0.90, 0.014, 0.40, 1.3, 1.00, -0.05),
                TraderKind(0.20, 4000.0, 1.0, 11.0, 0.80, 0.035, 0.25, 1.6, 1.50, 0.10),
            ),
            turnover=0.45,
            hedged=0.0,
            churn=2.2,
            volatility=0.55,
        ),
    }
)
"""Two assumptions, far apart on purpose, so that nothing is tuned to one of them.

hedged : the market of the app; nearly half of open interest is hedged, and who holds shorter takes more leverage.
Its outcome was compared with what is known: realised dollars a day over open interest; daily turnover (five-minute
changes of BTC's open interest sum to a seventh of it in a day on the Binance perpetual, and most trades pass a
position on without changing the sum); and winners closing sooner than losers (closing rates 0.37 against 0.25 % an
hour on Binance).
unhedged : nobody hedges, leverage hardly depends on how long one holds, positions turn over twice as fast, and
prices are calmer. A yardstick only; `benchmarks.accuracy` prints both."""
