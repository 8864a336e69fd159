"""Skill of a heatmap: score its swept dollars against realised liquidations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, as_utc
from liq.model.estimated import Estimate
from liq.model.venue_dollars import dollar_scale
from liq.validation.alignment import (
    FILL_DIVISOR,
    FLOOR,
    AlignedBars,
    align,
    baseline_columns,
    log_dollars,
    r_squared,
    regress,
    spearman,
)
from liq.validation.twins import twin_swept

TWINS = ("path", "shifted", "mean_book")
"""Twins of the map that are given less (`liq.validation.twins`)."""

RESAMPLES = 500
"""Number of bootstrap draws of whole days."""

MIN_BARS = 48
"""Minimum number of bars to fit the baseline, and to score."""

MIN_DAYS = 7
"""Minimum number of scored days for bootstrap intervals; below it they are NaN."""


@dataclass(frozen=True, eq=False)
class Skill:
    """Hold how well a heatmap's dollars matched realised ones, both sides pooled.

    spearman : rank correlation; r2 : R² of log10 dollars, as estimated; ratio : estimated over realised dollars.
    baseline_spearman, baseline_r2 : the same of range and volume alone, fitted before `since`; both_r2 : with the
    heatmap added; gain : both_r2 less baseline_r2. placebo_day, placebo_week : the gain of the heatmap of a day (a
    week) earlier instead; placebo_day_spearman, placebo_week_spearman : that heatmap's own rank correlation. NaN
    where the bars begin too late for such a placebo. path_gain, shifted_gain, mean_book_gain : the gain of a twin
    that was given less (`liq.validation.twins`); beyond_path, beyond_shifted, beyond_mean_book : what the map adds to
    range, volume and that twin. bars, hours : number of scored bars and the length of one. since, until : the scored
    period (UTC). intervals : for each figure the 2.5 and 97.5 % points of a bootstrap over whole days, NaN where too
    few. scored : one row per scored bar: columns (``estimated realised baseline``, ``long short``), USD; or ``total``
    in place of both sides, where the source reports no sides.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> report = liq.skill(liq.estimate(market, columns=1), market.liquidations)
    >>> report.gain > 0.05 > report.placebo_week
    True
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
    path_gain: float
    beyond_path: float
    shifted_gain: float
    beyond_shifted: float
    mean_book_gain: float
    beyond_mean_book: float
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
            return f"Fewer than {MIN_DAYS} days were scored: too few to tell what the map adds from chance."
        if low > 0:
            return (
                f"Beside range and volume, the map explains {100 * self.gain:.0f} points more of the variance of "
                f"log dollars (95 % interval {100 * low:.0f} to {100 * high:.0f})."
            )
        return "Beside range and volume alone, the map adds nothing that can be told from chance here."

    @property
    def twin_sentence(self) -> str:
        """What the score rests on, in one plain sentence: the path of price, or also volume and open interest."""
        low, high = self.intervals["beyond_path"]
        if np.isnan(low):
            return f"Fewer than {MIN_DAYS} days were scored: too few to say what the score rests on."
        share = f"(95 % interval {100 * low:.1f} to {100 * high:.1f} points)"
        if low > 0:
            return (
                f"The path of price alone adds {100 * self.path_gain:.0f} points; volume and open interest add "
                f"{100 * self.beyond_path:.1f} more {share}."
            )
        return (
            f"The path of price alone adds {100 * self.path_gain:.0f} points; that volume and open interest tell "
            f"more is not shown here {share}. So which ground was covered when is confirmed, where exactly is not."
        )


def skill(
    heatmap: Estimate,
    liquidations: pd.DataFrame,
    *,
    since: pd.Timestamp | str | None = None,
    floor: float = FLOOR,
    venues: Sequence[str] | None = None,
) -> Skill:
    """Score `heatmap.swept` against realised liquidations, bar by bar and side by side.

    liquidations : DataFrame indexed by bar open time (UTC), columns ``long short``, USD; where both are NaN
    throughout, a column ``total`` is scored instead. since : where scoring begins; the baseline is fitted on the bars
    before it, less the first sixth, in which the standing book is incomplete. Default: the later half. floor : USD
    per hour below which differences do not count. venues : whose liquidations these are, default those whose dollars
    the heatmap prints (`liq.estimate`).

    Raises InputError where too few bars are shared.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> report = skill(liq.estimate(market, columns=1), market.liquidations)
    >>> report.spearman > 0.6, report.bars > 48
    (True, True)
    """
    bars = align(heatmap.market, liquidations)
    estimated = bars.add_up_sides(*(heatmap.swept[side].to_numpy() for side in SIDES))
    if venues is not None:
        meant = dollar_scale(heatmap.market.source, heatmap.market.base, venues)
        estimated = estimated * (meant.factor / heatmap.scale.factor)
    first_scored = _begin(bars, since)
    n = len(bars.times)
    score, fit = np.arange(first_scored, n), np.arange(first_scored // FILL_DIVISOR, first_scored)
    if min(len(score), len(fit)) < MIN_BARS:
        raise InputError(
            f"liquidations leave {len(fit)} bars to fit the baseline and {len(score)} to score; both need {MIN_BARS}."
        )
    bar_floor = floor * bars.hours
    actual, log_estimated = log_dollars(bars.realised, bar_floor), log_dollars(estimated, bar_floor)
    baseline = baseline_columns(bars)
    predictions, maps = {"baseline": regress(baseline, actual, fit, score)}, {}
    for name, shift in (("both", 0.0), ("placebo_day", 24.0), ("placebo_week", 168.0)):
        steps = max(0, round(shift / bars.hours))
        shifted = _earlier(log_estimated, steps, np.log10(bar_floor))
        if (fit >= steps).sum() < MIN_BARS:  # a placebo with too few bars to be fitted on would mean nothing
            shifted = np.full_like(shifted, np.nan)
        maps[name] = shifted[score]
        predictions[name] = (
            shifted[score]
            if np.isnan(shifted[score]).any()
            else regress(np.concatenate([baseline, shifted[:, :, None]], axis=2), actual, fit, score)
        )
    for name, swept in twin_swept(heatmap, bars.times[first_scored]).items():
        twin = log_dollars(bars.add_up_sides(*swept.T), bar_floor)[:, :, None]
        given = np.concatenate([baseline, twin], axis=2)
        predictions[name] = regress(given, actual, fit, score)
        with_map = np.concatenate([given, log_estimated[:, :, None]], axis=2)
        predictions[f"{name}_map"] = regress(with_map, actual, fit, score)
    predictions["map"] = log_estimated[score]
    maps["baseline"] = predictions["baseline"]
    target, usd, realised = actual[score], estimated[score], bars.realised[score]

    def figures(rows: np.ndarray) -> dict[str, float]:
        y = target[rows].ravel()
        explained = {name: r_squared(y, values[rows].ravel()) for name, values in predictions.items()}
        base, realised_total = explained["baseline"], realised[rows].sum()
        spearmans = {name: spearman(values[rows].ravel(), y) for name, values in maps.items()}
        return {
            "spearman": spearmans["both"],
            "r2": explained["map"],
            "ratio": float(usd[rows].sum() / realised_total) if realised_total > 0 else float("nan"),
            "baseline_spearman": spearmans["baseline"],
            "baseline_r2": base,
            "both_r2": explained["both"],
            "gain": explained["both"] - base,
            "placebo_day": explained["placebo_day"] - base,
            "placebo_week": explained["placebo_week"] - base,
            "placebo_day_spearman": spearmans["placebo_day"],
            "placebo_week_spearman": spearmans["placebo_week"],
            **{f"{name}_gain": explained[name] - base for name in TWINS},
            **{f"beyond_{name}": explained[f"{name}_map"] - explained[name] for name in TWINS},
        }

    times = bars.times[score]
    frames = {"estimated": usd, "realised": realised, "baseline": 10 ** predictions["baseline"]}
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
    """Return each bar's value of `bars` bars before; `empty` where there was none, so nothing comes from later."""
    return np.concatenate([np.full((min(bars, len(values)), values.shape[1]), empty), values])[: len(values)]


def _begin(bars: AlignedBars, since: pd.Timestamp | str | None) -> int:
    """Return the row of the first scored bar."""
    if since is None:
        return len(bars.times) // 2
    return int(bars.times.searchsorted(as_utc(since, "since")))


def _bootstrap(figures, times: pd.DatetimeIndex) -> dict[str, tuple[float, float]]:  # type: ignore[no-untyped-def]
    """Return 95 % intervals from draws of whole days: hours of one day are not independent."""
    day = times.floor("D").factorize()[0]
    blocks = np.split(np.arange(len(times)), np.flatnonzero(np.diff(day)) + 1)
    if len(blocks) < MIN_DAYS:
        return dict.fromkeys(figures(np.arange(len(times))), (float("nan"), float("nan")))
    rng = np.random.default_rng(20260131)  # fixed, so that the same data print the same interval
    draws = [
        figures(np.concatenate([blocks[row] for row in rng.integers(0, len(blocks), len(blocks))]))
        for _ in range(RESAMPLES)
    ]
    table = pd.DataFrame(draws).quantile([0.025, 0.975])
    return {str(name): (float(table[name].iloc[0]), float(table[name].iloc[1])) for name in table}
