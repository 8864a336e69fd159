"""Comparison with real positions: does the map stand where dollars were seen to stand, beyond distance alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import counted
from liq.market import SIDES
from liq.market_checks import utc_times
from liq.model.heatmap import Heatmap
from liq.validation.alignment import drawn_again, spearman

BUCKET = 0.012
"""Width of a compared bucket, as a fraction of price: that of the levels at hand."""

REACH = 0.15
"""Distance from price, as a fraction, within which books are compared."""

TOP = 10
"""Number of biggest buckets, both sides together."""

RESAMPLES = 500
"""Number of bootstrap draws of whole days."""

MIN_DAYS = 3
"""Minimum number of days for intervals; below it they are NaN."""

PLACEBO_AGE = pd.Timedelta(days=7)
"""Age of the map that stands in as a placebo."""

FIGURES = ("overlap", "rank", "rank_beyond_distance", "top_ten")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Hold how an estimated book compares with real positions, means over snapshots.

    overlap : of both normalised profiles, a side at a time; rank : Spearman of dollars by bucket, a side at a time;
    rank_beyond_distance : the same with distance from price taken out; top_ten : share of the ten biggest real
    buckets' dollars that the map's ten biggest hold. placebo : the same four figures of the map of a week before,
    moved to the price of the snapshot; NaN where the heatmap does not reach back. trend_real, trend_estimated :
    Spearman of dollars with distance. snapshots, days : how many; seen : real USD within reach, mean. intervals :
    95 %, from draws of whole days, NaN where too few. by_day : the four figures, of the map and (``placebo_``
    before the name) of the week before, and ``snapshots``, a row a day.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"), columns=1)
    >>> rows = {"time": heatmap.market.as_of, "side": "short", "low": heatmap.edges[:-1], "high": heatmap.edges[1:]}
    >>> liq.compare(heatmap, pd.DataFrame({**rows, "usd": heatmap.short[-1]})).snapshots
    1
    """

    overlap: float
    rank: float
    rank_beyond_distance: float
    top_ten: float
    placebo: dict[str, float]
    trend_real: float
    trend_estimated: float
    snapshots: int
    days: int
    seen: float
    intervals: dict[str, tuple[float, float]]
    by_day: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What the comparison says of place, in one plain sentence; also when that is nothing."""
        low, high = self.intervals["rank_beyond_distance"]
        beyond = f"{self.rank_beyond_distance:+.2f}"
        if np.isnan(low):
            return (
                f"{counted(self.snapshots, 'snapshot')} of {counted(self.days, 'day')} are too few to say whether "
                f"accounts fail where the map says; beyond distance the rank is {beyond}."
            )
        span = f"{beyond} (95 % interval {low:+.2f} to {high:+.2f})"
        if low > 0 and self.placebo["rank_beyond_distance"] >= low:
            return (
                f"Real positions fail where the map says more often than distance alone explains, rank {span}, "
                f"but the map of a week before does as well ({self.placebo['rank_beyond_distance']:+.2f}): place is "
                "not shown."
            )
        if low > 0:
            return f"Real positions fail where the map says more often than distance alone explains: rank {span}."
        return f"Real positions fail where the map says no more often than distance alone explains: rank {span}."


def compare(heatmap: Heatmap, positions: pd.DataFrame) -> Comparison:
    """Compare an estimated book with real positions of the same venue.

    positions : a row a position or a bucket of several, columns ``time`` (UTC), ``side`` ("long", "short"), ``usd``,
    and ``low`` and ``high``, the range in which its liquidation price lies (equal for a known price). A snapshot is
    compared with the photographed bar that was the last to begin before it. Raises InputError for other columns, for
    values that make no sense, and where no snapshot falls into the heatmap's window.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"), columns=1)
    >>> low, high = heatmap.edges[:-1], heatmap.edges[1:]
    >>> own = pd.DataFrame({"time": heatmap.market.as_of, "side": "long", "low": low, "high": high,
    ...                     "usd": heatmap.long[-1]})
    >>> round(compare(heatmap, own).overlap, 2)
    1.0
    """
    frame = _checked(positions)
    starts = pd.DatetimeIndex(heatmap.times)
    starts = starts.tz_localize("UTC") if starts.tz is None else starts
    rows: list[dict[str, float]] = []
    moments: list[pd.Timestamp] = []
    for time, snapshot in frame.groupby("time"):
        moment = pd.Timestamp(str(time))
        photo = int(starts.searchsorted(moment, side="right")) - 1
        if photo < 0 or moment > heatmap.market.as_of + heatmap.market.bar:
            continue
        rows.append(
            _figures(heatmap, photo, int(starts.searchsorted(moment - PLACEBO_AGE, side="right")) - 1, snapshot)
        )
        moments.append(moment)
    if not rows:
        raise InputError("real positions and the heatmap share no moment.")
    names = [*FIGURES, *(f"placebo_{name}" for name in FIGURES), "trend_real", "trend_estimated", "seen"]
    table = pd.DataFrame(rows).reindex(columns=names)
    mean = table.mean()
    days = pd.DatetimeIndex(moments).floor("D")
    return Comparison(
        **{name: float(mean[name]) for name in (*FIGURES, "trend_real", "trend_estimated")},
        placebo={name: float(mean[f"placebo_{name}"]) for name in FIGURES},
        snapshots=len(table),
        days=days.nunique(),
        seen=float(mean["seen"]),
        intervals=intervals_by_day(table[list(FIGURES)], days),
        by_day=table[names[: 2 * len(FIGURES)]].groupby(days).mean().assign(snapshots=table.groupby(days).size()),
    )


def _checked(positions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with times in UTC; raise InputError for what makes no sense."""
    if missing := [name for name in ("time", "side", "low", "high", "usd") if name not in positions]:
        raise InputError(f"real positions lack the column {missing[0]!r}.")
    frame = positions.assign(time=utc_times(positions["time"], "real positions: time"))
    if unknown := set(frame["side"].unique()) - set(SIDES):
        raise InputError(f"real positions: side must be long or short, not {sorted(map(str, unknown))[0]!r}.")
    numbers = frame[["low", "high", "usd"]].to_numpy(float)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or (frame["high"] < frame["low"]).any():
        raise InputError("real positions: low, high and usd must be numbers, none negative, low at most high.")
    return frame


def _figures(heatmap: Heatmap, photo: int, before: int, snapshot: pd.DataFrame) -> dict[str, float]:
    """Return one snapshot's figures, means over its sides."""
    price = _close(heatmap, photo)
    sides, pooled = [], {"real": [], "estimated": [], "placebo": []}  # type: ignore[var-annotated]
    for side, sign in zip(SIDES, (-1.0, 1.0), strict=True):
        steps = np.arange(0.0, REACH + BUCKET / 2, BUCKET)
        edges = np.sort(price * (1 + sign * steps))
        distance = np.abs(np.sqrt(edges[:-1] * edges[1:]) / price - 1)
        own = snapshot[snapshot["side"] == side]
        seen = _spread(own["low"].to_numpy(float), own["high"].to_numpy(float), own["usd"].to_numpy(float), edges)
        book = getattr(heatmap, side)
        guess = _spread(heatmap.edges[:-1], heatmap.edges[1:], book[photo], edges)
        old = np.full(len(seen), np.nan)
        if before >= 0:
            moved = heatmap.edges * (price / _close(heatmap, before))
            old = _spread(moved[:-1], moved[1:], book[before], edges)
        for name, values in zip(pooled, (seen, guess, old), strict=True):
            pooled[name].append(values)
        if seen.sum() > 0 and guess.sum() > 0:
            figures = {"trend_real": spearman(seen, distance), "trend_estimated": spearman(guess, distance)}
            for prefix, values in (("", guess), ("placebo_", old)):
                figures[f"{prefix}overlap"] = float(
                    np.minimum(seen / seen.sum(), values / max(values.sum(), 1e-12)).sum()
                )
                known = np.isfinite(values).all()
                ranks = rank_beyond(seen, values, distance) if known else (float("nan"), float("nan"))
                figures[f"{prefix}rank"], figures[f"{prefix}rank_beyond_distance"] = ranks
            sides.append(figures)
    seen, guess, old = (np.concatenate(pooled[name]) for name in pooled)
    means = pd.DataFrame(sides).mean().to_dict() if sides else {}
    return {
        **{str(name): float(value) for name, value in means.items()},
        "top_ten": _top(seen, guess),
        "placebo_top_ten": _top(seen, old),
        "seen": float(seen.sum()),
    }


def _close(heatmap: Heatmap, photo: int) -> float:
    """Return the close of a photographed bar."""
    return float(heatmap.market.candles["close"].iloc[int(heatmap.photos[photo])])


def _spread(low: np.ndarray, high: np.ndarray, usd: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return USD by bucket of other edges, (B,): each range's dollars spread evenly over what it overlaps."""
    points = low >= high
    total = np.histogram(low[points], edges, weights=usd[points])[0].astype(float)
    low, high, usd = low[~points], high[~points], usd[~points]
    for bucket, (bottom, top) in enumerate(pairwise(edges)):
        share = np.clip(np.minimum(high, top) - np.maximum(low, bottom), 0.0, None) / (high - low)
        total[bucket] += float((share * usd).sum())
    return total


def rank_beyond(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> tuple[float, float]:
    """Return the rank correlation of two, and that with a third taken out of both (partial Spearman).

    NaN where undefined.

    >>> a, given = np.array([3.0, 1.0, 2.0, 4.0]), np.array([1.0, 4.0, 2.0, 3.0])
    >>> rank_beyond(a, 2 * a, given)
    (1.0, 1.0)
    """
    ab, ac, bc = spearman(a, b), spearman(a, given), spearman(b, given)
    scale = (1 - ac**2) * (1 - bc**2)
    return ab, (ab - ac * bc) / float(np.sqrt(scale)) if scale > 1e-9 else float("nan")


def _top(seen: np.ndarray, guess: np.ndarray) -> float:
    """Return the share of the biggest real buckets' dollars that the guess's biggest hold."""
    if not (np.isfinite(guess).all() and seen.sum() > 0):
        return float("nan")
    return float(seen[np.argsort(guess)[-TOP:]].sum() / np.sort(seen)[-TOP:].sum())


def intervals_by_day(table: pd.DataFrame, days: pd.DatetimeIndex) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of each column's mean from draws of whole days, whose rows are not independent.

    days : of each row; below MIN_DAYS of them, and where nothing is known, NaN.

    >>> days = pd.date_range("2026-01-31", periods=4)
    >>> intervals_by_day(pd.DataFrame({"rank": [0.5] * 4}), days)
    {'rank': (0.5, 0.5)}
    """
    day = days.factorize()[0]
    count = int(day.max(initial=-1)) + 1
    if count < MIN_DAYS:
        return dict.fromkeys(table.columns, (float("nan"), float("nan")))
    values = table.to_numpy()
    sums, known = np.zeros((2, count, values.shape[1]))
    np.add.at(sums, day, np.nan_to_num(values))
    np.add.at(known, day, np.isfinite(values))
    drawn = drawn_again(count, RESAMPLES)
    with np.errstate(invalid="ignore"):
        means = sums[drawn].sum(axis=1) / known[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return {str(name): (float(low[row]), float(high[row])) for row, name in enumerate(table.columns)}
