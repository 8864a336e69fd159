"""Calibrate a prior: fit tier weights and turnover to realised liquidations."""

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
from liq.validation.alignment import FILL_DIVISOR, FLOOR, AlignedBars, align, log_dollars, r_squared, spearman

KAPPAS = (0.1, 0.2, 0.4, 0.8)
"""Candidate turnover shares, where open interest is known."""

FAR_PACES = (1.0, 0.5, 0.25, 0.125)
"""Candidate paces of the tiers beyond FAR: positions far from their level are held for longer."""

HALF_LIVES = (6.0, 12.0, 24.0, 48.0, 96.0)
"""Candidate half-lives in hours, where open interest is not known."""

NOISE = 0.36
"""Standard error of one bar's log10 dollars. Sets how much data it takes to move away from the prior."""

LINE_SCALE = np.array([2.0, 0.3])
"""Prior standard deviations of the overall level (in e-folds) and of its slope in log distance."""

TIER_SCALE = 0.33
"""Prior standard deviation of each tier's own deviation from that line, in e-folds."""

DAILY_WEIGHT = 0.5
"""Weight of the daily totals beside the single bars, so that the few largest hours count in dollars too."""

TOLERANCE = 2.0
"""Rates whose loss on unseen days is within this many standard errors of the best count as equal; the slowest of them
is taken. Dollars per bar hardly distinguish turnovers, and open interest is known to turn over slowly (0.28 % an hour
over all, measured by others), so a fast turnover needs evidence."""

FAR = 0.03
"""Log distance between near tiers (30x and more) and far ones; more bands than two score no better."""


class WeightProblem(NamedTuple):
    """Hold the regression for the weights.

    sums : (N, S, K) USD per bar, side and tier for a weight of one; realised : (N, S) USD; per_day : bars a day;
    floor : USD per bar.
    """

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
    """Fit tier weights and turnover rates to realised liquidations; return a prior with its provenance.

    Non-negative weights are fitted on log dollars per bar and per day, drawn towards the given prior: the level and
    the slope over distance move freely, single tiers only as far as the data demand, so that a week of data cannot
    move them far. Turnover (kappa, paces) is chosen on bars later than those fitted; phi and the half-life are then
    fitted with the open interest taken away. The first sixth of the bars, in which the standing book is incomplete,
    is left out. liquidations as in `liq.skill`; floor : USD per hour. Raises InputError where fewer than 60 bars are
    shared.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> prior = calibrate(market, market.liquidations, name="mine")
    >>> prior.name, prior.data["symbol"]
    ('mine', 'BTC/USDT:USDT')
    """
    base_prior = as_prior(prior)
    heatmap = estimate(market, base_prior, columns=1)
    bars = align(market, liquidations)
    first = len(bars.times) // FILL_DIVISOR
    if len(bars.times) - first < 48:
        raise InputError(f"liquidations share {len(bars.times)} bars with the candles; a fit needs at least 60.")
    distance = np.abs(np.log(heatmap.walk.factor["long"]))
    rates = _choose_rates(heatmap, bars, first, base_prior, distance, floor)
    fitted = replace(base_prior, kappa=rates[0], paces=rates[1])
    problem = _problem(heatmap, fitted, bars, first, floor)
    weights = fit_weights(problem, base_prior, distance)
    fitted = replace(fitted, weights=tuple(float(f"{weight:.4g}") for weight in weights))
    phi, half_life = _without_open_interest(heatmap, fitted, bars, first, floor)
    times = bars.times[first:]
    return replace(
        fitted,
        name=name,
        title=name.capitalize(),
        phi=phi,
        half_life=half_life,
        origin=f"Fitted on {market.symbol} ({market.source}), towards the {base_prior.name} prior.",
        data={
            "symbol": market.symbol,
            "source": market.source,
            "from": f"{times[0]:%Y-%m-%d %H:%M}",
            "to": f"{times[-1] + pd.Timedelta(hours=bars.hours):%Y-%m-%d %H:%M}",
            "bars": len(times),
            "hours_per_bar": bars.hours,
            "towards": base_prior.name,
        },
        scores={"unseen": _unseen(problem, base_prior, distance), "fitted": _figures(problem, weights)},
    )


def _choose_rates(
    heatmap: Heatmap, bars: AlignedBars, first: int, base_prior: Prior, distance: np.ndarray, floor: float
) -> tuple[float, tuple[float, ...]]:
    """Return kappa and paces: of the candidates that do best on unseen bars, the ones with the slowest far tiers."""
    candidates = [(base_prior.kappa, base_prior.paces or (1.0,) * len(distance))]
    if heatmap.walk.flow.anchored.any():
        candidates += [(kappa, paces_for(distance, far)) for kappa, far in product(KAPPAS, FAR_PACES)]
    losses = []
    for kappa, paces in candidates:
        problem = _problem(heatmap, replace(base_prior, kappa=kappa, paces=paces), bars, first, floor)
        losses.append(_unseen_losses(problem, base_prior, distance))
    excess_loss = np.array(losses) - min(losses, key=np.sum)  # (candidates, days)
    allowance = TOLERANCE * np.sqrt(excess_loss.shape[1]) * excess_loss.std(axis=1)
    equals = np.flatnonzero(excess_loss.sum(axis=1) <= allowance)
    farthest = int(distance.argmax())
    return min((candidates[row] for row in equals), key=lambda pair: (pair[0] * pair[1][farthest], pair[0]))


def paces_for(distance: np.ndarray, far: float) -> tuple[float, ...]:
    """Return each tier's pace, from its log distance (K,): 1 for near tiers, `far` for those beyond FAR.

    >>> paces_for(np.array([0.01, 0.1]), far=0.125)
    (1.0, 0.125)
    """
    return tuple(np.where(distance > FAR, far, 1.0).tolist())


def _problem(heatmap: Heatmap, prior: Prior, bars: AlignedBars, first: int, floor: float) -> WeightProblem:
    """Return the regression for the weights under a prior's rates; the walk itself does not depend on them."""
    with_rates = replace(heatmap, prior=prior, walk=heatmap.walk._replace(flow=flow(heatmap.market, prior)))
    sums = bars.add_up_sides(*(with_rates.swept_by_tier(side) for side in SIDES))
    return WeightProblem(sums[first:], bars.realised[first:], max(1, round(24 / bars.hours)), floor * bars.hours)


def fit_weights(problem: WeightProblem, prior: Prior, distance: np.ndarray) -> np.ndarray:
    """Return non-negative tier weights (K,): the maximum of the posterior, given the data and the prior.

    Gauss–Newton with step control (Levenberg–Marquardt) on log weights = log prior + level + slope * log distance +
    deviation of the tier.

    >>> problem = WeightProblem(np.ones((48, 2, 2)), np.full((48, 2), 3.0), per_day=24, floor=0.01)
    >>> prior = Prior("example", "Example", (100.0, 10.0), (1.0, 1.0))
    >>> bool(abs(fit_weights(problem, prior, np.array([0.01, 0.1])).sum() - 3) < 0.1)
    True
    """
    # Log weights keep every weight positive without bounds. The line in log distance is nearly free, the tiers' own
    # deviations are held tightly: neighbouring tiers sweep in nearly the same hours, so that the data determine their
    # sum and not each of them.
    centre = np.log(np.maximum(prior.weights, 1e-7))
    count = len(centre)
    line = np.stack([np.ones(count), np.log(distance / 0.01)], axis=1)
    shape = np.hstack([line, np.eye(count)])  # log weights = centre + shape @ parameters
    precision = 1 / np.concatenate([LINE_SCALE, np.full(count, TIER_SCALE)])
    groups = _groups(problem)

    def residuals(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = np.exp(centre + shape @ parameters)
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
    return np.asarray(np.exp(centre + shape @ parameters))


def _groups(problem: WeightProblem) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Return what is compared: single bars and daily totals, as sums (M, 2, K), USD (M, 2) and a weight."""
    groups = [(problem.sums, problem.realised, 1.0)]
    days = len(problem.realised) // problem.per_day
    if days > 1 and problem.per_day > 1:
        whole_days, by_day = slice(0, days * problem.per_day), (days, problem.per_day, problem.realised.shape[1])
        sums = problem.sums[whole_days].reshape(*by_day, -1).sum(axis=1)
        group_weight = float(np.sqrt(DAILY_WEIGHT * len(problem.realised) / days))
        groups.append((sums, problem.realised[whole_days].reshape(by_day).sum(axis=1), group_weight))
    return groups


def _folds(problem: WeightProblem) -> list[tuple[slice, slice]]:
    """Return pairs of an earlier part to fit and the part right after it to test on."""
    n = len(problem.realised)
    cuts = [round(n * share) for share in (0.4, 0.6, 0.8, 1.0)]
    return [(slice(0, a), slice(a, b)) for a, b in pairwise(cuts)]


def _unseen_losses(problem: WeightProblem, prior: Prior, distance: np.ndarray) -> np.ndarray:
    """Return the loss that `fit_weights` minimises, per day (D,), on days later than the fitted ones."""
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
    """Return each group's weighted squared errors in log dollars, summed over sides (M,)."""
    return [
        group_weight**2 * ((log_dollars(sums @ weights, floor) - log_dollars(realised, floor)) ** 2).sum(axis=1)
        for sums, realised, group_weight in groups
    ]


def _unseen(problem: WeightProblem, prior: Prior, distance: np.ndarray) -> dict[str, float]:
    """Return scores on the last fold, with weights fitted on what came before it."""
    fit, test = _folds(problem)[-1]
    return _figures(problem.rows(test), fit_weights(problem.rows(fit), prior, distance))


def _figures(problem: WeightProblem, weights: np.ndarray) -> dict[str, float]:
    """Return Spearman, R² and ratio of the weights' dollars, as they are stored with a prior."""
    usd = problem.sums @ weights
    actual, estimated = log_dollars(problem.realised, problem.floor), log_dollars(usd, problem.floor)
    realised_total = problem.realised.sum()
    return {
        "spearman": round(spearman(estimated.ravel(), actual.ravel()), 3),
        "r2": round(r_squared(actual.ravel(), estimated.ravel()), 3),
        "ratio": round(float(usd.sum() / realised_total), 3) if realised_total > 0 else 0.0,
    }


def _without_open_interest(
    heatmap: Heatmap, prior: Prior, bars: AlignedBars, first: int, floor: float
) -> tuple[float, float]:
    """Return phi and the half-life that fit best when the open interest is taken away, weights as fitted."""
    without = replace(heatmap, market=replace(heatmap.market, open_interest=None))
    weights, best = np.array(prior.weights), (np.inf, prior.phi, prior.half_life)
    for half_life in HALF_LIVES:
        groups = _groups(_problem(without, replace(prior, phi=1.0, half_life=half_life), bars, first, floor))
        for phi in np.geomspace(0.02, 2.0, 41):
            error = sum(float(loss.sum()) for loss in _losses(groups, phi * weights, floor * bars.hours))
            best = min(best, (error, float(f"{phi:.3g}"), half_life))
    return best[1], best[2]
