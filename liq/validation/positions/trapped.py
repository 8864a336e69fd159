"""Trapped positions: what is under water at the present price, by the price it was opened at, from real entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.formatting import money, whole_percent
from liq.market import SIDES
from liq.positions import Positions

LARGEST = 10
"""Number of accounts that are told apart from all others: one account is not a crowd."""

GROUPS = ("others", "largest")

SHOWN = 0.95
"""Share of the dollars whose entries lie in the table: a few, years old, would leave no room for the rest."""

LEAST, MOST = 0.05, 1.0
"""Distances in log price that the table reaches at least, and at most, either way."""

BUCKETS = 60
"""Number of price buckets, below and above price together."""


@dataclass(frozen=True, eq=False)
class Trapped:
    """Hold how much of a snapshot is under water: longs opened above price, shorts opened below it.

    time : of the snapshot (UTC); price : that entries are compared with. shares : of each side's dollars at entry
    that are under water, index GROUPS and ``all``, columns ``long short``, NaN where a group holds nothing; usd : the
    dollars themselves, under water and not, columns (side, ``under`` ``held``). accounts : how many are
    in ``largest`` and in ``others``. table : a row a bucket of entry price, side and group that holds anything: low,
    high, side, group, usd (at entry), under_water; price is an edge. curve : at each edge ``price`` the share of each
    side, ``long short``, that would be under water there. outside : USD opened beyond the table, by side.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 7e4, "leverage": 10.0, "margin": "cross", "account": "a1"}
    >>> trapped(Positions(pd.DataFrame([row]), "hyperliquid"), "BTC", 79_000.0).shares["long"]["all"].item()
    1.0
    """

    time: pd.Timestamp
    price: float
    shares: pd.DataFrame
    usd: pd.DataFrame
    accounts: dict[str, int]
    table: pd.DataFrame
    curve: pd.DataFrame
    outside: dict[str, float]

    @property
    def sentence(self) -> str:
        """What is under water, in one plain sentence, the largest accounts apart."""
        parts = []
        for side in SIDES:
            total = float(self.usd[side].loc["all"].sum())
            if total <= 0:
                parts.append(f"no {side} was seen")
                continue
            text = f"{whole_percent(self.shares[side]['all'])} of {money(total)} of {side}s are under water"
            if (both := self.shares[side][list(GROUPS)]).notna().all():
                largest, others = (whole_percent(both[group]) for group in ("largest", "others"))
                text += f" (largest accounts {largest}, all others {others})"
            parts.append(text)
        words = ", and ".join(parts)
        return f"{words[0].upper()}{words[1:]}."


def trapped(positions: Positions, coin: str, price: float, moment: object = None) -> Trapped | None:
    """Return what is under water at a price in the last snapshot of a coin at or before a moment (UTC).

    Dollars are coins times entry: what was opened there. The LARGEST accounts are those that hold most dollars of the
    coin at that price, both sides together. None where there is no such snapshot.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> found = trapped(simulated_positions(market), "BTC", market.price)
    >>> bool(0 < found.shares["long"]["all"] < 1)
    True
    """
    rows = positions.snapshot(coin, moment)
    if not len(rows):
        return None
    held = rows.groupby("account")["coins"].sum().nlargest(LARGEST)
    largest = rows["account"].isin(held.index).to_numpy()
    entry, usd = rows["entry"].to_numpy(), (rows["coins"] * rows["entry"]).to_numpy()
    side = rows["side"].to_numpy()
    under = np.where(side == SIDES[0], entry > price, entry < price)
    group = np.where(largest, GROUPS[1], GROUPS[0])
    frame = pd.DataFrame({"side": side, "group": group, "under_water": under, "usd": usd})
    edges = _edges(entry, usd, price)
    bucket = np.searchsorted(edges, entry, side="right") - 1
    inside = (bucket >= 0) & (bucket < len(edges) - 1)
    placed = frame[inside].assign(low=edges[bucket[inside]], high=edges[bucket[inside] + 1])
    table = placed.groupby(["low", "high", "side", "group", "under_water"])["usd"].sum().reset_index()
    by_state = pd.DataFrame(
        {
            (one, name): [usd[(group == which) & (side == one) & (under == state)].sum() for which in GROUPS]
            for one in SIDES
            for name, state in (("under", True), ("held", False))
        },
        index=list(GROUPS),
    )
    by_state.loc["all"] = by_state.sum()
    totals = {one: by_state[one, "under"] + by_state[one, "held"] for one in SIDES}
    shares = pd.DataFrame({one: by_state[one, "under"] / totals[one].where(totals[one] > 0) for one in SIDES})
    return Trapped(
        time=pd.Timestamp(rows["time"].iloc[0]),
        price=float(price),
        shares=shares,
        usd=by_state,
        accounts={"largest": len(held), "others": rows["account"].nunique() - len(held)},
        table=table[["low", "high", "side", "group", "usd", "under_water"]],
        curve=pd.DataFrame({"price": edges, **_share_under(entry, usd, side, edges)}),
        outside={one: float(usd[~inside & (side == one)].sum()) for one in SIDES},
    )


def _edges(entry: np.ndarray, usd: np.ndarray, price: float) -> np.ndarray:
    """Return ascending prices of equal ratio, price among them, between which SHOWN of the dollars were opened."""
    order = np.argsort(entry)
    place = (np.cumsum(usd[order]) - usd[order] / 2) / usd.sum()
    ends = np.interp([(1 - SHOWN) / 2, (1 + SHOWN) / 2], place, np.log(entry[order] / price))
    below, above = np.clip([-ends[0], ends[1]], LEAST, MOST)
    step = (below + above) / BUCKETS
    return np.asarray(price * np.exp(step * np.arange(-np.ceil(below / step), np.ceil(above / step) + 1)))


def _share_under(entry: np.ndarray, usd: np.ndarray, side: np.ndarray, prices: np.ndarray) -> dict[str, np.ndarray]:
    """Return by side the share of dollars that would be under water at each price; NaN where a side holds nothing."""
    shares = {}
    for one in SIDES:
        order = np.argsort(entry[side == one])
        ascending = entry[side == one][order]
        total = np.append(0.0, np.cumsum(usd[side == one][order]))
        if one == SIDES[0]:
            under = total[-1] - total[np.searchsorted(ascending, prices, side="right")]
        else:
            under = total[np.searchsorted(ascending, prices, side="left")]
        shares[one] = under / total[-1] if total[-1] > 0 else np.full(len(prices), np.nan)
    return shares
