"""The map on first days of months: `python -m benchmarks.first_of_month BTC ETH SOL --from 2021-01 --to 2026-10`.

Candles and open interest are of Binance's archive, liquidations of Tardis, which gives the first day of each month to
everybody (docs/archive.md): nothing of this project lies in between. The map walks 30 days of warm-up and three days
of 5-minute bars and is scored on the last of them: how much (estimated over realised dollars), when (rank
correlation over quarters of an hour and sides) and where (`liq.validation.place`, bits a dollar against an even
spread). Beside it stand range times volume, which knows no position, and the twin that was given the path alone.

A row a day and coin is written to a CSV file as soon as it is known; run again, it goes on where it was. At the end:
means over days with 95 % intervals from draws of whole days, where coins of one day stay together.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import liq
from liq.process_memory import resident_memory
from liq.sources import fetch
from liq.sources.archive import liquidations as tardis
from liq.validation.alignment import align, spearman
from liq.validation.place import place_score

BAR = "15min"
"""Bars over which time is ranked: a day has 96, and two sides."""

RESAMPLES = 2000

COLUMNS = ("day", "coin", "realised", "ratio", "rank", "rank_range", "rank_path", "place", "place_path", "place_usd")


def main() -> None:
    """Score every day that is not in the file yet, and print means over days."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_of_month", description=__doc__.split("\n")[0])
    parser.add_argument("coins", nargs="+", metavar="COIN")
    parser.add_argument("--from", dest="since", type=_month, default="2021-01", metavar="MONTH")
    parser.add_argument("--to", dest="until", type=_month, default="2026-10", metavar="MONTH")
    parser.add_argument("--output", type=Path, default=Path("first_of_month.csv"), help="default first_of_month.csv")
    asked = parser.parse_args()
    days = pd.date_range(asked.since, asked.until, freq="MS", tz="UTC")
    rows = _known(asked.output)
    started, peak = time.monotonic(), 0
    for day in days:
        for coin in [coin for coin in asked.coins if (f"{day:%Y-%m-%d}", coin) not in rows]:
            try:
                row = scored_day(coin, day)
            except liq.LiqError as error:
                print(f"{day:%Y-%m-%d} {coin:5} left out: {error}", flush=True)
                continue
            finally:
                fetch.clear_caches()  # a window is scored once; seventy of them are not held
                peak = max(peak, resident_memory(os.getpid()))
            rows[row["day"], row["coin"]] = row
            pd.DataFrame([row], columns=COLUMNS).to_csv(
                asked.output, mode="a", header=not asked.output.exists(), index=False
            )
            print(_line(row), flush=True)
    chosen = {(f"{day:%Y-%m-%d}", coin) for day in days for coin in asked.coins}
    table = pd.DataFrame([row for key, row in rows.items() if key in chosen], columns=COLUMNS)
    print(f"\n{time.monotonic() - started:.0f} s, {peak / 1e6:.0f} MB at most between days.\n")
    if len(table):
        print(summary(table))


def scored_day(coin: str, day: pd.Timestamp) -> dict[str, object]:
    """Return how much, when and where the map said on one day, beside range times volume and the path twin."""
    market = liq.fetch(coin, "3d", "archive", as_of=day + pd.Timedelta(days=1))
    events, days = tardis.first_days(market)
    realised = tardis.by_minute(events, days).resample(BAR).sum()
    heatmap = liq.estimate(market, columns=1)
    ranges = np.log(market.candles["high"] / market.candles["low"])
    volume = ranges * market.candles["volume"].sum() / max(float(ranges.sum()), 1e-12)
    blind = replace(market, candles=market.candles.assign(volume=volume), open_interest=None)
    path = liq.estimate(blind, columns=1)
    bars = align(market, realised)
    swept, by_path = (
        bars.add_up_sides(*(one.swept[side].to_numpy() for side in ("long", "short"))) for one in (heatmap, path)
    )
    real, total = bars.realised.ravel(), float(bars.realised.sum())
    where = _place(heatmap, events)
    return {
        "day": f"{day:%Y-%m-%d}",
        "coin": coin,
        "realised": round(total),
        "ratio": float(swept.sum()) / total if total > 0 else float("nan"),
        "rank": spearman(swept.ravel(), real),
        "rank_range": spearman((bars.excursion * bars.volume[:, None]).ravel(), real),
        "rank_path": spearman(by_path.ravel(), real),
        "place": where[0],
        "place_path": _place(path, events)[0],
        "place_usd": where[1],
    }


def _place(heatmap: liq.Heatmap, events: pd.DataFrame) -> tuple[float, float]:
    """Return bits a dollar and the dollars scored; NaN and 0 where no bar went far enough."""
    try:
        score = place_score(heatmap, events)  # type: ignore[arg-type]
    except liq.InputError:
        return float("nan"), 0.0
    return score.bits, score.usd


def summary(table: pd.DataFrame) -> str:
    """Return means over days with 95 % intervals, for all coins together and each."""
    lines = []
    for name, rows in [("all", table), *table.groupby("coin")]:
        by_day = [group for _, group in rows.groupby("day")]
        lines.append(f"{name}: {len(by_day)} days, ${rows['realised'].sum() / 1e6:,.0f}M realised")
        rng = np.random.default_rng(20260131)  # fixed, so that the same rows print the same interval
        draws = rng.integers(0, len(by_day), (RESAMPLES, len(by_day)))
        for label, figure in FIGURES.items():
            each = np.array([figure(group) for group in by_day])  # (days, 2): a weighted sum and its weight
            drawn = each[draws].sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                low, high = np.nanquantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
                mean = each[:, 0].sum() / each[:, 1].sum()
            value = [np.exp(part) if "over realised" in label else part for part in (mean, low, high)]
            lines.append(f"  {label:46} {value[0]:+.3f}   ({value[1]:+.3f} to {value[2]:+.3f})")
    return "\n".join(lines)


def _mean(values: pd.Series, weights: pd.Series | None = None) -> tuple[float, float]:
    """Return the sum of values times weights, and of weights, where both are known."""
    weights = pd.Series(1.0, values.index) if weights is None else weights
    known = np.isfinite(values) & (weights > 0)
    return float((values * weights)[known].sum()), float(weights[known].sum())


FIGURES = {
    "how much: estimated over realised dollars": lambda rows: _mean(np.log(rows["ratio"])),
    "when: rank correlation of the map": lambda rows: _mean(rows["rank"]),
    "when: beyond range times volume": lambda rows: _mean(rows["rank"] - rows["rank_range"]),
    "when: beyond the path twin": lambda rows: _mean(rows["rank"] - rows["rank_path"]),
    "where: bits a dollar against an even spread": lambda rows: _mean(rows["place"], rows["place_usd"]),
    "where: beyond the path twin": lambda rows: _mean(rows["place"] - rows["place_path"], rows["place_usd"]),
}
"""What is printed of the days, each as a weighted sum and its weight."""


def _month(text: str) -> pd.Timestamp:
    """Return the first day of a month such as 2021-01."""
    try:
        return pd.to_datetime(text, format="%Y-%m")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no month such as 2021-01") from None


def _known(path: Path) -> dict[tuple[object, object], dict[str, object]]:
    """Return the rows that a file has, by day and coin; one that a kill cut short is left out."""
    if not path.exists():
        return {}
    table = pd.read_csv(path, dtype={"day": "string", "coin": "string"}, on_bad_lines="skip")
    whole = table.dropna(subset=["day", "coin", "realised", "place_usd"])
    return {(row["day"], row["coin"]): row for row in whole.to_dict("records")}


def _line(row: dict[str, object]) -> str:
    """Return a row as it is printed."""
    return (
        f"{row['day']} {row['coin']:5} ${row['realised'] / 1e6:7.2f}M  ratio {row['ratio']:5.2f}  "  # type: ignore[operator]
        f"rank {row['rank']:.2f} (range {row['rank_range']:.2f}, path {row['rank_path']:.2f})  "
        f"place {row['place']:+.2f} (path {row['place_path']:+.2f})"
    )


if __name__ == "__main__":
    main()
