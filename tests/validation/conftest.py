"""A market whose liquidations follow a known prior, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import liq


@pytest.fixture(scope="module")
def world() -> tuple[liq.Market, pd.DataFrame]:
    """Return a market and liquidations that follow TRUTH, to a third of an e-fold."""
    from tests.validation.test_skill import TRUTH, random_walk_market

    subject = random_walk_market()
    swept = liq.estimate(subject, TRUTH, columns=1).swept
    noise = np.exp(np.random.default_rng(3).normal(0, 0.3, swept.shape))
    return subject, (swept * noise).resample("1h").sum()
