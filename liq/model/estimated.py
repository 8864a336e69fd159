"""The estimate of one market: what stands by time and price, what was swept by bar, and the walk behind both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES
from liq.model.as_of import first_bars
from liq.model.flow import Flow
from liq.model.grid import lattice
from liq.model.heatmap import GroupedUsd, Heatmap
from liq.model.levels import Entries
from liq.model.leverage_bands import BANDS, in_bands
from liq.model.prior import Prior
from liq.model.venue_dollars import DollarScale
from liq.model.walk import Walk, photographed, swept_by_leg
from liq.wording import ESTIMATE


@dataclass(frozen=True, eq=False)
class Estimate(Heatmap):
    """Hold the estimate of one market.

    tiers, weights : (K,) leverages, and the share of opened notional that each takes.
    long, short : notional at entry, summed over tiers; swept : USD estimated to have been liquidated during each bar.
    anchored : share of the visible bars that open interest anchored. scale : whose dollars these are, and their
    interval (`liq.model.venue_dollars`). walk : what re-weighing needs. parts : where several venues were requested,
    each venue's own estimate on the same edges and times.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> estimate = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> estimate.tiers.shape == estimate.weights.shape
    True
    """

    kind: ClassVar[str] = ESTIMATE

    prior: Prior
    tiers: np.ndarray
    weights: np.ndarray
    walk: Walk
    scale: DollarScale
    parts: tuple[Estimate, ...] = ()

    @property
    def venues(self) -> tuple[Estimate, ...]:
        """Each venue's own estimate; itself where it is of one."""
        return self.parts or (self,)

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
        """Return every level that stands at the last bar inside the edges, see `Heatmap.standing`."""
        frames = []
        for part in self.venues:
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

    def by_band(self, side: str) -> dict[str, np.ndarray]:
        """Return what stands at the last bar by leverage band, USD (B,) each."""
        usd = self.by_tier(side)
        return {name: usd[in_bands(self.tiers, [name])].sum(axis=0) for name in BANDS}

    def splits(self) -> dict[str, GroupedUsd]:
        """Return what stands at the last bar by venue, where there are several."""
        if len(self.parts) < 2:
            return {}
        venues = {part.market.source: {"long": part.long[-1], "short": part.short[-1]} for part in self.parts}
        return {"Venue": venues}

    def with_bands(self, bands: Collection[str]) -> Estimate:
        """Return the heatmap with only these leverage bands counted; all of them return the heatmap itself.

        >>> import liq
        >>> from liq.sources.simulation.market import simulate
        >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
        >>> bool(heatmap.with_bands(["1-5x", "6-10x"]).long.sum() < heatmap.long.sum())
        True
        """
        if len(bands) == len(BANDS):
            return self
        return self.reweigh(np.where(in_bands(self.tiers, bands), self.weights, 0.0))

    def photographed_band(self, band: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return `long` and `short` (T, B) of one leverage band alone; None where nothing is in it."""
        counted = in_bands(self.tiers, [band]) & (self.weights > 0)
        return self.photographed(np.where(counted, self.weights, 0.0)) if counted.any() else None

    def reweigh(self, weights: np.ndarray) -> Estimate:
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
        scales = [part.scale for part in self.venues]
        return min(one.low / one.factor for one in scales), max(one.high / one.factor for one in scales)

    @property
    def levels_sentence(self) -> str:
        """How far from price the prior's data reach, in one sentence.

        >>> import liq
        >>> from liq.sources.simulation.market import simulate
        >>> liq.estimate(simulate("BTC", "12h", now="2026-09-01"), "flat", columns=1).levels_sentence
        'Nothing of the prior Flat was tested on liquidations.'
        """
        tested = self.prior.tested
        if not tested:
            return f"Nothing of the prior {self.prior.title} was tested on liquidations."
        return (
            f"Tested to {-tested.get('long', 0.0):+.0%} and {tested.get('short', 0.0):+.0%} of price; levels beyond "
            "are extrapolated and dim."
        )

    @property
    def dollars_sentence(self) -> str:
        """Whose dollars these are and how far off they may be, in one sentence.

        >>> import liq
        >>> from liq.sources.simulation.market import simulate
        >>> liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1).dollars_sentence
        'Dollars of this source were never measured: they may be 0.3 to 3.5 times as many.'
        """
        low, high = self.dollars_interval
        span = f"{low:.1f} to {high:.1f} times as many"
        if self.parts:
            return f"Each venue's own dollars, added up; they may be {span}."
        if self.scale.measured:
            return f"Dollars are those of {' + '.join(self.scale.venues)} alone; they may be {span}."
        return f"Dollars of this source were never measured: they may be {span}."

    @property
    def made_from(self) -> str:
        """The prior, in two words."""
        return f"Prior {self.prior.name}"

    @property
    def origin(self) -> dict[str, Any]:
        """What the estimate was made with, as fields of a JSON document."""
        return {
            "prior": self.prior.name,
            "tiers": self.tiers.tolist(),
            "weights": self.weights.tolist(),
            "dollars_of": sorted({name for part in self.venues for name in part.scale.venues}),
            "dollars_interval": list(self.dollars_interval),
            "tested_range": list(self.tested_range),
            "anchored": self.anchored,
        }

    def cut(self, photos: slice) -> Estimate:
        """Return the estimate cut off after the last of these photographed bars, with all its venues' parts."""
        if self.parts:
            return combine(self._cut_one(photos), tuple(part._cut_one(photos) for part in self.parts))
        return self._cut_one(photos)

    def last_on(self, edges: np.ndarray) -> Estimate:
        """Return the last photograph alone, on other edges; nothing is walked again."""
        if self.parts:
            parts = tuple(part._last_on(edges) for part in self.parts)
            return combine(replace(self, times=self.times[-1:], edges=edges), parts)
        return self._last_on(edges)

    def _last_on(self, edges: np.ndarray) -> Estimate:
        """Return the last photograph of one market alone."""
        walk = self.walk._replace(photos=self.walk.photos[-1:])
        return replace(self, times=self.times[-1:], edges=edges, walk=walk).reweigh(self.weights)

    def _cut_one(self, photos: slice) -> Estimate:
        """Return one market's estimate cut off after the last of these photographs."""
        walk = self.walk
        n = int(walk.photos[photos.stop - 1]) + 1
        legs = int(np.searchsorted(walk.bar, n))
        entries = int(np.searchsorted(walk.entries.leg, legs))
        anchored = walk.flow.anchored[walk.last_legs[:n]]
        market = first_bars(self.market, n)
        return replace(
            self,
            market=market,
            times=self.times[photos],
            long=self.long[photos],
            short=self.short[photos],
            swept=self.swept[:n],
            anchored=float(anchored[market.times >= market.start].mean()),
            parts=(),
            walk=Walk(
                walk.bar[:legs],
                Entries(*(column[:entries] for column in walk.entries)),
                Flow(*(column[:legs] for column in walk.flow)),
                walk.photos[photos],
                # a level that a later leg took still stands
                {side: np.minimum(walk.reached[side][:entries], legs) for side in SIDES},
                walk.factor,
            ),
        )

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
        """See `lattice`."""
        return lattice(self.edges)


def combine(reference: Estimate, parts: tuple[Estimate, ...]) -> Estimate:
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
