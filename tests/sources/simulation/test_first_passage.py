"""First passages of simulated positions: against a walk minute by minute, and whom a tape may leave out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liq.model.margin import brackets
from liq.sources.simulation.coins import COINS
from liq.sources.simulation.first_passage import FirstPassage
from liq.sources.simulation.price_path import DAY, price_path, seed_key
from liq.sources.simulation.traders import Minutes, draw_traders


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 90), st.integers(0, 2**32 - 1), st.integers(0, 1000))
def test_the_first_exit_is_the_one_a_walk_finds(count, seed, first):
    chance = np.random.default_rng(seed)
    middle = np.cumsum(chance.integers(-2, 3, count)).astype(float)
    low, high = middle - chance.integers(0, 2, count), middle + chance.integers(0, 2, count)
    rows = 60
    after = chance.integers(-1, count, rows)
    until = np.minimum(after + chance.integers(0, count + 1, rows), count - 1)
    lower, upper = middle[after] - chance.integers(0, 9, rows), middle[after] + chance.integers(0, 9, rows)
    passage = FirstPassage(low, high, count, first)
    ended, hit = passage.first_exit(after + first, until + first, lower, upper)
    left = passage.leaves(after + first, until + first, lower, upper)
    for row in range(rows):
        walk = (m for m in range(after[row] + 1, until[row] + 1) if low[m] <= lower[row] or high[m] >= upper[row])
        found = next(walk, None)
        assert hit[row] == left[row] == (found is not None)
        assert ended[row] == (until[row] if found is None else found) + first


@pytest.mark.parametrize("forced_only", [False, True])
def test_leaving_one_trader_out_changes_no_other(forced_only):
    coin, seeds, since = COINS["ETH"], seed_key("ETH", 7, "crash"), 33 * DAY
    path = price_path(coin, "crash", seeds, 20_700, 20_736)
    minutes = Minutes(float(np.exp(path.before)), *(np.exp(part) for part in (path.close, path.high, path.low)))
    made = (coin, brackets("ETH"), seeds, path, minutes)
    everybody, some = list(draw_traders(*made)), list(draw_traders(*made, since=since, forced_only=forced_only))
    whole, part = ([np.concatenate(column) for column in zip(*rows, strict=True)] for rows in (everybody, some))
    closed, forced = whole[2], whole[7]
    # Who must be there is there in the same order; whoever else is there was free to go.
    must = (closed >= since) & (forced | (not forced_only))
    stays = (part[2] >= since) & (part[7] | (not forced_only))
    assert must.sum() > 0
    assert len(part[0]) < 0.7 * len(closed)
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(one[must], other[stays])
