"""How many contracts each bar opens and how many of the earlier ones survive it, from open interest or volume."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from liq.market import Market
from liq.model.prior import Prior

LEAST_SURVIVAL = 1e-60
"""A bar in which everything closes leaves this much, so that its logarithm stays finite."""


class Flow(NamedTuple):
    """Per bar: coins opened (n,), log of the cumulative survival (n,), and whether open interest anchored it (n,)."""

    opened: np.ndarray
    log_survival: np.ndarray
    anchored: np.ndarray


def flow(market: Market, prior: Prior) -> Flow:
    """Return what each bar opens and what survives it.

    Where open interest is known at this bar's and the earlier bar's close, ``opened = min(OI, max(dOI, 0) +
    kappa * volume)`` and what stood before survives by ``(OI - opened) / OI_before``, at most 1. Where it is
    not, ``opened = phi * volume`` and survival is a half-life over the bar's real length.
    """
    volume = market.candles["volume"].to_numpy()
    opened = prior.phi * volume
    log_survival = -np.log(2.0) * market.hours() / prior.half_life
    anchored = np.zeros(len(volume), bool)
    if market.open_interest is not None:
        now = market.open_interest.to_numpy()
        before = np.concatenate([[np.nan], now[:-1]])
        anchored = np.isfinite(now) & np.isfinite(before)
        rise, traded = np.maximum(now - before, 0.0), prior.kappa * volume
        with np.errstate(invalid="ignore", divide="ignore"):
            grown = np.minimum(now, rise + traded)
            kept = np.clip(np.where(before > 0, (now - grown) / before, 0.0), LEAST_SURVIVAL, 1.0)
        opened = np.where(anchored, grown, opened)
        log_survival = np.where(anchored, np.log(kept), log_survival)
    return Flow(opened, np.cumsum(log_survival), anchored)
