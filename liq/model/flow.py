"""Order flow: how many contracts each leg opens and how many of the earlier ones survive it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from liq.model.legs import Legs
from liq.model.prior import Prior

MIN_SURVIVAL = 1e-60
"""Survival of a leg in which everything closes, above zero so that its logarithm stays finite."""


class Flow(NamedTuple):
    """Per leg: coins opened (S,), log of the cumulative survival (S,), and whether open interest anchored it (S,)."""

    opened: np.ndarray
    log_survival: np.ndarray
    anchored: np.ndarray


def flow(legs: Legs, prior: Prior) -> Flow:
    """Return what each leg opens and what survives it.

    Where open interest (OI, coins at a leg's end) is known for this leg and the one before, ``opened = min(OI,
    max(dOI, 0) + kappa * volume)``, and what stood before survives by ``(OI - opened) / OI_before``, at most 1. Where
    it is not, ``opened = phi * volume`` and survival is a half-life over the leg's real length.

    >>> flat, traded, hour = np.full(2, 100.0), np.full(2, 10.0), np.ones(2)
    >>> legs = Legs(np.arange(2), flat, flat, traded, np.array([100.0, 101.0]), hour)
    >>> flow(legs, Prior("example", "Example", (10.0,), (1.0,), kappa=0.2)).opened
    array([2., 3.])
    """
    opened = prior.phi * legs.volume
    log_survival = -np.log(2.0) * legs.hours / prior.half_life
    interest = legs.open_interest
    interest_before = np.concatenate([[np.nan], interest[:-1]])
    anchored = np.isfinite(interest) & np.isfinite(interest_before)
    if anchored.any():
        rise, traded = np.maximum(interest - interest_before, 0.0), prior.kappa * legs.volume
        with np.errstate(invalid="ignore", divide="ignore"):
            opened_anchored = np.minimum(interest, rise + traded)
            survival = np.clip(
                np.where(interest_before > 0, (interest - opened_anchored) / interest_before, 0.0), MIN_SURVIVAL, 1.0
            )
        opened = np.where(anchored, opened_anchored, opened)
        log_survival = np.where(anchored, np.log(survival), log_survival)
    return Flow(opened, np.cumsum(log_survival), anchored)
