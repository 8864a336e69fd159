"""Measure the zones and the desk notes: against a market whose truth is known, and how often notes come by chance.

Run as ``python -m benchmarks.zones``; the recordings' part is left out where they are not at hand. Figures are in
docs/zones.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

import liq
from benchmarks import recordings
from liq.sources.files import market_file
from liq.sources.simulation.market import simulate_with_true_book
from liq.zones import desk_notes
from liq.zones.landmarks import landmark_kinds, landmarks
from liq.zones.peaks import peaks
from liq.zones.ranking import REACH

SHIFTS = 8
"""Places at which each zone is put by chance, to see how often landmarks fall into it there."""


def main() -> None:
    """Print every figure."""
    print(
        "Of the true ten biggest clusters a side within 15 % of price, the share named; of the names, the share true"
    )
    rows = [found for heatmap, book in simulated() for found in named(heatmap, *book)]
    print(pd.DataFrame(rows).groupby("by").mean(numeric_only=True).round(3).to_string())
    print(f"\n{beside()}")
    for name, heatmaps in {
        "simulated": [heatmap for heatmap, _ in simulated()],
        "recorded": list(recorded()),
    }.items():
        if heatmaps:
            print(f"\n{name}: {len(heatmaps)} maps of a week")
            print(robust(heatmaps), alarms(heatmaps), sep="\n")


def simulated() -> Iterator[tuple[liq.Heatmap, tuple[np.ndarray, np.ndarray]]]:
    """Yield weeks of the simulated market in every regime, with the true book, USD longs and shorts (B,)."""
    for regime in ("calm", "trending", "crash"):
        for seed in range(4):
            market, truth = simulate_with_true_book("BTC", "7d", seed=seed, now="2026-11-01 12:00", regime=regime)
            heatmap = liq.estimate(market)
            yield heatmap, truth.book(heatmap.edges)


def recorded() -> Iterator[liq.Heatmap]:
    """Yield recorded weeks of BTC and ETH, one every other day of January 2026."""
    if not recordings.FOLDER.is_dir():
        return
    for coin in ("btc", "eth"):
        file = recordings.FOLDER / f"{coin}usdt_binance_5m_2025-12_2026-01.csv.gz"
        for day in pd.date_range("2026-01-08", "2026-02-01", freq="2D"):
            yield liq.estimate(market_file.read_market(file, lookback="7d", as_of=day))


def named(heatmap: liq.Heatmap, long: np.ndarray, short: np.ndarray) -> list[dict[str, object]]:
    """Return, per side, how the true clusters are named: by the zones, by as many brightest rows, by chance.

    The brightest rows are as wide as the zones are on average; by chance, the zones are put somewhere else within
    reach. A cluster is named if its top lies in a name; of names that point into one cluster, one is true.
    """
    price, edges = float(heatmap.market.price), heatmap.edges
    middle = np.sqrt(edges[:-1] * edges[1:])
    near = np.abs(middle / price - 1) <= REACH
    zones, rows, rng = liq.top_zones(heatmap), [], np.random.default_rng(1)
    for side, true, mine, sign in (("above", short, heatmap.short[-1], 1), ("below", long, heatmap.long[-1], -1)):
        clusters = _clusters(edges, np.where(near, true, 0.0))
        chosen = zones[zones["side"] == side]
        low, high, top = (chosen[name].to_numpy() for name in ("low", "high", "peak"))
        half = np.exp(np.log(high / low).mean() / 2)
        bright = middle[np.argsort(-np.where(near, mine, 0.0))[: len(chosen)]]
        rows += [_score("zones", clusters, low, high, top)]
        rows += [_score("brightest rows", clusters, bright / half, bright * half, bright)]
        for _ in range(SHIFTS):
            move = price * np.exp(sign * rng.uniform(0, REACH, len(top))) / top
            rows += [_score("chance", clusters, low * move, high * move, top * move)]
    return rows


def _score(by: str, clusters: np.ndarray, low: np.ndarray, high: np.ndarray, top: np.ndarray) -> dict[str, object]:
    held = (low[:, None] <= clusters[:, 2]) & (clusters[:, 2] <= high[:, None])
    hit = (clusters[:, :1] <= top) & (top <= clusters[:, 1:2])
    return {"by": by, "named": held.any(axis=0).mean(), "true": hit.any(axis=1).sum() / len(top)}


def beside() -> str:
    """Return the dollars inside zones over those in like stretches beside them, in the true book and in the map.

    Beside is 1.5 and 2 widths off (at least 1.2 and 1.6 %) to both sides; zones too near to price for that are left
    out. Sums and not means of ratios, which heavy-tailed sizes would pull below one.
    """
    sums = np.zeros((2, 2))
    for heatmap, (long, short) in simulated():
        log, price, zones = np.log(heatmap.edges), np.log(float(heatmap.market.price)), liq.top_zones(heatmap)
        books = {"above": (short, heatmap.short[-1]), "below": (long, heatmap.long[-1])}
        for zone in zones.itertuples():
            low, high = np.log(zone.low), np.log(zone.high)
            off = max(high - low, 0.008) * np.array([0.0, -2.0, -1.5, 1.5, 2.0])
            if (low + off > price).all() if zone.side == "above" else (high + off < price).all():
                for row, usd in enumerate(books[zone.side]):
                    total = np.concatenate([[0.0], np.cumsum(usd)])
                    inside, *others = np.interp(high + off, log, total) - np.interp(low + off, log, total)
                    sums[row] += inside, np.mean(others)
    true, claimed = sums[:, 0] / sums[:, 1]
    return f"dollars in zones over those beside them: {true:.2f} in the true book, {claimed:.2f} in the map"


def robust(heatmaps: list[liq.Heatmap]) -> str:
    """Return how many of the five strongest zones a side move by more than a bucket when the step is halved."""
    moved = total = 0
    widths = []
    for heatmap in heatmaps:
        log = np.log(heatmap.edges)
        finer = np.exp(np.linspace(log[0], log[-1], 2 * len(log) - 1))
        step = (log[1] - log[0]) * (1 + 1e-9)
        coarse, fine = (
            liq.top_zones(liq.estimate(heatmap.market, columns=2, edges=e)) for e in (heatmap.edges, finer)
        )
        for zone in coarse.groupby("side").head(5).itertuples():
            same = fine[fine["side"] == zone.side]
            off = np.maximum(np.abs(np.log(same["low"] / zone.low)), np.abs(np.log(same["high"] / zone.high)))
            moved, total = moved + int(not (off <= step).any()), total + 1
            widths.append(zone.high / zone.low - 1)
    low, mid, high = np.quantile(widths, [0.1, 0.5, 0.9])
    span = f"{mid:.2%} ({low:.2%} to {high:.2%})"
    return f"step halved: {moved} of {total} zones moved by more than a bucket; width {span}"


def alarms(heatmaps: list[liq.Heatmap]) -> str:
    """Return how often each note comes, and for confluence how often by chance."""
    absorbed = np.mean([len(desk_notes.absorption(heatmap)) for heatmap in heatmaps])
    migrated = np.mean([len(desk_notes.migration(heatmap)) / 2 for heatmap in heatmaps])
    rng = np.random.default_rng(1)  # places zones at random: the chance that a note must beat
    real, chance = [], []
    for heatmap in heatmaps:
        market, price = heatmap.market, float(heatmap.market.price)
        for zone in liq.top_zones(heatmap).groupby("side").head(desk_notes.MAX_ZONES).itertuples():
            real.append(_on(market, zone.low, zone.high))
            for shift in np.exp(rng.uniform(-REACH, REACH, SHIFTS)):
                if (zone.low * shift > price) == (zone.side == "above") and (zone.high * shift < price) == (
                    zone.side == "below"
                ):
                    chance.append(_on(market, zone.low * shift, zone.high * shift))
    return (
        f"absorption {absorbed:.2f} a week; migration {migrated:.1%} of sides a day; "
        f"confluence {np.mean(real):.1%} of zones, {np.mean(chance):.1%} by chance"
    )


def _on(market: liq.Market, low: float, high: float) -> bool:
    marks = landmarks(market, low * (1 - desk_notes.LANDMARK_MARGIN), high * (1 + desk_notes.LANDMARK_MARGIN))
    return len(landmark_kinds(marks)) >= desk_notes.MIN_KINDS


def _clusters(edges: np.ndarray, usd: np.ndarray) -> np.ndarray:
    """Return the ten biggest peaks of the true book by the zones' own rule: low, high and top, prices (10, 3)."""
    found = sorted(peaks(edges, usd), key=lambda peak: -usd[peak.first : peak.last + 1].sum())[:10]
    return np.array([(edges[p.first], edges[p.last + 1], np.sqrt(edges[p.top] * edges[p.top + 1])) for p in found])


if __name__ == "__main__":
    main()
