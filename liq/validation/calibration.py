"""Fit a prior to liquidations that really happened."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import SIDES, Market
from liq.model.estimate import estimate
from liq.model.flow import flow
from liq.model.heatmap import Heatmap
from liq.model.prior import Prior, as_prior
from liq.validation.alignment import FILLING, FLOOR, AlignedBars, align, log_dollars, r_squared, spearman

KAPPAS = (0.1, 0.2, 0.4, 0.8)
"""Turnover shares tried, where open interest is known."""

FAR_PACES = (1.0, 0.5, 0.25, 0.125)
"""Paces tried for the tiers beyond FAR: who is far from their level holds on for longer."""

HALF_LIVES = (6.0, 12.0, 24.0, 48.0, 96.0)
"""Hours tried, where open interest is not known."""

NOISE = 0.36
"""Typical miss of one bar's log10 dollars. Sets how much data it takes to move away from the prior."""

LOOSE = np.array([2.0, 0.3])
"""How far the overall level (in e-folds) and its slope in log distance may move before it costs something."""

TIGHT = 0.33
"""The same for each tier on its own, in e-folds around that line."""

DAILY = 0.5
"""Weight of the daily totals beside the single bars, so that the few great hours count in dollars too."""

LEEWAY = 2.0
"""Rates whose error on unseen days is within this many standard errors of the best count as equals; the slowest
of them wins. Dollars per bar hardly tell turnovers apart, and open interest is known to turn over slowly (0.28 %
an hour over all, peers' measurement), so a fast turnover has to be proved."""

FAR = 0.03
"""Log distance that parts near tiers (30x and more) from far ones; more bands than two print no better."""


class WeightProblem(NamedTuple):
    """Weights to find: per-bar sums (N, S, K) for a weight of one, realised USD (N, S), bars a day, the floor."""

    sums: np.ndarray
    realised: np.ndarray
    per_day: int
    floor: float

    def rows(self, part: slice) -> WeightProblem:
        """Return the same problem on some of its bars."""
        return self._replace(sums=self.sums[part], realised=self.realised[part])


def calibrate(
    market: Market,
    liquidations: pd.DataFrame,
    prior: str | Prior = "calibrated",
    *,
    name: str = "fitted",
    floor: float = FLOOR,
) -> Prior:
    """Fit tier weights and the model's few rates to realised liquidations; return a prior with its provenance.

    Non-negative weights are fitted on log dollars per bar and per day, drawn towards the named prior: its
    level and its slope over distance move freely, single tiers only as far as the data insist, so a week of
    data cannot run away. Turnover (kappa, paces) is chosen on bars later than those fitted; phi and the
    half-life are then fitted with the open interest taken away. The first sixth of the bars, in which the
    book fills up, is left out. liquidations as in `liq.validation.skill`; floor : USD per hour.

    Raises InputError where fewer than 48 bars are shared.
    """
    start = as_prior(prior)
    heatmap = estimate(market, start, columns=1)
    bars = align(market, liquidations)
    first = len(bars.times) // FILLING
    if len(bars.times) - first < 48:
        raise InputError(f"liquidations share {len(bars.times)} bars with the candles; a fit needs at least 60.")
    distance = np.abs(np.log(heatmap.walk.factor["long"]))
    rates = _choose_rates(heatmap, bars, first, start, distance, floor)
    fitted = replace(start, kappa=rates[0], paces=rates[1])
    problem = _problem(heatmap, fitted, bars, first, floor)
    weights = fit_weights(problem, start, distance)
    fitted = replace(fitted, weights=tuple(float(f"{weight:.4g}") for weight in weights))
    phi, half_life = _without_open_interest(heatmap, fitted, bars, first, floor)
    times = bars.times[first:]
    return replace(
        fitted,
        name=name,
        title=name.capitalize(),
        phi=phi,
        half_life=half_life,
        origin=f"Fitted on {market.symbol} ({market.source}), towards the {start.name} prior.",
        data={
            "symbol": market.symbol,
            "source": market.source,
            "from": f"{times[0]:%Y-%m-%d %H:%M}",
            "to": f"{times[-1] + pd.Timedelta(hours=bars.hours):%Y-%m-%d %H:%M}",
            "bars": len(times),
            "hours_per_bar": bars.hours,
            "towards": start.name,
        },
        scores={"unseen": _unseen(problem, start, distance), "fitted": _figures(problem, weights)},
    )


def _choose_rates(
    heatmap: Heatmap, bars: AlignedBars, first: int, start: Prior, distance: np.ndarray, floor: float
) -> tuple[float, tuple[float, ...]]:
    """Return kappa and paces: among those that do best on unseen bars, the ones that let far levels live longest."""
    candidates = [(start.kappa, start.paces or (1.0,) * len(distance))]
    if heatmap.walk.flow.anchored.any():
        candidates += [(kappa, paces_for(distance, far)) for kappa, far in product(KAPPAS, FAR_PACES)]
    losses = []
    for kappa, paces in candidates:
        problem = _problem(heatmap, replace(start, kappa=kappa, paces=paces), bars, first, floor)
        losses.append(_unseen_losses(problem, start, distance))
    worse = np.array(losses) - min(losses, key=np.sum)  # (candidates, days)
    doubt = LEEWAY * np.sqrt(worse.shape[1]) * worse.std(axis=1)
    equals = np.flatnonzero(worse.sum(axis=1) <= doubt)
    farthest = int(distance.argmax())
    return min((candidates[row] for row in equals), key=lambda pair: (pair[0] * pair[1][farthest], pair[0]))


def paces_for(distance: np.ndarray, far: float) -> tuple[float, ...]:
    """Return each tier's pace, from its log distance (K,): 1 for near tiers, `far` for those beyond FAR."""
    return tuple(np.where(distance > FAR, far, 1.0).tolist())


def _problem(heatmap: Heatmap, prior: Prior, bars: AlignedBars, first: int, floor: float) -> WeightProblem:
    """Return the weights' problem under a prior's rates; the walk itself does not depend on them."""
    moved = replace(heatmap, prior=prior, walk=heatmap.walk._replace(flow=flow(heatmap.market, prior)))
    sums = bars.add_up_sides(*(moved.swept_by_tier(side) for side in SIDES))
    return WeightProblem(sums[first:], bars.realised[first:], max(1, round(24 / bars.hours)), floor * bars.hours)


def fit_weights(problem: WeightProblem, prior: Prior, distance: np.ndarray) -> np.ndarray:
    """Return non-negative tier weights (K,): the most likely ones, given the data and the prior.

    Gauss–Newton with step control on log weights = log prior + level + slope * log distance + own deviation.
    """
    centre = np.log(np.maximum(prior.weights, 1e-7))
    count = len(centre)
    line = np.stack([np.ones(count), np.log(distance / 0.01)], axis=1)
    shape = np.hstack([line, np.eye(count)])  # log weights = centre + shape @ parameters
    stiff = 1 / np.concatenate([LOOSE, np.full(count, TIGHT)])
    groups = _groups(problem)

    def residuals(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = np.exp(centre + shape @ parameters)
        misses, slopes = [stiff * parameters], [np.diag(stiff)]
        for sums, realised, emphasis in groups:
            flat, target = sums.reshape(-1, count), realised.ravel()
            usd = flat @ weights + problem.floor
            scale = emphasis / NOISE
            misses.append(scale * (np.log10(usd) - log_dollars(target, problem.floor)))
            slopes.append(scale * ((flat * weights) / (usd * np.log(10))[:, None]) @ shape)
        return np.concatenate(misses), np.vstack(slopes)

    parameters, damping = np.zeros(shape.shape[1]), 1e-2
    miss, slope = residuals(parameters)
    for _ in range(60):
        normal = slope.T @ slope
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -slope.T @ miss)
        moved = residuals(parameters + step)
        gain = float(miss @ miss - moved[0] @ moved[0])
        if gain > 0:
            parameters, (miss, slope), damping = parameters + step, moved, damping / 5
            if gain < 1e-6 * float(miss @ miss):
                break
        else:
            damping *= 8
            if damping > 1e8:
                break
    return np.asarray(np.exp(centre + shape @ parameters))


def _groups(problem: WeightProblem) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Return what is compared: single bars and daily totals, as sums (M, 2, K), USD (M, 2) and an emphasis."""
    groups = [(problem.sums, problem.realised, 1.0)]
    days = len(problem.realised) // problem.per_day
    if days > 1 and problem.per_day > 1:
        whole, fold = slice(0, days * problem.per_day), (days, problem.per_day, problem.realised.shape[1])
        sums = problem.sums[whole].reshape(*fold, -1).sum(axis=1)
        emphasis = float(np.sqrt(DAILY * len(problem.realised) / days))
        groups.append((sums, problem.realised[whole].reshape(fold).sum(axis=1), emphasis))
    return groups


def _folds(problem: WeightProblem) -> list[tuple[slice, slice]]:
    """Return pairs of an earlier part to fit and the part right after it to test on."""
    n = len(problem.realised)
    cuts = [round(n * share) for share in (0.4, 0.6, 0.8, 1.0)]
    return [(slice(0, a), slice(a, b)) for a, b in pairwise(cuts)]


def _unseen_losses(problem: WeightProblem, prior: Prior, distance: np.ndarray) -> np.ndarray:
    """Return what `fit_weights` minimises, per day (D,), on days later than the fitted ones."""
    days = []
    for fit, test in _folds(problem):
        weights = fit_weights(problem.rows(fit), prior, distance)
        later = problem.rows(test)
        day = np.arange(len(later.realised)) // problem.per_day
        for loss in _losses(_groups(later), weights, problem.floor):
            days.append(np.bincount(day if len(loss) == len(day) else np.arange(len(loss)), loss, day[-1] + 1))
    return np.concatenate(days)


def _losses(
    groups: list[tuple[np.ndarray, np.ndarray, float]], weights: np.ndarray, floor: float
) -> list[np.ndarray]:
    """Return each group's squared misses in log dollars, by its emphasis, summed over sides (M,)."""
    return [
        emphasis**2 * ((log_dollars(sums @ weights, floor) - log_dollars(realised, floor)) ** 2).sum(axis=1)
        for sums, realised, emphasis in groups
    ]


def _unseen(problem: WeightProblem, prior: Prior, distance: np.ndarray) -> dict[str, float]:
    """Return scores on the last fold, with weights fitted on what came before it."""
    fit, test = _folds(problem)[-1]
    return _figures(problem.rows(test), fit_weights(problem.rows(fit), prior, distance))


def _figures(problem: WeightProblem, weights: np.ndarray) -> dict[str, float]:
    usd = problem.sums @ weights
    actual, printed = log_dollars(problem.realised, problem.floor), log_dollars(usd, problem.floor)
    paid = problem.realised.sum()
    return {
        "spearman": round(spearman(printed.ravel(), actual.ravel()), 3),
        "r2": round(r_squared(actual.ravel(), printed.ravel()), 3),
        "ratio": round(float(usd.sum() / paid), 3) if paid > 0 else 0.0,
    }


def _without_open_interest(
    heatmap: Heatmap, prior: Prior, bars: AlignedBars, first: int, floor: float
) -> tuple[float, float]:
    """Return phi and the half-life that print best when the open interest is taken away, weights as fitted."""
    blind = replace(heatmap, market=replace(heatmap.market, open_interest=None))
    weights, best = np.array(prior.weights), (np.inf, prior.phi, prior.half_life)
    for half_life in HALF_LIVES:
        groups = _groups(_problem(blind, replace(prior, phi=1.0, half_life=half_life), bars, first, floor))
        for phi in np.geomspace(0.02, 2.0, 41):
            error = sum(float(loss.sum()) for loss in _losses(groups, phi * weights, floor * bars.hours))
            best = min(best, (error, float(f"{phi:.3g}"), half_life))
    return best[1], best[2]
