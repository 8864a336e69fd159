"""Fixtures of the scans' tests."""

from __future__ import annotations

import pandas as pd
import pytest

from liq.scan.ranking import ranking_table, scan
from tests.scan.scan_markets import NAMES, here, made


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return ranking_table(scan(NAMES, made, here), "test")
