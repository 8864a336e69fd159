"""How far off "if price goes to" is where the positions are known: `python -m benchmarks.cascade`.

The simulated market's true positions and the estimate of it run through the same order book, whose depth is invented
(`liq.sources.order_book`). So this measures the forced dollars and what they do to where price stops; it says nothing
about how a real order book behaves. Figures are in docs/heatmap.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import liq
from liq.sources.order_book import order_book
from liq.sources.simulation.market import simulate_with_true_book
from liq.zones.cascade import THINNING, cascade, cascade_of_levels

MOVES = (-0.05, -0.03, -0.02, -0.01, 0.01, 0.02, 0.03, 0.05)
"""Where price goes, as fractions of the price."""

MOMENTS = ("2026-09-10 12:00", "2026-10-05 12:00", "2026-11-01 12:00")


def main() -> None:
    """Print the table, by order book and by distance, and the same for each population."""
    for population in ("hedged", "unhedged"):
        table = pd.DataFrame(rows(population))
        print(f"\n{population}: {len(table)} cases; medians, and the tenth and ninetieth percentile in brackets")
        print(f"forced, estimate over truth: {spread(table['ratio'])}")
        for by in ("book", "move"):
            for name, part in table.groupby(by, sort=False):
                at_once = f"{part['at_once'].mean():.0%} of estimates, {part['true_at_once'].mean():.0%} of truths"
                print(
                    f"{name!s:>14}  forced ×{spread(part['ratio'])}  stop off by {spread(100 * part['off'])} % of "
                    f"price  at once {at_once}"
                )


def rows(population: str) -> list[dict[str, object]]:
    """Return one row a market, move and order book."""
    found: list[dict[str, object]] = []
    for regime in ("calm", "trending", "crash"):
        for moment in MOMENTS:
            market, truth = simulate_with_true_book("BTC", "7d", now=moment, regime=regime, population=population)
            heatmap, book, standing = liq.estimate(market), order_book(market), truth.standing()
            price = float(market.price)
            for move in MOVES:
                target, side = price * (1 + move), "short" if move > 0 else "long"
                true = standing[(standing["side"] == side) & (standing["liquidation_price"] > 0)]
                levels = pd.DataFrame({"price": true["liquidation_price"], "usd": true["notional"]})
                for name, left in THINNING.items():
                    mine = cascade(heatmap, target, book, left=left)
                    known = cascade_of_levels(levels, target, book, left, price)
                    found.append(
                        {
                            "book": name,
                            "move": f"{move:+.0%}",
                            "ratio": mine.forced / known.forced if known.forced > 0 else np.nan,
                            "off": (mine.stop - known.stop) / price * np.sign(move),
                            "at_once": abs(mine.stop / target - 1) < 1e-3,
                            "true_at_once": abs(known.stop / target - 1) < 1e-3,
                        }
                    )
    return found


def spread(values: pd.Series) -> str:
    """Return the median and the tenth and ninetieth percentile as text."""
    low, middle, high = values.dropna().quantile([0.1, 0.5, 0.9])
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
