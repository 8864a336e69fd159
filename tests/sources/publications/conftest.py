"""A publication, and a host that serves a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from liq.sources.positions import download, remote
from liq.sources.positions.publish import publish
from tests.clock import NOW
from tests.sources.publications.hosts import forget
from tests.sources.publications.publications import collect, hours
from tests.static_host import StaticHost


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Path:
    """A collector's folder and what is published of it, two days of hours."""
    place = tmp_path_factory.mktemp("publication")
    collect(place / "seen", hours(48))
    publish(place / "seen", place / "public")
    return place


@pytest.fixture
def host(seen, tmp_path, monkeypatch) -> Iterator[StaticHost]:
    """A host of a copy of the publication, in front of a process that knows nothing of it and waits for little."""
    shutil.copytree(seen / "seen", tmp_path / "seen")
    shutil.copytree(seen / "public", tmp_path / "public")
    monkeypatch.setenv("LIQ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")  # of venues alone
    monkeypatch.setattr(remote, "utc_now", lambda: NOW)
    monkeypatch.setattr(download, "READ_SECONDS", 1.0)
    monkeypatch.setattr(remote, "SECONDS", 3.0)
    forget()
    with StaticHost(tmp_path / "public") as running:
        yield running
    forget()
