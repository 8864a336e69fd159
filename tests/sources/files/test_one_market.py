"""A set of files is one market: of one coin, its bars apart, its prices meeting; everything else is one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from liq.errors import InputError
from liq.sources.files.market_file import read_liquidations, read_market
from liq.sources.venues.symbols import coin_in_name, coin_in_symbol
from tests.sources.files.test_market_file import FIRST, buffer, recording


def plain(days=4.0, minutes=5, first=0, scale=1.0):
    """Return candles alone, `first` days after the first of the tests' recording."""
    frame = recording(days, minutes).drop(columns="open_interest")
    frame["open_time_ms"] += int(first * 86_400_000)
    frame[["open", "high", "low", "close"]] *= scale
    return frame


def metrics(frame, symbol):
    """Return open interest as the archive's metrics have it."""
    times = pd.to_datetime(frame["open_time_ms"] + 300_000, unit="ms").dt.strftime("%Y-%m-%d %H:%M:%S")
    return pd.DataFrame({"create_time": times, "symbol": symbol, "sum_open_interest": 90_000.0 + frame.index % 50})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("btcusdt_5m.csv", ("BTC", "USDT")),
        ("BINANCE_BTCUSDT.P, 5.csv", ("BTC", "USDT")),
        ("ETH-USDT.parquet", ("ETH", "USDT")),
        ("1000pepeusdt.csv", ("1000PEPE", "USDT")),
        ("btc_liquidations_1h.csv", ("BTC", "")),
        ("BTC_USDT_USDT-1h-futures.json", ("BTC", "USDT")),
        ("Binance_BTCUSDT_1h.csv", ("BTC", "USDT")),
        ("binance-futures_liquidations_2026-01-05_BTCUSDT.csv", ("BTC", "USDT")),
        ("XBTUSD.csv", ("BTC", "USD")),
        ("BTC-PERP.csv", ("BTC", "")),
        ("WIF-USD.csv", ("WIF", "USD")),
        ("coinglass.csv", ("", "")),
        ("longs_usd.csv", ("", "")),
        ("longVolUsd.csv", ("", "")),
        ("oi_usd.csv", ("", "")),
        ("mean_usd.csv", ("", "")),
        ("liq.csv", ("", "")),
        ("my bars.csv", ("", "")),
        ("2026-01-05.csv", ("", "")),
    ],
)
def test_the_coin_of_a_name(name, expected):
    assert coin_in_name(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BTCUSDT", ("BTC", "USDT")),
        ("BTC/USDT:USDT", ("BTC", "USDT")),
        ("BTC-USDT-SWAP", ("BTC", "USDT")),
        ("BTCUSDT_PERP.A", ("BTC", "USDT")),
        ("XBTUSDTM", ("BTC", "USDT")),
        ("BINANCE:ETHUSDT.P", ("ETH", "USDT")),
        ("BTC-PERPETUAL", ("BTC", "")),
        ("DOTUSD", ("DOT", "USD")),
        ("SOL", ("SOL", "")),
        ("", ("", "")),
    ],
)
def test_the_coin_of_a_symbol(text, expected):
    assert coin_in_symbol(text) == expected


ETH = {
    "by its column": lambda: buffer(metrics(plain(), "ETHUSDT"), "metrics.csv"),
    "by its name": lambda: buffer(metrics(plain(), "x").drop(columns="symbol"), "ETHUSDT-metrics.csv"),
    "candles": lambda: buffer(plain(first=4), "ethusdt_5m.csv"),
}


@pytest.mark.parametrize("case", ETH)
def test_two_coins_are_named_with_their_files(case):
    with pytest.raises(
        InputError, match=r"two coins, BTC \(btcusdt\.csv\) and ETH \(.*csv\): leave one of them out\."
    ):
        read_market([buffer(plain(), "btcusdt.csv"), ETH[case]()])


def test_three_coins_and_many_files_fit_into_a_sentence():
    files = [buffer(plain(1, first=day), f"btcusdt_{day}.csv") for day in range(6)]
    others = [buffer(metrics(plain(), coin), f"{coin}.csv") for coin in ("ETHUSDT", "SOLUSDT")]
    with pytest.raises(
        InputError, match=r"three coins, BTC \(btcusdt_0\.csv, .* and 3 more\), ETH .*all but one out"
    ):
        read_market([*files, *others])


def test_quotes_of_a_coin_are_the_same_coin_for_open_interest():
    for symbol in ("BTCUSDC", "BTC-PERP", "XBTUSD", "BTC"):
        market = read_market(
            [buffer(plain(), "btcusdt.csv"), buffer(metrics(plain(), symbol), "m.csv")], lookback="1d"
        )
        assert market.open_interest.notna().all()
        assert market.symbol == "BTC/USDT:USDT"
    with pytest.raises(InputError, match=r"two markets, BTCUSDT \(btcusdt.csv\) and BTCUSDC \(btcusdc.csv\)"):
        read_market([buffer(plain(), "btcusdt.csv"), buffer(plain(scale=1.001), "btcusdc.csv")])


def test_files_of_another_coin_than_asked_for_are_refused():
    with pytest.raises(InputError, match=r"btcusdt_5m.csv is of BTC, not of ETH"):
        read_market(buffer(plain()), symbol="ETH")
    assert read_market(buffer(plain(), "bars.csv"), symbol="ETH", lookback="1d").symbol == "ETH/USDT:USDT"
    assert read_market(buffer(plain()), symbol="BTCUSDT", lookback="1d").candles["volume"].sum() > 0
    liquidations = recording(3, 60, liquidations=True)[["open_time_ms", "long", "short"]]
    with pytest.raises(InputError, match="of BTC, not of ETH"):
        read_liquidations(buffer(liquidations, "btc_liq.csv"), symbol="ETH/USDT:USDT")
    assert len(read_liquidations(buffer(liquidations, "btc_liq.csv"), symbol="FILE/USDT:USDT")) == 72


def test_a_table_of_several_coins_is_read_where_one_is_named():
    both = pd.concat([plain().assign(symbol="BTCUSDT"), plain(scale=0.05).assign(symbol="ETHUSDT")])
    with pytest.raises(InputError, match=r"all\.csv has rows of BTC and ETH: leave only those of one"):
        read_market(buffer(both, "all.csv"))
    for market in (
        read_market(buffer(both, "all.csv"), symbol="ETH", lookback="1d"),
        read_market(buffer(both, "ethusdt.csv"), lookback="1d"),
        read_market([buffer(both, "all.csv"), buffer(metrics(plain(), "ETHUSDT"), "m.csv")], lookback="1d"),
    ):
        assert market.symbol == "ETH/USDT:USDT"
        assert market.candles["close"].max() < 3_000
        assert "Rows of ETH are used; 1,152 of other coins are left out." in market.notes[0]
    with pytest.raises(InputError, match="rows of BTC and ETH, none of SOL"):
        read_market(buffer(both, "all.csv"), symbol="SOL")
    quotes = pd.concat([plain().assign(symbol="BTCUSDT"), plain().assign(symbol="BTCUSDC")])
    with pytest.raises(InputError, match="has candles of BTCUSDC and BTCUSDT"):
        read_market(buffer(quotes, "all.csv"))


@pytest.mark.parametrize("cuts", [[1, 2, 3, 4], [1], [2, 3]])
def test_files_may_have_one_bar_each(cuts):
    days = plain(5, 1440)
    parts = np.split(np.arange(5), cuts)
    files = [buffer(days.iloc[rows], f"btcusdt_{rows[0]}.csv") for rows in parts]
    market = read_market(files, lookback="3M")
    pd.testing.assert_frame_equal(market.candles, read_market(buffer(days), lookback="3M").candles)
    assert not any("lacks" in note or "of one length" in note for note in market.notes)


def test_one_bar_is_too_few_whatever_its_volume():
    with pytest.raises(InputError, match="holds one bar"):
        read_market(buffer(plain()[:1]))


def test_lengths_that_overlap_are_named():
    with pytest.raises(InputError) as caught:
        read_market([buffer(plain(), "btc_5m.csv"), buffer(plain(4, 15, first=2), "btc_15m.csv")])
    assert str(caught.value) == (
        "The files have bars of 5 min (btc_5m.csv) and bars of 15 min (btc_15m.csv) for the same time, 2026-01-07 "
        "00:00 to 2026-01-08 23:55 UTC: leave those of one length out."
    )


def test_older_bars_may_be_longer_and_lack_nothing():
    older, newer = plain(4, 60), plain(4, 5, first=4)
    newer[["open", "high", "low", "close"]] *= older["close"].iloc[-1] / newer["open"].iloc[0]
    market = read_market([buffer(newer, "btc_new.csv"), buffer(older, "btc_old.csv")], lookback="3d")
    assert not any("lacks" in note for note in market.notes)
    assert any("1 h from 2026-01-05 00:00, 5 min from 2026-01-09 00:00" in note for note in market.notes)
    assert market.candles["volume"].sum() == pytest.approx(older["volume"].sum() + newer["volume"].sum())
    assert market.as_of == FIRST + pd.Timedelta(days=8)
    early = read_market([buffer(newer, "a.csv"), buffer(older, "b.csv")], as_of="2026-01-07 12:30", lookback="1d")
    assert early.as_of == pd.Timestamp("2026-01-07 12:00", tz="UTC")
    gap = read_market([buffer(newer, "a.csv"), buffer(older.drop(index=[5, 6]), "b.csv")], lookback="3d")
    assert [note for note in gap.notes if "lacks" in note] == [
        "The file lacks 2 bars in 1 place, from 2026-01-05 05:00 UTC (2 h)."
    ]


def test_open_interest_is_read_at_the_close_of_each_bar_whatever_its_length():
    older, newer = plain(4, 60), plain(4, 5, first=4)
    newer[["open", "high", "low", "close"]] *= older["close"].iloc[-1] / newer["open"].iloc[0]
    readings = plain(8, 5)
    files = [buffer(older, "a.csv"), buffer(newer, "b.csv"), buffer(metrics(readings, "BTCUSDT"), "m.csv")]
    market = read_market(files, lookback="7d")
    first = market.open_interest.iloc[0]  # of the bar that closes at 01:00, read then
    assert first == 90_000.0 + 11 % 50
    assert market.open_interest.notna().all()


def test_what_two_files_repeat_is_taken_once_and_a_difference_is_named():
    frame = plain()
    market = read_market([buffer(frame[:800], "a.csv"), buffer(frame[700:], "b.csv")], lookback="1d")
    pd.testing.assert_frame_equal(market.candles, read_market(buffer(frame), lookback="1d").candles)
    assert any("100 bars that two files have are taken once." in note for note in market.notes)
    other = frame[700:].assign(volume=frame["volume"].where(frame.index != 750, 1.5))
    with pytest.raises(InputError) as caught:
        read_market([buffer(frame[:800], "a.csv"), buffer(other, "b.csv")])
    assert "a.csv and b.csv differ at 2026-01-07 14:30 UTC: volume is 11 in one and 1.5 in the other" in str(
        caught.value
    )


def test_liquidations_and_open_interest_of_two_files_are_held_together_too():
    rows = recording(3, 60, liquidations=True)[["open_time_ms", "long", "short"]]
    assert len(read_liquidations([buffer(rows[:50], "a.csv"), buffer(rows[40:], "b.csv")])) == 72
    with pytest.raises(InputError, match=r"a\.csv and b\.csv differ at 2026-01-06 16:00 UTC: long"):
        read_liquidations([buffer(rows[:50], "a.csv"), buffer(rows[40:].assign(long=1.5), "b.csv")])
    one, two = metrics(plain(), "BTCUSDT"), metrics(plain(), "BTCUSDT").assign(sum_open_interest=5.0)
    with pytest.raises(InputError, match=r"m\.csv and n\.csv differ .*open_interest is 90,000 in one and 5"):
        read_market([buffer(plain()), buffer(one, "m.csv"), buffer(two, "n.csv")])


@pytest.mark.parametrize(("scale", "days"), [(0.03, 4), (1.6, 4), (0.03, 4 + 5 / 288)])
def test_prices_that_do_not_meet_are_refused(scale, days):
    with pytest.raises(
        InputError, match=r"The prices of one\.csv and two\.csv do not meet: one closes at 4.*opens at"
    ):
        read_market([buffer(plain(), "one.csv"), buffer(plain(first=days, scale=scale), "two.csv")])


def test_prices_that_meet_and_those_far_apart_in_time_pass():
    for days, scale in ((4, 1.02), (40, 3.0)):
        files = [buffer(plain(), "one.csv"), buffer(plain(first=days, scale=scale), "two.csv")]
        assert read_market(files, lookback="1d").symbol == "FILE/USDT:USDT"


def test_the_share_of_bars_with_open_interest_is_said():
    frame = plain()
    half = read_market([buffer(frame), buffer(metrics(frame, "BTCUSDT")[576:], "m.csv")], lookback="1d")
    assert any("Open interest is known for 50 % of the bars." in note for note in half.notes)
    none = read_market([buffer(frame), buffer(metrics(plain(first=9), "BTCUSDT"), "m.csv")], lookback="1d")
    (note,) = [note for note in none.notes if "so no bar has any" in note]
    assert "2026-01-14 00:05" in note
    assert "the candles of 2026-01-05 00:00" in note
    assert none.open_interest is None


def test_liquidations_that_do_not_fit_the_bars_are_said():
    frame = plain()
    rows = recording(4, 60, liquidations=True)[["open_time_ms", "long", "short"]]
    market = read_market([buffer(frame), buffer(rows, "liq.csv")], lookback="1d")
    assert any("Liquidations are by 1 h, longer than the candles' bars" in note for note in market.notes)
    assert market.liquidations is None
    rows["open_time_ms"] += 86_400_000 * 30
    later = read_market([buffer(frame), buffer(rows, "liq.csv")], lookback="1d")
    assert any("Liquidations are of 2026-02-04 00:00 to" in note for note in later.notes)
    fine = recording(4, liquidations=True)[["open_time_ms", "long", "short"]]
    assert np.isfinite(read_market([buffer(frame), buffer(fine, "liq.csv")], lookback="1d").liquidations).all(
        axis=None
    )
