"""Calibrate a prior: fit tier weights to realised liquidations, kept only where later days bear the fit out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market
from liq.model.estimate import estimate
from liq.model.estimated import Estimate
from liq.model.flow import flow
from liq.model.legs import price_legs
from liq.model.prior import Prior, as_prior
from liq.positions import Positions
from liq.validation.alignment import FILL_DIVISOR, FLOOR, AlignedBars, align
from liq.validation.positions.leverage import prior_from_positions
from liq.validation.weights import (
    WeightProblem,
    figures,
    fit_weights,
    later_losses,
    reached_tiers,
    tested_reach,
)

MIN_BARS = 48
"""Minimum number of bars to fit."""

TURNOVERS = (1 / 2, 1 / 4, 1 / 8, 1 / 16)
"""Candidate shares of volume that open positions, as multiples of the base prior's `kappa`, which is near the most
that there can be: no trade opens more than it trades."""

PIVOT = 0.02
"""Log distance at which the candidate pace in inverse proportion to distance is 1, so that near tiers turn over
faster than open interest and far ones slower."""

PACE_RANGE = (0.05, 20.0)
"""Least and greatest candidate pace."""

CONFIDENCE = {4: 2.35, 5: 2.13, 6: 2.02, 7: 1.94, 8: 1.89, 9: 1.86, 10: 1.83}
"""Student's t at 95 %, one-sided, by number of later days; 1.7 for more, and fewer judge nothing. A fit must
beat its base by this many standard errors."""


def calibrate(
    market: Market,
    liquidations: pd.DataFrame | None,
    prior: str | Prior = "calibrated",
    *,
    positions: Positions | None = None,
    name: str = "fitted",
    floor: float = FLOOR,
    venues: Sequence[str] | None = None,
    raw: bool = False,
) -> Prior:
    """Fit tier weights to realised liquidations; return the fit, or the prior it started from where that is as good.

    Weights are fitted on log dollars per bar and per day, drawn towards the given prior: the level and the slope over
    distance move freely, single tiers only as far as the data demand. Tiers that price never reached keep the prior's
    share, scaled as their reached neighbours are. Weights add up to at most 1, since every opened contract has one
    level. Turnover (TURNOVERS, PIVOT) is the one under which fits to earlier days do best on later ones. The first
    sixth of the bars, in which the standing book is incomplete, is left out.

    The fit is returned where, fitted on earlier days, it beats the prior on later ones by more than its own error;
    `Prior.adopted` is then true. Else the prior itself is returned with ``adopted`` false. Both say so in `verdict`.

    liquidations as in `liq.skill`, or None to fit to positions alone; positions : real positions of the venue,
    whose shape over distance the prior is drawn towards first (`liq.validation.positions.leverage`); floor : USD per
    hour; venues : whose liquidations these are, default the market's
    own source (`liq.estimate`); raw : return the fit whatever later days say. Raises InputError where fewer than 60
    bars are shared.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> prior = calibrate(market, market.liquidations, name="mine")
    >>> prior.name, prior.adopted
    ('mine', True)
    """
    base = as_prior(prior)
    if positions is not None:
        base = prior_from_positions(market, positions, base, raw=raw)
    if liquidations is None:
        if positions is None:
            raise InputError("a fit needs liquidations, positions, or both.")
        return base
    heatmap = estimate(replace(market, parts=()), base, columns=1, venues=venues)
    bars = align(market, liquidations)
    first = len(bars.times) // FILL_DIVISOR
    if len(bars.times) - first < MIN_BARS:
        raise InputError(f"liquidations share {len(bars.times)} bars with the candles; a fit needs at least 60.")
    problem, turned = _choose_turnover(heatmap, bars, first, floor, base)
    shipped = weight_problem(heatmap, bars, first, floor)
    gains = _later_losses_of(shipped, base) - _later_losses_of(problem, turned, fitted=True)
    verdict, adopted = _verdict(gains, base)
    if not (adopted or raw):
        return replace(base, adopted=False, verdict=verdict)
    weights = fit_weights(problem, turned)
    reach = tested_reach(problem, weights, SIDES if bars.names == SIDES else bars.names)
    times = bars.times[first:]
    return replace(
        turned,
        name=name,
        title=name.capitalize(),
        weights=tuple(float(f"{weight:.4g}") for weight in weights),
        tested={side: max(reach.get(side, 0.0), base.tested.get(side, 0.0)) for side in SIDES},
        adopted=adopted,
        verdict=verdict,
        origin=f"Fitted on {market.symbol} ({market.source}), towards the {base.name} prior.",
        data={
            "symbol": market.symbol,
            "source": market.source,
            "venues": list(heatmap.scale.venues),
            "from": f"{times[0]:%Y-%m-%d %H:%M}",
            "to": f"{times[-1] + pd.Timedelta(hours=bars.hours):%Y-%m-%d %H:%M}",
            "bars": len(times),
            "hours_per_bar": bars.hours,
            "towards": base.name,
            "reached": [float(tier) for tier in heatmap.tiers[reached_tiers(problem).any(axis=0)]],
        },
        scores={"later": figures(*later_part(problem, turned)), "fitted": figures(problem, weights)},
    )


def weight_problem(heatmap: Estimate, bars: AlignedBars, first: int, floor: float) -> WeightProblem:
    """Return the regression for a heatmap's weights on the shared bars from row `first` on; floor : USD per hour.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> bars = align(market, market.liquidations)
    >>> weight_problem(estimate(market, columns=1), bars, 0, FLOOR).sums.shape[1:]
    (2, 15)
    """
    sums = bars.add_up_sides(*(heatmap.swept_by_tier(side) for side in SIDES))
    distance = np.abs(np.log(heatmap.walk.factor["long"]))
    day = bars.times[first:].floor("D").factorize()[0]
    return WeightProblem(sums[first:], bars.realised[first:], day, floor * bars.hours, distance)


def later_part(problem: WeightProblem, base: Prior) -> tuple[WeightProblem, np.ndarray]:
    """Return the last two fifths of the bars, and weights fitted on the bars before them.

    >>> problem = WeightProblem(np.ones((50, 2, 1)), np.ones((50, 2)), np.arange(50), 0.01, np.array([0.1]))
    >>> later, weights = later_part(problem, Prior("example", "Example", (10.0,), (0.5,)))
    >>> len(later.realised), weights.shape
    (20, (1,))
    """
    cut = round(0.6 * len(problem.realised))
    return problem.rows(slice(cut, None)), fit_weights(problem.rows(slice(0, cut)), base)


def _choose_turnover(
    heatmap: Estimate, bars: AlignedBars, first: int, floor: float, base: Prior
) -> tuple[WeightProblem, Prior]:
    """Return the regression and the prior under the turnover that does best on later days.

    Tried are the base's paces and paces in inverse proportion to distance, and under each ever smaller shares of
    volume as long as they get better. Choosing freely makes raw fits on a few days worse than keeping the base's
    turnover (docs/method.md), which is one more reason why a fit must beat its base before it is used.
    """
    legs = price_legs(heatmap.market)

    def candidate(prior: Prior) -> tuple[WeightProblem, Prior, np.ndarray]:
        walk = heatmap.walk._replace(flow=flow(legs, prior))
        problem = weight_problem(replace(heatmap, prior=prior, walk=walk), bars, first, floor)
        return problem, prior, _later_losses_of(problem, prior, fitted=True)

    start = candidate(base)
    inverse = np.clip(PIVOT / start[0].distance, *PACE_RANGE)
    found = []
    for paces in (base.paces, tuple(float(f"{pace:.3g}") for pace in inverse)):
        centre = start if paces == base.paces else candidate(replace(base, paces=paces))
        found.append(centre)
        for step in TURNOVERS:
            other = candidate(replace(base, paces=paces, kappa=float(f"{base.kappa * step:.3g}")))
            if other[2].mean() >= found[-1][2].mean():
                break
            found.append(other)
    problem, prior, _ = min(found, key=lambda one: float(one[2].mean()))
    return problem, prior


def _later_losses_of(problem: WeightProblem, prior: Prior, fitted: bool = False) -> np.ndarray:
    """Return the loss on each later day (D,), of the prior's own weights, or of fits to the days before."""
    cuts = [round(len(problem.realised) * share) for share in (0.4, 0.6, 0.8, 1.0)]
    losses = []
    for cut, end in pairwise(cuts):
        weights = fit_weights(problem.rows(slice(0, cut)), prior) if fitted else np.array(prior.weights)
        losses.append(later_losses(problem.rows(slice(cut, end)), weights))
    return np.concatenate(losses)


def _beats(gains: np.ndarray) -> bool:
    """Return whether gains by day (D,) are positive by more than their error."""
    # Bars of one day are not independent, so a day is one observation. The folds follow each other, so each later day
    # is judged once, by a fit that knew nothing of it.
    days = len(gains)
    if days < min(CONFIDENCE):
        return False
    return bool(gains.mean() > CONFIDENCE.get(days, 1.7) * gains.std(ddof=1) / np.sqrt(days))


def _verdict(gains: np.ndarray, base: Prior) -> tuple[str, bool]:
    """Return one sentence on whether a fit earned its place, and whether it did."""
    days = len(gains)
    if days < min(CONFIDENCE):
        return f"Too few days to judge a fit on later ones; the {base.title.lower()} prior is kept.", False
    if _beats(gains):
        return (
            f"On {days} later days, fits to the days before beat the {base.title.lower()} prior by more than their "
            "own error, so the fit is used.",
            True,
        )
    return (
        f"On {days} later days, fits to the days before did not beat the {base.title.lower()} prior by more than "
        "their own error, so that prior is kept.",
        False,
    )
