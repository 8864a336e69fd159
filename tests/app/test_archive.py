"""Days of the past in the app: chosen by a date, by an address, or from the list; and scored."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from liq.app import watchlist
from liq.sources import market_cache
from tests.served import ROOT
from tests.venue_server import VenueServer

DAY = "2025-10-11"


@pytest.fixture
def archive(venues: VenueServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VenueServer:
    monkeypatch.setenv("LIQ_CACHE", str(tmp_path / "cache"))
    return venues


def opened(**query: str) -> AppTest:
    """Return the app as a link with these parameters opens it."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """Return the page's captions."""
    return " ".join(caption.value for caption in app.caption).replace("\\", "")


def test_a_link_with_a_date_shows_that_day_and_keeps_still(archive: VenueServer):
    app = opened(source="archive", until=DAY, timeframe="1d")
    assert "BTCUSDT up to 2025-10-11 00:00 UTC: a window of the past, not live." in said(app)
    assert app.session_state.current_market[1].as_of.strftime("%Y-%m-%d") == DAY
    assert "live" not in [toggle.key for toggle in app.toggle]
    archive.forget()
    app.run()
    assert archive.calls["archive"] == 0


def test_as_of_before_every_newest_window_means_where_the_window_ends(archive: VenueServer):
    app = opened(source="archive", as_of=f"{DAY}T00:00", timeframe="1d")
    assert app.session_state.current_market[1].as_of.strftime("%Y-%m-%d") == DAY


def test_time_moves_within_the_window_of_a_link_that_names_a_moment_only(archive: VenueServer):
    app = opened(source="archive", as_of="2025-10-10T21:00", timeframe="1d")
    for moment in (datetime(2025, 10, 10, 21), datetime(2025, 10, 10, 12)):
        assert app.session_state.current_market[1].as_of.strftime("%Y-%m-%d") == DAY
        assert f"This is what stood on {moment:%d %b %Y %H:%M} UTC" in said(app)
        slider = next(one for one in app.slider if one.label == "As of, UTC")
        slider.set_value(datetime(2025, 10, 10, 12)).run()
        assert not app.exception
    assert app.query_params["until"] in (DAY, [DAY])  # the address names both


def test_the_price_says_of_which_year_it_is(archive: VenueServer):
    app = opened(source="archive", until=DAY, timeframe="1d")
    assert app.metric[0].label == "BTC, 11 Oct 2025 00:00"


def test_as_of_inside_the_window_is_a_moment_of_it(archive: VenueServer):
    app = opened(source="archive", until=DAY, as_of="2025-10-10T21:00", timeframe="1d")
    assert app.session_state.current_market[1].as_of.strftime("%Y-%m-%d") == DAY
    assert "A moment of the past" in said(app)


def test_a_day_worth_seeing_is_a_click_away(archive: VenueServer):
    app = opened(source="simulated", timeframe="1d")
    app.button(key="day_2025-10-10").click().run()
    assert not app.exception
    market = app.session_state.current_market[1]
    assert (market.source, f"{market.as_of:%Y-%m-%d}") == ("archive", DAY)
    assert app.selectbox(key="source").value == "archive"
    assert f"{app.date_input(key='until').value}" == DAY


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2018-01-01T00:00", "2025-10-10T12:00+02:00", "", "99999-01-01T00:00"]
)
def test_what_is_no_moment_in_an_address_shows_the_newest(archive: VenueServer, as_of: str):
    app = opened(source="archive", as_of=as_of, timeframe="1d")
    assert app.session_state.current_market[1].as_of > market_cache.utc_now() - pd.Timedelta(days=5)


@pytest.mark.parametrize("query", [{"until": "2023-08-16"}, {}], ids=["a day", "the newest"])
def test_another_day_is_a_click_away_where_one_is_shown(archive: VenueServer, query: dict[str, str]):
    app = opened(source="archive", timeframe="1d", **query)
    for day, end in (("2025-10-10", DAY), ("2022-11-09", "2022-11-10")):
        app.button(key=f"day_{day}").click().run()
        assert not app.exception
        assert app.session_state.current_market[1].as_of.strftime("%Y-%m-%d") == end


def test_a_coin_that_has_ended_is_one_sentence_or_its_last_days(archive: VenueServer):
    assert "LUNAUSDT up to 2022-05-13" in said(opened(source="archive", ticker="LUNA", timeframe="1d"))
    app = opened(source="archive", ticker="NOSUCH", timeframe="1d")
    assert "Binance's archive has no perpetual 'NOSUCH'" in " ".join(error.value for error in app.error)


def test_the_reality_check_scores_the_first_of_a_month_when_asked(archive: VenueServer):
    app = opened(source="archive", until="2026-02-02", timeframe="1d")
    app.switch_page("pages/reality_check.py").run()
    assert not app.exception
    assert archive.calls["tardis"] == 0
    app.button(key="ask_first_days").click().run()
    assert not app.exception
    assert archive.calls["tardis"] == 1
    assert "Scored against Tardis's liquidations of 2026-02-01" in said(app)
    assert "Place: " in said(app)


def test_a_watchlist_shows_the_chosen_day_and_no_alerts(archive: VenueServer):
    app = opened(source="archive", until=DAY, timeframe="1d")
    app.query_params["watch"] = "ETH"
    app.switch_page("pages/watchlist.py").run()
    assert not app.exception
    rows = app.session_state.watchlist_rows
    assert {f"{row.summary.as_of:%Y-%m-%d}" for row in rows.values() if row.summary} == {DAY}
    assert not any(map(watchlist.row_needs_refresh, rows.values()))
    assert "Windows of the past out of Binance's archive, not live" in said(app)
    assert "**Alerts**" not in [one.value for one in app.markdown]


@pytest.mark.parametrize(
    ("left", "right", "ends"),
    [
        ({"source": "archive", "until": DAY}, {"right_as_of": "2024-08-06T00:00"}, (DAY, "2024-08-06")),
        ({"source": "archive", "until": DAY}, {"right_as_of": "2025-10-10T21:00"}, (DAY, DAY)),
        ({"source": "simulated"}, {"right_source": "archive", "right_as_of": "2024-08-06T00:00"}, ("", "2024-08-06")),
    ],
    ids=["two days", "a moment of the same", "beside another source"],
)
def test_two_days_stand_side_by_side(archive: VenueServer, left: dict, right: dict, ends: tuple[str, str]):
    app = opened(timeframe="1d", **left)
    for name, value in {**left, **right, "timeframe": "1d"}.items():
        app.query_params[name] = value
    app.switch_page("pages/side_by_side.py").run()
    assert not app.exception
    state = app.session_state
    shown = [state.current_market[1], state.compared[1] if "compared" in state else state.current_market[1]]
    assert [f"{one.as_of:%Y-%m-%d}" for one, end in zip(shown, ends, strict=True) if end] == [
        end for end in ends if end
    ]


def test_a_scan_of_the_archive_opens_the_day_that_it_is_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from tests.app.test_watchlist import scan_file

    frame = pd.read_csv(io.BytesIO(scan_file().getvalue()))
    frame["source"] = "archive"
    frame["as_of"] = [f"{DAY} 00:00+00:00", "2025-10-10 12:00+00:00", None]
    frame.to_csv(tmp_path / "scan.csv", index=False)
    monkeypatch.setenv("LIQ_SCAN", str(tmp_path / "scan.csv"))
    app = opened(source="simulated", timeframe="1d")
    app.switch_page("pages/watchlist.py").run()
    assert not app.exception
    rows = app.session_state.row_markets["scanned"]
    assert [str(row["until"]) for row in rows] == [DAY, DAY, "None"]
