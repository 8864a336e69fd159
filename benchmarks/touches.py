"""Print what the touch test finds on simulated months, with and without a magnet, and on the real recordings.

`python -m benchmarks.touches`
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

import liq
from benchmarks import recordings
from liq.sources.simulation.market import simulate
from liq.validation.zone_touches import TouchShare, zone_touches

NOW = "2026-11-20 10:07"


def row(name: str, market: liq.Market) -> str:
    """Return one market's answers as a line of a table."""
    found = zone_touches(liq.estimate(market, columns=1))
    return " | ".join([name, *(written(answer) for answer in (*found.reached, found.through))])


def written(answer: TouchShare) -> str:
    """Return the difference in points with its interval and the number of cases."""
    if not answer.enough:
        return f"too few, {answer.cases}"
    gap = (100 * value for value in (answer.difference, answer.low, answer.high))
    return "{:+.0f} ({:+.0f} to {:+.0f}), ".format(*gap) + str(answer.cases)


if __name__ == "__main__":
    print("market | within 1 day | 3 days | 7 days | passed after a touch")
    for seed in range(6):
        for magnet in (0.0, 1.0):
            market = simulate("BTC", "1M", seed=seed, now=NOW, magnet=magnet)
            print(row(f"simulated, seed {seed}, magnet {magnet:g}", market), flush=True)
    if recordings.FOLDER.is_dir():
        for coin in ("btc", "eth"):
            market = recordings.market(coin)
            window = replace(market, start=market.candles.index[-1] - pd.Timedelta(days=30))
            print(row(f"recorded {coin}", window), flush=True)
