"""Windows of the past: which files they are made of, where they begin and end, and whose they are."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liq
from liq.errors import InputError
from liq.market import LOOKBACKS
from liq.sources import fetch, market_cache
from liq.sources.archive.market import _periods
from liq.sources.archive.symbols import candidates
from liq.sources.file_worker import readers
from liq.sources.files.table import named_buffer
from tests.venue_server import VenueServer, formula
from tests.venue_server.venues import archive_files

YOUNG = dict(symbol="PEPE", lookback="3d", source="archive", as_of="2023-05-09")
"""A window four days after its coin was listed: few files, so a test of it is quick."""


def files_asked(server: VenueServer) -> list[str]:
    """Return the names of the files that were asked for, without checksums."""
    return re.findall(r"([\w-]+)\.zip\?", " ".join(path for venue, path in server.log if venue == "archive"))


@pytest.mark.parametrize("as_of", ["2024-11-29", "2025-09-10 07:50", None], ids=["two years ago", "midday", "newest"])
def test_a_window_of_any_age_holds_the_bars_of_its_time_and_the_same_warmup(archive: VenueServer, as_of: str | None):
    market, window = liq.fetch("BTC", "7d", "archive", as_of=as_of), LOOKBACKS["7d"]
    newest = market_cache.utc_now().floor("D") - pd.Timedelta(days=archive.knobs.archive_days_late)
    end = newest if as_of is None else pd.Timestamp(as_of, tz="UTC").floor("15min")
    assert (market.as_of, market.start) == (end, end - window.window)
    assert market.times[0] <= market.start - window.warmup
    assert not market.forming
    opens = market.visible.index.as_unit("ms").asi8
    assert np.allclose(market.visible["close"], formula.price("binanceusdm", "BTC", opens + 900_000))
    assert np.allclose(market.visible["open"], formula.price("binanceusdm", "BTC", opens))
    interest = market.open_interest.reindex(market.visible.index).to_numpy()
    closes = opens + (900_000 if end < archive_files.MIDNIGHT_SINCE.tz_localize("UTC") else 600_000)
    known = formula.interest("binanceusdm", "BTC", closes)
    assert np.isclose(interest, known, rtol=0.01).mean() > 0.95


def test_a_window_of_the_past_says_that_it_is_not_live(archive: VenueServer):
    market = liq.fetch(**YOUNG)
    assert market.source == "archive"
    assert market.notes[0] == (
        "From Binance's archive, 1000PEPEUSDT up to 2023-05-09 00:00 UTC: a window of the past, not live."
    )


def test_whole_months_come_by_the_month_and_the_rest_by_the_day(archive: VenueServer):
    liq.fetch("BTC", "7d", "archive", as_of="2025-03-09")
    klines = [name for name in files_asked(archive) if "metrics" not in name]
    days = pd.date_range("2025-01-31", "2025-01-31").append(pd.date_range("2025-03-01", "2025-03-08"))
    assert sorted(klines) == sorted(["BTCUSDT-15m-2025-02", *(f"BTCUSDT-15m-{day:%Y-%m-%d}" for day in days)])


@given(
    first=st.dates(pd.Timestamp("2020-01-01").date(), pd.Timestamp("2026-06-01").date()),
    length=st.integers(1, 400),
    months=st.sets(st.integers(0, 90)),
)
def test_every_day_of_a_window_is_in_one_file_of_the_plan(first, length: int, months: set[int]):
    days = pd.date_range(pd.Timestamp(first, tz="UTC"), periods=length)
    listed = [
        f"{month:%Y-%m}" for row, month in enumerate(pd.date_range("2019-09", periods=91, freq="MS")) if row in months
    ]
    every = [f"{day:%Y-%m-%d}" for day in days]
    plan = _periods(days[0], days[-1], listed, every, pd.Timestamp("2026-11-01", tz="UTC"))
    covered = [day for period in plan for day in every if day.startswith(period)]
    assert covered == every
    assert all(len(period) == 10 or period in listed for period in plan)
    assert all(
        len(period) == 10 or pd.Timestamp(period).days_in_month == sum(d.startswith(period) for d in every)
        for period in plan
    )


def test_the_newest_day_is_found_without_trying_one_after_the_other(archive: VenueServer):
    archive.knobs.archive_days_late = 3
    market = liq.fetch("BTC", "1d", "archive")
    assert market.as_of == market_cache.utc_now().floor("D") - pd.Timedelta(days=3)
    listings = [path for _, path in archive.log if path.startswith("?")]
    assert len(listings) <= 3
    assert all(status not in path for _, path in archive.log for status in ("404",))
    assert len(archive.log) == len(listings) + 2 * len(files_asked(archive))


def hand_made_zip(server: VenueServer) -> io.BytesIO:
    """Return one zip with the CSV files that the server gave, as a person would pack them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in dict.fromkeys(files_asked(server)):
            symbol, kind, period = name.split("-", 2)
            one = (
                archive_files.metrics(symbol, period, None)
                if kind == "metrics"
                else archive_files.klines(symbol, kind, period, None)
            )
            with zipfile.ZipFile(io.BytesIO(one)) as content:
                packed.writestr(f"{name}.csv", content.read(f"{name}.csv"))
    return named_buffer(buffer.getvalue(), "by_hand.zip")


@pytest.mark.parametrize("missing", [(), ("metrics-2025-02-20", "15m-2025-03-04")], ids=["whole", "with holes"])
def test_the_same_files_given_by_hand_make_the_same_map_to_the_last_bit(
    archive: VenueServer, missing: tuple[str, ...]
):
    archive.knobs.archive_missing = missing
    from_archive = liq.fetch("BTC", "7d", "archive", as_of="2025-03-09")
    by_hand = readers.read_market(hand_made_zip(archive), lookback="7d", as_of="2025-03-09")
    assert from_archive.candles.equals(by_hand.candles)
    assert from_archive.open_interest.equals(by_hand.open_interest)
    one, other = liq.estimate(from_archive), liq.estimate(by_hand)
    for name in ("long", "short", "edges"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.swept.equals(other.swept)


def test_a_day_that_is_missing_is_a_hole_that_is_said(archive: VenueServer):
    archive.knobs.archive_missing = ("metrics-2023-05-06", "5m-2023-05-07")
    market = liq.fetch(**YOUNG)
    days = pd.Series(market.visible.index.floor("D")).unique()
    assert [f"{day:%d}" for day in days] == ["06", "08"]
    of_sixth = market.open_interest[market.times.floor("D") == pd.Timestamp("2023-05-06", tz="UTC")]
    assert of_sixth.iloc[1:].isna().all()
    notes = " ".join(market.notes)
    assert "The archive lacks 288 bars in 1 place, from 2023-05-07 00:00 UTC (24 h)." in notes
    assert "The archive has no open interest of 2023-05-06: it is unknown there." in notes


@pytest.mark.parametrize(
    ("ticker", "as_of", "symbol", "said"),
    [
        ("MATIC", "2023-10-11", "MATIC/USDT:USDT", ""),
        ("POL", "2023-10-11", "MATIC/USDT:USDT", "POL was MATIC until 2024-09 (Polygon); this is MATIC."),
        ("MATIC", "2025-10-11", "POL/USDT:USDT", "MATIC was renamed POL in 2024-09 (Polygon); this is POL."),
        ("BINANCE:MATICUSDT.P", "2023-10-11", "MATIC/USDT:USDT", ""),
        ("PEPE", "2024-03-01", "1000PEPE/USDT:USDT", "1000PEPE is 1,000 PEPE: prices and coins are of so many."),
        ("kPEPE", "2024-03-01", "1000PEPE/USDT:USDT", "1000PEPE is 1,000 PEPE: prices and coins are of so many."),
        ("WIF/BUSD", "2024-01-25", "WIF/BUSD:BUSD", ""),
        ("WIF/BUSD", "2024-06-01", "WIF/USDT:USDT", "The archive has no WIF/BUSD then; this is WIF/USDT."),
        (
            "BYBIT:WIFUSDT.P",
            "2024-06-01",
            "WIF/USDT:USDT",
            "BYBIT names another venue than the source; this is Binance's.",
        ),
    ],
)
def test_a_coin_is_found_by_the_name_it_had(archive: VenueServer, ticker: str, as_of: str, symbol: str, said: str):
    market = liq.fetch(ticker, "1d", "archive", as_of=as_of)
    assert market.symbol == symbol
    assert market.as_of == pd.Timestamp(as_of, tz="UTC")
    assert not said or said in market.notes


def test_a_coin_that_has_ended_shows_its_last_days(archive: VenueServer):
    market = liq.fetch("LUNA", "1d", "archive")
    assert market.as_of == pd.Timestamp(archive_files.SYMBOLS["LUNAUSDT"].until, tz="UTC")
    later = liq.fetch("LUNA", "1d", "archive", as_of="2023-01-01")
    assert later.candles.equals(market.candles)
    assert "The archive has no candles from 2022-05-13 00:00 UTC to the moment asked for." in later.notes


def test_the_last_days_of_a_coin_have_their_whole_warmup(archive: VenueServer):
    market = liq.fetch("MATIC", "1d", "archive", as_of="2024-10-20")  # days later than a listing for it begins
    assert (market.symbol, f"{market.as_of:%Y-%m-%d}") == ("MATIC/USDT:USDT", "2024-09-11")
    assert market.times[0] <= market.start - LOOKBACKS["1d"].warmup
    assert not any("no open interest of 2024-09-11" in note for note in market.notes)


def test_a_coin_that_was_renamed_this_month_is_found_by_the_name_before(archive: VenueServer):
    market = liq.fetch("POL", "1d", "archive", as_of="2024-09-12")
    assert (market.symbol, f"{market.as_of:%Y-%m-%d}") == ("MATIC/USDT:USDT", "2024-09-11")


def test_tickers_are_those_of_the_archive_the_delisted_ones_among_them(archive: VenueServer):
    assert fetch.known_tickers("archive") == []
    tickers = liq.tickers("archive")
    assert tickers[:3] == ["BTC", "ETH", "SOL"]
    assert {"LUNA", "MATIC", "POL", "1000PEPE", "WIF/BUSD:BUSD"} <= set(tickers)
    assert fetch.known_tickers("archive") == tickers


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (dict(symbol="NOSUCH"), "Binance's archive has no perpetual 'NOSUCH'; near it: "),
        (dict(as_of="2018-01-01"), "as_of is 2018-01-01; Binance's archive begins in September 2019."),
        (dict(as_of="01/02/2025"), "as_of must be a time such as 2026-01-31 12:00, not '01/02/2025'."),
        (dict(symbol="PEPE", as_of="2021-01-01"), "Binance's archive has nothing of 1000PEPE before 2021-01-01."),
        (dict(symbol="PEPE", as_of="2023-05-02"), "Binance's archive has nothing of 1000PEPE before 2023-05-02."),
        (dict(as_of="2019-09-05"), "Binance's archive has nothing of BTC before 2019-09-05."),
        (dict(source="simulated", as_of="2025-01-01"), "as_of is for source archive; "),
        (dict(source="auto", as_of="2025-01-01"), "as_of is for source archive; "),
        (dict(lookback="9d"), "lookback must be one of "),
    ],
    ids=str,
)
def test_what_the_archive_cannot_have_is_refused_in_one_sentence(archive: VenueServer, asked: dict, sentence: str):
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}.*$"):
        liq.fetch(**{"symbol": "BTC", "lookback": "1d", "source": "archive", **asked})


def test_progress_counts_the_files(archive: VenueServer):
    steps: list[tuple[int, int]] = []
    liq.fetch(**YOUNG, on_progress=lambda what, done, total: steps.append((done, total)))
    assert steps == [(done, len(steps)) for done in range(1, len(steps) + 1)]
    assert len(steps) == 8


def test_where_binance_refuses_the_archive_is_offered_in_words_and_never_taken(archive: VenueServer):
    archive.fail("binanceusdm", "451")
    market = liq.fetch("BTC", "12h", "auto")
    assert market.source != "archive"
    offer = "source archive shows Binance, up to the day before yesterday."
    assert sum(offer in note for note in market.notes) == 1
    assert archive.calls["archive"] == 0
    with pytest.raises(liq.SourceError, match=r"or archive for its past\.$"):
        liq.fetch("BTC", "12h", "binanceusdm")


def test_the_likeliest_meaning_of_a_ticker_comes_first():
    assert candidates("btcusdc")[0].id == "BTCUSDC"
    assert candidates("XBT")[0].id == "BTCUSDT"
