"""The simulated traders: balanced contracts, forced closes where leverage and margin put them."""

import numpy as np
import pandas as pd
import pytest

from liq.errors import InputError
from liq.model.margin import brackets, liquidation_price
from liq.sources.simulation import coins, trading
from liq.sources.simulation.population import POPULATIONS
from liq.sources.simulation.price_path import seed_key
from liq.sources.simulation.trading import simulate_trading
from tests.sources.simulation.conftest import NOW


def test_every_contract_is_one_long_and_one_short():
    coin, last = coins.COINS["BTC"], int(NOW.timestamp() // 86_400)
    seeds = seed_key("BTC", 0, "calm")
    made, kept = simulate_trading(coin, brackets("BTC"), seeds, "calm", 0.0, last - 3, last, with_groups=True)
    side, opened, closed, lots = (np.concatenate([rows[k] for rows in kept]) for k in range(4))
    share = POPULATIONS["hedged"].hedged * trading._hedged_course(seeds, last - 3, 4)
    hedged = np.round(share * coin.open_interest / coin.lot)
    for minute in (0, 1000, 3000, 5000):
        stands = (opened <= minute) & (closed > minute)
        long, short = (lots[stands & (side == sign)].sum() for sign in (1, -1))
        assert min(long, short) > 0
        # Who finds no trader opposite finds a market maker: both sides of open interest are the larger one.
        assert made.open_interest[minute] == pytest.approx((max(long, short) + hedged[minute]) * coin.lot, rel=1e-12)
    assert (made.volume > 0).all()


def test_no_position_stands_beyond_the_price_that_would_have_closed_it(simulated):
    market, true_book = simulated
    for bar in range(-600, -1, 60):
        stands = true_book.standing(bar)
        opened_before = stands[stands["opened"] < market.candles.index[bar]]
        low, high = market.candles["low"].iloc[bar], market.candles["high"].iloc[bar]
        longs, shorts = opened_before["side"] == "long", opened_before["side"] == "short"
        assert (opened_before.loc[longs, "liquidation_price"] < low).all()
        assert (opened_before.loc[shorts, "liquidation_price"] > high).all()


def test_liquidations_are_the_positions_that_were_forced(simulated):
    market, true_book = simulated
    forced = true_book.positions[true_book.positions["forced"] & (true_book.positions["closed"] < NOW.floor("min"))]
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


def test_entries_are_prices_that_traded(simulated):
    market, true_book = simulated
    seen_here = true_book.positions[true_book.positions["opened"] >= market.candles.index[0]]
    row = market.candles.index.searchsorted(seen_here["opened"], side="right") - 1
    assert (seen_here["entry"] <= market.candles["high"].to_numpy()[row] + 1e-6).all()
    assert (seen_here["entry"] >= market.candles["low"].to_numpy()[row] - 1e-6).all()


def test_levels_lie_where_leverage_margin_and_slack_put_them(simulated):
    _, true_book = simulated
    rows = true_book.standing(-1)
    for side, sign in (("long", 1), ("short", -1)):
        mine = rows[rows["side"] == side]
        entry, leverage = mine["entry"].to_numpy(), mine["leverage"].to_numpy()
        apart = sign * (entry - mine["liquidation_price"].to_numpy()) / entry
        usual = sign * (entry - liquidation_price(side, entry, leverage, 0.004)) / entry
        # Nobody is closed much before the exact price (bigger positions keep more margin); many long after it.
        assert (apart > 0.7 * usual - 0.02).all()
        assert (apart > 1.1 * usual).mean() > 0.3
        assert (np.abs(apart / usual - 1) < 0.1).mean() < 0.4


def test_the_book_in_buckets_is_the_standing_positions(simulated):
    market, true_book = simulated
    edges = market.price * np.linspace(0.85, 1.15, 121)
    bar = market.candles.index[-50]
    long, short = true_book.book(edges, bar)
    stands = true_book.standing(bar)
    inside = stands[stands["liquidation_price"].between(edges[0], edges[-1])]
    assert long.sum() == pytest.approx(inside.loc[inside["side"] == "long", "notional"].sum())
    assert short.sum() == pytest.approx(inside.loc[inside["side"] == "short", "notional"].sum())
    assert long.shape == short.shape == (120,)
    # The book exists before the window: the first bar's is not empty.
    assert true_book.book(edges, 0)[0].sum() + true_book.book(edges, 0)[1].sum() > 0
    with pytest.raises(InputError, match="open time"):
        true_book.book(edges, market.candles.index[-50] + pd.Timedelta(seconds=1))


def test_losers_are_held_longer_than_winners(simulated):
    _, true_book = simulated
    leaving, standing = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    market = simulated[0]
    for bar in range(50, 700, 25):
        stands, price = true_book.standing(bar), market.candles["close"].iloc[bar]
        won = np.where(stands["side"] == "long", price > stands["entry"], price < stands["entry"])
        until = market.candles.index[bar + 2]
        for winner in (True, False):
            rows = stands[won == winner]
            standing[winner] += rows["coins"].sum()
            leaving[winner] += rows.loc[rows["closed"] < until, "coins"].sum()
    assert leaving[True] / standing[True] > leaving[False] / standing[False]
