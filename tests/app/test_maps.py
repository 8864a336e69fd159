"""The choice between real positions and the estimate: on every page, in the address, by itself, and in a browser."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from liq.formatting import DISCLAIMER
from liq.sources.files import market_file
from liq.wording import REAL
from tests.app.test_pages import start
from tests.browser import CANVAS, open_chart, pixels, wait_until_redrawn
from tests.served import needs_browser, served, write_recording

PAGES = ("heatmap", "top_zones", "liquidation_map", "side_by_side")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recording") / "btcusdt_5m.csv")


def snapshots(recording, *, hours: int = 7 * 24, every: int = 4) -> pd.DataFrame:
    """Return positions of forty accounts at that many hours before a recording's end."""
    market = market_file.read_market(recording, lookback="7d")
    rng = np.random.default_rng(3)
    frames = []
    for hour in range(0, hours, every):
        long = np.arange(40) % 2 == 0
        away = rng.uniform(0.02, 0.12, 40)
        frames.append(
            pd.DataFrame(
                {
                    "time": market.as_of - pd.Timedelta(hours=hour),
                    "coin": "BTC",
                    "side": np.where(long, "long", "short"),
                    "coins": 500.0,
                    "entry": market.price,
                    "liquidation_price": market.price * np.where(long, 1 - away, 1 + away),
                    "leverage": 20.0,
                    "margin": np.where(np.arange(40) % 4 < 3, "cross", "isolated"),
                    "account": [f"account{number}" for number in range(40)],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def named(monkeypatch, recording, tmp_path, rows: pd.DataFrame) -> None:
    """Let the app show a recording and these positions."""
    from liq.app import real_positions

    path = tmp_path / "seen.csv"
    rows.to_csv(path, index=False)
    monkeypatch.setenv("LIQ_FILE", str(recording))
    monkeypatch.setenv("LIQ_POSITIONS", str(path))
    real_positions._read.cache.clear()


def said(app: AppTest) -> str:
    """Return what a page says outside of its sidebar, but for the line that every page ends with."""
    main = app.main
    texts = [block.value for kind in ("caption", "markdown", "warning", "info") for block in main.get(kind)]
    texts += [f"{metric.label} {metric.delta} {metric.proto.help}" for metric in main.get("metric")]
    texts += [button.label for button in app.main.get("download_button")]
    return " ".join(text for text in texts if text != DISCLAIMER)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_real_positions_and_calls_nothing_of_them_an_estimate(page):
    app = start(page, map=REAL)
    assert not app.exception
    assert not app.error
    assert app.session_state["map"] == REAL
    assert app.session_state.map_positions.source == "simulated"
    assert app.get("vega_lite_chart") or page == "top_zones"
    words = re.sub(r"this is the estimate|show estimate", "", said(app).lower())
    assert "real position" in words
    assert "estimat" not in words, words[max(0, words.index("estimat") - 90) :][:140]


@pytest.mark.parametrize("page", [*PAGES, "watchlist", "reality_check"])
def test_every_page_shows_the_estimate_where_it_is_asked_for(page):
    app = start(page, map="estimate")
    assert not app.exception
    assert app.session_state["map_positions"] is None if "map_positions" in app.session_state else True


def test_the_watchlist_says_which_markets_are_real_positions():
    app = start("watchlist", map=REAL)
    assert not app.exception
    assert any("Real positions for BTC" in caption.value for caption in app.main.caption)


def test_where_real_positions_are_not_shown_by_themselves_a_button_shows_them(monkeypatch, recording, tmp_path):
    rows = snapshots(recording)
    named(monkeypatch, recording, tmp_path, rows)
    app = start(source="file")
    assert not app.exception
    assert app.session_state.map_positions is None
    assert "another venue than the candles" in said(app)
    app.button(key="other_map").click().run()
    assert app.session_state["map"] == REAL
    assert app.session_state.map_positions is not None
    app.button(key="other_map").click().run()
    assert app.session_state["map"] == "estimate"
    assert app.session_state.map_positions is None


def test_a_market_without_positions_says_so_where_they_are_asked_for(monkeypatch, recording):
    monkeypatch.delenv("LIQ_POSITIONS", raising=False)
    monkeypatch.setenv("LIQ_FILE", str(recording))
    app = start(source="file", map=REAL)
    assert not app.exception
    assert "No real positions are at hand" in said(app)
    assert not [button for button in app.button if button.key == "other_map"]


def test_the_past_of_real_positions_is_shown_without_what_came_later():
    app = start(map=REAL, as_of=f"{pd.Timestamp('2026-11-24 06:00'):%Y-%m-%dT%H:%M}")
    assert not app.exception
    assert any("A moment of the past" in caption.value for caption in app.main.caption)


def choose(page, kind: str) -> None:
    """Choose a map in the sidebar."""
    page.get_by_role("radio", name=kind).or_(page.get_by_role("button", name=kind, exact=True)).first.click()


@needs_browser
def test_the_switch_redraws_the_chart_and_stays_in_the_address(recording, tmp_path, page):
    path = tmp_path / "seen.csv"
    snapshots(recording, hours=72).to_csv(path, index=False)
    with served(LIQ_FILE=str(recording), LIQ_POSITIONS=str(path)) as address:
        open_chart(page, f"{address}/?source=file&timeframe=7d&observed=false")
        estimate = pixels(page)
        choose(page, REAL)
        page.wait_for_url(lambda url: "map=real" in url)
        wait_until_redrawn(page, estimate)
        assert "Real positions, $ per" in " ".join(item[0] for item in page.evaluate("window.written"))
        real = pixels(page)
        page.evaluate("window.written = []")
        choose(page, "estimate")
        wait_until_redrawn(page, real)
        assert page.locator(CANVAS).count() == 1
        assert "Estimated USD per" in " ".join(item[0] for item in page.evaluate("window.written"))


def test_what_is_said_of_too_few_candles_before_the_window_is_of_the_estimate(monkeypatch, recording, tmp_path):
    named(monkeypatch, recording, tmp_path, snapshots(recording))
    assert "shows less than stood" in said(start(source="file", timeframe="1M", map="estimate"))
    assert "shows less than stood" not in said(start(source="file", timeframe="1M", map=REAL))
