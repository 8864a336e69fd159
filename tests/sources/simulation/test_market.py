"""The simulated market: one market however it is looked at, and a book that adds up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.errors import InputError
from liq.market import LOOKBACKS, bar_length
from liq.model.margin import brackets
from liq.sources.simulation import coins
from liq.sources.simulation import market as simulation
from liq.sources.simulation.coins import TICKERS
from liq.sources.simulation.market import quote, simulate, simulate_with_true_book
from liq.sources.simulation.price_path import price_path, seed_key
from liq.sources.simulation.trading import simulate_trading
from tests.sources.simulation.conftest import NOW


def joined_bars(market, freq):
    """Sum a market's bars up to a coarser grid, as a venue would."""
    rule = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    frame = market.candles.assign(oi=market.open_interest, **market.liquidations)
    return frame.resample(freq).agg({**rule, "oi": "last", "long": "sum", "short": "sum"})


@pytest.mark.parametrize("name", LOOKBACKS)
def test_every_lookback_ends_now_with_its_bars(name):
    market = simulate("BTC", name, now=NOW)
    row = LOOKBACKS[name]
    assert len(market.visible) == row.window // row.bar_length
    assert market.as_of == NOW
    assert market.forming
    assert market.candles.index[-1] == NOW.floor(row.bar_length)
    assert market.start - market.candles.index[0] >= row.warmup
    # Contiguous: each coarse or fine bar opens where the one before it closed, in time and in price.
    steps = market.candles.index.diff()[1:]
    assert set(steps.unique()) <= {row.bar_length, bar_length(row.warmup_bar)}
    assert (market.candles["open"].to_numpy()[1:] == market.candles["close"].to_numpy()[:-1]).all()
    assert market.candles.index.equals(market.liquidations.index)
    assert np.isfinite(market.open_interest).all()
    assert "simulated" in market.notes[0]


def test_every_ticker_has_its_own_market():
    paths = [simulate(symbol, "1d", now=NOW).candles["close"] for symbol in TICKERS]
    returns = np.array([np.diff(np.log(path)) for path in paths])
    across = np.corrcoef(returns)[np.triu_indices(len(paths), 1)]
    assert np.abs(across).max() < 0.2
    for symbol, path in zip(TICKERS, paths, strict=True):
        ticker = coins.COINS[symbol.split("/")[0]]
        steps = path.to_numpy() / ticker.tick
        assert np.allclose(steps, np.round(steps), atol=1e-4)


def test_the_same_arguments_give_the_same_market_and_another_seed_another():
    first = simulate("ETH", "1d", seed=3, now=NOW)
    simulation._RECORDS.clear()
    again = simulate("ETH", "1d", seed=3, now=NOW)
    pd.testing.assert_frame_equal(first.candles, again.candles, check_exact=True)
    pd.testing.assert_frame_equal(first.liquidations, again.liquidations, check_exact=True)
    other = simulate("ETH", "1d", seed=4, now=NOW)
    assert not np.allclose(first.candles["close"], other.candles["close"])


@pytest.mark.parametrize("name", ["12h", "1d", "14d", "1M", "3M"])
def test_one_market_through_every_lookback(name, simulated):
    wide, narrow = (simulated[0], simulate("BTC", name, now=NOW))
    freq = "1D" if name == "3M" else "1h"
    left, right = joined_bars(wide, freq), joined_bars(narrow, freq)
    shared = left.index.intersection(right.index)
    if freq == "1D":
        shared = shared[(shared >= wide.candles.index[0].ceil("1D"))]
    assert len(shared) > 20
    pd.testing.assert_frame_equal(left.loc[shared], right.loc[shared], check_exact=False, rtol=1e-9)
    assert (
        (left.loc[shared, ["open", "high", "low", "close"]] == right.loc[shared, ["open", "high", "low", "close"]])
        .all()
        .all()
    )


@settings(max_examples=6, deadline=None)
@given(later=st.integers(1, 5 * 86_400))
def test_a_finished_bar_never_changes(later):
    simulation._RECORDS.clear()
    before = simulate("SOL", "1d", now=NOW, regime="crash")
    simulation._RECORDS.clear()
    after = simulate("SOL", "7d", now=NOW + pd.Timedelta(seconds=later), regime="crash")
    old, new = joined_bars(before, "1h").iloc[1:-1], joined_bars(after, "1h")
    shared = old.index.intersection(new.index)
    assert len(shared) > 200
    pd.testing.assert_frame_equal(old.loc[shared], new.loc[shared], rtol=1e-9)


def test_the_forming_bar_only_grows_into_the_finished_one():
    bar = pd.Timestamp("2026-11-22 09:15", tz="UTC")
    moments = [bar + pd.Timedelta(seconds=s) for s in (1, 20, 59, 60, 61, 250, 899, 900, 5000)]
    rows = [simulate("BTC", "7d", now=moment).candles.loc[bar] for moment in moments]
    high, low, volume = (np.array([row[name] for row in rows]) for name in ("high", "low", "volume"))
    assert (np.diff(high) >= 0).all()
    assert (np.diff(low) <= 0).all()
    assert (np.diff(volume) >= -1e-9).all()
    # Within a minute volume grows with its seconds; 20 and 59 are of one minute, 1 and 20 of the same.
    assert volume[2] > volume[1] > volume[0]
    assert volume[2] - volume[1] == pytest.approx((volume[1] - volume[0]) * 39 / 19)
    assert rows[-1].equals(rows[-2])
    assert high[0] < high[-1] or low[0] > low[-1]


def test_the_quote_is_the_candles_price_and_moves():
    for second in (0, 1, 23, 59):
        moment = NOW.floor("min") + pd.Timedelta(seconds=second)
        assert quote("BTC", moment).price == simulate("BTC", "1d", now=moment).price
    prices = [quote("BTC", NOW + pd.Timedelta(seconds=3 * k)).price for k in range(20)]
    assert len(set(prices)) > 10
    last = quote("BTC", NOW)
    day = simulate("BTC", "3d", now=NOW).candles["close"]
    assert last.change == pytest.approx(last.price / day.asof(NOW - pd.Timedelta("1D")) - 1, abs=0.01)
    assert last.source == "simulated"


def test_forced_selling_moves_the_price():
    seeds, last = seed_key("BTC", 0, "crash"), int(NOW.timestamp() // 86_400)
    coin = coins.COINS["BTC"]
    bent, _ = simulate_trading(coin, brackets("BTC"), seeds, "crash", 0.0, last - 20, last)
    plain = price_path(coin, "crash", seeds, last - 20, last)
    shift = np.log(bent.close) - plain.close
    net = (bent.short - bent.long).reshape(-1, 60).sum(axis=1)
    heavy = np.argsort(np.abs(net))[-10:]
    assert (np.sign(net[heavy]) == np.sign(shift.reshape(-1, 60).mean(axis=1)[heavy])).mean() > 0.8
    assert np.abs(shift).max() > 0.002


def test_regimes_differ_as_they_are_named():
    coin, last = coins.COINS["BTC"], int(NOW.timestamp() // 86_400)

    def day_moves(regime):
        paths = [price_path(coin, regime, seed_key("BTC", seed, regime), last - 200, last) for seed in range(3)]
        return np.concatenate([np.diff(path.close[1439::1440]) for path in paths])

    calm, trending, crash = day_moves("calm"), day_moves("trending"), day_moves("crash")
    assert np.std(crash) > 1.3 * np.std(calm)
    assert np.quantile(crash, 0.01) < 1.3 * np.quantile(calm, 0.01)
    weeks = [np.abs(moves.reshape(-1, 10).sum(axis=1)).mean() / np.std(moves) for moves in (calm, trending)]
    assert weeks[1] > weeks[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"symbol": "NOPE"}, "has no 'NOPE'"),
        ({"lookback": "2d"}, "lookback must be one of"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"regime": "boom"}, "regime must be one of calm"),
        ({"now": "yesterday-ish"}, "now must be a time"),
        ({"now": "1999-01-01"}, "now must lie between"),
        ({"magnet": float("nan")}, "magnet must lie between"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        simulate(**arguments)


@pytest.mark.parametrize("symbol", ["btc", "BTC", "BTCUSDT", "BTC/USDT", "BTC/USDT:USDT"])
def test_a_ticker_is_accepted_in_several_spellings(symbol):
    assert simulate(symbol, "12h", now=NOW).symbol == "BTC/USDT:USDT"


def touch_count(magnet, seed):
    """Return how often the heaviest forced-close prices, and their mirror images, were reached within a day."""
    market, true_book = simulate_with_true_book("BTC", "1M", seed=seed, now="2026-11-22", magnet=magnet)
    high, low, close = (market.candles[name].to_numpy() for name in ("high", "low", "close"))
    hits = np.zeros(2)
    edges = np.concatenate((np.linspace(-0.04, -0.01, 16), np.linspace(0.01, 0.04, 16)))
    bars = range(len(close) - 1200, len(close) - 25, 12)
    for bar in bars:
        apart = true_book.book(close[bar] * (1 + edges), bar)
        heaviest = int(np.argmax(np.sum(apart, axis=0) * (np.arange(31) != 15)))
        middle = (edges[heaviest] + edges[heaviest + 1]) / 2
        reach = slice(bar + 1, bar + 25)
        for which, distance in enumerate((middle, -middle)):
            level = close[bar] * (1 + distance)
            hits[which] += high[reach].max() >= level if distance > 0 else low[reach].min() <= level
    return hits / len(bars)


def test_a_magnet_exists_only_when_requested():
    without = np.mean([touch_count(0.0, seed) for seed in (1, 2)], axis=0)
    drawn = np.mean([touch_count(1.0, seed) for seed in (1, 2)], axis=0)
    assert drawn[0] > 1.5 * drawn[1]
    assert 0.5 < without[0] / without[1] < 1.5
