"""Every fault, on every venue, in every mode: who answers, what is said, what is kept, how many calls it took."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from liq.errors import LiqError, SourceError
from liq.market import Market
from liq.sources import market_cache, venue_status
from liq.sources.fetch import fetch, quote, tickers
from liq.sources.venues import client
from liq.sources.venues.failures import VenueFailure
from liq.sources.venues.table import HOME_ORDER, VENUES
from tests.venue_server import VenueServer, formula
from tests.venue_server.faults import MODES
from tests.venue_server.fixtures import expire_caches, forget_venue, hang_up, lead

WINDOW = "3M"
"""The window with the fewest rows, so that the table stays quick."""

REASONS = {
    "451": "does not serve this location (HTTP 451)",
    "403": "does not serve this location (HTTP 403)",
    "418": "has shut this address out for a while (HTTP 418)",
    "429": "asks for fewer requests (HTTP 429)",
    "429-after": "asks for fewer requests (HTTP 429)",
    "429-long": "asks for fewer requests (HTTP 429)",
    "503": "is out of order (HTTP 503)",
    "html": "answered with a web page instead of data",
    "empty": "answered with an empty list of markets",
    "cut": "could not be reached, or broke off its answer",
    "slow": "did not answer in time",
    "refused": "could not be reached, or broke off its answer",
    "reset": "could not be reached, or broke off its answer",
    "nonsense": "sent candles that cannot be true",
}

TRIES = {"451": 1, "403": 1, "418": 1, "429-long": 1, "slow": 3, "refused": 0}
"""Calls of a first fetch from one venue until it is given up; three tries where nothing is said here."""

WARM_REASONS = {**REASONS, "empty": "answered with no candles"}

cases = pytest.mark.parametrize(("name", "mode"), [(name, mode) for mode in MODES for name in VENUES])
auto_cases = pytest.mark.parametrize(("name", "mode"), [(name, mode) for mode in MODES for name in HOME_ORDER])


def inject_fault(venues: VenueServer, name: str, mode: str) -> None:
    """Let a fault begin, and the count with it."""
    if mode == "refused":
        hang_up(name)
    else:
        venues.fail(name, mode)
    if mode == "slow":
        client.connect(name).exchange.timeout = 100
    venues.forget()


def repair(venues: VenueServer, name: str) -> None:
    """Let a fault end, as when the venue recovers."""
    venues.heal()
    lead(name, venues.url)
    client.connect(name).exchange.timeout = 4000


def refuse(names: set[str]) -> None:
    """Let it be known that venues refuse this place."""
    for name in names:
        venue_status.remember_outcome(name, VenueFailure("does not serve this location (HTTP 451)", blocked=True))


def assert_true(market: Market) -> None:
    """Nothing that a venue made up is in a market that is given out."""
    assert market.source in VENUES
    times = market.candles.index[:-1].as_unit("ms").asi8
    np.testing.assert_allclose(market.candles["open"][:-1], formula.price(market.source, "BTC", times), rtol=1e-6)
    if market.open_interest is not None:
        assert (market.open_interest.dropna() > 0).all()


@cases
def test_one_venue_without_a_cached_answer(kept: VenueServer, name: str, mode: str) -> None:
    forget_venue(name)
    inject_fault(kept, name, mode)
    with pytest.raises(SourceError) as error_info:
        fetch("BTC", WINDOW, name)
    message = str(error_info.value)
    assert REASONS[mode] in message
    assert message.startswith(VENUES[name].title)
    assert re.fullmatch(r"[^\n<{]+; choose another source, (or auto|auto, or archive for its past)\.", message), (
        "one sentence, nothing of the venue's"
    )
    assert kept.calls[name] in expected_calls(name, mode)
    repair(kept, name)
    assert_true(fetch("BTC", WINDOW, name))


def expected_calls(name: str, mode: str) -> range:
    """Return how many calls a first fetch may make before it gives a venue up."""
    lists = 2 if name == "bybit" else 1  # Bybit's markets come in two lists
    if mode == "nonsense":
        return range(lists + 1, lists + 14)  # what was sent beside the candles is on its way already
    exactly = 3 * lists if mode in ("empty", "html") else TRIES.get(mode, 3)
    return range(exactly, exactly + 1)


@cases
def test_one_venue_with_a_cached_answer(kept: VenueServer, name: str, mode: str) -> None:
    good = fetch("BTC", WINDOW, name)
    expire_caches()
    inject_fault(kept, name, mode)
    market = fetch("BTC", WINDOW, name)
    assert_true(market)
    pd.testing.assert_frame_equal(market.candles, good.candles)
    assert market.notes[0].startswith("These data are ")
    assert WARM_REASONS[mode] in market.notes[0]
    assert market.origins["stale"].as_of == good.origins["candles"].as_of
    calls = kept.calls[name]
    assert calls == {"empty": 1, "nonsense": 1}.get(mode, TRIES.get(mode, 3))
    assert fetch("BTC", WINDOW, name).notes[0].startswith("These data are ")
    assert kept.calls[name] == calls, "a venue that failed is left alone for a while"
    repair(kept, name)
    expire_caches()
    assert not any(note.startswith("These data are ") for note in fetch("BTC", WINDOW, name).notes)


@auto_cases
def test_auto_moves_on(kept: VenueServer, name: str, mode: str) -> None:
    forget_venue(name)
    refuse(set(HOME_ORDER) - {name, "okx", "gate"})  # so that only the failing venue and the next are really asked
    venue_status.remember_outcome(name, None)
    inject_fault(kept, name, mode)
    market = fetch("BTC", WINDOW, "auto")
    assert market.source == ("gate" if name == "okx" else "okx")
    assert_true(market)
    assert REASONS[mode] in market.left_out[name]
    assert kept.calls[name] <= 2 * expected_calls(name, mode)[-1] / 3 + 3
    kept.forget()
    if mode in ("451", "403"):
        venue_status._last_answering.clear()
        fetch("BTC", WINDOW, "auto")
        assert kept.calls[name] == 0, "a refusal of this place is not asked again for ten minutes"
    repair(kept, name)


@auto_cases
def test_all_leaves_it_out(kept: VenueServer, name: str, mode: str) -> None:
    other = "gate" if name != "gate" else "hyperliquid"
    forget_venue(name)
    refuse(set(HOME_ORDER) - {name, other})
    inject_fault(kept, name, mode)
    market = fetch("BTC", WINDOW, "all")
    assert [part.source for part in market.parts] == [other]
    assert market.source == other
    assert REASONS[mode] in market.left_out[name]
    assert set(market.left_out) == set(HOME_ORDER) - {other}
    assert_true(market)
    repair(kept, name)


@pytest.mark.parametrize("mode", MODES)
def test_auto_with_a_cached_answer(venues: VenueServer, mode: str) -> None:
    for rest in ("bybit", "okx", "krakenfutures", "hyperliquid"):
        venues.fail(rest, "451")
    good = fetch("BTC", WINDOW, "auto")
    assert good.source == "binanceusdm"
    expire_caches()
    inject_fault(venues, "binanceusdm", mode)
    market = fetch("BTC", WINDOW, "auto")
    assert market.source == "binanceusdm"
    assert market.notes[0].startswith("These data are ")
    assert_true(market)


@pytest.mark.parametrize("mode", MODES)
def test_all_with_cached_answers(venues: VenueServer, mode: str) -> None:
    for rest in ("bybit", "okx", "krakenfutures", "hyperliquid"):
        venues.fail(rest, "451")
    assert [part.source for part in fetch("BTC", WINDOW, "all").parts] == ["binanceusdm", "gate"]
    expire_caches()
    inject_fault(venues, "gate", mode)
    market = fetch("BTC", WINDOW, "all")
    assert [part.source for part in market.parts] == ["binanceusdm", "gate"]
    assert market.parts[1].notes[0].startswith("These data are ")
    assert market.parts[0].notes == ()
    for part in market.parts:
        assert_true(part)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "refused"])
def test_when_no_venue_answers(venues: VenueServer, mode: str) -> None:
    venues.fail("*", mode)
    for name in VENUES:
        client.connect(name).exchange.timeout = 100 if mode == "slow" else 4000
    market = fetch("BTC", WINDOW, "auto")
    assert market.source == "simulated"
    assert market.notes[0].startswith(
        "No venue answered, so this is the simulated market and not real data: Binance "
    )
    assert set(market.left_out) == set(HOME_ORDER)
    assert all(REASONS[mode] in why for why in market.left_out.values() if "not asked" not in why)
    with pytest.raises(SourceError, match="No venue answered"):
        fetch("BTC", WINDOW, "all")
    venues.heal()
    venue_status.clear()
    client.connect("binanceusdm").exchange.timeout = 4000
    assert_true(fetch("BTC", WINDOW, "auto"))


def test_a_gateway_that_is_not_there(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")
    assert fetch("BTC", WINDOW, "auto").source == "simulated"
    with pytest.raises(SourceError, match="could not be reached"):
        fetch("BTC", WINDOW, "okx")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", list(VENUES))
def test_quotes_and_tickers_fail_in_one_sentence(venues: VenueServer, name: str, mode: str) -> None:
    inject_fault(venues, name, mode)
    for question in (lambda: quote("BTC", name), lambda: tickers(name)):
        try:
            answer = question()
        except LiqError as error:
            message = str(error)
            assert message.endswith(("; choose another source, or auto.", "auto, or archive for its past."))
        else:  # the list needs no prices, so nonsense does not spoil it
            assert mode == "nonsense"
            assert "BTC" in answer


@pytest.mark.parametrize("name", list(VENUES))
def test_a_quote_that_fails_falls_back_to_the_last_close(venues: VenueServer, name: str) -> None:
    good = fetch("BTC", WINDOW, name)
    venues.fail(name, "nonsense")
    got = quote("BTC", name)
    assert (got.price, got.time) == (good.price, good.as_of)


def test_a_fault_in_the_middle_costs_the_whole_answer(venues: VenueServer) -> None:
    venues.fail("binanceusdm", "cut", after=2)
    with pytest.raises(SourceError, match="broke off"):
        fetch("BTC", WINDOW, "binanceusdm")
    assert not len(market_cache._last_good)


def test_a_short_fault_is_retried(venues: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    venues.fail("gate", "429-after")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        venues.heal()

    monkeypatch.setattr("liq.sources.venues.failures.time.sleep", sleep)
    assert_true(fetch("BTC", WINDOW, "gate"))
    assert pauses == [0.05], "Retry-After is kept to"
