"""Regression for tier weights: non-negative, drawn towards a prior, on log dollars per bar and per day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from liq.market import SIDES
from liq.model.prior import Prior
from liq.validation.alignment import log_dollars, r_squared, spearman

NOISE = 0.36
"""Standard error of one bar's log10 dollars. Sets how much data it takes to move away from the prior."""

LINE_SCALE = np.array([2.0, 1.0])
"""Prior standard deviations of the overall level (in e-folds) and of its slope in log distance."""

TIER_SCALE = 0.33
"""Prior standard deviation of each tier's own deviation from that line, in e-folds."""

DAILY_WEIGHT = 0.5
"""Weight of the daily totals beside the single bars, so that the few largest hours count in dollars too."""

REACHED_DAYS = 3
"""Minimum number of days on which price swept a tier's levels for the tier to count as reached."""

TESTED_SHARE = 0.98
"""Share of the swept dollars within the tested distance: what lies beyond rests on too few to be called tested."""

NEIGHBOURS = 3
"""Number of reached tiers whose mean scale the tiers beyond them take."""


class WeightProblem(NamedTuple):
    """Hold the regression for the weights.

    sums : (N, S, K) USD per bar, side and tier for a weight of one; realised : (N, S) USD; day : (N,) number of each
    bar's day, ascending; floor : USD per bar; distance : (K,) log distances of the tiers' levels.
    """

    sums: np.ndarray
    realised: np.ndarray
    day: np.ndarray
    floor: float
    distance: np.ndarray

    def rows(self, part: slice) -> WeightProblem:
        """Return the same problem on some of its bars."""
        return self._replace(sums=self.sums[part], realised=self.realised[part], day=self.day[part])


def fit_weights(problem: WeightProblem, prior: Prior) -> np.ndarray:
    """Return non-negative tier weights (K,), at most 1 in sum: the maximum of the posterior, given data and prior.

    Gauss–Newton with step control (Levenberg–Marquardt) on log weights = log prior + level + slope * log distance +
    deviation of the tier. Tiers that price did not reach keep the prior's share, scaled as the farthest reached ones.

    >>> problem = WeightProblem(
    ...     np.ones((48, 2, 2)), np.full((48, 2), 0.3), np.arange(48) // 24, 0.01, np.array([0.01, 0.1])
    ... )
    >>> prior = Prior("example", "Example", (100.0, 10.0), (0.1, 0.1))
    >>> bool(abs(fit_weights(problem, prior).sum() - 0.3) < 0.1)
    True
    """
    # Log weights keep every weight positive without bounds. The line in log distance is nearly free, the tiers' own
    # deviations are held tightly: neighbouring tiers sweep in nearly the same hours, so that the data determine their
    # sum and not each of them.
    base = np.maximum(np.array(prior.weights), 1e-9)
    reached = np.flatnonzero(reached_tiers(problem).any(axis=0))
    if not len(reached):
        return base
    unreached = base.copy()
    unreached[reached] = 0.0
    scale = np.exp(_log_scale(problem, np.log(base), reached))
    weights = base.copy()
    weights[reached] *= scale
    # A slope drawn out beyond the data would decide what the data do not know; the neighbours' scale is all they say.
    order = reached[np.argsort(problem.distance[reached])]
    neighbours = np.isin(reached, order[-NEIGHBOURS:])
    weights[unreached > 0] *= float(np.exp(np.log(scale[neighbours]).mean()))
    return weights / max(1.0, float(weights.sum()))


def _log_scale(problem: WeightProblem, centre: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Return the fitted log factor on the weight of every reached tier (R,)."""
    count = len(reached)
    line = np.stack([np.ones(count), np.log(problem.distance[reached] / 0.01)], axis=1)
    shape = np.hstack([line, np.eye(count)])  # log scale = shape @ parameters
    precision = 1 / np.concatenate([LINE_SCALE, np.full(count, TIER_SCALE)])
    groups = [(sums[..., reached], realised, weight) for sums, realised, weight in _groups(problem)]

    def residuals(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = np.exp(centre[reached] + shape @ parameters)
        residual_parts, jacobian_parts = [precision * parameters], [np.diag(precision)]
        for sums, realised, group_weight in groups:
            flat, target = sums.reshape(-1, count), realised.ravel()
            usd = flat @ weights + problem.floor
            scale = group_weight / NOISE
            residual_parts.append(scale * (np.log10(usd) - log_dollars(target, problem.floor)))
            jacobian_parts.append(scale * ((flat * weights) / (usd * np.log(10))[:, None]) @ shape)
        return np.concatenate(residual_parts), np.vstack(jacobian_parts)

    parameters, damping = np.zeros(shape.shape[1]), 1e-2
    residual, jacobian = residuals(parameters)
    for _ in range(60):
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ residual)
        candidate = residuals(parameters + step)
        gain = float(residual @ residual - candidate[0] @ candidate[0])
        if gain > 0:
            parameters, (residual, jacobian), damping = parameters + step, candidate, damping / 5
            if gain < 1e-6 * float(residual @ residual):
                break
        else:
            damping *= 8
            if damping > 1e8:
                break
    return np.asarray(shape @ parameters)


def reached_tiers(problem: WeightProblem) -> np.ndarray:
    """Return which tiers price reached often enough to be known, by side, bool (S, K).

    >>> sums = np.zeros((4, 1, 2))
    >>> sums[:, :, 0] = 1.0
    >>> reached_tiers(WeightProblem(sums, np.ones((4, 1)), np.arange(4), 0.01, np.array([0.01, 0.1])))
    array([[ True, False]])
    """
    days = np.zeros((int(problem.day[-1]) + 1, *problem.sums.shape[1:]), bool)
    np.logical_or.at(days, problem.day, problem.sums > 0)
    return np.asarray(days.sum(axis=0) >= REACHED_DAYS)


def tested_reach(problem: WeightProblem, weights: np.ndarray, sides: tuple[str, ...]) -> dict[str, float]:
    """Return the distance up to which the data tested the weights, as a fraction of price, by side.

    TESTED_SHARE of the dollars that were swept came from tiers up to there. sides : the names of the problem's sides;
    a total stands for both.

    >>> sums = np.ones((4, 1, 2))
    >>> problem = WeightProblem(sums, np.ones((4, 1)), np.arange(4), 0.01, np.array([0.01, 0.1]))
    >>> tested_reach(problem, np.ones(2), ("long",))
    {'long': 0.095}
    """
    usd = problem.sums.sum(axis=0) * weights * reached_tiers(problem)
    farthest = {side: reach_of_dollars(problem.distance, row) for side, row in zip(sides, usd, strict=True)}
    if "total" in farthest:
        farthest = dict.fromkeys(SIDES, farthest["total"])
    return {
        side: round(float(-np.expm1(-far) if side == "long" else np.expm1(far)), 3) for side, far in farthest.items()
    }


def reach_of_dollars(distance: np.ndarray, usd: np.ndarray) -> float:
    """Return the log distance within which TESTED_SHARE of the dollars (K,) lie; 0 where there are none.

    >>> reach_of_dollars(np.array([0.1, 0.2, 0.3]), np.array([90.0, 9.0, 1.0]))
    0.2
    """
    order = np.argsort(distance)
    share = np.cumsum(usd[order]) / max(float(usd.sum()), 1e-300)
    return float(distance[order][np.searchsorted(share, TESTED_SHARE)]) if usd.sum() > 0 else 0.0


def later_losses(problem: WeightProblem, weights: np.ndarray) -> np.ndarray:
    """Return the loss that `fit_weights` minimises, by day (D,): squared errors in log dollars of bars and days.

    >>> problem = WeightProblem(np.ones((4, 1, 1)), np.ones((4, 1)), np.array([0, 0, 1, 1]), 0.01, np.array([0.1]))
    >>> later_losses(problem, np.ones(1))
    array([0., 0.])
    """
    day = problem.day - problem.day[0]
    total = np.zeros(int(day[-1]) + 1)
    for sums, realised, weight in _groups(problem):
        errors = log_dollars(sums @ weights, problem.floor) - log_dollars(realised, problem.floor)
        loss = weight**2 * (errors**2).sum(axis=1)
        total += np.bincount(day if len(loss) == len(day) else np.arange(len(loss)), loss, len(total))
    return total


def figures(problem: WeightProblem, weights: np.ndarray) -> dict[str, float]:
    """Return Spearman, R² and ratio of the weights' dollars, as they are stored with a prior.

    >>> problem = WeightProblem(np.ones((4, 1, 1)), np.arange(4.0)[:, None], np.arange(4), 0.01, np.array([0.1]))
    >>> figures(problem, np.ones(1))["ratio"]
    0.667
    """
    usd = problem.sums @ weights
    actual, estimated = log_dollars(problem.realised, problem.floor), log_dollars(usd, problem.floor)
    realised_total = problem.realised.sum()
    return {
        "spearman": round(spearman(estimated.ravel(), actual.ravel()), 3),
        "r2": round(r_squared(actual.ravel(), estimated.ravel()), 3),
        "ratio": round(float(usd.sum() / realised_total), 3) if realised_total > 0 else 0.0,
    }


def _groups(problem: WeightProblem) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Return what is compared: single bars and daily totals, as sums (M, S, K), USD (M, S) and a weight."""
    groups = [(problem.sums, problem.realised, 1.0)]
    day = problem.day - problem.day[0]
    days = int(day[-1]) + 1
    if 1 < days < len(day):
        sums = np.zeros((days, *problem.sums.shape[1:]))
        realised = np.zeros((days, problem.realised.shape[1]))
        np.add.at(sums, day, problem.sums)
        np.add.at(realised, day, problem.realised)
        groups.append((sums, realised, float(np.sqrt(DAILY_WEIGHT * len(day) / days))))
    return groups
