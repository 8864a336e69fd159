"""Kinds of traders in the simulated market: how long they hold, with what leverage, target and stop."""

from __future__ import annotations

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


TRADER_KINDS = (
    TraderKind(0.61, 60.0, 1.2, 32.0, 1.00, 0.006, 0.55, 1.1, 0.45, -0.10),  # scalpers
    TraderKind(0.24, 600.0, 1.0, 13.0, 0.80, 0.020, 0.50, 1.2, 0.95, 0.12),  # day traders
    TraderKind(0.10, 3600.0, 0.9, 7.0, 0.60, 0.055, 0.30, 1.5, 1.40, 0.12),  # swing traders
    TraderKind(0.05, 12000.0, 0.8, 3.5, 0.60, 0.160, 0.15, 1.5, 1.60, 0.05),  # position traders
)
"""Assumptions. Their outcome was compared with what is known: realised dollars a day over open interest, daily
turnover, and winners closing sooner than losers (closing rates 0.37 against 0.25 % an hour on Binance)."""
