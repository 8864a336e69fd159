"""Order flow: how many contracts each bar opens and how many of the earlier ones survive it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from liq.market import Market
from liq.model.prior import Prior

MIN_SURVIVAL = 1e-60
"""Survival of a bar in which everything closes, above zero so that its logarithm stays finite."""


class Flow(NamedTuple):
    """Per bar: coins opened (n,), log of the cumulative survival (n,), and whether open interest anchored it (n,)."""

    opened: np.ndarray
    log_survival: np.ndarray
    anchored: np.ndarray


def flow(market: Market, prior: Prior) -> Flow:
    """Return what each bar opens and what survives it.

    Where open interest (OI, coins at bar close) is known for this bar and the one before, ``opened = min(OI, max(dOI,
    0) + kappa * volume)``, and what stood before survives by ``(OI - opened) / OI_before``, at most 1. Where it is
    not, ``opened = phi * volume`` and survival is a half-life over the bar's real length.

    >>> import pandas as pd
    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h")
    >>> bars = pd.DataFrame(dict(open=100.0, high=100.0, low=100.0, close=100.0, volume=10.0), index=hours)
    >>> market = Market("BTC/USDT:USDT", "example", bars, open_interest=pd.Series([100.0, 101.0], hours))
    >>> flow(market, Prior("example", "Example", (10.0,), (1.0,), kappa=0.2)).opened
    array([2., 3.])


    """
    volume = market.candles["volume"].to_numpy()
    opened = prior.phi * volume
    log_survival = -np.log(2.0) * market.hours() / prior.half_life
    anchored = np.zeros(len(volume), bool)
    if market.open_interest is not None:
        interest = market.open_interest.to_numpy()
        interest_before = np.concatenate([[np.nan], interest[:-1]])
        anchored = np.isfinite(interest) & np.isfinite(interest_before)
        rise, traded = np.maximum(interest - interest_before, 0.0), prior.kappa * volume
        with np.errstate(invalid="ignore", divide="ignore"):
            opened_anchored = np.minimum(interest, rise + traded)
            survival = np.clip(
                np.where(interest_before > 0, (interest - opened_anchored) / interest_before, 0.0), MIN_SURVIVAL, 1.0
            )
        opened = np.where(anchored, opened_anchored, opened)
        log_survival = np.where(anchored, np.log(survival), log_survival)
    return Flow(opened, np.cumsum(log_survival), anchored)
