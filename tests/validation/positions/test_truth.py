"""The truth page: estimate against real positions, by day, entries and levels apart, and with any part missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import liq
from benchmarks import recordings
from liq.app import real_positions
from liq.charts.effective_leverage import datasets
from liq.charts.tables import positions as tables
from liq.sources import fetch
from liq.sources.simulation.market import simulate
from liq.sources.simulation.positions import simulated_positions
from liq.validation import reality_check
from liq.validation.positions.entries import PLACEBO_AGE, compare_entries
from liq.validation.positions.margin import NO_LEVEL, isolated_levels, leverage_shares
from tests.markets import needs_recordings
from tests.served import ROOT
from tests.validation.positions.worlds import positions, row, true_positions

NOW = "2026-11-20 10:07"


@pytest.fixture(scope="module")
def month() -> liq.Heatmap:
    return liq.estimate(simulate("BTC", "1M", now="2026-09-01"), columns=120)


def own_entries(heatmap: liq.Heatmap, photos: list[int], change=lambda entry: entry) -> liq.Positions:
    """Return snapshots that hold what the estimate says was opened, as of these photographed bars."""
    frames = []
    for photo in photos:
        then = heatmap.cut(slice(photo, photo + 1))
        for side in ("long", "short"):
            levels = then.standing(side)
            frames.append(
                pd.DataFrame(
                    {
                        "time": heatmap.times[photo] + pd.Timedelta(minutes=1),
                        "coin": "BTC",
                        "side": side,
                        "coins": levels["usd"] / levels["entry"],
                        "entry": change(levels["entry"].to_numpy()),
                        "liquidation_price": levels["price"],
                        "leverage": levels["leverage"],
                        "margin": "isolated",
                        "account": [f"{side} {n}" for n in range(len(levels))],
                    }
                )
            )
    rows = pd.concat(frames)
    return liq.Positions(rows[rows["coins"] > 0], "simulated")


def test_an_estimate_knows_its_own_entries_and_an_older_map_does_not(month):
    photos = list(range(60, 120, 8))
    found = compare_entries(month, own_entries(month, photos))
    assert found.rank == pytest.approx(1.0)
    assert found.rank_beyond_distance == pytest.approx(1.0)
    assert found.placebo["rank_beyond_distance"] < 0.9
    assert found.intervals["beyond_placebo"][0] > 0
    assert "knows in part where positions were opened" in found.sentence
    assert len(found.by_day) == len(photos)
    assert found.by_day.index.is_monotonic_increasing


def test_entries_elsewhere_are_not_known(month):
    rng = np.random.default_rng(4)
    seen = own_entries(
        month, list(range(60, 120, 8)), lambda entry: entry.mean() * np.exp(rng.uniform(-0.15, 0.15, len(entry)))
    )
    found = compare_entries(month, seen)
    assert abs(found.rank_beyond_distance) < 0.35
    assert found.rank_beyond_distance < 0.5


def test_a_day_counts_once_and_an_older_map_needs_a_window_that_reaches_back(month):
    last = month.times[-1]
    first_day = [photo for photo, time in enumerate(month.times) if time.date() == month.times[4].date()]
    assert len(first_day) > 1
    found = compare_entries(month, own_entries(month, first_day))
    assert len(found.by_day) == 1
    assert month.times[4] - PLACEBO_AGE < month.times[0]
    assert np.isnan(found.placebo["rank"])
    assert "too few" in found.sentence
    late = positions(row(0, time=last + pd.Timedelta(days=9)))
    with pytest.raises(liq.InputError, match="share no moment"):
        compare_entries(month, late)


def test_comparisons_are_told_by_day(month):
    seen = own_entries(month, [90, 91, 100])
    compared = liq.compare(month, seen.levels("BTC"))
    assert compared.by_day["snapshots"].sum() == 3
    assert len(compared.by_day) == compared.days
    weighted = (compared.by_day["overlap"] * compared.by_day["snapshots"]).sum() / 3
    assert weighted == pytest.approx(compared.overlap)
    entries = compare_entries(month, seen)
    table = tables.day_table(entries, compared)
    assert len(table) == compared.days
    assert pd.to_datetime(table["Day"]).is_monotonic_decreasing
    assert table["Opened beyond distance"].tolist() == ["+1.00"] * len(table)


def test_isolated_positions_are_told_by_mode_or_by_formula():
    stated = positions(row(account="a", margin="isolated", liquidation_price=50.0), row(account="b"))
    assert isolated_levels(stated, "BTC")["low"].tolist() == [50.0]
    levels = [row(account=str(n), leverage=10.0, liquidation_price=price) for n, price in enumerate((92, 88, 85, 95))]
    unstated = positions(*levels, row(account="none", liquidation_price=np.nan))
    assert isolated_levels(unstated, "BTC")["low"].tolist() == [92.0, 88.0], "within 30 % of a tenth from entry"


def test_leverage_as_set_and_as_it_works_out():
    seen = positions(
        row(account="a", leverage=20.0, liquidation_price=40.0),
        row(account="b", leverage=20.0, liquidation_price=95.0, coins=2.0),
        row(account="c", leverage=3.0, liquidation_price=np.nan),
    )
    found = leverage_shares(seen, "BTC")
    assert found.table["nominal"]["10x to 20x"] == pytest.approx(0.75)
    assert found.table["nominal"]["2x to 3x"] == pytest.approx(0.25)
    assert found.table["effective"].to_dict() == {
        **dict.fromkeys(found.table.index, 0.0),
        "to 2x": 0.25,
        "10x to 20x": pytest.approx(0.5),
        NO_LEVEL: 0.25,
    }
    assert found.sentence.startswith(
        "75 % of the dollars are set to 20x or more, but 50 % would be liquidated only 30 %"
    )
    assert np.isnan(found.cross), "all cross may mean that no margin mode was recorded"
    assert len(datasets(found)["shares"]) == 2 * len(found.table)
    assert leverage_shares(seen, "ETH") is None


def as_hyperliquid(market: liq.Market) -> tuple[liq.Market, liq.Positions]:
    """Return a market and its positions as if they were of a venue that publishes no liquidations."""
    seen = simulated_positions(market)
    return (
        replace(market, source="hyperliquid", liquidations=None),
        liq.Positions(seen.rows, "hyperliquid", seen.passes, seen.open_interest),
    )


def test_a_venue_without_liquidations_is_scored_against_what_positions_say():
    simulated = simulate("BTC", "7d", now=NOW)
    market, seen = replace(simulated, source="hyperliquid", liquidations=None), true_positions(simulated, 160, 4)
    heatmap = liq.estimate(market, columns=1)
    assert reality_check.scoring_input(heatmap) is None
    scoring = reality_check.scoring_input(heatmap, positions=seen)
    assert scoring is not None
    assert not scoring.whole
    assert "only those of the accounts seen" in scoring.remark
    report, truth = reality_check.score(scoring), reality_check.scoring_input(liq.estimate(simulated, columns=1))
    assert report.spearman > 0.6
    known = scoring.liquidations.notna().all(axis=1)
    share = scoring.liquidations[known].sum() / truth.liquidations[known].sum()
    assert share.between(0.5, 1.2).all(), "opened and liquidated between two snapshots is never seen"
    elsewhere = liq.Positions(seen.rows, "lighter", seen.passes)
    assert reality_check.scoring_input(heatmap, positions=elsewhere) is None, "of another venue"
    once = liq.Positions(seen.rows[seen.rows["time"] == seen.times[-1]], "hyperliquid", seen.passes)
    assert reality_check.scoring_input(heatmap, positions=once) is None


def page(monkeypatch, market: liq.Market, seen: liq.Positions | None = None, **query: str) -> AppTest:
    """Open the page on a market, and with these positions."""
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")
    monkeypatch.setattr(fetch, "fetch", lambda *_, **__: market)
    if seen is not None:
        monkeypatch.setattr(real_positions, "_simulated", lambda _: seen)
        monkeypatch.setattr(real_positions, "_named", lambda *_: seen)
        monkeypatch.setenv("LIQ_POSITIONS", "seen")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"], app.query_params["live"], app.query_params["observed"] = "simulated", "false", "true"
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    return app.switch_page("pages/reality_check.py").run()


def said(app: AppTest) -> str:
    """Return all that the page says."""
    return " ".join(one.value for one in [*app.markdown, *app.caption, *app.info]).replace("\\", "")


def test_the_page_says_what_the_estimate_gets_right_and_what_not(monkeypatch):
    app = page(monkeypatch, simulate("BTC", "7d", now=NOW))
    assert not app.exception
    assert not app.error
    text = said(app)
    for words in (
        "Where they were opened.",
        "Where they fail.",
        "Isolated positions alone.",
        "Leverage.",
        "How much is forced.",
        "What is left after a while.",
        "Nothing of this is carried to other venues",
    ):
        assert words in text
    assert "observed positions" not in text.lower()
    frames = [frame.value for frame in app.dataframe]
    comparison = next(frame for frame in frames if "Isolated alone" in frame)
    assert comparison.iloc[0, 0] == tables.OPENED
    assert any("Snapshots" in frame and len(frame) > 2 for frame in frames), "by day"


def test_the_page_scores_a_venue_that_publishes_nothing(monkeypatch):
    simulated = simulate("BTC", "7d", now=NOW)
    market, seen = replace(simulated, source="hyperliquid", liquidations=None), true_positions(simulated, 160, 4)
    app = page(monkeypatch, market, seen)
    assert not app.exception
    assert "publishes no liquidations" in said(app)
    assert len(app.get("vega_lite_chart")) == 4
    few = page(monkeypatch, market, liq.Positions(seen.rows[-9000:], "hyperliquid", seen.passes))
    assert "Five days of snapshots" in said(few)
    fit = next(button for button in app.button if button.label == "Fit to this market")
    assert fit.disabled, "what was seen is only a part"


def subsets() -> dict[str, object]:
    """Return ways in which positions can lack something, by name."""
    return {
        "one snapshot": lambda rows: rows[rows["time"] == rows["time"].max()],
        "no level": lambda rows: rows.assign(liquidation_price=np.nan),
        "years ago": lambda rows: rows.assign(
            time=rows["time"] - pd.Timedelta(days=900), answered=rows["answered"] - pd.Timedelta(days=900)
        ),
        "one position": lambda rows: rows[:1],
        "one side": lambda rows: rows[rows["side"] == "long"],
        "all cross": lambda rows: rows.assign(margin="cross"),
        "levels far away": lambda rows: rows.assign(liquidation_price=rows["entry"] * 1e-3),
    }


@pytest.mark.parametrize("lacks", list(subsets()))
def test_the_page_copes_with_whatever_is_missing(monkeypatch, lacks):
    market, seen = as_hyperliquid(simulate("BTC", "1d", now=NOW))
    part = liq.Positions(subsets()[lacks](seen.rows), "hyperliquid")
    app = page(monkeypatch, market, part)
    assert not app.exception
    assert not app.error
    text = said(app)
    assert "Nothing of this is carried" in text
    assert "nan" not in text.lower().split()
    assert "n/a" not in text


@needs_recordings
@pytest.mark.parametrize("coin", ["eth", "sol"])
def test_on_real_accounts_entries_are_known_in_part_and_levels_are_not(coin):
    heatmap = liq.estimate(recordings.market_2026(coin), columns=2000)
    seen = recordings.positions(coin)
    entries = compare_entries(heatmap, seen)
    assert entries.rank_beyond_distance == pytest.approx(0.32, abs=0.04)
    assert entries.placebo["rank_beyond_distance"] == pytest.approx(0.13, abs=0.04)
    assert entries.intervals["beyond_placebo"][0] > 0
    for levels in (seen.levels(coin.upper()), isolated_levels(seen, coin.upper())):
        low, high = liq.compare(heatmap, levels).intervals["rank_beyond_distance"]
        assert low < 0.02 < high + 0.05
    shares = leverage_shares(seen, coin.upper())
    assert shares.nominal_high > 0.5
    assert shares.level_far > 0.4
