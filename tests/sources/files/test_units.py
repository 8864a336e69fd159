"""Open interest and volume in any unit come out in coins, are refused, or are said to be in doubt."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.errors import InputError
from liq.sources.files.content import interest_columns
from liq.sources.files.joined import agreed
from liq.sources.files.market_file import read_market
from liq.sources.files.units import POWER, SHARE, in_coins
from liq.sources.simulation.market import simulate
from tests.sources.files.test_market_file import DATA, buffer, real, recording

RECORDINGS = (
    "btcusdt_binance_5m_2025-12_2026-01",
    "ethusdt_binance_5m_2025-12_2026-01",
    "ethusdt_binance_5m_2026-01_2026-02",
    "solusdt_binance_5m_2026-01_2026-02",
)
BARS = {"5min": 5, "15min": 15, "1h": 60, "4h": 240}


def converted(frame: pd.DataFrame, minutes: int, named: str = "") -> tuple[pd.DataFrame | None, list[str]]:
    """Return candles in coins and the notes, or None and the sentence that refuses them."""
    try:
        return in_coins(frame, np.full(len(frame), np.timedelta64(minutes, "m")), named)
    except InputError as error:
        return None, [str(error)]


def is_untouched(got: pd.DataFrame | None, frame: pd.DataFrame) -> bool:
    return got is not None and got[["open_interest", "volume"]].equals(frame[["open_interest", "volume"]])


@cache
def recorded(name: str, bar: str) -> pd.DataFrame:
    frame = pd.read_csv(Path(DATA) / f"{name}.csv.gz")
    frame.index = pd.to_datetime(frame.pop("open_time_ms"), unit="ms", utc=True)
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "open_interest": "last"}
    return frame.resample(bar).agg(how)


def windows(name: str, bar: str) -> list[pd.DataFrame]:
    """Return all of a recording, and its windows of 1, 3 and 7 days."""
    frame, day = recorded(name, bar), 1440 // BARS[bar]
    lengths = (day, 3 * day, 7 * day)
    return [frame, *(frame[row : row + n] for n in lengths for row in range(0, len(frame) - n + 1, n))]


@real
@pytest.mark.parametrize("bar", BARS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_real_coins_pass_in_every_window_and_no_other_unit_does(name, bar):
    for frame in windows(name, bar):
        got, notes = converted(frame, BARS[bar])
        assert (is_untouched(got, frame), notes) == (True, []), frame.index[0]
        got, notes = converted(frame.assign(open_interest=frame["open_interest"] * frame["close"]), BARS[bar])
        assert "dollars" in notes[0]
        np.testing.assert_allclose(got["open_interest"], frame["open_interest"], rtol=1e-12)
        assert got["volume"].equals(frame["volume"])
        for contracts in (100, 1000, 10_000):
            got, notes = converted(frame.assign(open_interest=frame["open_interest"] * contracts), BARS[bar])
            assert notes
            if got is not None:
                np.testing.assert_allclose(got["open_interest"], frame["open_interest"], rtol=1e-12)
        got, notes = converted(frame.assign(volume=frame["volume"] * frame["close"]), BARS[bar])
        np.testing.assert_allclose(got["volume"], frame["volume"], rtol=1e-12)
        assert "Volume fits" in notes[0]


@real
@pytest.mark.parametrize("bar", ["5min", "15min"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_dollars_are_told_at_a_price_of_one_by_their_slope(name, bar):
    for frame in [*windows(name, bar)[-4:], recorded(name, bar)]:
        cheap = frame.assign(close=frame["close"] / frame["close"].iloc[0])
        got, notes = converted(cheap, BARS[bar])
        assert (is_untouched(got, cheap), notes) == (True, [])
        dollars = cheap.assign(open_interest=cheap["open_interest"] * cheap["close"])
        got, notes = converted(dollars, BARS[bar])
        assert "as dollars" in notes[0]
        np.testing.assert_allclose(got["open_interest"], cheap["open_interest"], rtol=1e-12)


def market(price: float, minutes: int, bars: int, days: float, seed: int) -> pd.DataFrame:
    """Return a market of that price whose open interest is so many days of volume and changes as it usually does."""
    rng = np.random.default_rng(seed)
    volume = 1e9 / price * minutes / 1440 * rng.lognormal(0, 0.5, bars)
    share = SHARE * (minutes / 5) ** -POWER
    changes = share * volume * rng.choice([-1, 1], bars) * rng.lognormal(0, 0.3, bars)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.0015 * (minutes / 5) ** 0.5, bars)))
    level = days * volume.mean() * 1440 / minutes
    interest = np.maximum(level + np.cumsum(changes) - changes.mean() * np.arange(bars), level / 4)
    times = pd.date_range("2026-01-05", periods=bars, freq=f"{minutes}min", tz="UTC")
    return pd.DataFrame({"close": close, "volume": volume, "open_interest": interest}, index=times)


MARKETS = st.builds(
    market,
    st.floats(-2, 5).map(lambda power: 10**power),
    st.sampled_from([5, 15, 60, 240]),
    st.integers(20, 1500),
    st.floats(0.3, 4),
    st.integers(0, 10**6),
)


@settings(max_examples=150, deadline=None)
@given(MARKETS)
def test_coins_stay_coins(frame):
    minutes = int((frame.index[1] - frame.index[0]).total_seconds() / 60)
    assert is_untouched(converted(frame, minutes)[0], frame)


@settings(max_examples=150, deadline=None)
@given(MARKETS)
def test_dollars_are_coins_again_or_doubtful(frame):
    minutes = int((frame.index[1] - frame.index[0]).total_seconds() / 60)
    dollars = frame.assign(open_interest=frame["open_interest"] * frame["close"])
    got, notes = converted(dollars, minutes)
    price = float(frame["close"].median())
    assert notes or 0.8 < price < 1.25
    if not 0.004 < price < 150:  # no other unit of one coin comes near; what is between may be refused or in doubt
        assert got is not None
        np.testing.assert_allclose(got["open_interest"], frame["open_interest"], rtol=1e-12)


@settings(max_examples=150, deadline=None)
@given(MARKETS, st.sampled_from([100.0, 1000.0, 10_000.0]))
def test_contracts_never_pass_as_coins(frame, contracts):
    minutes = int((frame.index[1] - frame.index[0]).total_seconds() / 60)
    in_contracts = frame.assign(open_interest=frame["open_interest"] * contracts)
    got, notes = converted(in_contracts, minutes)
    assert notes
    assert not is_untouched(got, in_contracts)


@settings(max_examples=100, deadline=None)
@given(MARKETS)
def test_volume_in_dollars_is_coins_again_or_doubtful(frame):
    minutes = int((frame.index[1] - frame.index[0]).total_seconds() / 60)
    got, notes = converted(frame.assign(volume=frame["volume"] * frame["close"]), minutes)
    if float(frame["close"].median()) > 1000:
        np.testing.assert_allclose(got["volume"], frame["volume"], rtol=1e-12)
        assert "Volume fits" in notes[0]


@pytest.mark.parametrize("coin", ["BTC", "SOL", "DOGE", "XRP"])
@pytest.mark.parametrize("lookback", ["12h", "7d", "1M"])
def test_the_simulated_market_passes(coin, lookback):
    simulated = simulate(coin, lookback, now="2026-09-01")
    minutes = int(simulated.bar.total_seconds() / 60)
    frame = simulated.candles.assign(open_interest=simulated.open_interest)[-len(simulated.visible) :]
    got, notes = converted(frame, minutes)
    assert (is_untouched(got, frame), notes) == (True, [])


def test_a_file_in_another_unit_gives_the_same_market_and_says_so():
    frame = recording(7)
    coins = read_market(buffer(frame), lookback="3d")
    for name in ("open_interest", "openInterestUsd", "sum_open_interest_value", "oi_usd", "open interest (USD)"):
        dollars = frame.assign(open_interest=frame["open_interest"] * frame["close"])
        market = read_market(buffer(dollars.rename(columns={"open_interest": name})), lookback="3d")
        np.testing.assert_allclose(market.open_interest, coins.open_interest, rtol=1e-12)
        assert any("dollars: it is divided by price" in note for note in market.notes), name


def test_open_interest_beside_candles_is_told_by_its_size():
    frame = recording(7)
    times = frame["open_time_ms"] // 1000
    dollars = frame["open_interest"] * frame["close"]
    series = pd.DataFrame({"t": times, "o": dollars, "h": dollars, "l": dollars, "c": dollars})
    candles = buffer(frame.drop(columns="open_interest"))
    market = read_market([candles, buffer(series, "coinalyze_oi.csv")], lookback="3d")
    reference = read_market(buffer(frame), lookback="3d")
    np.testing.assert_allclose(market.open_interest, reference.open_interest, rtol=1e-12)
    assert any("only as dollars" in note for note in market.notes)


def test_contracts_are_coins_where_the_file_has_their_size():
    frame = recording(7)
    named = frame.assign(oi_contracts=frame["open_interest"] * 100, contract_size=0.01).drop(columns="open_interest")
    market = read_market(buffer(named), lookback="3d")
    reference = read_market(buffer(frame), lookback="3d").open_interest
    np.testing.assert_allclose(market.open_interest, reference, rtol=1e-12)


def test_what_fits_nothing_is_refused_with_its_numbers():
    frame = recording(7)
    frame["open_interest"] = 2.43e15 + frame["open_interest"]
    with pytest.raises(
        InputError, match=r"open interest is 2,430,000,000,090,0\d\d and a day's volume 3,7\d\d coins"
    ):
        read_market(buffer(frame))
    named = read_market(buffer(frame.assign(open_interest=9e5).rename(columns={"open_interest": "oi_coins"})))
    assert named.open_interest.iloc[-1] == 9e5


@pytest.mark.parametrize("bars", [2, 3, 4])
@pytest.mark.parametrize("factor", [1e3, 5e4])
def test_a_handful_of_bars_is_judged_by_size_alone(bars, factor):
    frame = recording(7)[:bars].assign(volume=1_000.0)
    frame.index = pd.to_datetime(frame["open_time_ms"], unit="ms", utc=True)
    assert read_market(buffer(frame), lookback="12h").open_interest.iloc[-1] == frame["open_interest"].iloc[-1]
    got, notes = converted(frame.assign(open_interest=frame["open_interest"] * factor), 5)
    assert ("Open interest fits" if got is not None else "do not go together") in notes[0]
    assert got is None or got["open_interest"].iloc[-1] < 2 * frame["open_interest"].iloc[-1]


def test_a_turnover_that_no_market_has_is_dollars_or_refused():
    frame = recording(7).drop(columns="open_interest")
    in_dollars = frame.assign(volume=frame["volume"] * frame["close"] * 1000)
    market = read_market(buffer(in_dollars), lookback="3d")
    assert market.candles["volume"].iloc[-1] == pytest.approx(1000 * frame["volume"].iloc[-1])
    assert any("Volume fits only as dollars" in note for note in market.notes)
    with pytest.raises(InputError, match="more than any market trades"):
        read_market(buffer(frame.assign(volume=frame["volume"] * 1e12)))


def test_both_columns_are_held_against_each_other():
    close, dollars = pd.Series([10.0, 11.0, 12.0]), pd.Series([1e6, 1.2e6, 1.1e6])
    coins = dollars / close
    assert agreed(coins * 1.01, dollars, close)[1] == []
    got, notes = agreed(coins * 100, dollars, close)
    assert got.tolist() == coins.tolist()
    assert "100 times" in notes[0]
    assert agreed(coins, dollars * 0 + 1.0, close)[1] == []  # a constant says nothing
    with pytest.raises(InputError, match="a price of 330, where the candles have 11: it is of another coin"):
        agreed(coins / 30, dollars, close)


def test_names_say_units():
    assert interest_columns(["oi", "oiccy", "oiusd"]) == ("oiccy", "coins", "oiusd")
    assert interest_columns(["time", "openinterestvalue"]) == ("openinterestvalue", "dollars", "")
    assert interest_columns(["oi_contracts"]) == ("oi_contracts", "contracts", "")
    assert interest_columns(["open_interest_change", "openness", "oil"]) == ("", "", "")
