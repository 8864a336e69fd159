"""Comparison of entries: were real positions opened where the estimate says that what stands was opened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import counted
from liq.market import SIDES, as_utc
from liq.model.as_of import heatmap_at
from liq.model.heatmap import Heatmap
from liq.positions import Positions
from liq.validation.positions.comparison import intervals_by_day, rank_beyond

STEP = 0.01
"""Width of a compared bucket, as a fraction of price."""

REACH = 0.16
"""Distance from price, as a fraction, within which entries are compared."""

PLACEBO_AGE = pd.Timedelta(days=6)
"""Least age of the map that stands in as a placebo: then most of what stood is another's."""

MAX_DAYS = 16
"""Maximum number of days compared, the latest, one snapshot each: a map as of a moment takes about 10 ms."""

FIGURES = ("rank", "rank_beyond_distance")


@dataclass(frozen=True, eq=False)
class EntryComparison:
    """Hold how the estimate's entries compare with those of real positions, means over days and sides.

    rank : Spearman of dollars by entry price; rank_beyond_distance : the same with distance from price taken out;
    placebo : the same two of the map of six to seven days before, moved to the price of the snapshot, NaN where the
    heatmap does not reach back; intervals : 95 %, from draws of whole days, NaN where too few, of these and of
    ``beyond_placebo``, how much higher the rank beyond distance is than the placebo's on the same days. by_day : the
    figures, a row a day, indexed by the snapshot's time.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> compare_entries(liq.estimate(market, columns=200), simulated_positions(market)).rank > 0.2
    True
    """

    rank: float
    rank_beyond_distance: float
    placebo: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    by_day: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What the comparison says of entries, in one plain sentence; also when that is nothing."""
        low, high = self.intervals["rank_beyond_distance"]
        beyond, old = f"{self.rank_beyond_distance:+.2f}", self.placebo["rank_beyond_distance"]
        if not np.isfinite(low):
            return (
                f"{counted(len(self.by_day), 'day')} of snapshots are too few to say whether the estimate knows "
                f"where positions were opened; beyond distance the rank is {beyond}."
            )
        span = f"rank {beyond} (95 % interval {low:+.2f} to {high:+.2f})"
        if low <= 0:
            return f"That the estimate knows where positions were opened is not shown here: {span} beyond distance."
        words = f"The estimate knows in part where positions were opened: {span} beyond distance"
        low, _ = self.intervals["beyond_placebo"]
        if not np.isfinite(low):
            return f"{words}; for an older map beside it the window is too short."
        if low <= 0:
            return f"{words}, but the map of six days before does about as well on the same days ({old:+.2f})."
        return f"{words}, the map of six days before {old:+.2f} on the same days."


def compare_entries(heatmap: Heatmap, positions: Positions) -> EntryComparison:
    """Compare where the estimate says that what stands was opened with where real positions were, by price.

    Of each day the last snapshot inside the heatmap's window is compared with the estimate as of the photographed bar
    that was the last to begin before it. Raises InputError where there is none.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> len(compare_entries(liq.estimate(market, columns=100), simulated_positions(market)).by_day) > 1
    True
    """
    coin = heatmap.market.base
    starts = pd.DatetimeIndex([as_utc(time, "time") for time in heatmap.times[[0, -1]]])
    own = positions.rows[(positions.rows["coin"] == coin).to_numpy()]
    ends = starts[-1] + max(heatmap.market.bar, heatmap.market.as_of - heatmap.times[-1])
    times = pd.DatetimeIndex(own["time"].unique())
    times = times[(times >= starts[0]) & (times <= ends)]
    if not len(times):
        raise InputError("real positions and the estimate share no moment.")
    last = pd.Series(times, times.floor("D")).groupby(level=0).max().iloc[-MAX_DAYS:]
    photographs = heatmap.times if heatmap.times.tz is not None else heatmap.times.tz_localize("UTC")
    maps: dict[int, tuple[float, dict[str, pd.DataFrame]]] = {}
    rows = []
    for time in last:
        photo = int(photographs.searchsorted(time, side="right")) - 1
        before = int(photographs.searchsorted(time - PLACEBO_AGE, side="right")) - 1
        price, standing = _as_of(heatmap, photo, maps)
        snapshot = own[(own["time"] == time).to_numpy()]
        figures = _figures(snapshot, standing, price, 1.0)
        if before >= 0:
            earlier, stood = _as_of(heatmap, before, maps)
            figures |= {
                f"placebo_{name}": value for name, value in _figures(snapshot, stood, price, price / earlier).items()
            }
        rows.append(figures)
    names = [*FIGURES, *(f"placebo_{name}" for name in FIGURES)]
    table = pd.DataFrame(rows, index=pd.DatetimeIndex(last)).reindex(columns=names)
    mean = table.mean()
    return EntryComparison(
        **{name: float(mean[name]) for name in FIGURES},
        placebo={name: float(mean[f"placebo_{name}"]) for name in FIGURES},
        intervals={
            **intervals_by_day(table[list(FIGURES)], pd.DatetimeIndex(table.index).floor("D")),
            **intervals_by_day(*_beyond(table)),
        },
        by_day=table,
    )


def _beyond(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
    """Return how much higher the rank beyond distance is than the placebo's, and its days, where both are known."""
    gain = (table["rank_beyond_distance"] - table["placebo_rank_beyond_distance"]).dropna()
    return gain.to_frame("beyond_placebo"), pd.DatetimeIndex(gain.index).floor("D")


def _as_of(
    heatmap: Heatmap, photo: int, maps: dict[int, tuple[float, dict[str, pd.DataFrame]]]
) -> tuple[float, dict[str, pd.DataFrame]]:
    """Return price and what stood by side as of a photographed bar, worked out once."""
    if photo not in maps:
        then = heatmap_at(heatmap, photo)
        maps[photo] = float(then.market.price), {side: then.standing(side) for side in SIDES}
    return maps[photo]


def _figures(
    snapshot: pd.DataFrame, standing: dict[str, pd.DataFrame], price: float, moved: float
) -> dict[str, float]:
    """Return one snapshot's figures, means over its sides; moved : factor that brings the estimate to the price."""
    edges = price * (1 + np.arange(-REACH, REACH + STEP / 2, STEP))
    distance = np.abs((edges[:-1] + edges[1:]) / 2 / price - 1)
    sides = []
    for side in SIDES:
        own, guess = snapshot[(snapshot["side"] == side).to_numpy()], standing[side]
        real = np.histogram(own["entry"], edges, weights=own["coins"] * own["entry"])[0]
        said = np.histogram(guess["entry"] * moved, edges, weights=guess["usd"])[0]
        if real.sum() > 0 and said.sum() > 0:
            sides.append(rank_beyond(real, said, distance))
    means = pd.DataFrame(sides, columns=list(FIGURES)).mean()
    return {name: float(means[name]) for name in FIGURES}
