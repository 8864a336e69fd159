"""What each ingredient of the estimate adds on days it was not fitted to: `python -m benchmarks.ingredients`.

Every row changes one thing, fits the weights again on 2025-12-08 to 2026-01-15, and is scored on the days
after. Rates are fixed at the shipped ones, so that rows differ in that one thing alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd

import liq
from benchmarks.recordings import SINCE, THREE, UNTIL, liquidations, market
from liq.market import SIDES, Bracket
from liq.model import levels
from liq.model.estimate import estimate
from liq.model.flow import Flow, flow
from liq.model.heatmap import Heatmap
from liq.model.legs import price_legs
from liq.model.prior import TIERS
from liq.validation import weights as regression
from liq.validation.alignment import FILL_DIVISOR, FLOOR, align
from liq.validation.calibration import weight_problem

SHIPPED = liq.PRIORS["calibrated"]
EQUAL = replace(SHIPPED, weights=(0.001,) * len(TIERS))
SHIPPED_DISTANCE = np.array([row["distance"] for row in SHIPPED.data["evidence"]])
"""Log distances of the shipped prior's tiers."""

Book = Callable[[liq.Market, liq.Prior], Heatmap]


@contextmanager
def swapped(module: object, **parts: object) -> Iterator[None]:
    """Replace names in a module or class for the time of one row."""
    before = {name: getattr(module, name) for name in parts}
    for name, part in parts.items():
        setattr(module, name, part)
    try:
        yield
    finally:
        for name, part in before.items():
            setattr(module, name, part)


def tiers(leverages: tuple[float, ...], far: float | None = None) -> liq.Prior:
    """Return the shipped rates on other leverages, weights to be fitted."""
    bare = replace(EQUAL, leverages=leverages, weights=(0.001,) * len(leverages), paces=())
    distance = np.abs(np.log(estimate(liq.Market("BTC/USDT:USDT", "none", _one_bar()), bare).walk.factor["long"]))
    nearest = np.abs(np.log(distance[:, None] / SHIPPED_DISTANCE)).argmin(axis=1)
    paces = np.array(SHIPPED.paces)[nearest]
    return replace(bare, paces=tuple(np.where(distance > 0.04, paces if far is None else far, paces).tolist()))


def _one_bar() -> pd.DataFrame:
    columns = {name: [100.0] for name in ("open", "high", "low", "close")}
    return pd.DataFrame({**columns, "volume": [0.0]}, index=pd.DatetimeIndex(["2026-01-01"], tz="UTC"))


def fit_and_score(early: liq.Market, late: liq.Market, prior: liq.Prior, tight: float | None = None) -> list[float]:
    """Fit the weights on the early market and score the later one; return the printed figures."""
    real = liquidations()
    heatmap = estimate(early, prior, columns=1, venues=THREE)
    bars = align(early, real)
    problem = weight_problem(heatmap, bars, len(bars.times) // FILL_DIVISOR, FLOOR)
    with swapped(regression, TIER_SCALE=regression.TIER_SCALE if tight is None else tight):
        weights = regression.fit_weights(problem, prior)
    fitted = replace(prior, weights=tuple(weights.tolist()))
    report = liq.skill(estimate(late, fitted, columns=1, venues=THREE), real, since=SINCE)
    return [report.spearman, report.r2, report.ratio, report.gain]


def at_one_price(where: str) -> Callable[[np.ndarray, np.ndarray], levels.Entries]:
    """Return a spread that enters every bar at one price, its middle or its close."""

    def spread(low: np.ndarray, high: np.ndarray) -> levels.Entries:
        price = (low + high) / 2 if where == "middle" else market().candles["close"].to_numpy()[: len(low)]
        return levels.Entries(np.arange(len(low)), price, np.ones(len(low)))

    return spread


def in_display_buckets(extreme: np.ndarray, entry: np.ndarray, shift: np.ndarray, bar: np.ndarray) -> np.ndarray:
    """Sweep whole buckets of 0.25 %: what a map does that keeps its levels on the grid it draws."""
    wide = 0.0025 / levels.CELL
    return FIRST_REACH(np.floor(extreme / wide) * wide, entry, shift, bar)


FIRST_REACH = levels.first_reach


def losers_hold(subject: liq.Market, prior: liq.Prior) -> Flow:
    """Close by profit: over a bar that falls, longs close at 0.8 and shorts at 1.2 of the usual rate."""
    usual = flow(price_legs(subject), prior)
    step = np.diff(usual.log_survival, prepend=0.0)
    fell = (subject.candles["close"] < subject.candles["open"]).to_numpy()
    return usual._replace(log_survival=np.cumsum(np.where(fell, 0.8, 1.2) * step))


def by_side(early: liq.Market, late: liq.Market, prior: liq.Prior) -> list[float]:
    """Score survival that differs by side: the losing side holds on."""

    def swept(self: Heatmap, side: str, weights: np.ndarray) -> np.ndarray:
        moving = losers_hold(self.market, self.prior)
        if side == "short":
            step = np.diff(flow(price_legs(self.market), self.prior).log_survival, prepend=0.0)
            moving = moving._replace(log_survival=np.cumsum(2 * step) - moving.log_survival)
        return SWEPT(replace(self, walk=self.walk._replace(flow=moving)), side, weights)

    with swapped(Heatmap, _swept=swept):
        return fit_and_score(early, late, prior)


SWEPT = Heatmap._swept


def main() -> None:
    """Print the table."""
    early, late = market(until=UNTIL), market()
    no_margin = (Bracket(0, 1e12, 1e-9, 150, 0),)
    rows: list[tuple[str, Callable[[], list[float]]]] = [
        ("the shipped recipe", lambda: fit_and_score(early, late, EQUAL)),
        ("weights a power of distance (two numbers)", lambda: fit_and_score(early, late, EQUAL, tight=1e-3)),
        (
            "open interest taken away (volume, half-life)",
            lambda: fit_and_score(without_open_interest(early), without_open_interest(late), EQUAL),
        ),
        ("opens = rises of open interest only", lambda: fit_and_score(early, late, replace(EQUAL, kappa=0.0))),
        *(
            (f"turnover share {k}", lambda k=k: fit_and_score(early, late, replace(EQUAL, kappa=k)))
            for k in (0.1, 0.2, 0.4, 1.6)
        ),
        ("entry at the bar's middle", lambda: one_price("middle")),
        ("entry at the bar's close", lambda: one_price("close")),
        ("entries spread twice as finely", lambda: finer()),
        (
            "no maintenance margin",
            lambda: fit_and_score(replace(early, brackets=no_margin), replace(late, brackets=no_margin), EQUAL),
        ),
        ("swept in display buckets of 0.25 %", lambda: coarse()),
        *(("every tier at one pace", lambda: fit_and_score(early, late, replace(EQUAL, paces=()))) for _ in (0,)),
        (
            "far tiers at half the shipped pace",
            lambda: fit_and_score(early, late, tiers(TIERS, SHIPPED.paces[-1] / 2)),
        ),
        ("survival by age (two half-lives a tier)", lambda: fit_and_score(early, late, two_half_lives())),
        ("survival by side (losers hold on)", lambda: by_side(early, late, EQUAL)),
        *(
            (
                f"tiers up to {top:g}x only",
                lambda top=top: fit_and_score(early, late, tiers(tuple(x for x in TIERS if x <= top))),
            )
            for top in (125, 150, 250)
        ),
        (
            "leverage nearly continuous (40 tiers)",
            lambda: fit_and_score(early, late, tiers(tuple(np.geomspace(1000, 2.5, 40).tolist()))),
        ),
    ]

    def one_price(where: str) -> list[float]:
        with swapped(levels, spread_entries=at_one_price(where)):
            return fit_and_score(early, late, EQUAL)

    def finer() -> list[float]:
        with swapped(levels, SLICE=levels.SLICE / 2, MAX_SLICES=2 * levels.MAX_SLICES):
            return fit_and_score(early, late, EQUAL)

    def coarse() -> list[float]:
        with swapped(levels, first_reach=in_display_buckets):
            return fit_and_score(early, late, EQUAL)

    print(f"{'what is changed':46} Spearman     R²  ratio   gain")
    for name, row in rows:
        print(
            f"{name:46} " + " ".join(f"{value:8.3f}" if n == 0 else f"{value:6.3f}" for n, value in enumerate(row()))
        )
    print("\nRecipes in wide use, as printed")
    for name in ("retail", "hyperliquid", "flat"):
        report = liq.skill(estimate(late, name, columns=1), liquidations(), since=SINCE)
        figures = (report.spearman, report.r2, report.ratio, report.gain)
        print(
            f"{name:46} "
            + " ".join(f"{value:8.3f}" if n == 0 else f"{value:6.3f}" for n, value in enumerate(figures))
        )
    report = liq.skill(estimate(late, columns=1, venues=THREE), liquidations(), since=SINCE)
    print(
        f"\nRange and volume alone: R² {report.baseline_r2:.3f}; {' and '.join(SIDES)} pooled, {report.bars} hours."
    )
    print("\nBlind twins of the shipped map: what each adds to range and volume, and what the map adds beyond it")
    titles = {
        "path": "the path of price alone",
        "shifted": "another week's volume",
        "mean_book": "the mean book by distance",
    }
    for name, title in titles.items():
        beyond, (low, high) = getattr(report, f"beyond_{name}"), report.intervals[f"beyond_{name}"]
        print(f"{title:46} {getattr(report, f'{name}_gain'):+.3f}   {beyond:+.3f} ({low:+.3f} to {high:+.3f})")


def without_open_interest(subject: liq.Market) -> liq.Market:
    """Return the market without its open interest."""
    return replace(subject, open_interest=None)


def two_half_lives() -> liq.Prior:
    """Return every tier twice, at the usual pace and at a quarter of it."""
    paces = (*EQUAL.paces, *(0.25 * pace for pace in EQUAL.paces))
    return replace(EQUAL, leverages=TIERS * 2, weights=(0.0015,) * (2 * len(TIERS)), paces=paces)


if __name__ == "__main__":
    main()
