"""The watchlist: one failure is one row, nothing is read twice before a bar closes; and what a scan wrote."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import liq
from liq.app import watchlist
from liq.app.watchlist import WatchlistRequest, WatchlistRow
from liq.charts.tables.watchlist import COLUMNS, EMPTY, styled_table, watchlist_table
from liq.market import Quote
from liq.scan import results
from liq.sources import fetch, market_cache
from liq.zones import summary
from tests.markets import candles, market
from tests.served import ROOT

SIMULATED = WatchlistRequest(
    lookback="1M", source="simulated"
)  # bars of an hour, so that hardly ever one closes in a test


@pytest.fixture(autouse=True)
def clear_rows(monkeypatch):
    """Keep no row of another test, and ask no venue but the stand-in."""
    monkeypatch.setenv("LIQ_GATEWAY", "http://127.0.0.1:9")
    monkeypatch.delenv("LIQ_SCAN", raising=False)
    watchlist._complete_row.cache_clear()


@pytest.fixture
def request_counts(monkeypatch) -> Counter[str]:
    """Count what is fetched."""
    real, counted = fetch.fetch, Counter()

    def counting(symbol, **more):
        counted[symbol] += 1
        return real(symbol, **more)

    monkeypatch.setattr(fetch, "fetch", counting)
    return counted


def rows_by_ticker(tickers, request=SIMULATED, before=None) -> dict[str, WatchlistRow]:
    return {row.ticker: row for row in watchlist.load_rows(tickers, request, before)}


def test_each_ticker_is_a_row_even_if_it_fails(request_counts):
    rows = rows_by_ticker([" eth", "BTC", "N0SUCH", "ETH", ""])
    assert set(rows) == {"ETH", "BTC", "N0SUCH"}
    assert rows["N0SUCH"].summary is None
    assert "N0SUCH" in rows["N0SUCH"].note
    heatmap = liq.estimate(fetch.fetch("ETH", lookback="1M", source="simulated"))
    mine, whole = rows["ETH"].summary, summary.summarize(heatmap)
    assert mine[:3] == whole[:3]
    assert mine[3:] == pytest.approx(whole[3:])
    pd.testing.assert_frame_equal(
        rows["ETH"].zones.drop(columns="status"), liq.top_zones(heatmap).drop(columns="status")
    )


def test_nothing_is_read_again_before_a_bar_closes(request_counts):
    first = rows_by_ticker(["BTC", "ETH", "N0SUCH"])
    assert request_counts == {"BTC": 1, "ETH": 1, "N0SUCH": 1}
    again = rows_by_ticker(["ETH", "BTC", "N0SUCH"], before=first)
    other_session = rows_by_ticker(["ETH", "BTC"])
    assert request_counts == {"BTC": 1, "ETH": 1, "N0SUCH": 1}
    assert again["ETH"] is first["ETH"] is other_session["ETH"]
    old = {name: row._replace(loaded=row.loaded - pd.Timedelta(minutes=2)) for name, row in first.items()}
    assert [name for name, row in old.items() if watchlist.row_needs_refresh(row)] == ["N0SUCH"]
    rows_by_ticker(["BTC", "ETH", "N0SUCH"], before=old)
    assert request_counts == {"BTC": 1, "ETH": 1, "N0SUCH": 2}
    past = {name: row._replace(bar=row.bar - pd.Timedelta(hours=1)) for name, row in first.items()}
    assert all(map(watchlist.row_needs_refresh, past.values()))
    rows_by_ticker(["BTC"], WatchlistRequest(lookback="3d", source="simulated"), first)
    assert request_counts["BTC"] == 2


def test_no_market_and_no_estimate_is_kept():
    import gc

    from liq.model.heatmap import Heatmap

    gc.collect()
    before = sum(isinstance(thing, Heatmap) for thing in gc.get_objects())
    kept = rows_by_ticker(["BTC", "ETH", "SOL", "XRP"])
    gc.collect()
    assert sum(isinstance(thing, Heatmap) for thing in gc.get_objects()) == before
    assert len(kept) == 4


def test_the_list_is_bounded():
    assert len(watchlist.normalize_tickers(f"A{row}" for row in range(100))) == watchlist.MAX_TICKERS


def test_a_live_price_moves_the_distances_and_clears_what_it_went_through(monkeypatch):
    # at a moment of its own: at others the price of the simulated market is inside a zone, and its distance is none
    monkeypatch.setattr(market_cache, "utc_now", lambda: pd.Timestamp("2026-11-22 12:30", tz="UTC"))
    row = rows_by_ticker(["BTC"])["BTC"]
    later = row.summary.as_of + pd.Timedelta(seconds=5)
    quote = Quote(row.summary.symbol, row.summary.price * 1.001, later, "simulated")
    now = watchlist.at_live_price(row, quote)
    assert now.summary.price == quote.price
    assert now.summary.as_of == later
    assert (1 + now.summary.change) / (1 + row.summary.change) == pytest.approx(1.001)
    assert now.summary.above_distance == pytest.approx(now.summary.above_low / quote.price - 1)
    assert now.summary.above_distance < row.summary.above_distance
    assert now.summary.balance == row.summary.balance
    past = watchlist.at_live_price(row, quote._replace(price=row.summary.above_high * 1.0001))
    assert past.summary.above_low > row.summary.above_low
    left = past.zones[past.zones["side"] == "above"]
    assert 0 < len(left) < (row.zones["side"] == "above").sum()
    assert (left["high"] > past.summary.price).all()
    assert watchlist.at_live_price(row, quote._replace(time=row.summary.as_of)) is row
    assert watchlist.at_live_price(row, None) is row
    failed = rows_by_ticker(["N0SUCH"])["N0SUCH"]
    assert watchlist.at_live_price(failed, quote) is failed
    assert set(watchlist.live_quotes([row, failed])) == {"BTC"}


@pytest.mark.parametrize("source", ["binanceusdm", "okx"])
def test_venues_answer_side_by_side_and_a_dead_one_is_one_sentence_a_ticker(venues, source):
    request = WatchlistRequest(lookback="1M", source=source)
    rows = rows_by_ticker(["BTC", "ETH", "N0SUCH"], request)
    assert rows["BTC"].summary.source == source
    assert rows["BTC"].summary.price > 0
    assert "N0SUCH" in rows["N0SUCH"].note
    assert not rows["BTC"].provisional
    watchlist._complete_row.cache_clear()
    fetch.clear_caches()
    venues.fail(source, "503")
    dead = rows_by_ticker(["BTC", "ETH"], request)
    assert [row.summary for row in dead.values()] == [None, None]
    assert all(row.provisional and row.note.endswith(".") for row in dead.values())
    venues.heal()
    fetch.clear_caches()
    after = {name: row._replace(loaded=row.loaded - pd.Timedelta(minutes=2)) for name, row in dead.items()}
    assert all(row.summary is not None for row in rows_by_ticker(["BTC", "ETH"], request, after).values())


def test_the_simulated_market_does_not_appear_under_another_coins_name(venues):
    venues.fail("*", "503")
    rows = rows_by_ticker(["BTC", "PEPE"], WatchlistRequest(lookback="1M", source="auto"))
    assert rows["BTC"].summary.source == "simulated"
    assert "not real data" in rows["BTC"].note
    assert rows["BTC"].provisional
    assert rows["PEPE"].summary is None
    assert "PEPE" in rows["PEPE"].note


def test_the_table_is_sorted_and_numbers_stay_numbers():
    rows = rows_by_ticker(["BTC", "ETH", "SOL", "N0SUCH"])
    frame = watchlist_table(*watchlist.split_rows(rows.values()))
    assert frame["symbol"].tolist()[-1] == "N0SUCH"
    assert frame["closest"][:3].is_monotonic_increasing
    style = styled_table(frame, market_cache.utc_now(), within=0.05)
    assert tuple(style.data.columns) == COLUMNS
    numbers = [name for name in COLUMNS if name not in ("ticker", "above", "below")]
    assert all(style.data[name].dtype.kind == "f" for name in numbers)
    written = style.to_html()
    assert EMPTY in written
    assert "nan" not in written


def scan_file(**changes) -> io.BytesIO:
    """Return a scan of two markets and a failure, with cells changed: column to (row, value)."""
    heatmap = liq.estimate(market(candles([100 + np.sin(row / 3) for row in range(60)]), np.linspace(1e5, 2e5, 60)))
    one = summary.summarize(heatmap)._replace(source="simulated")
    far = one._replace(symbol="FAR/USDT:USDT", closest=0.9, above_distance=0.9, below_distance=-0.9)
    frame = pd.DataFrame([far, one]).assign(error="", as_of=pd.Timestamp("2026-11-22 11:00", tz="UTC"))
    failed = {"symbol": "GONE", "source": "okx", "error": "OKX does not list it."}
    frame = pd.concat([frame, pd.DataFrame([failed])], ignore_index=True)
    for column, (row, value) in changes.items():
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
    file = io.BytesIO()
    file.name = "scan.csv"
    frame.to_csv(file, index=False)
    return file


def test_a_scan_is_read_closest_first():
    name, frame = results.read_scan(scan_file())
    assert name == "scan.csv"
    assert frame["symbol"].tolist() == ["BTC/USDT:USDT", "FAR/USDT:USDT", "GONE"]
    assert frame["error"].tolist() == ["", "", "OKX does not list it."]
    assert frame["as_of"].max() == pd.Timestamp("2026-11-22 11:00", tz="UTC")
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    parquet.name = "scan.parquet"
    pd.testing.assert_frame_equal(results.read_scan(parquet)[1], frame, check_dtype=False)
    assert len(styled_table(frame, market_cache.utc_now()).to_html()) > 0


def test_a_scan_that_was_ranked_keeps_its_order():
    _, frame = results.read_scan(scan_file())
    ranked = io.BytesIO()
    frame.assign(rank=[2, 1, None]).to_csv(ranked, index=False)
    ranked.name = "scan.csv"
    assert results.read_scan(ranked)[1]["symbol"].tolist() == ["FAR/USDT:USDT", "BTC/USDT:USDT", "GONE"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("price", -5.0),
        ("price", np.nan),
        ("price", "dear"),
        ("price", np.inf),
        ("symbol", ""),
        ("symbol", "X" * 500),
        ("as_of", "yesterday"),
        ("as_of", "1970-01-01"),
        ("balance", 7.0),
        ("above_usd", -1.0),
        ("above_distance", -0.5),
        ("below_distance", 0.5),
    ],
)
def test_a_scan_that_makes_no_sense_is_refused_in_one_sentence(column, value):
    with pytest.raises(liq.InputError, match=f"scan.csv is no scan: {column} must be .* row 1 "):
        results.read_scan(scan_file(**{column: (1, value)}))


def test_a_file_that_is_no_scan_is_refused():
    with pytest.raises(liq.InputError, match="lacks the column 'above_low'"):
        results.read_scan(io.BytesIO(b"symbol,source,as_of,price,change\nBTC,x,2026-01-01,1,0\n"))


def start(**query) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in {"source": "simulated", "timeframe": "1M", **query}.items():
        app.query_params[name] = value
    return app.switch_page("pages/watchlist.py").run()


def tickers(app: AppTest) -> list[str]:
    return app.dataframe[0].value["ticker"].tolist()


def test_the_page_lists_tickers_and_shows_alerts(request_counts):
    app = start(watch=["BTC", "ETH", "N0SUCH"], near="5.0", size="100K")
    assert not app.exception
    assert not app.error
    assert set(tickers(app)) == {"BTC", "ETH", "N0SUCH"}
    assert tickers(app)[-1] == "N0SUCH"
    assert any("invented" in said.value for said in app.warning)
    said = [caption.value for caption in app.caption]
    assert any("N0SUCH" in words and "has no" in words for words in said)
    assert any("an estimated" in words and "UTC" in words for words in said)
    count = dict(request_counts)
    app.slider(key="near").set_value(1.0).run()
    assert dict(request_counts) == count
    app.multiselect(key="watch").set_value(["SOL"]).run()
    assert tickers(app) == ["SOL"]
    assert dict(request_counts) == {**count, "SOL": 1}
    app.multiselect(key="watch").set_value([]).run()
    assert not app.exception


def test_the_page_begins_with_what_the_source_trades_most():
    app = start()
    assert set(tickers(app)) == {"BTC", "ETH", "SOL", "XRP", "DOGE", "BNB"}


def test_the_page_shows_a_scan_from_the_environment_and_refuses_nonsense(monkeypatch, tmp_path):
    file = tmp_path / "scan.csv"
    file.write_bytes(scan_file().getvalue())
    monkeypatch.setenv("LIQ_SCAN", str(file))
    app = start(watch="BTC")
    assert app.dataframe[1].value["ticker"].tolist() == ["BTC", "FAR", "GONE"]
    assert any("3 markets" in caption.value for caption in app.caption)
    assert len([said for said in app.warning if "invented" in said.value]) == 2  # the list's, and the scan's
    file.write_bytes(scan_file(price=(1, -1.0)).getvalue())
    app = start(watch="BTC")
    assert len(app.error) == 1
    assert "price must be" in app.error[0].value
    assert not app.exception
    monkeypatch.setenv("LIQ_SCAN", str(tmp_path / "none"))
    app = start(watch="BTC")
    assert "cannot be read" in app.error[0].value
    app = start(source="file")
    assert not app.exception
