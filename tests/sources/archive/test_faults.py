"""Faults of the archive's hosts: each costs what it must and no more, and is said."""

from __future__ import annotations

import re

import numpy as np
import pytest

import liq
from liq.sources import disk_cache, fetch
from liq.sources.archive import files, hosts
from tests.sources.archive.test_windows import YOUNG
from tests.venue_server import VenueServer

ONE = "metrics-2023-05-07"
"""The file that a fault is limited to."""

OF_ONE = "1000PEPEUSDT-metrics-2023-05-07.zip"


def one_day_without_interest(market: liq.Market) -> bool:
    """Return whether one day's open interest is unknown and that of the next is known."""
    known = market.open_interest.notna().groupby(market.times.strftime("%d")).mean()
    return bool(known["07"] < 0.05 and known["08"] > 0.9)


@pytest.fixture
def sound(archive: VenueServer) -> liq.Market:
    """The window without a fault, then forgotten."""
    market = liq.fetch(**YOUNG)
    forget()
    return market


def forget() -> None:
    """Begin as a new process does whose disk is empty."""
    fetch.clear_caches()
    for cache in (files.storage, disk_cache):
        cache._opened(cache.folder()).clear()


@pytest.mark.parametrize("mode", ["redirect", "no-header", "changed-header", "microseconds", "twice"])
def test_what_can_be_read_all_the_same_gives_the_same_market(archive: VenueServer, sound: liq.Market, mode: str):
    archive.fail("archive", mode)
    market = liq.fetch(**YOUNG)
    assert np.array_equal(market.candles, sound.candles)
    assert np.array_equal(market.open_interest, sound.open_interest, equal_nan=True)


def test_a_header_that_changes_within_a_window_changes_nothing(archive: VenueServer, sound: liq.Market):
    archive.fail("archive", "no-header", only="05-06")
    assert np.array_equal(liq.fetch(**YOUNG).candles, sound.candles)


def test_a_listing_that_is_a_page_for_people_is_asked_of_the_bucket(archive: VenueServer, sound: liq.Market):
    archive.knobs.listing_is_page = True
    assert np.array_equal(liq.fetch(**YOUNG).candles, sound.candles)
    assert any(path.startswith("data.binance.vision?") for _, path in archive.log)


def test_without_a_listing_every_file_is_asked_for(archive: VenueServer, sound: liq.Market):
    archive.fail("archive", "no-listing")
    assert np.array_equal(liq.fetch(**{**YOUNG, "symbol": "1000PEPE"}).candles, sound.candles)


def test_without_a_listing_months_that_are_not_there_come_by_the_day(archive: VenueServer):
    archive.fail("archive", "no-listing")
    archive.knobs.archive_missing = ("15m-2025-02.zip",)
    market = liq.fetch("BTC", "7d", "archive", as_of="2025-03-09")
    assert len(market.candles) == 37 * 96


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("damaged", f"{OF_ONE} is a zip that is cut off, damaged or locked; it is left out."),
        ("html", f"{OF_ONE} is left out: Binance's archive answered with a web page instead of data."),
        ("xml-error", f"{OF_ONE} is left out: Binance's archive answered with a web page instead of data."),
        ("503", f"{OF_ONE} is left out: Binance's archive is out of order (HTTP 503)."),
        ("cut", f"{OF_ONE} is left out: Binance's archive could not be reached, or broke off its answer."),
        ("reset", f"{OF_ONE} is left out: Binance's archive could not be reached, or broke off its answer."),
        ("empty", f"{OF_ONE} is left out: Binance's archive sent an answer that cannot be read."),
        ("404", "The archive has no open interest of 2023-05-07: it is unknown there."),
        (
            "redirect-away",
            f"{OF_ONE} is left out: Binance's archive leads to another host (elsewhere.example.org), which is not "
            "asked.",
        ),
    ],
)
def test_one_file_that_fails_is_left_out_and_said(archive: VenueServer, mode: str, said: str):
    archive.fail("archive", mode, only=ONE)
    market = liq.fetch(**YOUNG)
    assert said in market.notes
    assert one_day_without_interest(market)
    archive.heal()
    fetch.clear_caches()
    is_kept = (
        mode == "damaged"
    )  # what the host itself has wrong stays for a day, what did not arrive is asked for anew
    assert one_day_without_interest(liq.fetch(**YOUNG)) == is_kept


def test_a_file_of_nonsense_is_refused_and_said(archive: VenueServer):
    archive.fail("archive", "nonsense", only=ONE)
    market = liq.fetch(**YOUNG)
    assert one_day_without_interest(market)
    assert sum("it is left out." in note for note in market.notes) == 1


def test_a_day_cut_short_is_a_hole(archive: VenueServer):
    archive.fail("archive", "short-day", only="5m-2023-05-07")
    market = liq.fetch(**YOUNG)
    assert len(market.visible) == 3 * 288 - 144
    assert any("The archive lacks 144 bars" in note for note in market.notes)


def test_a_wrong_checksum_is_said_and_the_file_used_where_its_rows_pass(archive: VenueServer, sound: liq.Market):
    archive.fail("archive", "wrong-checksum", only=ONE)
    market = liq.fetch(**YOUNG)
    assert np.array_equal(market.open_interest, sound.open_interest, equal_nan=True)
    assert f"{OF_ONE} does not match its checksum; its rows pass." in market.notes
    fetch.clear_caches()
    assert f"{OF_ONE} does not match its checksum; its rows pass." in liq.fetch(**YOUNG).notes  # also from disk


def test_a_body_that_drips_is_given_up(archive: VenueServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hosts, "BODY_SECONDS", 0.5)
    archive.fail("archive", "drip", only=ONE)
    market = liq.fetch(**YOUNG)
    assert f"{OF_ONE} is left out: Binance's archive did not answer in time." in market.notes


def test_a_body_that_is_too_large_is_given_up(archive: VenueServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hosts.fetch, "__kwdefaults__", {**hosts.fetch.__kwdefaults__, "max_bytes": 4000})
    with pytest.raises(liq.SourceError, match=r"^Binance's archive sent more than 0 MB for one file; "):
        liq.fetch(**YOUNG)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("451", "does not serve this location (HTTP 451)"),
        ("503", "is out of order (HTTP 503)"),
        ("html", "answered with a web page instead of data"),
        ("xml-error", "answered with a web page instead of data"),
        ("reset", "could not be reached, or broke off its answer"),
        ("cut", "could not be reached, or broke off its answer"),
        ("429", "asks for fewer requests (HTTP 429)"),
    ],
)
def test_a_host_that_fails_altogether_is_one_sentence_and_nothing_is_cached(
    archive: VenueServer, mode: str, reason: str
):
    archive.fail("archive", mode)
    with pytest.raises(liq.SourceError, match=rf"^Binance's archive {re.escape(reason)}; .*another source\.$"):
        liq.fetch(**YOUNG)
    archive.heal()
    assert liq.fetch(**YOUNG).open_interest.notna().mean() > 0.9


def test_no_other_host_is_asked(archive: VenueServer):
    archive.fail("archive", "redirect-away")
    with pytest.raises(liq.SourceError, match=r"leads to another host \(elsewhere.example.org\), which is not asked"):
        liq.fetch(**YOUNG)
