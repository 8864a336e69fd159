"""What a fit on few days is worth on the week after, beside the shipped prior: `python -m benchmarks.windows`.

Twelve windows each of 3, 5, 7, 14 and 30 days of BTC; scored is the week after: R² of log dollars, dollars over
realised, and the book within 15 % of price over the shipped prior's. Raw fits are printed beside what `liq.calibrate`
returns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import liq
from benchmarks import recordings
from liq.model.as_of import market_before
from liq.validation.alignment import FLOOR, align
from liq.validation.calibration import weight_problem
from liq.validation.weights import figures

DAYS = (3, 5, 7, 14, 30)
WINDOWS = 12
WARM_UP = pd.Timedelta(days=5)
"""Bars before a window that fill its book; `calibrate` leaves out the first sixth as well."""


def main() -> None:
    """Print a line a length."""
    market, real = recordings.market(), recordings.liquidations()
    first, last = market.times[0] + WARM_UP, market.times[-1] - pd.Timedelta(days=7)
    print(
        "days   shipped R²     raw R²  returned R²  adopted   dollars of the returned   book over the shipped one's"
    )
    for days in DAYS:
        length = pd.Timedelta(days=days)
        starts = pd.date_range(first, last - length, periods=WINDOWS).floor("h")
        rows = [_window(market, real, start, start + length) for start in starts]
        table = pd.DataFrame(rows)
        print(
            f"{days:4}   {table.shipped.mean():10.3f} {table.raw.mean():10.3f} {table.returned.mean():12.3f} "
            f"{int(table.adopted.sum()):6} of {WINDOWS}   {table.ratio.min():.2f} to {table.ratio.max():.2f}, "
            f"shipped {table.shipped_ratio.min():.2f} to {table.shipped_ratio.max():.2f}   "
            f"{table.book.min():.2f} to {table.book.max():.2f}; raw {table.raw_book.min():.2f} to "
            f"{table.raw_book.max():.2f}   least: {(table.returned - table.shipped).min():+.3f}"
        )


def _window(
    market: liq.Market, real: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp
) -> dict[str, float | bool | None]:
    """Return the scores of one window."""
    known = market_before(market, end)
    seen = real[(real.index >= start) & (real.index < end)]
    returned = liq.calibrate(known, seen, venues=recordings.THREE)
    raw = liq.calibrate(known, seen, venues=recordings.THREE, raw=True)
    week = real[(real.index >= end) & (real.index < end + pd.Timedelta(days=7))]
    later = market_before(market, end + pd.Timedelta(days=7))
    scores = {}
    for name, prior in (("shipped", liq.PRIORS["calibrated"]), ("raw", raw), ("returned", returned)):
        heatmap = liq.estimate(later, prior, columns=1, venues=recordings.THREE)
        bars = align(later, week)
        scores[name] = figures(weight_problem(heatmap, bars, 0, FLOOR), np.array(prior.weights))
        edges = known.price * np.exp(np.linspace(-0.1625, 0.1398, 200))
        book = liq.estimate(known, prior, columns=1, edges=edges)
        scores[name]["book"] = float(book.long[-1].sum() + book.short[-1].sum())
    shipped = scores["shipped"]
    return {
        "shipped": shipped["r2"],
        "raw": scores["raw"]["r2"],
        "returned": scores["returned"]["r2"],
        "ratio": scores["returned"]["ratio"],
        "shipped_ratio": shipped["ratio"],
        "adopted": returned.adopted,
        "book": scores["returned"]["book"] / shipped["book"],
        "raw_book": scores["raw"]["book"] / shipped["book"],
    }


if __name__ == "__main__":
    main()
