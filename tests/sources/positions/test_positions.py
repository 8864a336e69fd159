"""Real positions: validation, readers, what is drawn and said of them, and what a fit makes of them."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import liq
from liq.charts.positions import FEW, heatmap_lines, positions_by_bucket, positions_by_zone, positions_sentences
from liq.sources.positions.reader import read_positions
from liq.sources.simulation.market import simulate
from liq.sources.simulation.positions import SEEN, simulated_positions
from liq.validation.positions.leverage import dollars_by_distance
from liq.validation.positions.survival import FATES, survival_table
from tests.served import ROOT

NOW = "2026-09-01"
TIME = pd.Timestamp("2026-01-31", tz="UTC")

SCAN = f"""#ts,2026-01-31T10:00:00Z,px,80000,mode,full,scanned,44900,btc_positions,3,elapsed_s,2210
addr,size,entry,liq,lev,margin,pnl,acct_value
0x{"a" * 40},2.5,81000,72000,10,cross,-1.5,100000
0x{"b" * 40},-1.25,79000,,20,isolated,3,2000
0x{"c" * 40},0.5,80500,79000,40,Isolated,0,500
"""


def row(**changes) -> dict:
    usual = {"time": TIME, "coin": "BTC", "side": "long", "coins": 1.0, "entry": 8e4, "liquidation_price": 7e4}
    return {**usual, "leverage": 10.0, "margin": "cross", "account": "a1", **changes}


@pytest.fixture(scope="module")
def week():
    market = simulate("BTC", "7d", now=NOW)
    return liq.estimate(market), simulated_positions(market)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"side": "up"}, "side must be long or short"),
        ({"margin": "portfolio"}, "margin must be cross or isolated"),
        ({"coins": -1.0}, "coins must be positive"),
        ({"coins": np.nan}, "coins must be positive"),
        ({"entry": 0.0}, "entry must be a positive"),
        ({"entry": np.inf}, "entry must be a positive"),
        ({"liquidation_price": -5.0}, "liquidation_price must be"),
        ({"liquidation_price": np.inf}, "liquidation_price must be"),
        ({"leverage": 0.0}, "leverage must be"),
        ({"coins": 1e15}, "coins times entry must be at most"),
        ({"time": "soon"}, "cannot be read"),
        ({"coins": "many"}, "cannot be read"),
        ({"time": None}, "time must be known"),
    ],
)
def test_impossible_rows_are_refused_with_one_sentence(changes, sentence):
    with pytest.raises(liq.InputError, match=sentence):
        liq.Positions(pd.DataFrame([row(), row(**changes)]), "hyperliquid")


def test_no_rows_and_missing_columns_are_refused():
    with pytest.raises(liq.InputError, match="no rows"):
        liq.Positions(pd.DataFrame([row()])[:0], "hyperliquid")
    with pytest.raises(liq.InputError, match="lack the column 'margin'"):
        liq.Positions(pd.DataFrame([row()]).drop(columns="margin"), "hyperliquid")


TEXTS = ["coin", "side", "margin", "account"]


@pytest.mark.parametrize("kind", ["object", "str", "category"])
def test_text_of_any_kind_is_read_alike_and_checked_alike(kind):
    good = pd.DataFrame([row(), row(side="short", account="b2")]).astype(dict.fromkeys(TEXTS, kind))
    rows = liq.Positions(good, "hyperliquid").rows
    assert {str(rows[name].dtype) for name in TEXTS} == {"category"}
    assert rows[TEXTS].astype(str).to_numpy().tolist() == good[TEXTS].astype(str).to_numpy().tolist()
    for name, wrong in (("side", "up"), ("side", None), ("margin", "portfolio"), ("margin", None)):
        spoiled = pd.DataFrame([row(), row(**{name: wrong})]).astype(dict.fromkeys(TEXTS, kind))
        with pytest.raises(liq.InputError, match=f"{name} must be .* row 1"):
            liq.Positions(spoiled, "hyperliquid")


def test_numbers_that_name_accounts_become_text():
    mixed = pd.DataFrame([row(account=1), row(account="1"), row(account=2)]).astype({"account": "category"})
    assert liq.Positions(mixed, "hyperliquid").rows["account"].tolist() == ["1", "1", "2"]


def test_a_snapshot_is_the_last_one_at_or_before_a_moment():
    rows = [row(time=TIME + pd.Timedelta(hours=hours), coins=hours + 1.0) for hours in (0, 5, 9)]
    positions = liq.Positions(pd.DataFrame(rows), "hyperliquid")
    assert positions.snapshot("BTC", TIME + pd.Timedelta(hours=7))["coins"].tolist() == [6.0]
    assert positions.snapshot("BTC")["coins"].tolist() == [10.0]
    assert positions.snapshot("BTC", TIME - pd.Timedelta(hours=1)).empty
    assert positions.snapshot("ETH").empty
    assert np.isnan(positions.share_seen("BTC"))


def test_a_scan_of_addresses_is_read_and_its_addresses_are_gone(tmp_path):
    path = tmp_path / "scan.csv"
    path.write_text(SCAN, encoding="utf-8")
    positions = read_positions(path)
    assert positions.rows["side"].tolist() == ["long", "short", "long"]
    assert positions.rows["margin"].tolist() == ["cross", "isolated", "isolated"]
    assert positions.rows["liquidation_price"].isna().tolist() == [False, True, False]
    assert positions.rows["coin"].unique().tolist() == ["BTC"]
    assert positions.passes["asked"].tolist() == [44900]
    assert not positions.rows["account"].str.startswith("0x").any()
    assert len(positions.levels("BTC")) == 2


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz"])
def test_a_table_written_by_pandas_is_read_back(tmp_path, kind):
    frame = pd.DataFrame([row(), row(side="short", liquidation_price=np.nan, account="0x" + "d" * 40)])
    path = tmp_path / f"mine.{kind}"
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    positions = read_positions(path)
    assert positions.rows["coins"].tolist() == [1.0, 1.0]
    assert not positions.rows["account"].str.startswith("0x").any()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"open,high,low,close\n1,2,0,1\n", "none of the columns|lacks the column"),
        (b"time,coin,side,coins\n2026-01-31,BTC,long,1\n", "lacks the column 'entry'"),
        (b"PAR1 and nothing more", "cut off or damaged"),
        (b"#ts,soon,px,1\naddr,size,entry,liq,lev,margin\n0xa,1,1,1,1,cross\n", "ts"),
        (SCAN.replace("liq,lev", "level,lev").encode(), "lacks the column 'liq'"),
        (SCAN.replace("2.5", "x").encode(), "coins must be positive"),
        (b"\x00\x01\x02" * 50, "neither CSV"),
        ((SCAN + SCAN.splitlines()[-1] + "\n").encode(), "repeats 1 rows, the first in row 3"),
        (pd.DataFrame([row(), row(account="b"), row()]).to_csv(index=False).encode(), "the first in row 2"),
    ],
)
def test_files_of_the_wrong_kind_get_one_sentence(content, sentence):
    file = io.BytesIO(content)
    file.name = "wrong.csv"
    with pytest.raises(liq.InputError, match=sentence) as caught:
        read_positions(file)
    assert "0x" not in str(caught.value) or "a" * 40 not in str(caught.value)


def test_a_folder_without_snapshots_and_a_path_that_is_none(tmp_path):
    with pytest.raises(liq.InputError, match="holds no snapshot"):
        read_positions(tmp_path)
    with pytest.raises(liq.InputError, match="cannot be read"):
        read_positions(tmp_path / "nowhere.parquet")


def test_the_simulated_market_shows_part_of_its_true_positions(week):
    heatmap, positions = week
    assert positions.source == "simulated"
    assert positions.times[-1] == heatmap.market.as_of
    assert 0.05 < positions.share_seen("BTC") < SEEN
    again = simulated_positions(simulate("BTC", "7d", now=NOW))
    pd.testing.assert_frame_equal(again.rows, positions.rows)
    longs = positions.rows[positions.rows["side"] == "long"]
    assert (longs["liquidation_price"].dropna() < longs["entry"][longs["liquidation_price"].notna()]).all()


def test_what_is_drawn_adds_up_and_shows_nothing_later(week):
    heatmap, positions = week
    market = heatmap.market
    edges = np.linspace(1.0, 5 * market.price, 4000)
    levels = positions.levels("BTC")
    last = levels[levels["time"] == positions.times[-1]]
    np.testing.assert_allclose(positions_by_bucket(positions, market, edges).sum(), last["usd"].sum(), rtol=1e-3)
    zones = liq.top_zones(heatmap)
    dollars = positions_by_zone(positions, market, zones)
    assert len(dollars) == len(zones)
    assert sum(dollars) <= last["usd"].sum()
    lines = heatmap_lines(positions, market, market.price * 0.9, market.price * 1.1)
    assert lines["strength"].between(0, 1).all()
    assert (lines["from"] < lines["to"]).all()
    assert lines["to"].max() <= (market.as_of + market.bar).timestamp() * 1000
    from liq.model.as_of import heatmap_up_to

    then = heatmap_up_to(heatmap, len(heatmap.times) - 200).market
    earlier = heatmap_lines(positions, then, market.price * 0.9, market.price * 1.1)
    assert earlier["to"].max() <= (then.as_of + then.bar).timestamp() * 1000
    said = " ".join(positions_sentences(positions, then, "simulated"))
    assert "old" in said


def test_what_is_said_names_every_reason_for_care(week):
    heatmap, _ = week
    market = heatmap.market
    few = pd.DataFrame([row(time=market.as_of - pd.Timedelta(days=2))])
    passes = pd.DataFrame(
        [(market.as_of - pd.Timedelta(days=2), 100, 50, 50)], columns=["time", "asked", "answered", "failed"]
    )
    said = " ".join(positions_sentences(liq.Positions(few, "hyperliquid", passes), market, "binanceusdm"))
    for words in ("another venue", "small sample", "is old", "All are cross", "50 of 100 accounts did not answer"):
        assert words in said
    assert FEW > 1


def test_what_became_of_positions_adds_up(week):
    heatmap, positions = week
    table = survival_table(positions, heatmap)
    np.testing.assert_allclose(table[list(FATES)].sum(axis=1), 1.0)
    assert table["model"].between(0, 1).all()
    near, far = table["kept"].iloc[0], table["kept"].iloc[-1]
    assert near < far, "who is near the price is gone sooner"
    one = liq.Positions(positions.rows[positions.rows["time"] == positions.times[-1]], "simulated")
    with pytest.raises(liq.InputError, match="no two snapshots"):
        survival_table(one, heatmap)


def test_accounts_that_were_not_asked_again_say_nothing_of_survival(week):
    heatmap, _ = week
    end = heatmap.market.as_of
    begin = end - pd.Timedelta(days=1)
    far = {"liquidation_price": heatmap.market.price * 0.7, "entry": heatmap.market.price}
    rows = [row(time=begin, account=name, **far) for name in ("kept", "gone", "hole")]
    rows.append(row(time=end, account="kept", **far))
    rows.append(row(time=end, account="hole", answered=begin, **far))
    passes = pd.DataFrame({"time": [begin, end], "asked": 3, "answered": [3, 2], "failed": [0, 1]})
    table = survival_table(liq.Positions(pd.DataFrame(rows), "hyperliquid", passes), heatmap)
    assert table["positions"].tolist() == [2]
    assert table[["closed", "kept"]].iloc[0].tolist() == [0.5, 0.5]
    lists = survival_table(liq.Positions(pd.DataFrame(rows), "hyperliquid"), heatmap)
    assert lists["positions"].tolist() == [1], "an account that leaves a list is not one that closed"


def test_leverage_by_distance_adds_up_by_side_and_margin(week):
    _, positions = week
    table = dollars_by_distance(positions, "BTC")
    np.testing.assert_allclose(table.sum(), 1.0)
    near = table.iloc[:3].sum()
    assert near["long", "isolated"] > near["long", "cross"], "shared margin puts the price farther away"


def test_a_fit_to_positions_is_kept_where_later_days_bear_it_out(week):
    heatmap, positions = week
    fitted = liq.calibrate(heatmap.market, None, positions=positions)
    assert fitted.adopted
    assert sum(fitted.weights) <= 1
    ours, theirs = (
        liq.compare(liq.estimate(heatmap.market, prior), positions.levels("BTC")) for prior in (fitted, "calibrated")
    )
    assert ours.overlap > theirs.overlap
    last = positions.rows[positions.rows["time"] == positions.times[-1]]
    short = liq.calibrate(heatmap.market, None, positions=liq.Positions(last, "simulated"))
    assert short.adopted is False
    assert "too few" in short.verdict
    assert short.weights == liq.PRIORS["calibrated"].weights
    with pytest.raises(liq.InputError, match="needs liquidations, positions"):
        liq.calibrate(heatmap.market, None)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["long", "short"]), st.floats(1e-3, 1e3), st.floats(5e4, 1.5e5)),
        min_size=1,
        max_size=30,
    )
)
def test_any_positions_can_be_compared_and_fitted(week, drawn):
    heatmap, _ = week
    market = heatmap.market
    rows = [
        row(time=market.as_of, side=side, coins=coins, liquidation_price=price, account=str(n))
        for n, (side, coins, price) in enumerate(drawn)
    ]
    positions = liq.Positions(pd.DataFrame(rows), "hyperliquid")
    compared = liq.compare(heatmap, positions.levels("BTC"))
    assert compared.snapshots == 1
    raw = liq.calibrate(market, None, positions=positions, raw=True)
    assert sum(raw.weights) <= 1 + 1e-9
    assert min(raw.weights) > 0


@pytest.mark.parametrize(
    ("page", "with_positions"),
    [("heatmap", True), ("top_zones", True), ("liquidation_map", True), ("reality_check", True), ("heatmap", False)],
)
def test_every_page_shows_them_where_they_are_switched_on(page, with_positions):
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"] = "simulated"
    if with_positions:
        app.query_params["observed"] = "true"
    app = (app if page == "heatmap" else app.switch_page(f"pages/{page}.py")).run()
    assert not app.exception
    said = " ".join(caption.value for caption in app.caption)
    assert ("accounts on simulated market" in said) == with_positions


def test_a_named_path_of_the_wrong_kind_is_said_and_the_page_stays(monkeypatch, tmp_path):
    from liq.app import real_positions

    recording = tmp_path / "candles.csv"
    hours = range(1_700_006_400_000, 1_701_446_400_000, 3_600_000)
    recording.write_text(
        "\n".join(["open_time_ms,open,high,low,close,volume", *(f"{h},100,101,99,100,5" for h in hours)]),
        encoding="utf-8",
    )
    monkeypatch.setenv("LIQ_POSITIONS", str(recording))
    monkeypatch.setenv("LIQ_FILE", str(recording))
    real_positions._read.cache.clear()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["source"] = "file"
    app.switch_page("pages/liquidation_map.py").run()
    assert not app.exception
    assert any("candles.csv" in caption.value for caption in app.caption)
