"""Fixtures that several test modules share."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from liq.sources import market_cache
from tests import clock
from tests.browser import app, chromium, context, file, long_app, long_file, page
from tests.venue_server.fixtures import kept, server, venues

__all__ = ["app", "chromium", "context", "file", "kept", "long_app", "long_file", "page", "server", "venues"]

settings.register_profile("liq", deadline=None)  # no test asserts on wall time
settings.load_profile("liq")

os.environ["PYTHONIOENCODING"] = "utf-8"  # what a test starts speaks to it in UTF-8, whatever the console's encoding
os.environ["LIQ_CACHE"] = "off"  # every test begins with what it fetches itself, and leaves nothing on the machine


@pytest.fixture(autouse=True)
def fixed_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin at the same moment whenever the tests run; a venue server has the real time, and so has who asks it."""
    if not {"server", "venues", "kept"} & set(request.fixturenames):
        monkeypatch.setattr(market_cache, "utc_now", clock.started())


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Give `__main__` back after each test: AppTest puts the app's script there, and a spawned process runs it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
