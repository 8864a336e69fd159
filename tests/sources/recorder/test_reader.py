"""From a recorder's folder to a score: what was heard is on the market's bars, what was not is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import liq
from liq.sources import market_cache
from liq.sources.recorder.reader import attach_recorded
from liq.sources.recorder.storage import (
    ALL,
    DAY,
    LIQUIDATIONS,
    LISTENING,
    Liquidation,
    LiquidationStore,
    ListeningSpan,
    day_file,
    open_store,
)
from liq.sources.simulation.market import simulate
from liq.validation import reality_check
from liq.validation.alignment import align
from tests.served import ROOT
from tests.venue_server import VenueServer, formula
from tests.venue_server.formula import MINUTE
from tests.venue_server.wire import now_ms

HOUR = 60 * MINUTE
WEEK = 8 * DAY


def write(store: LiquidationStore, venue: str, since: int, until: int, *, coins: tuple[str, ...] = ("BTC",)) -> None:
    """Write what `formula` says was liquidated between two times, one liquidation a minute and side."""
    starts = np.arange(since, until, MINUTE)
    for coin in coins:
        price = formula.price(venue, coin, starts)
        for side, usd in zip(
            ("long", "short"), formula.liquidated(venue, coin, starts, starts + MINUTE), strict=True
        ):
            for at, paid, dollars in zip(starts, price, usd, strict=True):
                row = (int(at) + 100, f"{coin}/USDT:USDT", side, float(paid), float(dollars / paid), float(dollars))
                store.add(venue, Liquidation(*row))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIQ_RECORDED", str(tmp_path))
    return tmp_path


@pytest.fixture
def week(folder: Path, venues: VenueServer) -> tuple[Path, int, int]:
    """Three venues recorded for eight days up to now, with a hole of two hours and a half a day ago."""
    now = now_ms()
    hole = (now - DAY) // HOUR * HOUR + 10 * MINUTE
    with open_store(folder) as store:
        for venue in ("binanceusdm", "bybit", "okx"):
            write(store, venue, (now - WEEK) // HOUR * HOUR, now // MINUTE * MINUTE)
            store.add_span(venue, ListeningSpan(now - WEEK, hole, ALL))
            store.add_span(venue, ListeningSpan(hole + 150 * MINUTE, now, ALL))
    return folder, now, hole


@pytest.mark.parametrize("venue", ["binanceusdm", "bybit", "okx"])
def test_recorded_liquidations_reach_the_market_and_are_scored(week, venue):
    _, now, hole = week
    market = liq.fetch("BTC", "7d", venue)
    real = market.liquidations
    assert real.index.equals(market.candles.index)
    starts = market.times.as_unit("ms").asi8
    ends = starts + np.round(market.hours() * HOUR).astype(int)
    recorded_at = (starts >= now - WEEK) & ((ends <= hole) | (starts >= hole + 150 * MINUTE)) & (ends <= now)
    np.testing.assert_array_equal(real.notna().all(axis=1), recorded_at)
    for side in (0, 1):
        minutes = [np.arange(a, b, MINUTE) for a, b in zip(starts[recorded_at], ends[recorded_at], strict=True)]
        right = [formula.liquidated(venue, "BTC", at, at + MINUTE)[side].sum() for at in minutes]
        np.testing.assert_allclose(real.to_numpy()[recorded_at, side], right, rtol=1e-9)
    assert any(note.startswith("Realised liquidations were recorded for 98 % of this") for note in market.notes)
    assert market.origins["liquidations"].source == "recorder"

    report = liq.skill(liq.estimate(market, columns=1), real)
    times = report.scored.index.as_unit("ms").asi8
    length = round(report.hours * HOUR)
    assert not ((times + length > hole) & (times < hole + 150 * MINUTE)).any(), "scored without having listened"
    assert ((times + length <= hole) & (times > hole - 5 * length)).any()
    assert np.isfinite([report.spearman, report.placebo_day]).all()
    assert np.isnan(report.placebo_week), "no map of a week before was there to be fitted"
    quiet = with_silence_for_zero(real)
    assert len(align(market, quiet).times) > len(align(market, real).times)


def with_silence_for_zero(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what a reader would see that takes silence for nothing."""
    return frame.fillna(0.0)


def test_of_all_venues_the_longest_record_is_scored(week):
    market = liq.fetch("BTC", "7d", "all")
    recorded_rows = {part.source: part.liquidations is not None for part in market.parts}
    assert all(recorded_rows[name] for name in ("binanceusdm", "bybit", "okx", "gate"))
    base = reality_check.scoring_input(liq.estimate(market, columns=1))
    assert base.heatmap.market.source == "gate", "Gate tells of the warm-up too"
    silent = tuple(replace(part, liquidations=None) if part.source == "gate" else part for part in market.parts)
    base = reality_check.scoring_input(liq.estimate(replace(market, parts=silent), columns=1))
    assert base.heatmap.market.source in ("binanceusdm", "krakenfutures")


def test_no_recording_is_unknown_and_other_coins_do_not_count_as_zero(folder, venues, monkeypatch):
    now = now_ms()
    assert liq.fetch("BTC", "1d", "okx").liquidations is None
    with open_store(folder) as store:
        write(store, "okx", now - 3 * HOUR, now, coins=("ETH",))
        store.add_span("okx", ListeningSpan(now - 3 * HOUR, now, "ETH/USDT:USDT"))
    market_cache._fetch.cache_clear()
    assert liq.fetch("BTC", "1d", "okx").liquidations is None, "BTC was not listened to"
    eth = liq.fetch("ETH", "1d", "okx")
    assert 34 <= eth.liquidations.notna().all(axis=1).sum() <= 36
    assert liq.fetch("ETH", "1d", "bybit").liquidations is None, "another venue's are not this one's"
    own = liq.fetch("ETH", "1d", "gate")
    assert own.origins["liquidations"].source == "gate"
    monkeypatch.setenv("LIQ_RECORDED", str(folder / "nowhere"))
    assert attach_recorded(replace(eth, liquidations=None)).liquidations is None


def test_a_refresh_reads_what_was_recorded_since(folder, venues):
    now = now_ms()
    with open_store(folder) as store:
        store.add_span("okx", ListeningSpan(now - 5 * HOUR, now - 3 * HOUR, ALL))
    before = liq.fetch("BTC", "1d", "okx")
    with open_store(folder) as store:
        store.add_span("okx", ListeningSpan(now - 3 * HOUR, now - HOUR, ALL))
    assert liq.fetch("BTC", "1d", "okx") is before, "the view is shared until it is due"
    market_cache._fetch.cache_clear()
    after = liq.fetch("BTC", "1d", "okx")
    assert after.liquidations.notna().all(axis=1).sum() >= before.liquidations.notna().all(axis=1).sum() + 23
    assert len([note for note in after.notes if note.startswith("Realised")]) == 1


def test_impossible_rows_and_damaged_days_are_left_out(folder, venues):
    now, symbol = now_ms(), "BTC/USDT:USDT"
    bar = now // (5 * MINUTE) * 5 * MINUTE - 10 * MINUTE
    price = float(formula.price("okx", "BTC", bar))
    with open_store(folder) as store:
        store.add_span("okx", ListeningSpan(bar - DAY, now, ALL))
        for at, paid in ((bar, price), (bar + 1, 100 * price), (bar + 2, price / 100)):
            store.add("okx", Liquidation(at, symbol, "long", paid, 1.0, paid))
    market = liq.fetch("BTC", "1d", "okx")
    assert market.liquidations["long"].loc[pd.Timestamp(bar, unit="ms", tz="UTC")] == pytest.approx(price)
    path = day_file(folder, LIQUIDATIONS, "okx", bar // DAY)
    path.write_bytes(path.read_bytes()[:-30])
    market_cache._fetch.cache_clear()
    market = liq.fetch("BTC", "1d", "okx")
    assert any("cannot be read" in note for note in market.notes) or market.liquidations is None
    today = pd.Timestamp(bar // DAY * DAY, unit="ms", tz="UTC")
    if market.liquidations is not None:
        assert market.liquidations[market.liquidations.index >= today].isna().all(axis=None)
    day_file(folder, LISTENING, "okx", bar // DAY).write_bytes(b"")
    market_cache._fetch.cache_clear()
    assert liq.fetch("BTC", "1d", "okx").source == "okx"


def serve(source: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"], app.query_params["live"] = source, "false"
    app.run()
    return app.switch_page("pages/reality_check.py").run()


def test_the_page_says_how_to_record_where_nothing_was_recorded(folder, venues):
    app = serve("binanceusdm")
    assert not app.exception
    assert "python -m liq record BTC --source binanceusdm --to recordings" in app.info[0].value
    assert app.button[0].disabled


@pytest.mark.parametrize(("source", "carries"), [("binanceusdm", "at most one liquidation a second"), ("bybit", "")])
def test_the_page_scores_what_was_recorded(week, source, carries):
    app = serve(source)
    assert not app.exception
    assert not app.error
    assert len(app.get("vega_lite_chart")) == 3
    assert app.dataframe[0].value["Spearman"].iloc[0] not in ("", "n/a")
    (caption,) = [text.value for text in app.caption if "Recorded from" in text.value]
    assert carries in caption
    assert ("lower bound" in caption) == bool(carries)
    assert any("of recorded liquidations in" in text.value for text in app.caption), "the score of place"


def test_unrecorded_bars_change_no_figure():
    """Blank out days of a market that is known in full: no figure may move from those of the days that are left."""
    market = simulate("BTC", "7d", now="2026-11-20 10:07")
    whole, heatmap = market.liquidations.resample("1h").sum()[:-1], liq.estimate(market, columns=1)
    gone = (whole.index >= "2026-11-15") & (whole.index < "2026-11-16 12:00")
    blank = whole.copy()
    blank[gone] = np.nan
    zero = whole.copy()
    zero[gone] = 0.0
    since = "2026-11-08"
    left = liq.skill(heatmap, blank, since=since)
    dropped = liq.skill(heatmap, whole[~gone], since=since)
    assert left.spearman == pytest.approx(dropped.spearman)
    assert left.r2 == pytest.approx(dropped.r2)
    assert left.ratio == pytest.approx(dropped.ratio)
    assert left.r2 - liq.skill(heatmap, zero, since=since).r2 > 0.02, "zero is not the same as unrecorded"
