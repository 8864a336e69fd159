"""Fit the shipped prior again: `python -m benchmarks.ship_prior` prints it, `--write` puts it into the package."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import liq
from benchmarks.recordings import SINCE, UNTIL, liquidations, market

PLACE = Path(liq.__file__).parent / "model" / "calibrated.json"

ORIGIN = (
    "Fitted on Binance BTC/USDT 5-minute bars and open interest against realised liquidations per hour, summed "
    "over Binance, Bybit and OKX; so one venue's open interest answers for three venues' dollars. Drawn towards "
    "equal weights, with a free level and slope over distance."
)


def main() -> None:
    """Fit on the earlier part, score on the later one, print, and write if asked."""
    real = liquidations()
    fitted = liq.calibrate(market(until=UNTIL), real, prior="flat", name="calibrated")
    report = liq.skill(liq.estimate(market(), fitted, columns=1), real, since=SINCE)
    later = {
        name: {"value": round(getattr(report, name), 3), "interval": [round(end, 3) for end in ends]}
        for name, ends in report.intervals.items()
    }
    scores = {**fitted.scores, "later": {"from": str(report.since), "to": str(report.until), **later}}
    fitted = replace(fitted, origin=ORIGIN, scores=scores)
    print(fitted.to_json())
    if "--write" in sys.argv[1:]:
        PLACE.write_text(fitted.to_json() + "\n")


if __name__ == "__main__":
    main()
