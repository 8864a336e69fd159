"""Fixtures of the scans' tests."""

from __future__ import annotations

import pandas as pd
import pytest

from liq.scan.ranking import ranking_table, scan
from tests.scan.scan_markets import NAMES, in_this_process, markets_by_ticker


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return ranking_table(scan(NAMES, markets_by_ticker, in_this_process), "test")
