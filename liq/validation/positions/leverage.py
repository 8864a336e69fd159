"""Leverage seen in real positions: how far from entry they are liquidated, and tier weights out of that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import percent_classes
from liq.market import SIDES, Market
from liq.model.estimate import estimate
from liq.model.estimated import Estimate
from liq.model.prior import Prior
from liq.positions import Positions
from liq.validation.positions.comparison import compare

CLASSES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, np.inf)
"""Distances from entry, as fractions of it, between the classes of the table."""

HALF_WEIGHT = 30
"""Number of accounts in a tier's class at which what they hold and the prior count alike."""

MOST = 8.0
"""Maximum factor by which positions move a tier's weight."""

NEAREST, FARTHEST = 0.2, 3.0
"""Levels between these multiples of price count as standing."""

MIN_DAYS = 4
"""Minimum number of days of snapshots to judge weights on later ones."""

ENOUGH = {2: 6.31, 3: 2.92, 4: 2.35, 5: 2.13, 6: 2.02, 7: 1.94}
"""Student's t at 95 %, one-sided, by number of later days; 1.9 for more."""


def dollars_by_distance(positions: Positions, coin: str, moment: object = None) -> pd.DataFrame:
    """Return the dollars of a snapshot by distance of the liquidation price from entry, a row a class.

    Index: the class, such as ``2 to 5 %``; columns (side, margin): share of that side's and margin's dollars with a
    liquidation price. A cross position's price is where its account fails, so it says less of leverage.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 80_000.0, "liquidation_price": 78_000.0, "leverage": 40, "margin": "isolated", "account": "a"}
    >>> table = dollars_by_distance(Positions(pd.DataFrame([row]), "hyperliquid"), "BTC")
    >>> table["long", "isolated"].loc["2 to 5 %"].item()
    1.0
    """
    rows = positions.snapshot(coin, moment)
    rows = rows[rows["liquidation_price"].notna()]
    names = percent_classes(CLASSES)
    distance = np.abs(rows["liquidation_price"] / rows["entry"] - 1)
    row = np.searchsorted(CLASSES[1:-1], distance)
    usd = rows["coins"] * rows["entry"]
    columns = {}
    for side in SIDES:
        for margin in ("isolated", "cross"):
            own = ((rows["side"] == side) & (rows["margin"] == margin)).to_numpy()
            total = np.bincount(row[own], usd.to_numpy()[own], len(names))
            columns[side, margin] = total / total.sum() if total.sum() > 0 else np.full(len(names), np.nan)
    return pd.DataFrame(columns, index=names)


def prior_from_positions(market: Market, positions: Positions, base: Prior, *, raw: bool = False) -> Prior:
    """Return the prior drawn towards what real positions hold, kept where later days bear it out.

    What stands in a tier is its weight times what its levels still hold; so each tier's dollars, by the nearest
    distance from entry, over what a weight of one would leave standing, is what positions say of it. Only the shape
    is taken from them, the level stays the prior's, since no snapshot sees a known part of the market. How far a tier
    moves depends on how many accounts it rests on (HALF_WEIGHT).

    It is adopted where, fitted on the first half of the days, it overlaps with the later snapshots more than the
    prior does, by more than its own error. Raises InputError where no snapshot falls into the market's bars.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> from liq.model.prior import PRIORS
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> prior_from_positions(market, simulated_positions(market), PRIORS["calibrated"]).adopted in (True, False)
    True
    """
    edges = market.price * np.exp(np.linspace(np.log(NEAREST), np.log(FARTHEST), 800))
    coin, heatmap = market.base, estimate(replace(market, parts=()), base, edges=edges)
    times = [time for time in positions.times if market.start <= time <= market.as_of + market.bar]
    times = [time for time in times if len(positions.snapshot(coin, time))]
    if not times:
        raise InputError(f"no snapshot of positions in {coin} falls into the market's window.")
    days = pd.DatetimeIndex(times).floor("D")
    middle = days.unique()[len(days.unique()) // 2]
    early, late = (
        [t for t, day in zip(times, days, strict=True) if day < middle],
        [t for t, day in zip(times, days, strict=True) if day >= middle],
    )
    count = days.nunique()
    if count < MIN_DAYS:
        verdict, adopted = f"{count} days of snapshots are too few to judge weights on later ones", False
    else:
        candidate = heatmap.reweigh(_weights(heatmap, positions, coin, early, base))
        levels = positions.levels(coin)
        levels = levels[levels["time"].isin(late)]
        ours, theirs = (compare(one, levels).by_day["overlap"] for one in (candidate, heatmap))
        by_day = (ours - theirs).to_numpy()
        error = ENOUGH.get(len(by_day), 1.9) * by_day.std(ddof=1) / np.sqrt(len(by_day))
        adopted = bool(by_day.mean() > error)
        verdict = (
            f"On {len(by_day)} later days, weights drawn towards positions changed the overlap by "
            f"{by_day.mean():+.3f}, {'more' if adopted else 'not more'} than their own error of {error:.3f}"
        )
    verdict += f", so the {'positions count' if adopted else base.title.lower() + ' prior is kept'}."
    if not (adopted or raw):
        return replace(base, adopted=False, verdict=verdict)
    weights = _weights(heatmap, positions, coin, times, base)
    return replace(
        base,
        name="positions",
        title="Real positions",
        weights=tuple(float(f"{weight:.4g}") for weight in weights),
        adopted=adopted,
        verdict=verdict,
        origin=f"{base.title}, drawn towards positions of {coin} on {positions.source}, {len(times)} snapshots.",
    )


def _weights(
    heatmap: Estimate, positions: Positions, coin: str, times: list[pd.Timestamp], base: Prior
) -> np.ndarray:
    """Return tier weights (K,) drawn towards what these snapshots hold."""
    distance = np.abs(np.log(heatmap.walk.factor["long"]))
    prior = np.maximum(np.array(base.weights), 1e-9)
    rows = positions.rows[(positions.rows["coin"] == coin) & positions.rows["time"].isin(times)]
    rows = rows[rows["liquidation_price"].notna()]
    own = np.asarray(np.abs(np.log(rows["liquidation_price"] / rows["entry"])))
    order = np.argsort(distance)
    between = np.sqrt(distance[order][1:] * distance[order][:-1])
    tier = order[np.searchsorted(between, own)]
    usd = np.bincount(tier, (rows["coins"] * rows["entry"]).to_numpy(), len(prior))
    # an account that holds through all snapshots is one account
    count = np.array([rows["account"][tier == k].nunique() for k in range(len(prior))])
    standing: np.ndarray = sum(heatmap.reweigh(np.ones(len(prior))).by_tier(side).sum(axis=1) for side in SIDES)
    said = usd / np.maximum(standing, 1e-9)
    known = (usd > 0) & (standing > 0)
    if not known.any():
        return prior
    said *= (prior * standing)[known].sum() / (said * standing)[known].sum()
    share = count / (count + HALF_WEIGHT)
    weights = prior.copy()
    weights[known] *= np.clip(said[known] / prior[known], 1 / MOST, MOST) ** share[known]
    return np.asarray(weights / max(1.0, float(weights.sum())))
