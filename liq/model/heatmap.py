"""The estimate of one market: what stands by time and price, what was swept by bar, and the levels behind both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market
from liq.model.prior import Prior
from liq.model.venue_dollars import DollarScale
from liq.model.walk import DUST, Walk, photographed, swept_by_leg


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Hold the estimate of one market.

    times : (T,) open times of the photographed bars; edges : (B + 1,) ascending prices, equal ratios.
    tiers, weights : (K,) leverages, and the share of opened notional that each takes.
    long, short : (T, B) USD that would be force-sold (bought) in that bucket as of the end of that bar,
        notional at entry, summed over tiers.
    swept : on every bar, columns ``long short``, USD estimated to have been liquidated during the bar.
    anchored : share of the visible bars that open interest anchored.
    scale : whose dollars these are, and their interval (`liq.model.venue_dollars`).
    parts : where several venues were requested, each venue's own heatmap on the same edges and times.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> heatmap.long.shape == (len(heatmap.times), len(heatmap.edges) - 1)
    True
    >>> list(heatmap.swept.columns)
    ['long', 'short']
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
    walk: Walk
    scale: DollarScale
    parts: tuple[Heatmap, ...] = ()

    def by_tier(self, side: str) -> np.ndarray:
        """Return what stands at the last bar by tier and bucket, USD (K, B).

        >>> import liq
        >>> from liq.sources.simulation.market import simulate
        >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
        >>> heatmap.by_tier("long").shape == (len(heatmap.tiers), len(heatmap.edges) - 1)
        True
        """
        if self.parts:
            return np.sum([part.by_tier(side) for part in self.parts], axis=0)
        usd, _, tier, bucket = self._standing(side)
        count = len(self.edges) - 1
        flat = np.bincount(tier * count + bucket, usd, len(self.tiers) * count)
        return flat.reshape(len(self.tiers), count)

    def standing(self, side: str) -> pd.DataFrame:
        """Return every level that stands at the last bar inside the edges, one row each.

        Columns: usd; price, where it would be force-closed; entry; opened, the bar it was opened in; leverage;
        source, the venue.
        """
        frames = []
        for part in self.parts or (self,):
            usd, row, tier, _ = part._standing(side)
            entries, candles = part.walk.entries, part.market.candles
            frames.append(
                pd.DataFrame(
                    {
                        "usd": usd,
                        "price": entries.price[row] * part.walk.factor[side][tier],
                        "entry": entries.price[row],
                        "opened": candles.index[part.walk.bar[entries.leg[row]]],
                        "leverage": part.tiers[tier],
                        "source": part.market.source,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def opened(self, side: str) -> np.ndarray:
        """Return when what stands in each bucket was opened, notional-weighted, datetime64 UTC (B,); NaT if empty."""
        count = len(self.edges) - 1
        usd_sum, time_sum = np.zeros(count), np.zeros(count)
        for part in self.parts or (self,):
            usd, row, _, bucket = part._standing(side)
            seconds = part.market.times.as_unit("s").asi8[part.walk.bar[part.walk.entries.leg[row]]]
            usd_sum += np.bincount(bucket, usd, count)
            time_sum += np.bincount(bucket, usd * seconds, count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.rint(np.where(usd_sum > DUST, time_sum / usd_sum, np.nan)).astype("datetime64[s]")

    def reweigh(self, weights: np.ndarray) -> Heatmap:
        """Return the same walk with other tier weights (K,), without walking again; zero turns a tier off.

        >>> import liq
        >>> from liq.sources.simulation.market import simulate
        >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
        >>> doubled = heatmap.reweigh(2 * heatmap.weights)
        >>> bool(np.allclose(doubled.long, 2 * heatmap.long))
        True
        """
        weights = np.asarray(weights, dtype=float)
        if weights.shape != self.tiers.shape or not np.isfinite(weights).all() or (weights < 0).any():
            raise InputError(f"weights must be {len(self.tiers)} numbers, none negative.")
        if self.parts:
            return combine(self, tuple(part.reweigh(weights) for part in self.parts))
        swept = pd.DataFrame({side: self._swept(side, weights) for side in SIDES}, index=self.market.candles.index)
        long, short = self._photographs(weights)
        return replace(self, weights=weights, long=long, short=short, swept=swept)

    def photographed(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return `long` and `short` (T, B) as other tier weights (K,) would have them, and nothing else."""
        if self.parts:
            long, short = zip(*(part.photographed(weights) for part in self.parts), strict=True)
            return np.sum(long, axis=0), np.sum(short, axis=0)
        return self._photographs(weights)

    def swept_by_tier(self, side: str) -> np.ndarray:
        """Return USD swept per bar and tier for a weight of one, float (n, K); `swept` is linear in the weights."""
        return np.stack([self._swept(side, weight) for weight in np.eye(len(self.tiers))], axis=1)

    @cached_property
    def balance_sheet(self) -> pd.DataFrame:
        """USD per bar over all prices, columns (side, ``opened swept standing closed``).

        Nothing appears or vanishes: on every bar, all that was opened is what stands, was swept, or closed.
        """
        walk, bar, ends = self.walk, self.walk.bar, self.walk.last_legs
        opened_by_leg = np.bincount(walk.entries.leg, self.notional, len(bar))
        opened = np.bincount(bar, opened_by_leg) * self.weights.sum()
        frames = {}
        for side in SIDES:
            standing = np.zeros(len(bar))
            for pace in np.unique(self.paces):
                weights = np.where(self.paces == pace, self.weights, 0.0)
                survival = np.exp(pace * np.diff(walk.flow.log_survival, prepend=0.0)).tolist()
                opened_now = opened_by_leg * weights.sum()
                swept_now = swept_by_leg(walk, self.notional, self.paces, weights, side)
                standing_usd = 0.0
                for row, (opened_usd, swept_usd) in enumerate(
                    zip(opened_now.tolist(), swept_now.tolist(), strict=True)
                ):
                    standing_usd = (standing_usd - swept_usd) * survival[row] + opened_usd
                    standing[row] += standing_usd
            standing, swept = standing[ends], self.swept[side].to_numpy()
            closed = opened - swept - np.diff(standing, prepend=0.0)
            columns = {"opened": opened, "swept": swept, "closed": closed, "standing": standing}
            frames[side] = pd.DataFrame(columns, index=self.swept.index)
        return pd.concat(frames, axis=1)

    @property
    def tested_range(self) -> tuple[float, float]:
        """Lowest and highest price that the prior's data reach from the market's price; both the price if none.

        Levels beyond are the prior's law and not its data (`Prior.tested`).
        """
        price, tested = float(self.market.price), self.prior.tested
        return price * (1 - tested.get("long", 0.0)), price * (1 + tested.get("short", 0.0))

    @property
    def dollars_interval(self) -> tuple[float, float]:
        """How many times as many the dollars may be, low and high: the widest 95 % interval of its venues."""
        scales = [part.scale for part in self.parts or (self,)]
        return min(one.low / one.factor for one in scales), max(one.high / one.factor for one in scales)

    @cached_property
    def notional(self) -> np.ndarray:
        """USD opened at each entry on one side, before the tiers' weights, scaled to the venues meant (E,)."""
        entries = self.walk.entries
        return self.walk.flow.opened[entries.leg] * entries.share * (entries.price * self.scale.factor)

    @cached_property
    def paces(self) -> np.ndarray:
        return np.array(self.prior.paces or (1.0,) * len(self.tiers))

    def _standing(self, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the levels that stand at the end inside the edges: USD, entry row, tier, bucket."""
        entries, log_survival = self.walk.entries, self.walk.flow.log_survival
        row, tier = np.nonzero(self.walk.reached[side] == len(log_survival))
        bucket = self.bucket_of(row, self.walk.factor[side][tier])
        inside = (bucket >= 0) & (bucket < len(self.edges) - 1)
        row, tier, bucket = row[inside], tier[inside], bucket[inside]
        survived = np.exp(self.paces[tier] * (log_survival[-1] - log_survival[entries.leg[row]]))
        return self.notional[row] * survived * self.weights[tier], row, tier, bucket

    def _swept(self, side: str, weights: np.ndarray) -> np.ndarray:
        """Return USD swept per bar, (n,)."""
        return np.bincount(self.walk.bar, swept_by_leg(self.walk, self.notional, self.paces, weights, side))

    def _photographs(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what stands at each photographed bar, USD (T, B), longs and shorts."""
        count = len(self.edges) - 1
        return photographed(self.walk, self.notional, self.paces, weights, self.bucket_of, count)

    def bucket_of(self, row: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Return the bucket of the levels at those entries and factors; -1 below the edges, B and more above."""
        if self._lattice is None:
            return np.searchsorted(self.edges, self.walk.entries.price[row] * factor, side="right") - 1
        bottom, step = self._lattice
        place = self._log_price[row] / step
        place += (np.log(factor) - bottom) / step
        return np.clip(np.floor(place, out=place), -1, len(self.edges)).astype(np.int64)

    @cached_property
    def _log_price(self) -> np.ndarray:
        """Log of each entry's price (E,)."""
        return np.log(self.walk.entries.price)

    @cached_property
    def _lattice(self) -> tuple[float, float] | None:
        """Log of the lowest edge and the step, where the edges keep one ratio; then no search is needed."""
        log = np.log(self.edges)
        even = np.linspace(log[0], log[-1], len(log))
        return (float(log[0]), float(even[1] - even[0])) if np.allclose(log, even, rtol=0, atol=1e-10) else None


def tested_sentence(heatmap: Heatmap) -> str:
    """Return one sentence on how far from price the prior's data reach.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> tested_sentence(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), "flat", columns=1))
    'Nothing of the prior Flat was tested on liquidations.'
    """
    tested = heatmap.prior.tested
    if not tested:
        return f"Nothing of the prior {heatmap.prior.title} was tested on liquidations."
    return (
        f"Tested to {-tested.get('long', 0.0):+.0%} and {tested.get('short', 0.0):+.0%} of price; levels beyond are "
        "extrapolated and dim."
    )


def dollars_sentence(heatmap: Heatmap) -> str:
    """Return one sentence on whose dollars these are and how far off they may be.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> dollars_sentence(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1))
    'Dollars of this source were never measured: they may be 0.3 to 3.5 times as many.'
    """
    low, high = heatmap.dollars_interval
    span = f"{low:.1f} to {high:.1f} times as many"
    if heatmap.parts:
        return f"Each venue's own dollars, added up; they may be {span}."
    if heatmap.scale.measured:
        return f"Dollars are those of {' + '.join(heatmap.scale.venues)} alone; they may be {span}."
    return f"Dollars of this source were never measured: they may be {span}."


def combine(reference: Heatmap, parts: tuple[Heatmap, ...]) -> Heatmap:
    """Return one heatmap that adds up several venues' own, all on the reference's edges and times.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> both = combine(heatmap, (heatmap, heatmap))
    >>> bool(np.allclose(both.long, 2 * heatmap.long))
    True
    """
    swept = [part.swept.reindex(reference.swept.index, fill_value=0.0).to_numpy() for part in parts]
    return replace(
        reference,
        weights=parts[0].weights,
        long=np.sum([part.long for part in parts], axis=0),
        short=np.sum([part.short for part in parts], axis=0),
        swept=pd.DataFrame(np.sum(swept, axis=0), reference.swept.index, list(SIDES)),
        anchored=float(np.mean([part.anchored for part in parts])),
        parts=parts,
    )
