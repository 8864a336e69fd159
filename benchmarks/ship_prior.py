"""Fit the shipped prior again: `python -m benchmarks.ship_prior` prints it, `--write` puts it into the package."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

import liq
from benchmarks import law, recordings
from liq.market import SIDES
from liq.model import prior as model_prior
from liq.validation.weights import WeightProblem, reached_tiers, tested_reach

PLACE = model_prior.CALIBRATED

ORIGIN = (
    "One law of leverage for all coins, with single tiers drawn to it: fitted on what Binance, Bybit and OKX "
    "liquidated of BTC per hour, December 2025 to 15 January 2026, and on what Binance alone published of BTC, ETH, "
    "SOL and XRP per 4 h, March to June 2025. Its dollars are Binance's per dollar of Binance's open interest."
)


def main() -> None:
    """Fit on the recordings before the held-out days, score on those, print, and write if asked."""
    rows = law.load()
    distance = rows[0].problem.distance
    fitted = law.fit(rows)
    prior = law.as_prior(fitted, rows)
    weights = np.array(prior.weights)
    prior = replace(
        prior,
        name="calibrated",
        title="Calibrated",
        origin=ORIGIN,
        tested=tested_reach(_joined(rows), weights, SIDES),
        data={
            "from": "2025-03-01 00:00",
            "to": f"{recordings.SINCE} 00:00",
            "recordings": [row.name for row in rows],
            "law": {
                "share_per_log_distance": float(f"{np.exp(fitted[0]):.3g}"),
                "knee": float(f"{np.exp(fitted[1]):.3g}"),
                "power": float(f"{np.exp(fitted[2]):.3g}"),
            },
            "evidence": _evidence(rows, weights, distance),
        },
        scores={"later": _later(prior), "coins": _coins(prior)},
    )
    print(prior.to_json())
    if "--write" in sys.argv[1:]:
        PLACE.write_text(prior.to_json() + "\n", encoding="utf-8")


def _joined(rows: list[law.Recording]) -> WeightProblem:
    """Return the recordings as one problem, a day of each after the other's; the unanchored copy of one left out."""
    parts = [row.problem for row in rows if not row.name.startswith("the same")]
    days = np.cumsum([0, *(part.day[-1] + 1 for part in parts)])
    return parts[0]._replace(
        sums=np.concatenate([part.sums for part in parts]),
        realised=np.concatenate([part.realised for part in parts]),
        day=np.concatenate([part.day - part.day[0] + first for part, first in zip(parts, days, strict=False)]),
    )


def _evidence(rows: list[law.Recording], weights: np.ndarray, distance: np.ndarray) -> list[dict[str, float]]:
    """Return what each tier rests on: dollars swept and days on which price reached it, by side."""
    table = []
    for tier, leverage in enumerate(law.RATES.leverages):
        row = {"leverage": leverage, "distance": round(float(distance[tier]), 4)}
        for number, side in enumerate(SIDES):
            known = [one.problem for one in rows if not one.name.startswith("the same")]
            row[f"{side}_usd"] = float(
                f"{sum((one.sums[:, number, tier] * weights[tier]).sum() for one in known):.3g}"
            )
            row[f"{side}_days"] = int(sum(len(set(one.day[one.sums[:, number, tier] > 0].tolist())) for one in known))
            row[f"{side}_recordings"] = int(sum(reached_tiers(one)[number, tier] for one in known))
        table.append(row)
    return table


def _later(prior: liq.Prior) -> dict[str, object]:
    """Return the scores on the later days, which the fit never saw."""
    heatmap = liq.estimate(recordings.market(), prior, columns=1, venues=recordings.THREE)
    report = liq.skill(heatmap, recordings.liquidations(), since=recordings.SINCE)
    figures = {
        name: {"value": round(getattr(report, name), 3), "interval": [round(end, 3) for end in ends]}
        for name, ends in report.intervals.items()
    }
    return {"from": str(report.since), "to": str(report.until), **figures}


def _coins(prior: liq.Prior) -> dict[str, dict[str, float]]:
    """Return the scores of each coin under a law fitted without it, Binance alone."""
    scores = {}
    for coin in recordings.COINS:
        rows = law.load(coin)
        other = law.as_prior(law.fit(rows), rows)
        real = recordings.binance_liquidations(coin)
        report = liq.skill(liq.estimate(recordings.market_2025(coin), other, columns=1), real, since=real.index[106])
        scores[coin.upper()] = {name: round(getattr(report, name), 3) for name in ("spearman", "r2", "ratio")}
    return scores


if __name__ == "__main__":
    main()
