"""What the estimate costs, beside a plain numpy walk in the same run: `python -m benchmarks.speed`.

The reference keeps one book per side and tier on a grid of 400 buckets, goes through the bars one by one, as
most open engines do, and photographs the same bars.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import liq
from benchmarks.linux import peak_memory, require_linux
from liq.model.flow import flow
from liq.model.legs import price_legs
from liq.model.levels import spread_entries
from liq.model.margin import brackets, liquidation_factors

SIZES = (1_440, 17_856, 65_000, 130_000, 260_000)
REPEATS = 7


def bars(count: int, minutes: int) -> liq.Market:
    """Return a market of that many bars with the jitter of BTC; only its size matters here."""
    chance = np.random.default_rng(20260101)
    scale = 0.0009 * np.sqrt(minutes / 5)
    close = 90_000 * np.exp(
        np.sin(np.arange(count) / count * 6) * 0.15 + np.cumsum(chance.normal(0, scale, count)) * 0.3
    )
    opens = np.concatenate([close[:1], close[:-1]])
    wick = np.abs(chance.normal(0, scale / 2, (2, count)))
    frame = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, close) * (1 + wick[0]),
            "low": np.minimum(opens, close) * (1 - wick[1]),
            "close": close,
            "volume": chance.exponential(150.0 * minutes, count),
        },
        index=pd.date_range("2025-06-01", periods=count, freq=f"{minutes}min", tz="UTC"),
    )
    interest = pd.Series(90_000 + np.cumsum(chance.normal(0, 8, count)), frame.index).clip(lower=1_000)
    return liq.Market("BTC/USDT:USDT", "benchmark", frame, interest)


def reference(market: liq.Market, columns: int, buckets: int = 400) -> float:
    """Walk bar by bar on a grid with numpy; return USD swept, so that the work cannot be skipped."""
    photos = {side: np.zeros((columns, buckets)) for side in ("long", "short")}
    shots = np.linspace(0, len(market.candles) - 1, columns).astype(int).tolist()
    due = {bar: shot for shot, bar in enumerate(shots)}
    prior = liq.PRIORS["calibrated"]
    low, high = market.candles["low"].to_numpy(), market.candles["high"].to_numpy()
    bottom = np.log(low.min()) - 0.2
    step = (np.log(high.max()) + 0.2 - bottom) / buckets
    moving, entries = flow(price_legs(market), prior), spread_entries(low, high)
    kept = np.exp(np.diff(moving.log_survival, prepend=0.0))
    usd = moving.opened[entries.leg] * entries.share * entries.price
    tiers = np.arange(len(prior.leverages))
    at = np.searchsorted(entries.leg, np.arange(len(low) + 1))
    places, weights, swept = {}, np.array(prior.weights), 0.0
    for side in ("long", "short"):
        factor = np.log(liquidation_factors(side, np.array(prior.leverages), brackets(market.symbol)))
        places[side] = np.clip((np.log(entries.price)[:, None] + factor - bottom) / step, 0, buckets - 1).astype(int)
    books = {side: np.zeros((len(tiers), buckets)) for side in places}
    cut = {"long": ((np.log(low) - bottom) / step).astype(int), "short": ((np.log(high) - bottom) / step).astype(int)}
    for bar in range(len(low)):
        new = slice(at[bar], at[bar + 1])
        for side, book in books.items():
            gone = book[:, cut[side][bar] :] if side == "long" else book[:, : cut[side][bar] + 1]
            swept += gone.sum()
            gone[:] = 0.0
            book *= kept[bar]
            np.add.at(book, (tiers[None, :], places[side][new]), usd[new, None] * weights)
            if bar in due:
                photos[side][due[bar]] = book.sum(axis=0)
    return swept


def timed(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the least wall time of several runs, seconds: the rest is other people's noise."""
    best = np.inf
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def one(count: int, minutes: int, columns: int | None, buckets: int | None) -> None:
    """Print one row: the estimate's time, the reference's, and this process's peak memory."""
    market = bars(count, minutes)
    lows, highs = market.candles["low"].min() * 0.85, market.candles["high"].max() * 1.18
    edges = None if buckets is None else np.geomspace(lows, highs, buckets + 1)
    before = peak_memory()
    seconds = timed(lambda: liq.estimate(market, columns=columns, edges=edges), REPEATS if count < 50_000 else 3)
    peak = peak_memory()
    rival = timed(lambda: reference(market, columns or count), 1 if count > 50_000 else 3)
    shown = f"{columns or count} x {buckets or 'lattice'}"
    print(
        f"{count:>8,} {minutes:>3} min  {shown:>15}  {1e3 * seconds:>8.1f} ms  {1e6 * seconds / count:>6.2f} us/bar  "
        f"reference {1e3 * rival:>8.1f} ms  ratio {rival / seconds:>4.1f}  peak {peak:.0f} MB ({before:.0f} before)",
        flush=True,
    )


def main() -> None:
    """Print the table, each row in a process of its own, so that peak memory is its own too."""
    require_linux()
    rows = ((1_440, 5, None, 400), (17_856, 5, 600, None), *((size, 1, 600, None) for size in SIZES[2:]))
    print(f"15 tiers; best of {REPEATS} (3 for the long ones)")
    for row in rows:
        subprocess.run([sys.executable, "-m", "benchmarks.speed", *map(str, row)], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 5:
        size, length, shots, height = (None if word == "None" else int(word) for word in sys.argv[1:])
        one(size or 0, length or 1, shots, height)
    else:
        main()
