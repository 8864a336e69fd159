"""Observed positions of the simulated market: snapshots as a collector would have them, out of the true book."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.market import Market
from liq.positions import PASS_COLUMNS, Positions
from liq.sources.simulation.market import simulate_with_true_book

SEEN = 0.4
"""Share of the traders' positions that a snapshot holds; a collector never finds every account."""

SNAPSHOTS = 13
"""Number of snapshots."""

APART = pd.Timedelta(hours=8)
"""Time between two snapshots."""

CROSS = 1.1
"""A liquidation price farther away than leverage says, by this factor, is that of a cross position."""


def simulated_positions(market: Market) -> Positions:
    """Return snapshots of what part of the traders behind a simulated market (default seed, calm) held.

    The last one is of the market's last bar, the others lie APART before it, as far as the window reaches. A position
    is seen in all snapshots or in none.

    >>> from liq.sources.simulation.market import simulate
    >>> positions = simulated_positions(simulate("BTC", "1d", now="2026-09-01"))
    >>> 0.05 < positions.share_seen("BTC") < 0.4
    True
    """
    lookback = "3d" if market.as_of - market.start < pd.Timedelta(days=3) else "7d"
    truth, book = simulate_with_true_book(market.base, lookback, now=market.as_of)
    everything = book.positions
    # which positions are seen depends on the position alone, so that another moment sees the same ones
    opened = pd.DatetimeIndex(everything["opened"]).as_unit("s").asi8
    key = (opened * 1_000_003 + (everything["entry"].to_numpy() * 1000).astype(np.int64)) * 2_654_435_761 % 2**32
    seen = everything.assign(account=[f"{value:016x}" for value in key])[key < SEEN * 2**32]
    # rows are split where part of a group was liquidated; the parts are one account's positions
    frames, moments = [], []
    for step in range(SNAPSHOTS):
        moment = market.as_of - step * APART
        if moment <= truth.start:
            break
        held = seen[(seen["opened"] < moment) & (seen["closed"] >= moment)]
        frames.append(held.assign(time=moment))
        moments.append(moment)
    rows = pd.concat(frames, ignore_index=True)
    distance = np.abs(rows["liquidation_price"] / rows["entry"] - 1)
    rows["margin"] = np.where(distance * rows["leverage"] > CROSS, "cross", "isolated")
    rows = rows.assign(coin=market.base, side=rows["side"].astype(str))
    rows["liquidation_price"] = rows["liquidation_price"].where(rows["liquidation_price"] > 0)
    at = truth.candles.index.searchsorted(pd.DatetimeIndex(moments), side="left") - 1
    coins = np.asarray(truth.open_interest)[np.maximum(at, 0)]
    interest = pd.DataFrame({market.base: coins}, index=pd.DatetimeIndex(moments))
    counts = [frame["account"].nunique() for frame in frames]
    passes = pd.DataFrame([(m, n, n, 0) for m, n in zip(moments, counts, strict=True)], columns=list(PASS_COLUMNS))
    return Positions(rows, market.source, passes, interest)
