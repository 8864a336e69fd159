"""The walk: from a market to the dollars that would be force-closed, by time, price, side and tier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from liq import levels
from liq.errors import InputError
from liq.flow import Flow, flow
from liq.margin import brackets, liquidation_factors
from liq.market import SIDES, Market
from liq.prior import Prior, as_prior

STEPS = {60: 5e-4, 300: 5e-4, 900: 8e-4, 1800: 1e-3, 3600: 1.2e-3, 14400: 2.5e-3, 86400: 5e-3}
"""Height of a drawn bucket in log price, by the visible bar's length in seconds."""

REACH = 0.16
"""The edges go this far, in log price, beyond the visible window's extremes."""

MOST_BUCKETS = 1200
"""Beyond this many buckets the step doubles."""

DUST = 1e-6
"""USD below which a bucket counts as empty; what rounding leaves of a bucket that was swept."""


@dataclass(frozen=True, eq=False)
class Walk:
    """Hold one side's levels after the walk: the bar that took each, int32 (E, K), and its log price (E, K) parts."""

    reached: np.ndarray
    shift: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Hold the estimate of one market.

    times : (T,) open times of the photographed bars; edges : (B + 1,) ascending prices, equal ratios.
    tiers, weights : (K,) leverages, and the share of opened notional that each takes.
    long, short : (T, B) USD that would be force-sold (bought) in that bucket as of the end of that bar,
        notional at entry, summed over tiers.
    swept : on every bar, columns ``long short``, USD estimated to have been liquidated during the bar.
    anchored : share of the visible bars that open interest anchored.
    """

    market: Market
    prior: Prior
    times: pd.DatetimeIndex
    edges: np.ndarray
    tiers: np.ndarray
    weights: np.ndarray
    long: np.ndarray
    short: np.ndarray
    swept: pd.DataFrame
    anchored: float
    flow: Flow
    entries: levels.Entries
    walks: dict[str, Walk]
    photos: np.ndarray

    def by_tier(self, side: str) -> np.ndarray:
        """Return what stands at the last bar by tier and bucket, USD (K, B)."""
        standing, rows, columns, buckets = self._standing(side)
        count = len(self.edges) - 1
        flat = np.bincount(columns * count + buckets, standing, len(self.tiers) * count)
        return flat.reshape(len(self.tiers), count)

    def opened(self, side: str) -> np.ndarray:
        """Return when what stands in each bucket was opened, notional-weighted, datetime64 (B,); NaT where empty."""
        standing, rows, _, buckets = self._standing(side)
        count = len(self.edges) - 1
        bar = self.entries.bar[rows]
        start = self.market.candles.index.as_unit("s").asi8
        mass = np.bincount(buckets, standing, count)
        age = np.bincount(buckets, standing * (start[bar] - start[0]), count)
        with np.errstate(invalid="ignore", divide="ignore"):
            seconds = np.where(mass > DUST, age / mass, np.nan)
        moments = (pd.Timestamp(start[0], unit="s") + pd.to_timedelta(seconds, unit="s")).to_numpy()
        return np.asarray(moments, dtype="datetime64[s]")

    def _standing(self, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the levels that stand at the end inside the edges: USD, entry row, tier, bucket."""
        walk = self.walks[side]
        rows, columns = np.nonzero(walk.reached == len(self.swept))
        buckets = _bucket(self.entries.price[rows] * walk.factor[columns], self.edges)
        inside = (buckets >= 0) & (buckets < len(self.edges) - 1)
        rows, columns, buckets = rows[inside], columns[inside], buckets[inside]
        survived = np.exp(self.flow.log_survival[-1] - self.flow.log_survival[self.entries.bar[rows]])
        return self._notional[rows] * survived * self.weights[columns], rows, columns, buckets

    @cached_property
    def _notional(self) -> np.ndarray:
        """USD opened at each entry on one side, before the tiers' weights (E,)."""
        return self.flow.opened[self.entries.bar] * self.entries.share * self.entries.price

    def reweigh(self, weights: np.ndarray) -> Heatmap:
        """Return the same walk with other tier weights (K,), without walking again; zero turns a tier off."""
        weights = np.asarray(weights, dtype=float)
        if weights.shape != self.tiers.shape or not np.isfinite(weights).all() or (weights < 0).any():
            raise InputError(f"weights must be {len(self.tiers)} numbers, none negative.")
        drawn = {side: _photograph(self, side, weights) for side in SIDES}
        swept = pd.DataFrame({side: self.swept_by_tier(side) @ weights for side in SIDES}, index=self.swept.index)
        return replace(self, weights=weights, swept=swept, **drawn)

    def swept_by_tier(self, side: str) -> np.ndarray:
        """Return USD swept per bar and tier for a weight of one, float (n, K); linear in the weights."""
        walk, log, n = self.walks[side], self.flow.log_survival, len(self.swept)
        tiers = len(self.tiers)
        total = np.zeros((n + 1) * tiers)
        chunk = max(1, 2_000_000 // tiers)
        for first in range(0, len(self.entries.bar), chunk):
            part = slice(first, first + chunk)
            reached, bar = walk.reached[part], self.entries.bar[part]
            usd = self._notional[part, None] * np.exp(log[reached - 1] - log[bar][:, None])
            total += np.bincount(
                (reached.astype(np.int64) * tiers + np.arange(tiers)).ravel(), usd.ravel(), len(total)
            )
        return total.reshape(n + 1, tiers)[:n]

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """USD per bar and side over all prices: columns ``opened``, ``swept``, ``closed``, ``standing`` by side.

        Nothing appears or vanishes: opened = standing + everything swept and closed so far.
        """
        per_bar = np.bincount(self.entries.bar, self._notional, len(self.swept)) * self.weights.sum()
        kept = np.exp(np.diff(self.flow.log_survival, prepend=0.0)).tolist()
        columns = {}
        for side in SIDES:
            standing, book, closed = 0.0, [], []
            for opened, swept, share in zip(per_bar.tolist(), self.swept[side].tolist(), kept, strict=True):
                left = standing - swept
                standing = left * share + opened
                book.append(standing)
                closed.append(left * (1 - share))
            columns[side] = pd.DataFrame(
                {"opened": per_bar, "swept": self.swept[side].to_numpy(), "closed": closed, "standing": book},
                index=self.swept.index,
            )
        return pd.concat(columns, axis=1)


def estimate(
    market: Market,
    prior: str | Prior = "calibrated",
    columns: int | None = None,
    *,
    edges: np.ndarray | None = None,
) -> Heatmap:
    """Estimate where the market's leveraged positions would be force-closed.

    columns : how many bars to photograph, evenly spaced over the visible window and ending at the last bar;
        None for every visible bar. The walk is the same either way. edges : ascending prices to draw on;
        default: equal ratios on a lattice through the first open, REACH beyond the window's extremes.

    Per bar, in this order: sweep what earlier bars opened and price reached; close by `flow`; open on both
    sides alike, spread over the bar's range and split by the prior's weights; photograph. Raises InputError.

    >>> import pandas as pd
    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h")
    >>> bars = pd.DataFrame(dict(open=100.0, high=100.0, low=100.0, close=100.0, volume=1.0), index=hours)
    >>> estimate(Market("BTC/USDT:USDT", "example", bars)).long.shape[0]
    2
    """
    prior = as_prior(prior)
    tiers, weights = np.array(prior.leverages), np.array(prior.weights)
    candles = market.candles
    low, high = candles["low"].to_numpy(), candles["high"].to_numpy()
    entries = levels.spread(low, high)
    origin = candles["open"].iloc[0]
    steps = market.brackets or brackets(market.symbol)
    walks = {}
    for side, extreme, sign in (("long", low, 1.0), ("short", high, -1.0)):
        factor = liquidation_factors(side, tiers, steps)
        scale = sign / levels.CELL
        with np.errstate(divide="ignore"):
            shift = np.maximum(np.log(factor), -50.0) * scale
        entry = np.log(entries.price / origin) * scale
        reached = levels.first_reach(np.log(extreme / origin) * scale, entry, shift, entries.bar)
        walks[side] = Walk(reached, shift, factor)
    moving = flow(market, prior)
    photos = _photo_bars(market, columns)
    edges = _edges(market, low, high) if edges is None else _check_edges(edges)
    empty = np.empty((0, 0))
    heatmap = Heatmap(
        market=market,
        prior=prior,
        times=candles.index[photos],
        edges=edges,
        tiers=tiers,
        weights=weights,
        long=empty,
        short=empty,
        swept=pd.DataFrame(0.0, index=candles.index, columns=list(SIDES)),
        anchored=float(moving.anchored[candles.index >= market.start].mean()),
        flow=moving,
        entries=entries,
        walks=walks,
        photos=photos,
    )
    return heatmap.reweigh(weights)


def _photo_bars(market: Market, columns: int | None) -> np.ndarray:
    n = len(market.candles)
    first = int(market.candles.index.searchsorted(market.start))
    if columns is None:
        return np.arange(first, n)
    if columns < 1:
        raise InputError(f"columns must be at least 1, not {columns!r}.")
    return np.unique(np.rint(np.linspace(n - 1, first, min(columns, n - first))).astype(np.int64))


def _edges(market: Market, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the drawn lattice: it passes through the first open, so later bars extend it and move nothing."""
    visible = market.candles.index >= market.start
    origin = market.candles["open"].iloc[0]
    bar = market.bar.total_seconds()
    step = next((value for seconds, value in STEPS.items() if bar <= seconds), 5e-3)
    bottom, top = np.log(low[visible].min() / origin) - REACH, np.log(high[visible].max() / origin) + REACH
    while (top - bottom) / step > MOST_BUCKETS:
        step *= 2
    return origin * np.exp(np.arange(np.floor(bottom / step), np.ceil(top / step) + 1) * step)


def _check_edges(edges: np.ndarray) -> np.ndarray:
    edges = np.asarray(edges, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not (edges[0] > 0 and (np.diff(edges) > 0).all()):
        raise InputError("edges must be at least two ascending positive prices.")
    return edges


def _bucket(price: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the bucket of each price; -1 below the edges, B and more above."""
    return np.searchsorted(edges, price, side="right") - 1


def _photograph(heatmap: Heatmap, side: str, weights: np.ndarray) -> np.ndarray:
    """Return what stands at each photographed bar, USD (T, B)."""
    walk, photos, log = heatmap.walks[side], heatmap.photos, heatmap.flow.log_survival
    entries, notional = heatmap.entries, heatmap._notional
    n, count, shots = len(log), len(heatmap.edges) - 1, len(photos)
    shot_of = np.searchsorted(photos, np.arange(n + 1))  # first photograph at or after each bar
    at_shot = np.append(log[photos], 0.0)
    change = np.zeros((shots + 1) * count)
    tiers = len(weights)
    chunk = max(1, 1_000_000 // tiers)
    for first in range(0, len(entries.bar), chunk):
        part = slice(first, first + chunk)
        bar = entries.bar[part]
        born, died = shot_of[bar][:, None], shot_of[walk.reached[part]]
        level = entries.price[part, None] * walk.factor
        bucket = _bucket(level, heatmap.edges)
        seen = (died > born) & (bucket >= 0) & (bucket < count) & (weights > 0)
        rows, columns = np.nonzero(seen)
        usd, since = (notional[part][rows] * weights[columns]), log[bar][rows]
        born, died, bucket = born[rows, 0], died[rows, columns], bucket[rows, columns]
        change += np.bincount(born * count + bucket, usd * np.exp(at_shot[born] - since), len(change))
        gone = died < shots
        change -= np.bincount(
            died[gone] * count + bucket[gone], (usd * np.exp(at_shot[died] - since))[gone], len(change)
        )
    book = change.reshape(shots + 1, count)[:shots]
    kept = np.exp(np.diff(log[photos]))
    for shot in range(1, shots):
        book[shot] += book[shot - 1] * kept[shot - 1]
    book[book < DUST] = 0.0
    return book
