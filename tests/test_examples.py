"""Every public function has an example in its docstring, and every example does what it shows."""

from __future__ import annotations

import doctest
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType

import pytest

import liq

MODULES = [found.name for found in pkgutil.walk_packages(liq.__path__, "liq.") if not found.name.endswith("__main__")]

STREAMLIT = "draws on a Streamlit page; tests/app runs every page"
VENUE = "needs a venue; tests/sources runs it against a local server"
ARCHIVE = "asks Binance's or Tardis's archive over the network"

EXEMPT: dict[str, str] = {
    "liq.app.compared": STREAMLIT,
    "liq.app.controls": STREAMLIT,
    "liq.app.current_market": STREAMLIT,
    "liq.app.live_price": STREAMLIT,
    "liq.app.real_positions.map_positions": STREAMLIT,
    "liq.app.real_positions.collecting": STREAMLIT,
    "liq.app.real_positions.layer_positions": STREAMLIT,
    "liq.app.real_positions.positions_at_hand": STREAMLIT,
    "liq.app.parts": STREAMLIT,
    "liq.app.tickers.request_tickers": STREAMLIT,
    "liq.app.widgets.draw": STREAMLIT,
    "liq.sources.files.kinds": "docs/files.md has a file of each kind, which tests/sources/files reads",
    **{
        f"liq.commands.{command}.{function}": "`liq COMMAND --help` shows examples; tests/commands runs them"
        for command in ("app", "calibrate", "heatmap", "positions", "record", "scan", "skill", "watch", "zones")
        for function in ("arguments", "run")
    },
    "liq.commands.watch.rounds": "yields for ever; tests/commands/test_watch.py runs it",
    "liq.scan.executors.dask_cluster": "needs a Dask cluster; tests/scan starts one",
    "liq.sources.failover.fetch_one": VENUE,
    "liq.sources.market_cache.listed_contract": VENUE,
    "liq.sources.failover.fetch_first": VENUE,
    "liq.sources.failover.answering_venue": VENUE,
    "liq.sources.failover.fetch_all": VENUE,
    "liq.sources.market_cache.find_contract": VENUE,
    "liq.sources.market_cache.cached_market": VENUE,
    "liq.sources.recorder.stream.record": VENUE,
    **{
        f"liq.sources.positions.{function}": VENUE
        for function in (
            "collect.collect",
            "collect.ask_all",
            "collect.add_listed",
            "collect.accounts_to_ask",
            "asking.found.watch_accounts",
            "asking.found.listen",
            "asking.requests.wait_for_trades",
            "snapshots.write_snapshot",
            *(
                f"venues.{venue}.{function}"
                for venue in ("hyperliquid", "lighter")
                for function in ("accounts", "held", "open_interest")
            ),
        )
    },
    "liq.sources.recorder.stream.follow_venue": VENUE,
    "liq.sources.venues.client.connect": "imports ccxt, which takes seconds; tests/sources runs it",
    "liq.sources.venues.client.call": VENUE,
    "liq.sources.venues.client.read_stream": VENUE,
    "liq.commands.positions.collect_into": VENUE,
    "liq.commands.collector": "a process of its own beside the app; tests/sources/positions/test_beside.py starts it",
    "liq.sources.venues.client.stream_exchange": VENUE,
    "liq.sources.recorder.connection.open_stream": VENUE,
    "liq.sources.recorder.connection.subscribe": VENUE,
    "liq.sources.recorder.connection.is_open": VENUE,
    "liq.sources.recorder.connection.drain_stream": VENUE,
    "liq.sources.venues.client.venue_clock": VENUE,
    "liq.sources.venues.endpoints.candles": VENUE,
    "liq.sources.venues.endpoints.open_interest_history": VENUE,
    "liq.sources.venues.endpoints.coin_open_interest": VENUE,
    "liq.sources.venues.endpoints.open_interest_analytics": VENUE,
    "liq.sources.venues.endpoints.analytics": VENUE,
    "liq.sources.venues.endpoints.ticker": VENUE,
    "liq.sources.venues.endpoints.volumes": VENUE,
    "liq.sources.venues.endpoints.margin_tiers": VENUE,
    "liq.sources.venues.endpoints.order_book": VENUE,
    "liq.sources.venues.endpoints.funding_rates": VENUE,
    "liq.sources.venues.endpoints.taker_delta": VENUE,
    "liq.sources.venues.market.calls_expected": VENUE,
    "liq.sources.archive.files.gather": ARCHIVE,
    "liq.sources.archive.listing.periods": ARCHIVE,
    "liq.sources.archive.market.fetch_market": ARCHIVE,
    "liq.sources.archive.market.tickers": ARCHIVE,
    "liq.sources.archive.liquidations.first_days": ARCHIVE,
    "liq.sources.venues.request.kept_on_disk": VENUE,
    "liq.sources.venues.client.copy_markets": VENUE,
    "liq.sources.venues.client.http_session": ARCHIVE,
    "liq.sources.venues.market.fetch_market": VENUE,
    "liq.sources.venues.market.refresh_market": VENUE,
    "liq.sources.venues.interest_requests": VENUE,
    "liq.sources.venues.open_interest.attach_open_interest": VENUE,
    "liq.sources.venues.open_interest.refresh_open_interest": VENUE,
}
"""Functions, or modules with all their functions, that have no example, each with the reason."""


def public_functions() -> Iterator[tuple[str, FunctionType]]:
    """Yield the name and function of every public function of the package, where it is defined."""
    for name in MODULES:
        for key, value in vars(importlib.import_module(name)).items():
            function = inspect.unwrap(value) if callable(value) else value
            if isinstance(function, FunctionType) and function.__module__ == name and not key.startswith("_"):
                yield f"{name}.{key}", function


def is_exempt(name: str) -> bool:
    """Return whether a function, or its module, is in EXEMPT."""
    return any(name == key or name.startswith(f"{key}.") for key in EXEMPT)


@pytest.fixture(scope="module", autouse=True)
def skill_once() -> Iterator[None]:
    """Score a market once for all examples that begin with its score: ten do, and each takes a second."""
    known: dict[tuple[object, ...], object] = {}
    score = liq.skill

    def skill(heatmap: liq.Heatmap, *given: object) -> object:
        market = heatmap.market
        key = (market.symbol, market.start, market.as_of, market.bar, len(given))
        return known[key] if key in known else known.setdefault(key, score(heatmap, *given))  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(liq, "skill", functools.wraps(score)(skill))
        yield


@pytest.mark.parametrize("module", MODULES)
def test_examples_do_what_they_show(module):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_public_function_has_an_example():
    missing = [name for name, function in public_functions() if ">>>" not in (function.__doc__ or "")]
    assert [name for name in missing if not is_exempt(name)] == []


def test_the_public_face_has_examples_without_exception():
    for name in liq.__all__:
        value = getattr(liq, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            continue
        if callable(value):
            assert ">>>" in (value.__doc__ or ""), name


def test_every_exemption_is_needed_and_says_why():
    missing = {name for name, function in public_functions() if ">>>" not in (function.__doc__ or "")}
    for key, reason in EXEMPT.items():
        assert any(name == key or name.startswith(f"{key}.") for name in missing), key
        assert len(reason) > 10, key
