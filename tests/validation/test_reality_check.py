"""The reality check page in every state, and what it computes: a score that can fall to nothing, and a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import liq
from liq.charts import reality_check as charts
from liq.charts.tables import reality_check as tables
from liq.model.prior import read_prior
from liq.sources import fetch
from liq.sources.simulation.market import simulate
from liq.validation import reality_check
from liq.validation.alignment import align
from tests.served import ROOT, write_recording

NOW = "2026-11-20 10:07"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Let no test ask a venue."""
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def market() -> liq.Market:
    return simulate("BTC", "7d", now=NOW)


def serve(monkeypatch, market: liq.Market) -> AppTest:
    """Open the page on a market, as if its source had sent it."""
    monkeypatch.setattr(fetch, "fetch", lambda *_, **__: market)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"], app.query_params["live"] = "simulated", "false"
    app.run()
    return app.switch_page("pages/reality_check.py").run()


def as_file(frame: pd.DataFrame) -> bytes:
    """Return liquidations as the file that a user would upload."""
    liquidation_rows = frame.assign(open_time_ms=frame.index.as_unit("ms").asi8)
    return liquidation_rows[["open_time_ms", "long", "short"]].to_csv(index=False).encode()


def shuffled(market: liq.Market) -> pd.DataFrame:
    """Return the market's liquidations with whole hours in random order: same dollars, wrong times."""
    hours = market.liquidations.resample("1h").sum()[:-1]
    order = np.random.default_rng(4).permutation(len(hours))
    return pd.DataFrame(hours.to_numpy()[order], hours.index, hours.columns)


def test_the_simulated_market_is_scored_followed_and_fitted(monkeypatch, market):
    app = serve(monkeypatch, market)
    assert not app.exception
    assert not app.error
    assert any("points more" in text.value for text in app.markdown)
    table = app.dataframe[0].value
    assert list(table.iloc[:, 0])[:2] == ["This map", "Range and volume alone"]
    assert table["Spearman"].iloc[0].startswith("0.8")
    assert app.dataframe[1].value["Cases"].iloc[0].isdigit()
    assert len(app.get("vega_lite_chart")) == 3

    next(button for button in app.button if button.label == "Fit to this market").click().run()
    assert not app.exception
    assert not app.info
    fitted = app.dataframe[2].value
    assert float(fitted["Estimated over realised"].iloc[1].split()[0]) == pytest.approx(1.0, abs=0.35)
    assert 0.5 < float(fitted["Estimated over realised"].iloc[0].split()[0]) < 2
    assert not any("chosen for this market" in text.value for text in app.caption), "used without being asked to"
    before = app.dataframe[0].value["R² of log dollars"].iloc[0]

    next(button for button in app.button if button.label == "Use it for this market").click().run()
    assert not app.exception
    assert any("chosen for this market" in text.value for text in app.caption)
    assert app.dataframe[0].value["R² of log dollars"].iloc[0] > before
    app.switch_page("pages/heatmap.py").run()
    assert any("chosen for this market" in text.value for text in app.caption)
    app.switch_page("pages/reality_check.py").run()
    next(button for button in app.button if button.label == "Back to the sidebar's prior").click().run()
    assert app.dataframe[0].value["R² of log dollars"].iloc[0] == before


def test_shuffled_liquidations_show_no_skill(monkeypatch, market):
    app = serve(monkeypatch, replace(market, liquidations=shuffled(market)))
    assert any("adds nothing that can be told from chance" in text.value for text in app.markdown)
    assert abs(float(app.dataframe[0].value["Spearman"].iloc[0].split()[0])) < 0.1


def test_a_source_without_liquidations_says_so_and_an_upload_is_scored(monkeypatch, market):
    app = serve(monkeypatch, replace(market, liquidations=None))
    assert not app.exception
    assert not app.error
    assert "no realised liquidations" in app.info[0].value
    assert app.button[0].disabled
    app.get("file_uploader")[-1].upload("mine.csv", as_file(shuffled(market)), "text/csv").run()
    assert not app.exception
    assert any("uploaded liquidations" in text.value for text in app.caption)
    assert any("adds nothing" in text.value for text in app.markdown)
    app.get("file_uploader")[-1].upload("wrong.csv", b"a,b\n1,2\n", "text/csv").run()
    assert not app.exception
    assert "open\\_time\\_ms" in app.info[0].value


def test_totals_are_scored_where_sides_are_unknown(monkeypatch, market):
    real = market.liquidations
    totals = real.assign(total=real.sum(axis=1), long=np.nan, short=np.nan)
    app = serve(monkeypatch, replace(market, liquidations=totals))
    assert not app.exception
    assert any("longs and shorts together" in text.value for text in app.caption)
    assert len(app.get("vega_lite_chart")) == 2
    bars = align(market, totals)
    assert bars.names == ("total",)
    np.testing.assert_allclose(bars.realised[:, 0], align(market, real).realised.sum(axis=1))


@pytest.mark.parametrize(("source", "charts_drawn"), [("gate", 3), ("krakenfutures", 2)])
def test_venues_that_report_liquidations_are_scored(venues, source, charts_drawn):
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"] = source
    app.run()
    app.switch_page("pages/reality_check.py").run()
    assert not app.exception
    assert not app.error
    assert len(app.get("vega_lite_chart")) == charts_drawn
    assert app.dataframe[0].value["Spearman"].iloc[0] not in ("", "n/a")


def test_too_few_bars_are_said_so(monkeypatch, market):
    app = serve(monkeypatch, replace(market, liquidations=market.liquidations[-60:]))
    assert not app.exception
    assert "need 48" in app.info[0].value
    assert app.button[0].disabled


def test_a_file_with_liquidations_is_scored(monkeypatch, tmp_path):
    path = write_recording(tmp_path / "btcusdt_5m.csv", days=24)
    frame = pd.read_csv(path)
    move = (frame["high"] / frame["low"] - 1).to_numpy()
    frame["long"], frame["short"] = 1e9 * move**2, 5e8 * move**2
    frame.to_csv(path, index=False)
    monkeypatch.setenv("LIQ_FILE", str(path))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"] = "file"
    app.run()
    app.switch_page("pages/reality_check.py").run()
    assert not app.exception
    assert app.dataframe[0].value["Spearman"].iloc[0]


def test_an_uploaded_prior_is_read_back_or_refused_in_one_sentence(market):
    base = reality_check.scoring_input(liq.estimate(market, columns=1))
    fitted = reality_check.fit_prior(base).prior
    assert read_prior(fitted.to_json().encode()) == fitted
    bad = [b"\xff\xfe", b"[]", b"[" * 60_000, b'{"name": 3}', b"{}", b"x" * 70_000]
    bad.append(liq.Prior("n", "t", (10.0,) * 61, (0.1,) * 61).to_json().encode())
    bad.append(fitted.to_json().replace('"fitted"', "3").encode())
    for data in bad:
        with pytest.raises(liq.InputError, match="prior"):
            read_prior(data)


def test_the_fit_sees_nothing_of_what_it_is_scored_on(market):
    """Plant absurd liquidations and candles in the scored half: the fitted prior must not move."""
    base = reality_check.scoring_input(liq.estimate(market, columns=1))
    fit = reality_check.fit_prior(base)
    late = market.liquidations.index >= fit.shipped.since
    planted = market.liquidations.copy()
    planted.loc[late] = 1e12
    candles = market.candles.copy()
    candles.loc[late, ["open", "high", "low", "close"]] *= 3.0
    changed = replace(market, candles=candles, liquidations=planted, price=None)
    again = reality_check.fit_prior(reality_check.scoring_input(liq.estimate(changed, columns=1)))
    assert again.prior == fit.prior
    assert again.fitted.r2 != fit.fitted.r2


def test_a_bar_still_forming_is_not_scored():
    subject = simulate("BTC", "7d", now="2026-11-20 10:50")  # the hour's last quarter has begun and not ended
    assert subject.forming
    assert align(subject, subject.liquidations).times[-1] == pd.Timestamp("2026-11-20 09:00", tz="UTC")


def test_few_days_have_no_interval(market):
    hours = market.liquidations.resample("1h").sum()[:-1]
    report = liq.skill(liq.estimate(market, columns=1), hours, since=hours.index[-72])
    assert np.isnan(report.intervals["gain"]).all()
    assert "too few" in report.sentence
    assert "(" not in tables.figure_text(report, "spearman")


def test_a_hole_in_the_record_is_drawn_as_a_hole(market):
    hours = market.liquidations.resample("1h").sum()[:-1]
    report = liq.skill(liq.estimate(market, columns=1), hours.drop(hours.index[-120:-100]))
    rows = charts.datasets(report)["long"]["rows"]
    assert rows["realised"].isna().sum() in range(5, 12)
    assert (rows["realised"].dropna() >= rows["floor"][0]).all()


def test_of_several_venues_the_one_that_reports_is_scored(market):
    silent = replace(market, source="silent", liquidations=None)
    several = replace(market, liquidations=None, parts=(silent, market))
    base = reality_check.scoring_input(liq.estimate(several, columns=1))
    alone = reality_check.scoring_input(liq.estimate(market, columns=1))
    assert reality_check.score(base).spearman == pytest.approx(reality_check.score(alone).spearman)
    assert "only the one" in base.remark


def test_touches_are_kept_until_zones_are_named_again_and_no_longer(market):
    """A market a bar later shares the answer; another window, prior or stretch of time does not."""
    key = reality_check._touches_key
    now = key(liq.estimate(market, columns=1))
    assert key(liq.estimate(simulate("BTC", "7d", now="2026-11-20 10:21"), columns=1)) == now
    others = [
        liq.estimate(simulate("BTC", "7d", now="2026-11-20 12:01"), columns=1),
        liq.estimate(replace(market, start=market.start + pd.Timedelta(days=4)), columns=1),
        liq.estimate(simulate("ETH", "7d", now=NOW), columns=1),
        liq.estimate(market, "flat", columns=1),
        liq.estimate(simulate("BTC", "7d", now=NOW, seed=1), columns=1),
    ]
    assert all(key(other) != now for other in others)


def test_every_gain_of_the_table_is_written_in_points(market):
    report = liq.skill(liq.estimate(market, columns=1), market.liquidations)
    table = tables.skill_table(report).set_index("")["Added, points of R²"]
    assert table["Twin: the path of price alone"].startswith(f"{100 * report.path_gain:+.1f}")
    for text in table[table != ""]:
        assert text == "n/a" or text.startswith(("0.0", "+", "-"))
