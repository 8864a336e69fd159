"""What long bars cost, and what walking them in legs gives back: `python -m benchmarks.long_bars`.

The recorded 5-minute bars of BTC are put together to longer ones; scored on the held-out days by the hour and by four
hours, with each bar taken whole and in legs (liq/model/legs.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import liq
from benchmarks import recordings
from liq.model import legs

BARS = ("5min", "15min", "30min", "1h", "4h")
WHOLE = 1e9
"""Hours from which bars are in legs, where none are."""


def coarse(market: liq.Market, bar: str) -> liq.Market:
    """Return the market in longer bars."""
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    candles = market.candles.resample(bar).agg(rules).dropna()
    interest = market.open_interest.resample(bar).last().reindex(candles.index)
    return replace(market, candles=candles, open_interest=interest, bar=None)


@contextmanager
def in_legs_from(hours: float) -> Iterator[None]:
    """Walk bars of this length and longer in legs."""
    before, legs.LONG_BAR = legs.LONG_BAR, hours
    try:
        yield
    finally:
        legs.LONG_BAR = before


def main() -> None:
    """Print a line a bar length and scored interval."""
    market, real = recordings.market(), recordings.liquidations()
    print(f"{'scored per':12}{'bars':8}{'whole: Spearman':>16}{'R²':>7}{'dollars':>9}{'legs: Spearman':>18}{'R²':>7}")
    for per in ("1h", "4h"):
        for bar in BARS if per == "4h" else BARS[:-1]:
            line = f"{per:12}{bar:8}"
            for hours in (WHOLE, 0.0):
                with in_legs_from(hours):
                    heatmap = liq.estimate(coarse(market, bar), columns=1, venues=recordings.THREE)
                report = liq.skill(heatmap, real.resample(per).sum(), since=recordings.SINCE)
                line += f"{report.spearman:16.3f}{report.r2:7.3f}{report.ratio:9.2f}"
            print(line)


if __name__ == "__main__":
    main()
