"""Fixtures of the archive's tests: the local server in front of a process with an empty folder for caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.venue_server import VenueServer


@pytest.fixture
def archive(venues: VenueServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VenueServer:
    """The server without faults, and a folder of caches that is this test's own."""
    monkeypatch.setenv("LIQ_CACHE", str(tmp_path / "cache"))
    return venues
