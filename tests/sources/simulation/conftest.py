"""Fixtures of the simulation's tests."""

import pandas as pd
import pytest

from liq.sources.simulation import market as simulation
from liq.sources.simulation.market import simulate_with_true_book

NOW = pd.Timestamp("2026-11-22 09:17:23", tz="UTC")


@pytest.fixture(autouse=True)
def _fresh():
    """Every market is made anew: what a cache remembers would agree with itself."""
    simulation._RECORDS.clear()


@pytest.fixture(scope="module")
def simulated():
    return simulate_with_true_book("BTC", "7d", now=NOW)
