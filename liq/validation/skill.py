"""Score a heatmap against liquidations that really happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, as_utc
from liq.model.heatmap import Heatmap
from liq.validation.alignment import (
    FILLING,
    FLOOR,
    AlignedBars,
    align,
    baseline_columns,
    log_dollars,
    r_squared,
    regress,
    spearman,
)

RESAMPLES = 500
"""Bootstrap draws of whole days."""

LEAST_BARS = 48
"""Fewer scored bars than this, and a figure would say nothing."""

LEAST_DAYS = 7
"""Fewer scored days than this, and drawing days again would say nothing about chance: intervals are NaN."""


@dataclass(frozen=True, eq=False)
class Skill:
    """Hold how well a map's dollars matched realised ones, both sides pooled.

    spearman : rank correlation; r2 : R² of log10 dollars, as printed; ratio : estimated over realised dollars.
    baseline_spearman, baseline_r2 : the same of range and volume alone, fitted before `since`; both_r2 : with the
    map added; gain : what the map adds. placebo_day, placebo_week : what the map of a day (a week) earlier adds
    instead; placebo_day_spearman, placebo_week_spearman : that map's own rank correlation. NaN where the bars begin
    too late for such a map.
    bars, hours : how many bars were scored and how long one is. since, until : the scored period (UTC).
    intervals : for each figure the 2.5 and 97.5 % points of a bootstrap over whole days, NaN where too few.
    scored : one row per scored bar: columns (``estimated realised baseline``, ``long short``), USD; or ``total`` in
    place of both sides, where the source does not tell them apart.
    """

    spearman: float
    r2: float
    ratio: float
    baseline_spearman: float
    baseline_r2: float
    both_r2: float
    gain: float
    placebo_day: float
    placebo_week: float
    placebo_day_spearman: float
    placebo_week_spearman: float
    bars: int
    hours: float
    since: pd.Timestamp
    until: pd.Timestamp
    intervals: dict[str, tuple[float, float]]
    scored: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What the map adds, in one plain sentence; also when that is nothing."""
        low, high = self.intervals["gain"]
        if np.isnan(low):
            return f"Fewer than {LEAST_DAYS} days were scored: too few to tell what the map adds from chance."
        if low > 0:
            return (
                f"Beside range and volume, the map explains {100 * self.gain:.0f} points more of the variance of "
                f"log dollars (95 % interval {100 * low:.0f} to {100 * high:.0f})."
            )
        return "Beside range and volume alone, the map adds nothing that can be told from chance here."


def skill(
    heatmap: Heatmap,
    liquidations: pd.DataFrame,
    *,
    since: pd.Timestamp | str | None = None,
    floor: float = FLOOR,
) -> Skill:
    """Score `heatmap.swept` against realised liquidations, bar by bar and side by side.

    liquidations : DataFrame indexed by bar open time (UTC), columns ``long short``, USD; where both are NaN
    throughout, a column ``total`` is scored instead. since : where scoring begins; the baseline is fitted on
    the bars before it, less the first sixth, in which the map fills up. Default: the later half. floor : USD
    per hour below which dollars are not told apart.

    Raises InputError where too few bars are shared.
    """
    bars = align(heatmap.market, liquidations)
    estimated = bars.add_up_sides(*(heatmap.swept[side].to_numpy() for side in SIDES))
    begin = _begin(bars, since)
    n = len(bars.times)
    score, fit = np.arange(begin, n), np.arange(begin // FILLING, begin)
    if min(len(score), len(fit)) < LEAST_BARS:
        raise InputError(
            f"liquidations leave {len(fit)} bars to fit the baseline and {len(score)} to score; "
            f"both need {LEAST_BARS}."
        )
    least = floor * bars.hours
    actual, printed = log_dollars(bars.realised, least), log_dollars(estimated, least)
    rival = baseline_columns(bars)
    predictions, maps = {"baseline": regress(rival, actual, fit, score)}, {}
    for name, shift in (("both", 0.0), ("placebo_day", 24.0), ("placebo_week", 168.0)):
        steps = max(0, round(shift / bars.hours))
        moved = _earlier(printed, steps, np.log10(least))
        if (fit >= steps).sum() < LEAST_BARS:  # a rival that was hardly there to be fitted would say anything
            moved = np.full_like(moved, np.nan)
        maps[name] = moved[score]
        predictions[name] = (
            moved[score]
            if np.isnan(moved[score]).any()
            else regress(np.concatenate([rival, moved[:, :, None]], axis=2), actual, fit, score)
        )
    predictions["map"] = printed[score]
    maps["baseline"] = predictions["baseline"]
    target, usd, real = actual[score], estimated[score], bars.realised[score]

    def figures(rows: np.ndarray) -> dict[str, float]:
        y = target[rows].ravel()
        explained = {name: r_squared(y, values[rows].ravel()) for name, values in predictions.items()}
        base, paid = explained["baseline"], real[rows].sum()
        ranked = {name: spearman(values[rows].ravel(), y) for name, values in maps.items()}
        return {
            "spearman": ranked["both"],
            "r2": explained["map"],
            "ratio": float(usd[rows].sum() / paid) if paid > 0 else float("nan"),
            "baseline_spearman": ranked["baseline"],
            "baseline_r2": base,
            "both_r2": explained["both"],
            "gain": explained["both"] - base,
            "placebo_day": explained["placebo_day"] - base,
            "placebo_week": explained["placebo_week"] - base,
            "placebo_day_spearman": ranked["placebo_day"],
            "placebo_week_spearman": ranked["placebo_week"],
        }

    times = bars.times[score]
    frames = {"estimated": usd, "realised": real, "baseline": 10 ** predictions["baseline"]}
    return Skill(
        **figures(np.arange(len(score))),
        bars=len(score),
        hours=bars.hours,
        since=times[0],
        until=times[-1] + pd.Timedelta(hours=bars.hours),
        intervals=_bootstrap(figures, times),
        scored=pd.concat(
            {k: pd.DataFrame(v, index=times, columns=list(bars.names)) for k, v in frames.items()}, axis=1
        ),
    )


def _earlier(values: np.ndarray, bars: int, empty: float) -> np.ndarray:
    """Return each bar's value of so many bars before; `empty` where there was none, so nothing comes from later."""
    return np.concatenate([np.full((min(bars, len(values)), values.shape[1]), empty), values])[: len(values)]


def _begin(bars: AlignedBars, since: pd.Timestamp | str | None) -> int:
    """Return the number of the first scored bar."""
    if since is None:
        return len(bars.times) // 2
    return int(bars.times.searchsorted(as_utc(since, "since")))


def _bootstrap(figures, times: pd.DatetimeIndex) -> dict[str, tuple[float, float]]:  # type: ignore[no-untyped-def]
    """Return 95 % intervals from draws of whole days: hours of one day are not independent."""
    day = times.floor("D").factorize()[0]
    blocks = np.split(np.arange(len(times)), np.flatnonzero(np.diff(day)) + 1)
    if len(blocks) < LEAST_DAYS:
        return dict.fromkeys(figures(np.arange(len(times))), (float("nan"), float("nan")))
    chance = np.random.default_rng(20260131)  # fixed, so that the same data print the same interval
    draws = [
        figures(np.concatenate([blocks[row] for row in chance.integers(0, len(blocks), len(blocks))]))
        for _ in range(RESAMPLES)
    ]
    table = pd.DataFrame(draws).quantile([0.025, 0.975])
    return {str(name): (float(table[name].iloc[0]), float(table[name].iloc[1])) for name in table}
