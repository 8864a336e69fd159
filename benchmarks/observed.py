"""The map of real positions, held against the true book, and what it costs: `python -m benchmarks.observed`.

For every seed and regime of the simulated market, under each of its two populations, the map of the positions that
are seen is compared with the true book, twice a day for a week, each side within 15 % of price in buckets of 0.5 %.
The estimate for the rest is its profile, with the dollars that are not seen. Then a map is made out of 168 snapshots
of 3,000 positions, beside the least that any such map takes: a histogram a snapshot.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

import liq
from benchmarks.accuracy import END, REACH, REGIMES, interval, scores
from liq.model.as_of import market_before
from liq.sources.simulation.market import simulate, simulate_with_true_book
from liq.sources.simulation.population import POPULATIONS
from liq.sources.simulation.positions import simulated_positions
from liq.sources.simulation.true_book import TrueBook

SEEDS = range(8)
BUCKET = 0.005
SHARES = (0.2, 0.4)
LARGEST = 0.86
"""Share of the dollars near the price that the 300 largest accounts of Hyperliquid make up, BTC in February 2026."""

BARS = {"overlap": 0.88, "rank": 0.80, "ten biggest": 0.93}
"""What 40 % of the positions have to reach."""

SNAPSHOTS, POSITIONS, COLUMNS = 168, 3_000, 672
MOST_SECONDS, MOST_BYTES = 0.25, 150e6

ESTIMATE, BOTH = "the estimate, shipped", "40 % and the estimate for the rest"
LARGE = "the largest accounts, 86 % near the price"

Book = Callable[[liq.Market, np.ndarray, str], np.ndarray]


def seen(share: float) -> str:
    """Return the name of a row: a share of the positions, and nothing else."""
    return f"{share:.0%} of the positions, nothing else".replace("%", " %")


def main() -> None:
    """Print the tables."""
    for population in POPULATIONS:
        rows = []
        for regime in REGIMES:
            for seed in SEEDS:
                market, truth = simulate_with_true_book(
                    "BTC", "7d", seed=seed, now=END, regime=regime, population=population
                )
                positions = {
                    share: simulated_positions(market, share, seed=seed, regime=regime, population=population)
                    for share in (*SHARES, 1.0)
                }
                found = list(moments(market, truth, positions))
                rows.append({name: np.mean([row[name] for row in found], axis=0) for name in found[0]})
                print(f"{population} {regime} {seed}: {rows[-1][seen(0.4)].round(3)}", file=sys.stderr)
        table(population, rows)
    cost()


def moments(
    market: liq.Market, truth: TrueBook, positions: dict[float, liq.Positions]
) -> Iterator[dict[str, tuple[float, ...]]]:
    """Yield every map's scores, twice a day and side by side."""
    for moment in pd.date_range(END - pd.Timedelta(days=7), END, freq="12h")[1:]:
        then = market_before(market, moment)
        largest = largest_near(positions[1.0], then, moment)
        for side, sign in (("long", -1.0), ("short", 1.0)):
            edges = np.sort(then.price * (1 + sign * np.arange(0, REACH + BUCKET / 2, BUCKET)))
            true = truth.book(edges, then.candles.index[-1])[0 if side == "long" else 1]
            if not true.sum() > 0:
                continue
            guess = np.asarray(getattr(liq.estimate(then, columns=1, edges=edges), side)[-1])
            books = {ESTIMATE: guess}
            for share in SHARES:
                books[seen(share)] = drawn(then, positions[share], edges, side)
            books[LARGE] = drawn(then, largest, edges, side)
            rest = books[seen(0.4)].sum() * (1 - 0.4) / 0.4
            books[BOTH] = books[seen(0.4)] + guess * (rest / guess.sum() if guess.sum() > 0 else 0.0)
            yield {name: scores(true, book) for name, book in books.items()}


def drawn(market: liq.Market, positions: liq.Positions, edges: np.ndarray, side: str) -> np.ndarray:
    """Return what the map of real positions says of the last bar."""
    return np.asarray(getattr(liq.observe(market, positions, 1, edges=edges), side)[-1])


def largest_near(positions: liq.Positions, market: liq.Market, moment: pd.Timestamp) -> liq.Positions:
    """Return the snapshot of a moment with the largest accounts alone that make up LARGEST of the dollars near it."""
    rows = positions.snapshot(market.base, moment)
    usd = rows["coins"] * rows["liquidation_price"]
    usd = usd.where(np.abs(rows["liquidation_price"] / market.price - 1) < REACH, 0.0).sort_values(ascending=False)
    count = int(np.searchsorted(usd.cumsum(), LARGEST * usd.sum())) + 1
    return liq.Positions(rows.loc[usd.index[:count]].sort_index(), positions.source)


def table(population: str, rows: list[dict[str, np.ndarray]]) -> None:
    """Print one population's table, and whether 40 % reach the bars."""
    print(f"\nThe {population} population, {len(rows)} markets, buckets of {BUCKET:.1%}, 95 % intervals over markets")
    print(f"{'':44}" + "".join(f"{name:>24}" for name in (*BARS, "dollars over true")))
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"  {name:42}" + "".join(f"{interval(values[:, column]):>24}" for column in range(4)))
    ours = np.mean([row[seen(0.4)] for row in rows], axis=0)
    said = [
        f"{name} {value:.3f}, bar {bar}: {'reached' if value >= bar else 'MISSED'}"
        for (name, bar), value in zip(BARS.items(), ours[:3], strict=True)
    ]
    print(f"  40 %: {'; '.join(said)}")


def cost() -> None:
    """Print what a map out of many snapshots costs, as a ratio to a plain numpy reference in the same run."""
    market = simulate("BTC", "7d", now=END)
    rows = invented_rows(market)
    positions = liq.Positions(rows, "simulated")
    ours = liq.observe(market, positions, COLUMNS)
    assert ours.long.shape[0] == COLUMNS
    seconds = least(lambda: liq.observe(market, positions, COLUMNS))
    plain = least(lambda: reference(market, positions, ours.edges))
    checked = least(lambda: liq.Positions(rows, "simulated"))
    tracemalloc.start()
    liq.observe(market, positions, COLUMNS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"\n{SNAPSHOTS} snapshots of {POSITIONS:,} positions to {COLUMNS} x {len(ours.edges) - 1}: "
        f"{1e3 * seconds:.0f} ms of processor (bar {1e3 * MOST_SECONDS:.0f}), {seconds / plain:.1f} times a "
        f"histogram a snapshot ({1e3 * plain:.0f} ms); peak {peak / 1e6:.0f} MB (bar {MOST_BYTES / 1e6:.0f}); "
        f"checking the rows {1e3 * checked:.0f} ms"
    )
    for name in ("12h", "7d", "6M"):
        market = simulate("BTC", name, now=END)
        estimate = least(lambda market=market: liq.estimate(market, columns=600), 3)
        stated = least(lambda market=market: simulated_positions(market), 3)
        seen_here = simulated_positions(market)
        made = least(lambda market=market, seen_here=seen_here: liq.observe(market, seen_here, 600), 3)
        print(
            f"  {name:>4}: {len(seen_here.times)} snapshots, {len(seen_here.rows):,} rows: stated in "
            f"{1e3 * stated:.0f} ms, map in {1e3 * made:.0f} ms; the estimate {1e3 * estimate:.0f} ms"
        )


def invented_rows(market: liq.Market) -> pd.DataFrame:
    """Return rows of hourly snapshots over a market's window; every hour one position in fifty is another."""
    rng = np.random.default_rng(0)
    times = pd.date_range(market.as_of - pd.Timedelta(hours=SNAPSHOTS - 1), market.as_of, freq="1h")
    since = np.where(rng.random((SNAPSHOTS, POSITIONS)) < 0.02, np.arange(SNAPSHOTS)[:, None], 0)
    since = np.maximum.accumulate(since, axis=0)
    position, which = np.unique(since * POSITIONS + np.arange(POSITIONS), return_inverse=True)
    count = len(position)
    side = rng.random(count) < 0.5
    entry = market.price * np.exp(rng.normal(0, 0.03, count))
    level = entry * np.exp(np.where(side, -1, 1) * rng.exponential(0.06, count))
    columns = {
        "side": np.where(side, "long", "short"),
        "coins": rng.exponential(2, count),
        "entry": entry,
        "liquidation_price": level,
        "leverage": 10.0,
        "margin": np.where(rng.random(count) < 0.8, "cross", "isolated"),
        "account": [f"{number:016x}" for number in position],
    }
    rows = pd.DataFrame(columns).iloc[which.ravel()].reset_index(drop=True)
    return rows.assign(time=np.repeat(times, POSITIONS), coin=market.base)


def reference(market: liq.Market, positions: liq.Positions, edges: np.ndarray) -> float:
    """Sum each snapshot's levels by bucket and repeat them until the next; levels never fall. Return USD."""
    rows = positions.rows
    ends = (market.visible.index + market.bar).asi8
    total = 0.0
    for side in ("long", "short"):
        book = np.zeros((len(ends), len(edges) - 1))
        for moment, snapshot in rows[rows["side"] == side].groupby("time"):
            level, coins = snapshot["liquidation_price"].to_numpy(), snapshot["coins"].to_numpy()
            book[np.searchsorted(ends, moment.as_unit("us").value) :] = np.histogram(
                level, edges, weights=coins * level
            )[0]
        total += book.sum()
    return total


def least(work: Callable[[], object], repeats: int = 7) -> float:
    """Return the least processor time of several runs, seconds."""
    best = np.inf
    for _ in range(repeats):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


if __name__ == "__main__":
    main()
