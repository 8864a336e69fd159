"""Track record: how each zone that was named in the window ended, beside levels that are no zones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from liq.formatting import percent
from liq.market import as_utc
from liq.model.as_of import heatmap_at
from liq.model.heatmap import Heatmap
from liq.validation.matched_levels import PricePath, complete, follow_price, matched_controls
from liq.validation.zone_touches import PASS
from liq.zones.ranking import SIDES, buckets_in_range, top_zones

NAMED = 3
"""Zones a side that are named at a time, the strongest."""

NAMING_HOURS, MAX_NAMINGS = 6.0, 40
"""Hours between namings, and their maximum number: in long windows they are further apart."""

DECAYED = 0.5
"""A zone has decayed when less than this share of its dollars is left before price came there."""

OUTCOMES = {
    "passed": "price came there and closed beyond it",
    "turned": "price came there and closed back before it",
    "reached": "price came there; neither of these within a day, or not yet",
    "decayed": "more than half of it was closed before price came there",
    "still there": "price has not come there and at least half of it stands",
}
"""What can have become of a zone, and what each means; beyond and before by its width or `zone_touches.PASS`."""

COLUMNS = ("named", "side", "low", "high", "usd", "price", "distance", "outcome", "ended", "hours")


class TrackRecord(NamedTuple):
    """Hold what became of the zones named in a window.

    zones : DataFrame of COLUMNS, a row a zone, oldest first: named, when it was first named, and ended, when its
    outcome was known (UTC); low, high; usd at naming; price then; distance, signed, from it to the near edge;
    outcome, one of OUTCOMES; hours from naming until price came there, NaN if it did not. came, passed : shares of
    zones to which price came, and of those that passed or turned, passed; levels_came, levels_passed : the same of
    placebo levels, at the same side, distance and width from other moments of about the same volatility, followed
    for as long. NaN for none.
    """

    zones: pd.DataFrame
    came: float
    passed: float
    levels_came: float
    levels_passed: float

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        if self.zones.empty:
            return "No zone was named in this window yet."
        came, levels, passed, levels_passed = (
            percent(value, 0, sign=False) for value in (self.came, self.levels_came, self.passed, self.levels_passed)
        )
        text = f"Price came to {came} of the {len(self.zones)} zones, those that had decayed by then included"
        if np.isfinite(self.levels_came):
            text += f"; to other levels as far away and as wide it came in {levels} of cases"
        if np.isfinite(self.passed) and np.isfinite(self.levels_passed):
            text += f". Where it passed or turned, it passed {passed} of the zones and {levels_passed} of such levels"
        return f"{text}. One window is few cases: the reality check says whether such a difference is chance."


def track_record(heatmap: Heatmap) -> TrackRecord:
    """Follow the strongest zones of a window from when they were first named, from the maps as they stood then.

    Every NAMING_HOURS the NAMED strongest zones a side are named; one that overlaps a zone that was named before and
    has not ended is that zone. Placebo levels are drawn with a fixed seed.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> record = track_record(liq.estimate(simulate("BTC", "1d", now="2026-09-01")))
    >>> set(record.zones["outcome"]) <= set(OUTCOMES)
    True
    """
    market = heatmap.market
    path = PricePath.of(market)
    bars: list[int] = []
    followed: list[dict[str, Any]] = []
    for row in _naming_rows(heatmap):
        then = heatmap_at(heatmap, row)
        end = as_utc(then.market.as_of, "as_of")
        bar = len(then.market.candles) - 1
        for zone in top_zones(then, n=NAMED).itertuples():
            if not zone.distance or any(_is_same(known, zone, end) for known in followed):
                continue
            outcome = _outcome(heatmap, path, row, bar, zone)
            named = {"named": end, "side": zone.side, "low": zone.low, "high": zone.high, "usd": zone.usd}
            followed.append({**named, "price": then.market.price, "distance": zone.distance, **outcome})
            bars.append(bar)
    zones = pd.DataFrame(followed, columns=list(COLUMNS))
    return TrackRecord(zones, *_shares(zones, path, np.array(bars, int)))


def _naming_rows(heatmap: Heatmap) -> list[int]:
    """Return the photographs at whose end zones are named: the last of each interval, without the present."""
    ends = np.arange(1, len(heatmap.times) + 1) * (heatmap.market.bar / pd.Timedelta(hours=1))
    hours = max(NAMING_HOURS, float(ends[-1]) / MAX_NAMINGS)
    last = np.flatnonzero(np.append(np.diff(np.floor(ends / hours + 1e-9)) > 0, False))
    return [int(row) for row in last]


def _is_same(known: dict[str, Any], zone: Any, now: pd.Timestamp) -> bool:
    """Return whether a zone overlaps one that was named before and had not ended."""
    return bool(
        known["side"] == zone.side
        and known["low"] < zone.high
        and known["high"] > zone.low
        and (known["ended"] > now or known["outcome"] == "still there")
    )


def _outcome(heatmap: Heatmap, path: PricePath, row: int, bar: int, zone: Any) -> dict[str, Any]:
    """Return what became of a zone that was named at the end of a bar: outcome, ended, hours."""
    side, low, high = zone.side, zone.low, zone.high
    sign, level = (1.0, low) if side == "above" else (-1.0, high)
    one = np.ones(1)
    distance, width = abs(level / path.close[bar] - 1), max(high / low - 1, PASS)
    hit, through = follow_price(path, np.array([bar]), sign * one, distance * one, width * one)
    hours = float(hit[0])
    standing = getattr(heatmap, SIDES[side])[row:, buckets_in_range(heatmap, low, high)].sum(axis=1)
    ends = _photo_ends(heatmap, path)[row:] - path.ends[bar]
    weak = np.flatnonzero((standing < DECAYED * zone.usd) & (ends < hours))
    if len(weak):
        outcome, after = "decayed", float(ends[weak[0]])
    elif not np.isfinite(hours):
        outcome, after = "still there", float(path.ends[-1] - path.ends[bar])
    else:
        outcome = "reached" if np.isnan(through[0]) else "passed" if through[0] else "turned"
        after = hours
    ended = path.first + pd.Timedelta(hours=float(path.ends[bar]) + after)
    return {"outcome": outcome, "ended": ended, "hours": hours if np.isfinite(hours) else float("nan")}


def _photo_ends(heatmap: Heatmap, path: PricePath) -> np.ndarray:
    """Return when each photographed bar ended, hours since the first open (T,)."""
    return path.ends[heatmap.photos]


def _shares(zones: pd.DataFrame, path: PricePath, bar: np.ndarray) -> tuple[float, float, float, float]:
    """Return came, passed, and the same of placebo levels."""
    nan = float("nan")
    if zones.empty:
        return nan, nan, nan, nan
    came = zones["hours"].notna().to_numpy()
    decided = zones["outcome"].isin(["passed", "turned"]).to_numpy()
    passed = float((zones["outcome"] == "passed").to_numpy()[decided].mean()) if decided.any() else nan
    sign = np.where(zones["side"] == "above", 1.0, -1.0)
    distance = zones["distance"].abs().to_numpy()
    width = np.maximum((zones["high"] / zones["low"] - 1).to_numpy(), PASS)
    rng, hits, throughs = np.random.default_rng(20260131), [], []
    for case, own in enumerate(bar):
        hours = path.ends[-1] - path.ends[own]
        pool = np.flatnonzero(complete(path, hours) & np.isfinite(path.volatility))
        if not len(pool) or not np.isfinite(path.volatility[own]):
            continue
        controls = matched_controls(path, np.array([own]), pool, rng)
        hit, through = follow_price(
            path, controls, *(np.full(controls.shape, values[case]) for values in (sign, distance, width))
        )
        hits.append(float((hit <= hours).mean()))
        throughs.append(through[(hit <= hours) & np.isfinite(through)])
    decisions = np.concatenate(throughs) if throughs else np.empty(0)
    levels_passed = float(decisions.mean()) if len(decisions) else nan
    return float(came.mean()), passed, float(np.mean(hits)) if hits else nan, levels_passed
