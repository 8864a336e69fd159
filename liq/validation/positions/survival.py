"""Survival of observed positions from one day to the next, beside what the model assumes of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.model.estimated import Estimate
from liq.positions import Positions

HOURS = (18.0, 30.0)
"""Two snapshots that lie between these apart are a day apart."""

CLASSES = (0.0, 0.02, 0.05, 0.1, 0.25, np.inf)
"""Distances of liquidation price from price, as fractions, between the rows of the table."""

MOVED = 0.02
"""Change of a liquidation price from which it counts as moved."""


def survival_table(positions: Positions, heatmap: Estimate) -> pd.DataFrame:
    """Return what became of positions within a day, a row a class of distance from price.

    Index: the class. Columns: ``positions``, how many were followed; ``liquidated``, gone where price reached their
    liquidation price; ``closed``, gone otherwise; ``moved``, still there with a liquidation price 2 % or more away
    from before; ``kept``, all others; ``model``, the share that the model lets close in that time, sweeps left aside.
    Shares of positions, not of dollars. Followed are pairs of snapshots about a day apart; accounts that were not
    asked again in between are left out. Raises InputError where there is no such pair.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"), columns=1)
    >>> table = survival_table(simulated_positions(heatmap.market), heatmap)
    >>> bool((table[["liquidated", "closed", "moved", "kept"]].sum(axis=1).round(6) == 1).all())
    True
    """
    market, coin = heatmap.market, heatmap.market.base
    own = positions.rows[(positions.rows["coin"] == coin) & positions.rows["liquidation_price"].notna()]
    index = market.times.tz_localize("UTC") if market.times.tz is None else market.times
    low, high, close = (market.candles[name].to_numpy() for name in ("low", "high", "close"))
    log_survival = heatmap.walk.flow.log_survival[heatmap.walk.last_legs]
    tiers = np.abs(np.log(heatmap.walk.factor["long"]))
    frames, times = [], list(positions.times)
    for first in times:
        second = next((t for t in times if HOURS[0] <= (t - first).total_seconds() / 3600 <= HOURS[1]), None)
        if second is None:
            continue
        begin, end = (int(index.searchsorted(t, side="right")) - 1 for t in (first, second))
        if begin < 0 or end <= begin or second > market.as_of + market.bar:
            continue
        frames.append(_followed(own, first, second, low[begin : end + 1].min(), high[begin : end + 1].max()))
        frame = frames[-1]
        distance = np.abs(frame["liquidation_price"] / close[begin] - 1).to_numpy()
        frame["class"] = np.searchsorted(CLASSES[1:-1], distance)
        tier = np.abs(np.log(np.maximum(distance, 1e-4))[:, None] - np.log(tiers)).argmin(axis=1)
        frame["model"] = 1 - np.exp(heatmap.paces[tier] * (log_survival[end] - log_survival[begin]))
    if not frames or not sum(map(len, frames)):
        raise InputError("no two snapshots a day apart fall into the market's window.")
    table = (
        pd.concat(frames)
        .groupby("class")
        .agg(
            positions=("fate", "size"),
            **{fate: ("fate", lambda values, fate=fate: float((values == fate).mean())) for fate in FATES},
            model=("model", "mean"),
        )
    )
    names = [
        f"{100 * low:g} to {100 * high:g} %" if np.isfinite(high) else f"over {100 * low:g} %"
        for low, high in pairwise(CLASSES)
    ]
    table.index = pd.Index([names[row] for row in table.index])
    return table


FATES = ("liquidated", "closed", "moved", "kept")


def _followed(own: pd.DataFrame, first: pd.Timestamp, second: pd.Timestamp, low: float, high: float) -> pd.DataFrame:
    """Return the positions of one snapshot with their fate in another; low, high : of price in between."""
    before = own[own["time"] == first].drop_duplicates(["account", "side"])
    after = own[own["time"] == second].drop_duplicates(["account", "side"]).set_index(["account", "side"])
    at = pd.MultiIndex.from_frame(before[["account", "side"]])
    later = after.reindex(at)
    there = later["coins"].notna().to_numpy()
    asked_again = ~there | (later["answered"].to_numpy() > before["answered"].to_numpy())
    level = before["liquidation_price"].to_numpy()
    long = (before["side"] == "long").to_numpy()
    reached = np.where(long, low <= level, high >= level)
    moved = np.abs(later["liquidation_price"].to_numpy() / level - 1) >= MOVED
    fate = np.select([~there & reached, ~there, moved], FATES[:3], FATES[3])
    return before.assign(fate=fate)[asked_again]
