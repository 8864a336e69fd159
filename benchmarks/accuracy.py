"""The map against a market whose positions are known: `python -m benchmarks.accuracy`.

For every seed and regime of the simulated market, under each of its two populations: a prior is fitted to the
liquidations of the first four weeks; in the week after, twice a day, the estimated book is held against the true
one, each side within 15 % of price. The same is asked of recipes in wide use, read from the same candles.

The simulator knows nothing of the estimate and is not fitted to it. It was changed once after scores had been
seen: crowds whose positions all shared one price left so much to chance that even other traders drawn from the
same law reached a rank correlation of only 0.61, so their positions now lie around it. That row is still
printed, as the measure of what is chance. The second population was made after all choices but the candidates for
turnover in `liq.calibrate`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

import liq
from liq.model.as_of import market_before
from liq.model.margin import brackets
from liq.sources.simulation.coins import COINS
from liq.sources.simulation.market import simulate, simulate_with_true_book
from liq.sources.simulation.population import POPULATIONS
from liq.sources.simulation.price_path import price_path, seed_key
from liq.sources.simulation.traders import Minutes, TraderGroups, draw_traders, part_liquidation_prices
from liq.sources.simulation.trading import simulate_trading
from liq.sources.simulation.true_book import TrueBook
from liq.validation.alignment import spearman

SEEDS = range(8)
REGIMES = ("calm", "trending", "crash")
END = pd.Timestamp("2026-11-01", tz="UTC")
WEEKS = 5
"""Weeks of 15-minute bars after the warm-up; the prior is fitted on all but the last."""

REACH = 0.15
BUCKETS = (60, 30)
"""Buckets a side: 0.25 % and 0.5 % of price each. The finer one is the one that the bars are meant for."""

TIERS = ((5, 0.15), (10, 0.30), (25, 0.25), (50, 0.20), (100, 0.10))
"""The leverages and shares that open-source maps use most."""

BARS = {"overlap": 0.65, "rank": 0.60, "top ten": 0.86}

Book = Callable[[liq.Market, np.ndarray, str], np.ndarray]


class World(NamedTuple):
    """One simulated market: five weeks of it, and the truth of the last."""

    market: liq.Market
    truth: TrueBook


def world(seed: int, regime: str, population: str = "hedged") -> World:
    """Return a market put together from weekly views, as if one had watched it all along."""
    days = [END - pd.Timedelta(days=7 * week) for week in range(WEEKS - 1, 0, -1)]
    views = [simulate("BTC", "7d", seed=seed, now=day, regime=regime, population=population) for day in days]
    last, truth = simulate_with_true_book("BTC", "7d", seed=seed, now=END, regime=regime, population=population)
    views.append(last)
    start = views[0].start
    later = [view.candles.index >= (view.start if row else view.candles.index[0]) for row, view in enumerate(views)]
    candles = pd.concat([view.candles[keep] for view, keep in zip(views, later, strict=True)])
    interest = pd.concat([view.open_interest[keep] for view, keep in zip(views, later, strict=True)])
    realised = pd.concat([view.liquidations[keep] for view, keep in zip(views, later, strict=True)])
    market = liq.Market(
        last.symbol, last.source, candles, open_interest=interest, start=start, bar=last.bar, liquidations=realised
    )
    return World(market, truth)


def estimated(prior: str | liq.Prior) -> Book:
    """Return the project's own map with a prior."""

    def book(market: liq.Market, edges: np.ndarray, side: str) -> np.ndarray:
        heatmap = liq.estimate(market, prior=prior, columns=1, edges=edges)
        return np.asarray(getattr(heatmap, side)[-1])

    return book


def other_traders(seed: int, regime: str, population: str, count: int = 8) -> Book:
    """Return the mean book of other crowds drawn for the same prices: what their law says without their names.

    No map reads it off candles; it shows how much of the true book is chance that prices alone do not tell.
    """
    coin, steps, seeds = COINS["BTC"], brackets("BTC"), seed_key("BTC", seed, regime)
    who = POPULATIONS[population]
    last = int(END.timestamp() // 86_400) - 1
    tape, _ = simulate_trading(coin, steps, seeds, regime, 0.0, last - 38, last, population=who)
    coin = coin._replace(volatility=coin.volatility * who.volatility)
    path = price_path(coin, regime, seeds, last - 38, last)
    minutes = Minutes(tape.before, tape.close, tape.high, tape.low)
    drawn = []
    for other in range(1, count + 1):
        drawn += list(draw_traders(coin, steps, (seeds[0] + other, *seeds[1:]), path, minutes, population=who))
    rows = TraderGroups(*(np.concatenate(column) for column in zip(*drawn, strict=True)))

    def book(market: liq.Market, edges: np.ndarray, side: str) -> np.ndarray:
        end = int(market.as_of.timestamp() // 60) - tape.start
        stands = (rows.opened < end) & (rows.closed >= end) & (rows.side == (1 if side == "long" else -1))
        held = TraderGroups(*(column[stands] for column in rows))
        levels = np.where(
            held.parts[:, None] > 1, part_liquidation_prices(held.entry, held.level), held.level[:, None]
        )
        usd = held.lots[:, None] * coin.lot / count / levels.shape[1] * levels
        return np.histogram(levels, bins=edges, weights=usd)[0]

    return book


def recipe(opened: Callable[[liq.Market], np.ndarray], closes: bool = False) -> Book:
    """Return a map in wide use: coins opened per bar at its mean price, fixed tiers at 1/L, gone when reached."""

    def book(market: liq.Market, edges: np.ndarray, side: str) -> np.ndarray:
        candles, coins = market.candles, opened(market)
        entry = candles[["open", "high", "low", "close"]].mean(axis=1).to_numpy()
        if closes:
            interest = market.open_interest.to_numpy()
            kept = np.minimum(interest[1:] / interest[:-1], 1.0)
            coins = coins * np.append(np.cumprod(kept[::-1])[::-1], 1.0)
        # A level stands if no later bar came to it.
        if side == "long":
            later = np.append(np.minimum.accumulate(candles["low"].to_numpy()[::-1])[-2::-1], np.inf)
        else:
            later = np.append(np.maximum.accumulate(candles["high"].to_numpy()[::-1])[-2::-1], -np.inf)
        total = np.zeros(len(edges) - 1)
        for leverage, share in TIERS:
            level = entry * (1 - 1 / leverage if side == "long" else 1 + 1 / leverage)
            stands = level < later if side == "long" else level > later
            total += np.histogram(level[stands], bins=edges, weights=(coins * entry * share)[stands])[0]
        return total

    return book


def rises(market: liq.Market) -> np.ndarray:
    """Return the rises of open interest, coins."""
    interest = market.open_interest.to_numpy()
    return np.diff(interest, prepend=interest[0]).clip(0.0)


def traded(market: liq.Market) -> np.ndarray:
    """Return the traded volume, coins."""
    return market.candles["volume"].to_numpy()


def scores(true: np.ndarray, guess: np.ndarray) -> tuple[float, float, float, float]:
    """Return overlap of the normalised profiles, rank correlation, top-ten capture, dollars over the true ones."""
    if not guess.sum() > 0:
        return 0.0, 0.0, 0.0, 0.0
    overlap = float(np.minimum(true / true.sum(), guess / guess.sum()).sum())
    best, chosen = np.sort(true)[-10:].sum(), true[np.argsort(guess)[-10:]].sum()
    return overlap, spearman(true, guess), float(chosen / best), float(guess.sum() / true.sum())


def moments(made: World, books: dict[str, Book], count: int) -> Iterator[dict[str, tuple[float, ...]]]:
    """Yield every book's scores, twice a day of the last week and side by side."""
    for moment in pd.date_range(END - pd.Timedelta(days=7), END, freq="12h")[1:]:
        market = market_before(made.market, moment)
        bar = market.candles.index[-1]
        for side, sign in (("long", -1.0), ("short", 1.0)):
            edges = np.sort(market.price * (1 + sign * np.linspace(0.0, REACH, count + 1)))
            true = made.truth.book(edges, bar)[0 if side == "long" else 1]
            if true.sum() > 0:
                yield {name: scores(true, book(market, edges, side)) for name, book in books.items()}


def interval(values: np.ndarray) -> str:
    """Return a mean over markets and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    drawn = values[rng.integers(0, len(values), (4000, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Print the tables."""
    for population in POPULATIONS:
        print(f"\nThe {population} population")
        _population(population)


def _population(population: str) -> None:
    """Print the tables of one population."""
    found: dict[int, list[dict[str, np.ndarray]]] = {count: [] for count in BUCKETS}
    places: list[tuple[str, int]] = []
    adopted = 0
    for regime in REGIMES:
        for seed in SEEDS:
            made = world(seed, regime, population)
            early = market_before(made.market, END - pd.Timedelta(days=7))
            hourly = made.market.liquidations[made.market.start : early.times[-1]].resample("1h").sum()
            fitted = liq.calibrate(early, hourly)
            adopted += bool(fitted.adopted)
            books = {
                "estimate, prior fitted": estimated(fitted),
                "estimate, shipped prior": estimated("calibrated"),
                "volume, fixed tiers, no closing": recipe(traded),
                "rises of open interest, fixed tiers": recipe(rises),
                "rises, and falls close in proportion": recipe(rises, closes=True),
                "other traders at the same prices": other_traders(seed, regime, population),
            }
            places.append((regime, seed))
            for count in BUCKETS:
                rows = list(moments(made, books, count))
                found[count].append({name: np.mean([row[name] for row in rows], axis=0) for name in books})
            print(f"{regime} {seed}: {found[BUCKETS[0]][-1]['estimate, prior fitted'].round(3)}", file=sys.stderr)
    print(f"{adopted} of {len(places)} fits were adopted")
    for count in BUCKETS:
        _table(found[count], places, count)


def _table(found: list[dict[str, np.ndarray]], places: list[tuple[str, int]], count: int) -> None:
    print(f"\nBuckets of {REACH / count:.2%} of price, {len(SEEDS)} seeds a regime, 95 % intervals over markets")
    for regime in (*REGIMES, "all"):
        rows = [row for row, (name, _) in zip(found, places, strict=True) if regime in (name, "all")]
        print(f"\n{regime:40}" + "".join(f"{name:>26}" for name in (*BARS, "dollars over true")))
        for name in rows[0]:
            values = np.array([row[name] for row in rows])
            print(f"  {name:38}" + "".join(f"{interval(values[:, k]):>26}" for k in range(4)))
    ours = np.array([row["estimate, prior fitted"] for row in found])
    print(f"\nMarkets of {len(found)} on which the fitted estimate is ahead")
    for name in list(found[0])[1:]:
        ahead = (ours > np.array([row[name] for row in found]))[:, :3]
        print(
            f"  {name:38}"
            + "".join(f"{n:>26}" for n in ahead.sum(axis=0))
            + f"   all three: {ahead.all(axis=1).sum()}"
        )
    reached = "   ".join(
        f"{name} >= {bar}: {(ours[:, k] >= bar).sum()}" for k, (name, bar) in enumerate(BARS.items())
    )
    print(f"\nMarkets on which the fitted estimate reaches   {reached}")


if __name__ == "__main__":
    main()
