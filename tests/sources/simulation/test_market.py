"""The simulated market: one market however it is looked at, and a book that adds up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.errors import InputError
from liq.market import LOOKBACKS, bar_length
from liq.model.margin import brackets, liquidation_price
from liq.sources.simulation import coins, trading
from liq.sources.simulation import market as simulation
from liq.sources.simulation.coins import TICKERS
from liq.sources.simulation.market import quote, simulate, simulate_with_true_book
from liq.sources.simulation.price_path import price_path, seed_key
from liq.sources.simulation.trading import simulate_trading

NOW = pd.Timestamp("2026-11-22 09:17:23", tz="UTC")


@pytest.fixture(autouse=True)
def _fresh():
    """Every market is made anew: what a cache remembers would agree with itself."""
    simulation._RECORDS.clear()


@pytest.fixture(scope="module")
def seen():
    return simulate_with_true_book("BTC", "7d", now=NOW)


def together(market, freq):
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


def test_same_ask_same_answer_other_seed_other_market():
    first = simulate("ETH", "1d", seed=3, now=NOW)
    simulation._RECORDS.clear()
    again = simulate("ETH", "1d", seed=3, now=NOW)
    pd.testing.assert_frame_equal(first.candles, again.candles, check_exact=True)
    pd.testing.assert_frame_equal(first.liquidations, again.liquidations, check_exact=True)
    other = simulate("ETH", "1d", seed=4, now=NOW)
    assert not np.allclose(first.candles["close"], other.candles["close"])


@pytest.mark.parametrize("name", ["12h", "1d", "14d", "1M", "3M"])
def test_one_market_through_every_lookback(name, seen):
    wide, narrow = (seen[0], simulate("BTC", name, now=NOW))
    freq = "1D" if name == "3M" else "1h"
    left, right = together(wide, freq), together(narrow, freq)
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
    old, new = together(before, "1h").iloc[1:-1], together(after, "1h")
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


def test_every_contract_is_one_long_and_one_short():
    coin, last = coins.COINS["BTC"], int(NOW.timestamp() // 86_400)
    seeds = seed_key("BTC", 0, "calm")
    made, kept = simulate_trading(coin, brackets("BTC"), seeds, "calm", 0.0, last - 3, last, with_groups=True)
    side, opened, closed, lots = (np.concatenate([rows[k] for rows in kept]) for k in range(4))
    hedged = np.round(trading._hedged(seeds, last - 3, 4) * coin.open_interest / coin.lot)
    for minute in (0, 1000, 3000, 5000):
        stands = (opened <= minute) & (closed > minute)
        long, short = (lots[stands & (side == sign)].sum() for sign in (1, -1))
        assert min(long, short) > 0
        # Who finds no trader opposite finds a market maker: both sides of open interest are the larger one.
        assert made.open_interest[minute] == pytest.approx((max(long, short) + hedged[minute]) * coin.lot, rel=1e-12)
    assert (made.volume > 0).all()


def test_no_position_stands_beyond_the_price_that_would_have_closed_it(seen):
    market, truth = seen
    for bar in range(-600, -1, 60):
        stands = truth.standing(bar)
        opened_before = stands[stands["opened"] < market.candles.index[bar]]
        low, high = market.candles["low"].iloc[bar], market.candles["high"].iloc[bar]
        longs, shorts = opened_before["side"] == "long", opened_before["side"] == "short"
        assert (opened_before.loc[longs, "liquidation_price"] < low).all()
        assert (opened_before.loc[shorts, "liquidation_price"] > high).all()


def test_liquidations_are_the_positions_that_were_forced(seen):
    market, truth = seen
    forced = truth.positions[truth.positions["forced"] & (truth.positions["closed"] < NOW.floor("min"))]
    usd = forced["coins"] * forced["liquidation_price"]
    row = market.candles.index.searchsorted(forced["closed"], side="right") - 1
    for side in ("long", "short"):
        mine = (forced["side"] == side).to_numpy()
        by_bar = np.bincount(row[mine], weights=usd[mine], minlength=len(market.candles))
        np.testing.assert_allclose(by_bar[:-1], market.liquidations[side].to_numpy()[:-1], rtol=1e-9, atol=1e-3)
    assert len(forced) > 100
    reached = np.where(
        forced["side"] == "long",
        market.candles["low"].to_numpy()[row] <= forced["liquidation_price"],
        market.candles["high"].to_numpy()[row] >= forced["liquidation_price"],
    )
    assert reached.all()


def test_entries_are_prices_that_traded(seen):
    market, truth = seen
    seen_here = truth.positions[truth.positions["opened"] >= market.candles.index[0]]
    row = market.candles.index.searchsorted(seen_here["opened"], side="right") - 1
    assert (seen_here["entry"] <= market.candles["high"].to_numpy()[row] + 1e-6).all()
    assert (seen_here["entry"] >= market.candles["low"].to_numpy()[row] - 1e-6).all()


def test_levels_lie_where_leverage_margin_and_slack_put_them(seen):
    _, truth = seen
    rows = truth.standing(-1)
    for side, sign in (("long", 1), ("short", -1)):
        mine = rows[rows["side"] == side]
        entry, leverage = mine["entry"].to_numpy(), mine["leverage"].to_numpy()
        apart = sign * (entry - mine["liquidation_price"].to_numpy()) / entry
        usual = sign * (entry - liquidation_price(side, entry, leverage, 0.004)) / entry
        # Nobody is closed much before the exact price (bigger positions keep more margin); many long after it.
        assert (apart > 0.7 * usual - 0.02).all()
        assert (apart > 1.1 * usual).mean() > 0.3
        assert (np.abs(apart / usual - 1) < 0.1).mean() < 0.4


def test_the_book_in_buckets_is_the_standing_positions(seen):
    market, truth = seen
    edges = market.price * np.linspace(0.85, 1.15, 121)
    bar = market.candles.index[-50]
    long, short = truth.book(edges, bar)
    stands = truth.standing(bar)
    inside = stands[stands["liquidation_price"].between(edges[0], edges[-1])]
    assert long.sum() == pytest.approx(inside.loc[inside["side"] == "long", "notional"].sum())
    assert short.sum() == pytest.approx(inside.loc[inside["side"] == "short", "notional"].sum())
    assert long.shape == short.shape == (120,)
    # The book exists before the window: the first bar's is not empty.
    assert truth.book(edges, 0)[0].sum() + truth.book(edges, 0)[1].sum() > 0
    with pytest.raises(InputError, match="open time"):
        truth.book(edges, market.candles.index[-50] + pd.Timedelta(seconds=1))


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


def test_losers_are_held_longer_than_winners(seen):
    _, truth = seen
    leaving, standing = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    market = seen[0]
    for bar in range(50, 700, 25):
        stands, price = truth.standing(bar), market.candles["close"].iloc[bar]
        won = np.where(stands["side"] == "long", price > stands["entry"], price < stands["entry"])
        until = market.candles.index[bar + 2]
        for winner in (True, False):
            rows = stands[won == winner]
            standing[winner] += rows["coins"].sum()
            leaving[winner] += rows.loc[rows["closed"] < until, "coins"].sum()
    assert leaving[True] / standing[True] > leaving[False] / standing[False]


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
def test_a_coin_may_be_written_as_people_write_it(symbol):
    assert simulate(symbol, "12h", now=NOW).symbol == "BTC/USDT:USDT"


def touched(magnet, seed):
    """Return how often the heaviest forced-close prices, and their mirror images, were reached within a day."""
    market, truth = simulate_with_true_book("BTC", "1M", seed=seed, now="2026-11-22", magnet=magnet)
    high, low, close = (market.candles[name].to_numpy() for name in ("high", "low", "close"))
    hits = np.zeros(2)
    edges = np.concatenate((np.linspace(-0.04, -0.01, 16), np.linspace(0.01, 0.04, 16)))
    bars = range(len(close) - 1200, len(close) - 25, 12)
    for bar in bars:
        apart = truth.book(close[bar] * (1 + edges), bar)
        heaviest = int(np.argmax(np.sum(apart, axis=0) * (np.arange(31) != 15)))
        middle = (edges[heaviest] + edges[heaviest + 1]) / 2
        reach = slice(bar + 1, bar + 25)
        for which, distance in enumerate((middle, -middle)):
            level = close[bar] * (1 + distance)
            hits[which] += high[reach].max() >= level if distance > 0 else low[reach].min() <= level
    return hits / len(bars)


def test_a_magnet_is_there_when_asked_for_and_not_otherwise():
    without = np.mean([touched(0.0, seed) for seed in (1, 2)], axis=0)
    drawn = np.mean([touched(1.0, seed) for seed in (1, 2)], axis=0)
    assert drawn[0] > 1.5 * drawn[1]
    assert 0.5 < without[0] / without[1] < 1.5
