"""The law of leverage, fitted on all recordings at once: `python -m benchmarks.law` prints it and what was tried.

Per unit of log distance from entry, the share of opened notional is constant beyond a knee and falls as a power
nearer than that: three numbers. Constant per unit of log distance means that the law has no scale there, so it is the
same law in per cent as in units of any market's volatility. Coins that move more do not need another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

import liq
from benchmarks import recordings
from liq.model.prior import TIERS
from liq.validation.alignment import FILL_DIVISOR, FLOOR, align, log_dollars
from liq.validation.calibration import weight_problem
from liq.validation.weights import DAILY_WEIGHT, NOISE, WeightProblem, fit_weights

SHARPNESS = 4.0
"""Sharpness of the knee; fits between 2 and 8 are alike."""

ALONE_WEIGHT = 0.01
"""Weight of the recordings of Binance alone beside that of three venues. Binance names at most one order a second and
symbol, so its dollars are a lower bound in the very hours that matter: the three venues decide the shape, Binance's
four coins the share of volume that opens where open interest is unknown, and whether one law carries over."""

PACES = (2.0,) * 6 + (1.0,) * 2 + (0.5,) * 7
"""Turnover of each tier over that of open interest: tiers within 1 % twice as fast, those beyond 4 % half as fast.
Realised dollars hardly tell turnovers apart, so the real positions of January 2026 decide: they hold fewer
dollars farther away, where a steeper turnover would leave a book that grows with distance (docs/method.md)."""

RATES = liq.Prior("law", "Law", TIERS, (0.003,) * len(TIERS), paces=PACES, kappa=0.8, phi=0.4, half_life=24.0)
"""Leverages and turnover under which the law is fitted."""

CENTRE, SCALE = np.array([-7.0, np.log(0.007), np.log(1.5), 0.0]), np.array([3.0, 0.7, 0.5, 1.0])
"""Centre and standard deviation of the prior on log level, log knee, log power, and log phi over its value in
RATES."""


class Recording(NamedTuple):
    """One recording as a regression: its name, the problem for unit weights, whether open interest is known,
    weight."""

    name: str
    problem: WeightProblem
    anchored: bool
    weight: float


def shares(distance: np.ndarray, level: float, knee: float, power: float) -> np.ndarray:
    """Return the share of opened notional per tier (K,).

    distance : (K,) log distances of the tiers' levels from entry, ascending; each tier stands for the log distances
    nearer to it than to its neighbours. level : share per unit of log distance beyond the knee; knee : log distance
    below which it falls; power : how fast.
    """
    density = level * (1 + (knee / distance) ** SHARPNESS) ** (-power / SHARPNESS)
    return np.asarray(density * widths(np.log(distance)))


def widths(place: np.ndarray) -> np.ndarray:
    """Return the length that each ascending place stands for, from midway to midway (K,)."""
    middle = (place[1:] + place[:-1]) / 2
    return np.diff(middle, prepend=2 * place[0] - middle[0], append=2 * place[-1] - middle[-1])


def load(without: str = "", until: str | None = recordings.UNTIL) -> list[Recording]:
    """Return the recordings, those of three venues before the held-out days, without those of one coin."""
    rows = []
    if without != "btc":
        market, real = recordings.market(until=until), recordings.liquidations()
        for name, subject in (
            ("BTC, 3 venues", market),
            ("the same, OI unknown", replace(market, open_interest=None)),
        ):
            rows.append(_recording(name, subject, real, recordings.THREE, 1.0 if subject is market else ALONE_WEIGHT))
    for coin in recordings.COINS:
        if coin != without:
            subject = recordings.market_2025(coin)
            rows.append(_recording(coin.upper(), subject, recordings.binance_liquidations(coin), None, ALONE_WEIGHT))
    return rows


def _recording(name: str, market: liq.Market, real, venues, weight: float) -> Recording:  # type: ignore[no-untyped-def]
    heatmap = liq.estimate(market, RATES, columns=1, venues=venues)
    bars = align(market, real)
    problem = weight_problem(heatmap, bars, len(bars.times) // FILL_DIVISOR, FLOOR)
    return Recording(name, problem, market.open_interest is not None, weight)


def law_weights(parameters: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return tier weights (K,) under the law of the first three parameters: log level, log knee, log power."""
    level, knee, power = np.exp(parameters[:3])
    return shares(distance, level, knee, power)


def residuals(rows: list[Recording]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the residuals that a fit of the law minimises, as a function of its parameters."""

    def values(parameters: np.ndarray) -> np.ndarray:
        parts = [(parameters - CENTRE) / SCALE]
        for row in rows:
            problem = row.problem
            phi = 1.0 if row.anchored else float(np.exp(parameters[3]))
            usd = problem.sums @ (phi * law_weights(parameters, problem.distance))
            day = problem.day - problem.day[0]
            days = int(day[-1]) + 1
            weight = np.sqrt(row.weight) / NOISE
            parts.append(
                weight * (log_dollars(usd, problem.floor) - log_dollars(problem.realised, problem.floor)).ravel()
            )
            by_day = np.zeros((2, days, usd.shape[1]))
            np.add.at(by_day[0], day, usd)
            np.add.at(by_day[1], day, problem.realised)
            weight = np.sqrt(DAILY_WEIGHT * row.weight * len(day) / days) / NOISE
            parts.append(
                weight * (log_dollars(by_day[0], problem.floor) - log_dollars(by_day[1], problem.floor)).ravel()
            )
        return np.concatenate(parts)

    return values


def fit(rows: list[Recording]) -> np.ndarray:
    """Return the law's parameters that fit the recordings best."""
    values = residuals(rows)
    parameters = CENTRE.copy()
    residual, damping = values(parameters), 1e-2
    for _ in range(80):
        jacobian = np.stack(
            [(values(parameters + 1e-4 * unit) - residual) / 1e-4 for unit in np.eye(len(parameters))], axis=1
        )
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ residual)
        candidate = values(parameters + step)
        gain = float(residual @ residual - candidate @ candidate)
        if gain > 0:
            parameters, residual, damping = parameters + step, candidate, damping / 5
            if gain < 1e-7 * float(residual @ residual):
                break
        else:
            damping *= 6
            if damping > 1e9:
                break
    return parameters


def as_prior(parameters: np.ndarray, rows: list[Recording], drawn: bool = True) -> liq.Prior:
    """Return the fitted law as a prior, its single tiers drawn to the law from what three venues liquidated, if
    there.

    phi is set so that the dollars of the recordings without open interest add up, each counting alike.
    """
    weights = law_weights(parameters, rows[0].problem.distance)
    if drawn and rows[0].anchored:
        weights = fit_weights(rows[0].problem, replace(RATES, weights=tuple(weights.tolist())))
    missing = [
        np.log((row.problem.sums @ weights).sum() / row.problem.realised.sum()) for row in rows if not row.anchored
    ]
    phi = float(f"{RATES.phi * np.exp(-np.mean(missing)):.3g}")
    return replace(RATES, weights=tuple(float(f"{weight:.4g}") for weight in weights), phi=phi)


def main() -> None:
    """Print the law, and how each coin's dollars come out of a law that was fitted without it."""
    for until in (recordings.UNTIL, None):
        rows = load(until=until)
        fitted = fit(rows)
        print(
            f"\nup to {until or 'the end'}: level {np.exp(fitted[0]):.5f}, knee {np.exp(fitted[1]):.2%}, "
            f"power {np.exp(fitted[2]):.2f}"
        )
        _score("the law alone", as_prior(fitted, rows, drawn=False))
        _score("tiers drawn to it", as_prior(fitted, rows))
        for coin in recordings.COINS:
            others = load(coin, until)
            _score(f"without {coin.upper()}", as_prior(fit(others), others), coin)
    _score("shipped", liq.PRIORS["calibrated"])


def _score(title: str, prior: liq.Prior, only: str = "") -> None:
    print(f"{title:24}", end="")
    if not only:
        heatmap = liq.estimate(recordings.market(), prior, columns=1, venues=recordings.THREE)
        report = liq.skill(heatmap, recordings.liquidations(), since=recordings.SINCE)
        print(f"3 venues {report.spearman:.3f} {report.r2:.3f} x{report.ratio:.2f} {report.gain:+.3f}   ", end="")
    for coin in (only,) if only else recordings.COINS:
        real = recordings.binance_liquidations(coin)
        heatmap = liq.estimate(recordings.market_2025(coin), prior, columns=1)
        report = liq.skill(heatmap, real, since=real.index[len(real) // 6])
        late = liq.skill(heatmap, real)
        print(f"{coin.upper()} {report.spearman:.3f} {report.r2:.3f} x{report.ratio:.2f} {late.gain:+.3f}   ", end="")
    print()


if __name__ == "__main__":
    main()
