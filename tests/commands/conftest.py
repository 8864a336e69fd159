"""Fixtures of the commands' tests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from liq.sources import fetch, market_cache
from liq.sources.venues import failures
from tests.served import write_recording
from tests.venue_server.fixtures import QUICK

NOW = pd.Timestamp("2026-11-20 10:07:30", tz="UTC")


@pytest.fixture
def no_network(monkeypatch):
    """Let no test ask a venue unless it takes the stand-in, and let the simulated market stand still."""
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")
    monkeypatch.setattr(failures, "RETRY_POLICY", QUICK)
    monkeypatch.delenv("LIQ_FILE", raising=False)
    monkeypatch.setattr(market_cache, "utc_now", lambda: NOW)
    yield
    fetch.clear_caches()


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    return write_recording(tmp_path_factory.mktemp("recording") / "btcusdt_5m.csv", days=24)
