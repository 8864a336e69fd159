"""Every page in every state, without a browser: a working page, one sentence where something is wrong."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from liq.errors import SourceError
from liq.formatting import DISCLAIMER
from liq.market import LOOKBACKS
from liq.sources import fetch, market_cache
from tests.served import ROOT, write_recording

PAGES = ("heatmap", "top_zones", "liquidation_map", "side_by_side", "background")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Let no test ask a venue."""
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")


def start(page: str = "heatmap", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for name, value in {"source": "simulated", **query}.items():
        app.query_params[name] = value
    # the page's own address is the first thing asked for, as by a link opened on a server that just started
    return (app if page == "heatmap" else app.switch_page(f"pages/{page}.py")).run()


def datasets(app: AppTest) -> list[str]:
    return [dataset.name for dataset in app.get("vega_lite_chart")[0].proto.datasets]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_and_ends_with_the_disclaimer(page):
    app = start(page)
    assert not app.exception
    assert not app.error
    assert DISCLAIMER in [caption.value for caption in app.caption]


@pytest.mark.parametrize("timeframe", LOOKBACKS)
def test_every_timeframe_draws(timeframe):
    app = start(timeframe=timeframe)
    assert not app.exception
    names = "candles cells codes frame panels picture pointer positions profile rings strip ticks zones"
    assert sorted(datasets(app)) == names.split()
    assert app.session_state.timeframe == timeframe


def test_a_simulated_market_cannot_be_missed():
    for page in PAGES[:3]:
        assert any("Simulated market" in warning.value for warning in start(page).warning)


def test_bad_values_in_the_address_fall_back():
    app = start(timeframe="1y", threshold="banana", prior="nobody", source="mars", leverage="1000x")
    assert not app.exception
    assert app.session_state.timeframe == "7d"
    assert app.session_state.threshold == 0
    assert app.session_state.prior == "calibrated"
    assert app.session_state.source == "auto"
    assert app.get("vega_lite_chart")


@pytest.mark.parametrize("page", PAGES[:3])
def test_an_unknown_ticker_is_one_sentence_and_a_working_page(page):
    app = start(page, ticker="N0SUCH")
    assert not app.exception
    assert len(app.error) == 1
    assert "N0SUCH" in app.error[0].value
    assert app.sidebar.selectbox(key="ticker")
    assert DISCLAIMER in [caption.value for caption in app.caption]
    app.sidebar.selectbox(key="ticker").set_value("ETH").run()
    assert not app.error
    assert not app.exception


def test_what_a_source_says_is_not_markup(monkeypatch):
    def refuse(*_, **__):
        raise SourceError("Venue <b>said</b> [this](http://x) *loudly*; try later.")

    monkeypatch.setattr(fetch, "fetch", refuse)
    app = start()
    assert len(app.error) == 1
    assert "\\[this\\]\\(http\\://x\\)" in app.error[0].value
    assert "\\<b\\>" in app.error[0].value


def test_a_file_that_is_missing_or_wrong_says_so(monkeypatch, tmp_path):
    monkeypatch.delenv("LIQ_FILE", raising=False)
    app = start(source="file")
    assert not app.exception
    assert "LIQ\\_FILE" in app.error[0].value
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    monkeypatch.setenv("LIQ_FILE", str(wrong))
    app = start(source="file")
    assert len(app.error) == 1
    assert not app.exception


@pytest.mark.parametrize("price", [1.23e-5, 84_000.0])
def test_a_market_of_two_still_bars_is_drawn(monkeypatch, tmp_path, price):
    file = tmp_path / "pepeusdt.csv"
    rows = [f"{1_767_225_600_000 + 300_000 * bar},{price},{price},{price},{price},0" for bar in range(2)]
    file.write_text("\n".join(["open_time_ms,open,high,low,close,volume", *rows]), encoding="utf-8")
    monkeypatch.setenv("LIQ_FILE", str(file))
    for page in PAGES:
        app = start(page, source="file", threshold="50")
        assert not app.exception
        assert not app.error


def test_a_recording_is_drawn_from_the_environment_and_from_an_upload(monkeypatch, tmp_path):
    file = write_recording(tmp_path / "ethusdt_5m.csv", days=9)
    monkeypatch.setenv("LIQ_FILE", str(file))
    app = start(source="file")
    assert not app.error
    assert "ETH" in app.metric[0].label
    assert not any("Simulated" in warning.value for warning in app.warning)
    monkeypatch.delenv("LIQ_FILE")
    app = start(source="file")
    app.sidebar.get("file_uploader")[0].upload(file.name, file.read_bytes(), "text/csv").run()
    assert not app.error
    assert "ETH" in app.metric[0].label


def test_the_specification_stays_while_controls_move():
    app = start()
    first = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    app.sidebar.slider(key="threshold").set_value(70)
    app.sidebar.slider(key="heat").set_value(90)
    app.sidebar.toggle(key="klines").set_value(False)
    app.run()
    assert json.loads(app.get("vega_lite_chart")[0].proto.spec) == first
    assert any("Hides cells under" in caption.value for caption in app.caption)


def test_no_leverage_chosen_counts_all():
    app = start()
    next(group for group in app.sidebar.get("button_group") if group.key == "leverage").set_value([]).run()
    assert not app.exception
    assert app.get("vega_lite_chart")


def test_the_market_on_screen_is_kept_while_controls_move(monkeypatch):
    app = start(live="false")
    requests = []
    real = fetch.fetch
    monkeypatch.setattr(fetch, "fetch", lambda *a, **k: requests.append(a) or real(*a, **k))
    app.sidebar.slider(key="heat").set_value(50).run()
    assert requests == []
    app.sidebar.selectbox(key="ticker").set_value("ETH").run()
    assert len(requests) == 1


def frames(app: AppTest) -> list[dict]:
    """Return the one-row dataset `frame` of each chart."""
    data = [
        next(each for each in chart.proto.datasets if each.name == "frame") for chart in app.get("vega_lite_chart")
    ]
    return [pa.ipc.open_stream(each.data.data).read_all().to_pylist()[0] for each in data]


def test_two_halves_stand_side_by_side_on_one_axis_of_prices_for_one_coin():
    left, right = frames(start("side_by_side", right_timeframe="1M"))
    assert (left["floor"], left["ceiling"]) == (right["floor"], right["ceiling"])
    assert left["title"] != right["title"]
    left, right = frames(start("side_by_side", right_ticker="ETH"))
    assert left["ceiling"] > 5 * right["ceiling"]
    assert "ETH" in right["title"]


def test_a_moment_of_the_past_beside_the_present_and_a_ticker_that_does_not_exist():
    moment = market_cache.utc_now().floor("1h") - pd.Timedelta("2D")
    left, right = frames(start("side_by_side", right_as_of=f"{moment:%Y-%m-%dT%H:%M}"))
    assert left["since"] == left["end"]
    assert right["since"] < right["end"]
    assert "as of" in right["title"]
    app = start("side_by_side", right_ticker="NOSUCH")
    assert not app.exception
    assert "has no 'NOSUCH'" in app.error[0].value
    assert DISCLAIMER in [caption.value for caption in app.caption]
