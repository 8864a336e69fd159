"""A venue that turns sick while one looks: the newest price stays, and nothing of the failures is kept."""

from __future__ import annotations

import pandas as pd
import pytest

from liq.sources import fetch as fetch_module
from liq.sources import market_cache
from liq.sources.fetch import fetch, quote
from tests.venue_server import VenueServer
from tests.venue_server.fixtures import expire_caches

WINDOW = "1d"


@pytest.mark.parametrize("mode", ["503", "html"])
def test_the_newest_price_known_stays_while_a_venue_fails(
    venues: VenueServer, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = fetch("BTC", WINDOW, "okx")
    monkeypatch.setattr(market_cache, "utc_now", lambda: good.as_of + pd.Timedelta("1s"))
    newer = quote("BTC", "okx")
    assert newer.time > good.as_of
    venues.fail("okx", mode)
    fetch_module._cached_quote.cache_clear()
    assert quote("BTC", "okx") == newer


def test_a_failure_that_is_kept_holds_no_frame(venues: VenueServer) -> None:
    """A frame keeps all its locals: pages of text and half-built markets, for as long as the failure is kept."""
    fetch("BTC", WINDOW, "okx")
    venues.fail("okx", "html")
    expire_caches()
    assert any("web page" in note for note in fetch("BTC", WINDOW, "okx").notes)
    kept = [failure for _, failure in market_cache._retry_after.values()]
    assert kept
    assert all(one.__traceback__ is one.__cause__ is one.__context__ is None for one in kept)
