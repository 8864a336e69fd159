"""The estimate of one market, as pictures of what stands, sums of what was swept, and the levels behind both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market
from liq.model.flow import Flow
from liq.model.levels import Entries
from liq.model.prior import Prior

DUST = 1e-6
"""USD below which a bucket counts as empty; what rounding leaves of a bucket that was swept."""

CHUNK = 2_000_000
"""Levels summed up at once, to bound memory."""

BLOCK = 4096
"""Entries worked on at once, so that what is computed of them stays in the processor's cache."""


class Walk(NamedTuple):
    """What the walk found, for both sides: everything that any re-weighing of the tiers needs.

    entries : where each bar opened; flow : what it opened and what survived; photos : (T,) photographed bars;
    reached : by side, the bar that took each level, int32 (E, K), n where none did; factor : by side,
    liquidation price over entry price (K,).
    """

    entries: Entries
    flow: Flow
    photos: np.ndarray
    reached: dict[str, np.ndarray]
    factor: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Hold the estimate of one market.

    times : (T,) open times of the photographed bars; edges : (B + 1,) ascending prices, equal ratios.
    tiers, weights : (K,) leverages, and the share of opened notional that each takes.
    long, short : (T, B) USD that would be force-sold (bought) in that bucket as of the end of that bar,
        notional at entry, summed over tiers.
    swept : on every bar, columns ``long short``, USD estimated to have been liquidated during the bar.
    anchored : share of the visible bars that open interest anchored.
    parts : where several venues were asked, each venue's own heatmap on the same edges and times.
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
    parts: tuple[Heatmap, ...] = ()

    def by_tier(self, side: str) -> np.ndarray:
        """Return what stands at the last bar by tier and bucket, USD (K, B)."""
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
                        "opened": candles.index[entries.bar[row]],
                        "leverage": part.tiers[tier],
                        "source": part.market.source,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def opened(self, side: str) -> np.ndarray:
        """Return when what stands in each bucket was opened, notional-weighted, datetime64 UTC (B,); NaT if empty."""
        count = len(self.edges) - 1
        mass, age = np.zeros(count), np.zeros(count)
        for part in self.parts or (self,):
            usd, row, _, bucket = part._standing(side)
            seconds = part.market.times.as_unit("s").asi8[part.walk.entries.bar[row]]
            mass += np.bincount(bucket, usd, count)
            age += np.bincount(bucket, usd * seconds, count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.rint(np.where(mass > DUST, age / mass, np.nan)).astype("datetime64[s]")

    def reweigh(self, weights: np.ndarray) -> Heatmap:
        """Return the same walk with other tier weights (K,), without walking again; zero turns a tier off."""
        weights = np.asarray(weights, dtype=float)
        if weights.shape != self.tiers.shape or not np.isfinite(weights).all() or (weights < 0).any():
            raise InputError(f"weights must be {len(self.tiers)} numbers, none negative.")
        if self.parts:
            return combine(self, tuple(part.reweigh(weights) for part in self.parts))
        swept = pd.DataFrame({side: self._taken(side, weights) for side in SIDES}, index=self.market.candles.index)
        long, short = self._photographs(weights)
        return replace(self, weights=weights, long=long, short=short, swept=swept)

    def photographed(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return `long` and `short` (T, B) as other tier weights (K,) would have them, and nothing else."""
        if self.parts:
            long, short = zip(*(part.photographed(weights) for part in self.parts), strict=True)
            return np.sum(long, axis=0), np.sum(short, axis=0)
        long, short = self._photographs(weights)
        return long, short

    def swept_by_tier(self, side: str) -> np.ndarray:
        """Return USD swept per bar and tier for a weight of one, float (n, K); `swept` is linear in the weights."""
        return np.stack([self._taken(side, one) for one in np.eye(len(self.tiers))], axis=1)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """USD per bar over all prices, columns (side, ``opened swept standing closed``).

        Nothing appears or vanishes: on every bar, all that was opened is what stands, was swept, or closed.
        """
        entries, moving, n = self.walk.entries, self.walk.flow, len(self.swept)
        opened = np.bincount(entries.bar, self._notional, n) * self.weights.sum()
        frames = {}
        for side in SIDES:
            standing = np.zeros(n)
            for pace in np.unique(self._paces):
                weights = np.where(self._paces == pace, self.weights, 0.0)
                kept = np.exp(pace * np.diff(moving.log_survival, prepend=0.0)).tolist()
                new = np.bincount(entries.bar, self._notional, n) * weights.sum()
                book = 0.0
                for row, (fresh, gone) in enumerate(
                    zip(new.tolist(), self._taken(side, weights).tolist(), strict=True)
                ):
                    book = (book - gone) * kept[row] + fresh
                    standing[row] += book
            swept = self.swept[side].to_numpy()
            closed = opened - swept - np.diff(standing, prepend=0.0)
            columns = {"opened": opened, "swept": swept, "closed": closed, "standing": standing}
            frames[side] = pd.DataFrame(columns, index=self.swept.index)
        return pd.concat(frames, axis=1)

    @cached_property
    def _notional(self) -> np.ndarray:
        """USD opened at each entry on one side, before the tiers' weights (E,)."""
        entries = self.walk.entries
        return self.walk.flow.opened[entries.bar] * entries.share * entries.price

    @cached_property
    def _paces(self) -> np.ndarray:
        return np.array(self.prior.paces or (1.0,) * len(self.tiers))

    def _standing(self, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the levels that stand at the end inside the edges: USD, entry row, tier, bucket."""
        entries, log = self.walk.entries, self.walk.flow.log_survival
        row, tier = np.nonzero(self.walk.reached[side] == len(log))
        bucket = self._bucket(row, self.walk.factor[side][tier])
        inside = (bucket >= 0) & (bucket < len(self.edges) - 1)
        row, tier, bucket = row[inside], tier[inside], bucket[inside]
        survived = np.exp(self._paces[tier] * (log[-1] - log[entries.bar[row]]))
        return self._notional[row] * survived * self.weights[tier], row, tier, bucket

    def _taken(self, side: str, weights: np.ndarray) -> np.ndarray:
        """Return USD swept per bar, (n,)."""
        entries, log = self.walk.entries, self.walk.flow.log_survival
        chosen = np.flatnonzero(weights)
        n, before = len(log), np.concatenate([[0.0], log])  # what a sweep finds has survived the bars before it
        total = np.zeros(n + 1)
        step = max(1, CHUNK // max(1, len(chosen)))
        for first in range(0, len(entries.bar), step):
            part = slice(first, first + step)
            reached = self.walk.reached[side][part]
            reached = reached if len(chosen) == len(weights) else reached[:, chosen]
            usd = before[reached]
            usd -= log[entries.bar[part]][:, None]
            if (self._paces != 1).any():
                usd *= self._paces[chosen]
            np.exp(usd, out=usd)
            usd *= weights[chosen]
            usd *= self._notional[part, None]
            total += np.bincount(reached.ravel(), usd.ravel(), n + 1)
        return total[:n]

    def _photographs(self, weights: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return what stands at each photographed bar, USD (T, B), for each side.

        Levels are summed into births and deaths per shot, side, pace and bucket; what stands is then carried
        from shot to shot, each pace with its own survival.
        """
        entries, photos, log = self.walk.entries, self.walk.photos, self.walk.flow.log_survival
        shots, count = len(photos), len(self.edges) - 1
        shot_of = np.searchsorted(photos, np.arange(len(log) + 1)).astype(np.int32)  # first shot at or after each bar
        at_shot = np.append(log[photos], -np.inf)  # after the last shot nothing matters
        groups = list(product(SIDES, np.unique(self._paces)))
        width = len(groups) * count
        change: np.ndarray | None = None
        places: list[np.ndarray] = []
        moves: list[np.ndarray] = []
        for first in range(0, len(entries.bar), BLOCK):
            part = slice(first, first + BLOCK)
            bar = entries.bar[part]
            born = shot_of[bar]
            for number, (side, pace) in enumerate(groups):
                chosen = np.flatnonzero((self._paces == pace) & (weights > 0))
                died = shot_of[self.walk.reached[side][part][:, chosen]]
                row, tier = np.nonzero(died > born[:, None])
                bucket = self._bucket(row + first, self.walk.factor[side][chosen][tier])
                inside = (bucket >= 0) & (bucket < count)
                row, tier, bucket = row[inside], tier[inside], bucket[inside] + number * count
                died = died[row, tier]
                usd = self._notional[part][row] * weights[chosen][tier]
                places += [(born.astype(np.int64) * width)[row] + bucket, died * np.int64(width) + bucket]
                moves.append(usd * np.exp(pace * (at_shot[born] - log[bar]))[row])
                moves.append(-usd * np.exp((pace * at_shot)[died] - (pace * log[bar])[row]))
            if first + BLOCK >= len(entries.bar) or sum(map(len, places)) > CHUNK:
                moved: np.ndarray = np.bincount(np.concatenate(places), np.concatenate(moves), (shots + 1) * width)
                change = moved if change is None else change + moved
                places, moves = [], []
        assert change is not None  # there is at least one entry a bar
        book = change.reshape(shots + 1, len(groups), count)[:shots]
        kept = np.exp(np.diff(log[photos])[:, None, None] * np.array([[pace] for _, pace in groups]))
        carried = np.empty((len(groups), count))
        for shot in range(1, shots):
            np.multiply(book[shot - 1], kept[shot - 1], out=carried)
            book[shot] += carried
        sides = []
        for side in SIDES:
            total = reduce(np.add, [book[:, number] for number, (of, _) in enumerate(groups) if of == side])
            sides.append(total * (total >= DUST))
        return tuple(sides)

    def _bucket(self, row: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Return the bucket of the levels at those entries and factors; -1 below the edges, B and more above."""
        if self._lattice is None:
            return np.searchsorted(self.edges, self.walk.entries.price[row] * factor, side="right") - 1
        bottom, step = self._lattice
        place = self._log_price[row] / step
        place += (np.log(factor) - bottom) / step
        return np.clip(np.floor(place, out=place), -1, len(self.edges)).astype(np.int64)

    @cached_property
    def _log_price(self) -> np.ndarray:
        return np.log(self.walk.entries.price)

    @cached_property
    def _lattice(self) -> tuple[float, float] | None:
        """Log of the lowest edge and the step, where the edges keep one ratio; then no search is needed."""
        log = np.log(self.edges)
        even = np.linspace(log[0], log[-1], len(log))
        return (float(log[0]), float(even[1] - even[0])) if np.allclose(log, even, rtol=0, atol=1e-10) else None


def combine(reference: Heatmap, parts: tuple[Heatmap, ...]) -> Heatmap:
    """Return one heatmap that adds up several venues' own, all on the reference's edges and times."""
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
