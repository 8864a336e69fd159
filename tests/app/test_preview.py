"""The heatmap page while its market is fetched: candles first, the map in the same place, one sentence on failure."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from liq.app import current_market
from tests.served import ROOT
from tests.venue_server import VenueServer


def page(source: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for name, value in {"source": source, "live": "false", **query}.items():
        app.query_params[name] = value
    return app


def shown(app: AppTest) -> list[str]:
    return [metric.value for metric in app.metric]


@pytest.mark.parametrize("source", ["gate", "all", "auto"])
def test_candles_come_first_and_the_map_in_the_same_place(venues: VenueServer, monkeypatch, source):
    app = page(source)
    venues.fail("*", "slow", only="contract_stats")
    venues.slow = 0.5
    venues.faults = {"gate": venues.faults["gate"]}
    if source == "auto":
        venues.faults = {"binanceusdm": venues.faults["gate"]._replace(only="openInterestHist")}
    finish = current_market.finish_loading
    with monkeypatch.context() as patch:
        patch.setattr(current_market, "finish_loading", lambda view: None)
        preview = page(source).run()
        assert not preview.exception
        assert shown(preview)[1:] == ["…"] * 4
        [chart] = preview.get("vega_lite_chart")
        venues.heal()
        assert current_market.finish_loading is not finish
    app = page(source).run()
    assert not app.exception
    assert "…" not in shown(app)
    assert [data.name for data in app.get("vega_lite_chart")[0].proto.datasets] == [
        data.name for data in chart.proto.datasets
    ]
    assert app.get("vega_lite_chart")[0].proto.spec == chart.proto.spec


def test_nothing_is_asked_before_the_picture_that_it_does_not_need(venues: VenueServer):
    app = page("bybit").run()
    assert not app.exception
    assert not any("tickers" in path for _, path in venues.log)


def test_a_venue_that_fails_after_its_candles_is_one_sentence_or_a_note(venues: VenueServer):
    venues.fail("gate", "503", only="contract_stats")
    app = page("gate").run()
    assert not app.exception
    assert not app.error
    assert any("Open interest is left out" in caption.value for caption in app.caption)
    assert "…" not in shown(app)
