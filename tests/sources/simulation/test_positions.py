"""The simulated traders and their positions: balanced, forced where leverage and margin put them, seen in part."""

import numpy as np
import pandas as pd
import pytest

from liq.errors import InputError
from liq.market import LOOKBACKS
from liq.model.margin import brackets, liquidation_price
from liq.sources.simulation import coins, trading
from liq.sources.simulation import market as simulation
from liq.sources.simulation.market import simulate, simulate_with_true_book
from liq.sources.simulation.population import POPULATIONS
from liq.sources.simulation.positions import FAR, SEEN, simulated_positions
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


@pytest.mark.parametrize("name", LOOKBACKS)
def test_snapshots_cover_every_lookback_from_its_left_edge_to_its_end(name):
    market = simulate("BTC", name, now=NOW)
    positions = simulated_positions(market)
    times = positions.times
    assert times[0] <= market.start
    assert times[-1] == market.as_of
    assert len(times) <= 200
    assert times.to_series().diff().max() <= pd.Timedelta(days=1), "a snapshot stands for a day at most"
    assert positions.passes["time"].tolist() == times.tolist()
    assert (positions.passes["answered"] == positions.rows.groupby("time").size().to_numpy()).all()
    for time in times[:: len(times) // 5]:
        assert 0.3 * SEEN < positions.share_seen("BTC", time) < SEEN, "hedgers and market makers are not seen"
    assert not positions.rows.duplicated(["time", "account"]).any()


def test_the_same_arguments_give_the_same_positions():
    market = simulate("ETH", "3d", now=NOW)
    first = simulated_positions(market)
    simulation._RECORDS.clear()
    again = simulated_positions(simulate("ETH", "3d", now=NOW))
    pd.testing.assert_frame_equal(first.rows, again.rows)
    pd.testing.assert_frame_equal(first.open_interest, again.open_interest)


@pytest.mark.parametrize("later", ["2h", "7h 13min", "1D", "3D 5h"])
def test_whoever_asks_later_sees_the_same_positions(later):
    first = simulated_positions(simulate("BTC", "7d", now=NOW)).rows
    second = simulated_positions(simulate("BTC", "7d", now=NOW + pd.Timedelta(later))).rows
    common = set(first["time"]) & set(second["time"])
    assert len(common) > 40
    columns = ["time", "account", "side", "coins", "entry", "liquidation_price", "leverage", "margin"]
    then, now = (
        rows.loc[rows["time"].isin(common), columns]
        .astype({"account": str})
        .sort_values(["time", "account"], ignore_index=True)
        for rows in (first, second)
    )
    pd.testing.assert_frame_equal(then, now, check_categorical=False, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["12h", "1d", "14d"])
def test_one_moment_shows_the_same_positions_in_every_lookback(name):
    week, other = (simulated_positions(simulate("BTC", lookback, now=NOW)) for lookback in ("7d", name))
    then, now = (positions.snapshot("BTC").set_index("account").sort_index() for positions in (week, other))
    then.index, now.index = then.index.astype(str), now.index.astype(str)
    pd.testing.assert_frame_equal(then.sort_index(), now.sort_index(), check_categorical=False, rtol=0, atol=0)


@pytest.mark.parametrize(("seed", "regime", "population"), [(None, "calm", "hedged"), (3, "crash", "unhedged")])
def test_with_every_position_seen_the_snapshots_are_the_true_book(seed, regime, population):
    market, book = simulate_with_true_book("BTC", "3d", seed=seed, now=NOW, regime=regime, population=population)
    positions = simulated_positions(market, 1.0, seed=seed, regime=regime, population=population)
    for time in positions.times[[0, 20, -2]]:
        bar = market.candles.index.get_loc(time) - 1  # the bar that ends when the snapshot is taken
        stands, seen = book.standing(bar), positions.snapshot("BTC", time)
        assert seen["coins"].sum() == pytest.approx(stands["coins"].sum(), rel=1e-12)
        for side in ("long", "short"):
            true, shown = (
                frame[
                    (frame["side"] == side) & (np.abs(frame["liquidation_price"] / frame["entry"] - 1) < 0.75 * FAR)
                ]
                for frame in (stands, seen)
            )
            assert len(true) > 50
            np.testing.assert_array_equal(np.sort(true["liquidation_price"]), np.sort(shown["liquidation_price"]))
            assert shown["coins"].sum() == pytest.approx(true["coins"].sum(), rel=1e-12)
        # groups far from their entry are one account each, at their middle
        groups = book.positions[(book.positions["opened"] < time) & (book.positions["closed"] >= time)]
        middle = groups["liquidation_price"]
        far = (groups["parts"] > 1) & (middle > 0) & (np.abs(middle / groups["entry"] - 1) > FAR)
        assert np.isin(middle[far].round(3), seen["liquidation_price"].round(3)).all()
        assert far.sum() > 50


def test_the_share_that_is_seen_is_a_setting_and_more_of_it_adds_to_the_same_positions():
    market = simulate("BTC", "1d", now=NOW)
    by_share = {share: simulated_positions(market, share) for share in (0.1, 0.4, 0.8, 1.0)}
    accounts = {share: set(positions.rows["account"]) for share, positions in by_share.items()}
    assert accounts[0.1] < accounts[0.4] < accounts[0.8] < accounts[1.0]
    everything = by_share[1.0]
    for share, positions in by_share.items():
        assert len(accounts[share]) / len(accounts[1.0]) == pytest.approx(share, abs=0.02)
        assert positions.share_seen("BTC") / everything.share_seen("BTC") == pytest.approx(share, abs=0.05)
    # in all snapshots or in none: as long as an account is held, it is seen
    few = by_share[0.1].rows
    theirs = everything.rows[everything.rows["account"].isin(accounts[0.1])]
    assert few["time"].tolist() == theirs["time"].tolist()
    assert few["account"].astype(str).tolist() == theirs["account"].astype(str).tolist()


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="seen must be a share"):
        simulated_positions(simulate("BTC", "12h", now=NOW), share)
