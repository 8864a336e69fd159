"""How the shipped prior holds where the data are worse: `python -m benchmarks.robustness`.

Coarser bars, open interest missing or only recent, the periods swapped, and a coin it was not fitted on (whose
realised liquidations are not in the recordings, so only its dollars against BTC's can be looked at).

`--storm` tries how the readers of files hold instead: thousands of seeded corruptions of every known kind of file
(`benchmarks.storm`), a table of what came of them, and every fault with the seed and number that make it again by
`--only SEED:NUMBER --keep PATH`. It exits with 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
import pandas as pd

import liq
from benchmarks.recordings import SINCE, THREE, liquidations, market

HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "open_interest": "last"}


def coarser(subject: liq.Market, freq: str) -> liq.Market:
    """Return the market in longer bars."""
    frame = subject.candles.assign(open_interest=subject.open_interest).resample(freq).agg(HOW)
    return liq.Market(subject.symbol, subject.source, frame, frame["open_interest"])


def line(
    name: str, subject: liq.Market, real: pd.DataFrame, prior: str | liq.Prior = "calibrated", since: str = SINCE
) -> None:
    """Print one row of scores."""
    report = liq.skill(liq.estimate(subject, prior, columns=1, venues=THREE), real, since=since)
    figures = (report.spearman, report.r2, report.ratio, report.baseline_r2, report.gain)
    print(f"{name:44} {report.bars:5} {report.hours:5.2f} " + " ".join(f"{value:7.3f}" for value in figures))


def main() -> None:
    """Print the tables of worse data, or that of the storm."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness", description=__doc__.splitlines()[0])
    parser.add_argument("--storm", action="store_true", help="corrupt files instead, and judge what is read of them")
    parser.add_argument("--count", type=int, default=3000, help="number of files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    parser.add_argument("--only", default="", metavar="SEED:NUMBER", help="one file of these")
    parser.add_argument("--keep", default="", metavar="PATH", help="where that one is written")
    args = parser.parse_args()
    if args.storm or args.only:
        from benchmarks.storm.run import storm

        sys.exit(storm(args.count, args.seed, args.jobs, args.only, args.keep))
    worse_data()


def worse_data() -> None:
    """Print how the prior holds on worse data."""
    btc, real = market(), liquidations()
    print(f"{'':44}  bars hours Spearman     R²   ratio  base R²   gain")
    line("5m bars", btc, real)
    for freq in ("15min", "30min", "1h"):
        line(f"{freq} bars", coarser(btc, freq), real)
    line("4h bars", coarser(btc, "4h"), real)

    line("5m bars, scored per 4h", btc, real.resample("4h").sum())
    line("no open interest", replace(btc, open_interest=None), real)
    late = btc.open_interest.where(btc.times >= pd.Timestamp("2026-01-20", tz="UTC"))
    line("open interest from 2026-01-20 only", replace(btc, open_interest=late), real)
    holes = btc.open_interest.where(np.arange(len(btc.candles)) % 288 < 200)
    line("open interest missing for a third of each day", replace(btc, open_interest=holes), real)

    print("\nPeriods swapped: fitted on 2026-01-08 to 2026-01-31, scored on 2025-12-08 to 2026-01-07")
    swapped = liq.calibrate(btc, real[real.index >= "2026-01-03"], prior="flat", venues=THREE)
    cut = real[real.index < "2026-01-08"]
    for name, prior in (("fitted on the later part", swapped), ("shipped (fitted here)", "calibrated")):
        line(name, btc, cut, prior, since="2025-12-08 16:00")

    print("\nA coin it was not fitted on: estimated liquidations, million USD, 2026-01-16 to 2026-01-31")
    for coin in ("btc", "eth"):
        swept = liq.estimate(market(coin), columns=1).swept[SINCE:].sum() / 1e6
        print(f"{coin.upper()}: long {swept['long']:.0f}, short {swept['short']:.0f}")


if __name__ == "__main__":
    main()
