"""Fixtures of the recorder's tests."""

from __future__ import annotations

import pytest

from liq.sources.recorder import stream
from tests.sources.recorder.recording import QUICK
from tests.venue_server import VenueServer


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, venues: VenueServer) -> VenueServer:
    monkeypatch.setattr(stream, "TIMING", QUICK)
    return venues
