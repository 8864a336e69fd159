"""Positions of one snapshot beside what their accounts held some hours or days later."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.market import SIDES, epoch
from liq.positions import Positions
from liq.validation.positions.followed import complete_passes

TOLERANCE, MOST = 0.1, pd.Timedelta(hours=2)
"""Share of an age by which two snapshots may be nearer or farther apart, and the most that this may come to: a day's
survival falls by about a percent in two hours, so that more would blur what is compared."""

MAX_PAIRS = 100
"""Maximum number of pairs of snapshots an age, evenly spread; more say the same again."""

MAX_ROWS = 60_000
"""Number of positions followed at which fewer pairs do, but not fewer than LEAST_PAIRS: shares are known by then."""

LEAST_PAIRS = 20

COLUMNS = ("time", "later", "side", "account", "coins", "entry", "level", "later_coins", "later_level")
"""Columns of `positions_later`."""


def positions_later(positions: Positions, coin: str, age: pd.Timedelta) -> pd.DataFrame:
    """Return every position of a coin beside what its account held of it an age later, a row a position and pair.

    Columns: time and later, of both snapshots, `later` being the nearest to an age after `time`, within TOLERANCE and
    MOST of it; side, account, coins, entry, level (NaN where none); later_coins, 0 where it was gone; later_level.
    Only accounts that are known to have been asked again are in it, see `followed_positions`. Empty where no two
    snapshots lie so far apart.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 7e4, "leverage": 10.0, "margin": "cross", "account": "a1"}
    >>> later = {**row, "time": row["time"] + pd.Timedelta(days=1), "coins": 0.5}
    >>> both = Positions(pd.DataFrame([row, later]), "hyperliquid")
    >>> positions_later(both, "BTC", pd.Timedelta(days=1))["later_coins"].tolist()
    [0.5]
    """
    rows, times = positions.rows, positions.times
    held = max(1, int((rows["coin"] == coin).sum()) // len(times))
    later_of = later_snapshots(times, age, int(np.clip(MAX_ROWS // held, LEAST_PAIRS, MAX_PAIRS)))
    snapshot = times.get_indexer(pd.DatetimeIndex(rows["time"]))
    account = pd.factorize(rows["account"])[0].astype(np.int64)
    accounts = int(account.max()) + 1
    asked = epoch(rows["answered"])
    place = snapshot * accounts + account
    listed, first = np.unique(place, return_index=True)
    is_own = (rows["coin"] == coin).to_numpy()
    side = (rows["side"] == SIDES[1]).to_numpy().astype(np.int64)
    key = place * 2 + side
    own = np.flatnonzero(is_own)
    own = own[np.unique(key[own], return_index=True)[1]]  # by key; of a position in parts, the first
    begin = own[later_of[snapshot[own]] >= 0]
    end = later_of[snapshot[begin]]
    at = end * accounts + account[begin]
    number = np.minimum(np.searchsorted(listed, at), len(listed) - 1)
    is_listed = listed[number] == at
    answered_later = asked[first[number]] > asked[begin]
    known = np.where(is_listed, answered_later, complete_passes(positions)[end])
    match = np.minimum(np.searchsorted(key[own], at * 2 + side[begin]), len(own) - 1)
    there = key[own][match] == at * 2 + side[begin]
    before, after = rows.iloc[begin[known]].reset_index(drop=True), rows.iloc[own[match]]
    coins, level = (
        np.where(there, after[name].to_numpy(), otherwise)[known]
        for name, otherwise in (("coins", 0.0), ("liquidation_price", np.nan))
    )
    before = before.rename(columns={"liquidation_price": "level"})
    return before.assign(later=times[end[known]], later_coins=coins, later_level=level)[list(COLUMNS)]


def later_snapshots(times: pd.DatetimeIndex, age: pd.Timedelta, most: int = MAX_PAIRS) -> np.ndarray:
    """Return for each snapshot the number of the one an age later, for `most` of them, evenly spread; else -1.

    >>> later_snapshots(pd.date_range("2026-01-31", periods=4, freq="12h"), pd.Timedelta(days=1)).tolist()
    [2, 3, -1, -1]
    """
    moments = epoch(times)
    target = moments + age.value
    right = np.clip(np.searchsorted(moments, target), 1, max(1, len(moments) - 1))
    right = np.minimum(right, len(moments) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(moments[left] - target) < np.abs(moments[right] - target), left, right)
    fits = np.abs(moments[nearest] - target) <= min(TOLERANCE * age.value, MOST.value)
    begins = np.flatnonzero(fits)
    if len(begins) > most:
        begins = begins[np.linspace(0, len(begins) - 1, most).round().astype(np.int64)]
    found = np.full(len(moments), -1)
    found[begins] = nearest[begins]
    return found
