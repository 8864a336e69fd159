"""Whether price comes to named zones more often than to other levels as far away, and what it does there.

Zones are taken as they stood when they were first named and followed forward. Each is held against levels at the
same distance on the same side, drawn from other bars of about the same volatility, so that what is left is the
zone itself. No zone attracts price unless this says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import Market
from liq.model.as_of import heatmap_at
from liq.model.estimate import REACH, STEPS, estimate
from liq.model.heatmap import Heatmap
from liq.validation.alignment import FILLING
from liq.validation.matched_levels import AFTER, PricePath, complete, follow_price, matched_controls
from liq.zones.ranking import top_zones

HORIZONS = (1, 3, 7)
"""Days within which a zone is reached or not."""

NAMING_INTERVAL = pd.Timedelta(hours=6)
"""How often zones are named; not more often than once a bar."""

MOST_NAMINGS = 240
"""Zones are named at most so many times: in long windows less often."""

NEAREST, FARTHEST = 0.003, 0.04
"""Distances from price, as fractions, that a zone must lie between: nearer is noise, farther takes days to reach."""

PASS = 0.005
"""A zone is passed, or turned from, when price closes its width beyond or before it, at least this fraction."""

FINEST = 1e-3
"""Finest lattice, in log price, that zones are named on: every bar is photographed on it, which takes memory."""

LEAST_CASES, LEAST_BLOCKS = 30, 10
"""Fewer cases, or fewer stretches of time as long as what is asked, and no figure is given."""

RESAMPLES = 1000
"""Bootstrap draws of whole stretches."""


class TouchShare(NamedTuple):
    """Hold one question's answer: shares among the zones and among the levels drawn, and their difference.

    what : "reached" or "through"; days : the horizon; cases : how many zones were counted; blocks : how many
    stretches of days they come from; zones, levels : shares, NaN where there are too few; difference, low, high :
    zones less levels with its 95 % interval.
    """

    what: str
    days: int
    cases: int
    blocks: int
    zones: float
    levels: float
    difference: float
    low: float
    high: float

    @property
    def enough(self) -> bool:
        """Whether there were enough cases for a figure."""
        return bool(np.isfinite(self.difference))


@dataclass(frozen=True, eq=False)
class ZoneTouches:
    """Hold the answers, and the cases they rest on.

    reached : one answer a horizon; through : what happened after a touch; cases : DataFrame, a row a zone: named
    (UTC), side, level (the near edge), distance, width, usd, hours (from naming to touch, NaN if none),
    through (1 passed, 0 turned, NaN neither or no touch). since, until : the bars that were followed.
    """

    reached: tuple[TouchShare, ...]
    through: TouchShare
    cases: pd.DataFrame
    since: pd.Timestamp
    until: pd.Timestamp

    @property
    def sentence(self) -> str:
        """What was found, in plain words; also when that is nothing, or too little to say.

        The shortest horizon alone decides, so that chance has one try and not three.
        """
        first = self.reached[0]
        if not first.enough:
            return (
                f"Too few cases ({first.cases} zones) to say whether price comes to zones more often than to other "
                "levels as far away."
            )
        if first.low > 0 or first.high < 0:
            word = "more" if first.low > 0 else "less"
            return (
                f"Within {days_text(first.days)}, price came to {100 * first.zones:.0f} % of the strongest zones and to "
                f"{100 * first.levels:.0f} % of other levels as far away. That is {word} often than chance allows."
            )
        least = 100 * max(first.difference - first.low, first.high - first.difference)
        return (
            "Price came to the strongest zones about as often as to other levels as far away: no magnet can be told "
            f"from chance. With {first.cases} zones, less than {least:.0f} points within {days_text(first.days)} would "
            "not show."
        )


def days_text(count: int) -> str:
    """Return a number of days in words.

    >>> days(1), days(3)
    ('1 day', '3 days')
    """
    return f"{count} day" if count == 1 else f"{count} days"


def zone_touches(heatmap: Heatmap) -> ZoneTouches:
    """Follow a map's strongest zones forward from when they were first named, beside levels drawn at random.

    At each naming the strongest zone of either side within NEAREST to FARTHEST of price is taken; it is a case when
    it was not the one before. Only the strongest: if forced orders drew price, the weaker zones on the other
    side would be what price is drawn away from. The first sixth of the bars, in which the book fills up, names
    nothing. The draw is fixed, so the same data print the same figures.
    """
    return follow(name_zones(heatmap), PricePath.of(heatmap.market))


def name_zones(heatmap: Heatmap) -> pd.DataFrame:
    """Return the zones that were named, a row each: bar (whose end named it), side, low, high, usd, price.

    Nothing later than `bar` is known to a row. Warm-up bars name zones too, where one venue is on screen.
    """
    market = heatmap.market
    # several venues share the window's bars, not always those of the warm-up
    everything = market if market.parts else replace(market, start=market.candles.index[0])
    whole = estimate(everything, heatmap.prior, edges=_lattice(market)).reweigh(heatmap.weights)
    whole = replace(whole, market=market)  # with the window that the zones' reach is measured by
    before: tuple[str, float, float] | None = None
    found = []
    first = len(market.candles) - len(whole.times)
    for bar in _naming(market):
        if bar < first:
            continue
        zones = top_zones(heatmap_at(whole, int(bar) - first))
        away = zones["distance"].abs()
        mine = zones[(away >= NEAREST) & (away <= FARTHEST)].nlargest(1, "usd")
        now = [(str(side), float(low), float(high)) for side, low, high in mine[["side", "low", "high"]].to_numpy()]
        for side, low, high in now:
            if before is None or not (before[0] == side and before[1] < high and before[2] > low):
                found.append((int(bar), side, low, high, float(mine["usd"].iloc[0])))
        before = now[0] if now else None
    table = pd.DataFrame(found, columns=["bar", "side", "low", "high", "usd"]).astype({"bar": int})
    return table.assign(price=market.candles["close"].to_numpy()[table["bar"]])


def _lattice(market: Market) -> np.ndarray:
    """Return edges whose places do not depend on how far price went, as drawn ones do: (B + 1,)."""
    seconds = market.bar.total_seconds()
    drawn = next((value for most, value in STEPS.items() if seconds <= most), max(STEPS.values()))
    step = max(drawn, FINEST)
    candles = market.candles
    origin = float(candles["open"].iloc[0])
    bottom = np.floor((np.log(candles["low"].min() / origin) - REACH) / step)
    top = np.ceil((np.log(candles["high"].max() / origin) + REACH) / step)
    return np.asarray(origin * np.exp(np.arange(bottom, top + 1) * step))


def _naming(market: Market) -> np.ndarray:
    """Return the bars after whose end zones are named: the last of each stretch of time, past the filling."""
    ends = np.cumsum(market.hours())
    n = len(ends) - int(market.forming)
    hours = max(NAMING_INTERVAL / pd.Timedelta(hours=1), float(ends[-1]) / MOST_NAMINGS)
    last = np.flatnonzero(np.append(np.diff(np.floor(ends[:n] / hours + 1e-9)) > 0, False))
    return last[last >= len(ends) // FILLING]


def follow(cases: pd.DataFrame, path: PricePath) -> ZoneTouches:
    """Follow named zones along a path, each beside levels drawn at random; see `touches`."""
    sign = np.where(cases["side"] == "above", 1.0, -1.0)
    level = np.where(sign > 0, cases["low"], cases["high"]).astype(float)
    price, bar = cases["price"].to_numpy(float), cases["bar"].to_numpy(int)
    distance = sign * (level / price - 1)
    kept = (distance >= NEAREST) & (distance <= FARTHEST) & np.isfinite(path.volatility[bar])
    cases, sign, level, bar, distance = cases[kept], sign[kept], level[kept], bar[kept], distance[kept]
    width = np.maximum((cases["high"] / cases["low"] - 1).to_numpy(float), PASS)
    hit, through = follow_price(path, bar, sign, distance, width)
    chance = np.random.default_rng(20260131)
    reached = []
    for horizon in HORIZONS:
        whole = complete(path, 24.0 * horizon)
        mine = whole[bar]
        pool = np.flatnonzero(whole & np.isfinite(path.volatility) & (np.arange(len(whole)) >= _first(bar)))
        rivals = matched_controls(path, bar[mine], pool, chance)
        rival_hit, _ = follow_price(path, rivals, *(_spread(values[mine]) for values in (sign, distance, width)))
        limit = 24.0 * horizon
        reached.append(
            _answer("reached", horizon, path.ends[bar[mine]], hit[mine] <= limit, (rival_hit <= limit).astype(float))
        )
    limit = 24.0 * HORIZONS[-1]
    whole = complete(path, AFTER / pd.Timedelta(hours=1))
    pool = np.flatnonzero(whole & np.isfinite(path.volatility) & (np.arange(len(whole)) >= _first(bar)))
    mine = np.isfinite(through) & (hit <= limit)
    rivals = matched_controls(path, bar[mine], pool, chance)
    rival_hit, rival_through = follow_price(
        path, rivals, *(_spread(values[mine]) for values in (sign, distance, width))
    )
    rival_through = np.where(rival_hit <= limit, rival_through, np.nan)
    told = cases[["side", "usd"]].assign(
        named=path.first + pd.to_timedelta(path.ends[bar], unit="h"),
        level=level,
        distance=sign * distance,
        width=width,
        hours=np.where(np.isfinite(hit), hit, np.nan),
        through=through,
    )
    after = _answer("through", int(AFTER.days), path.ends[bar[mine]], through[mine], rival_through)
    since = path.first + pd.Timedelta(hours=float(path.ends[_first(bar)])) if len(bar) else path.first
    return ZoneTouches(
        tuple(reached),
        after,
        told.reset_index(drop=True),
        since,
        path.first + pd.Timedelta(hours=float(path.ends[-1])),
    )


def _first(bar: np.ndarray) -> int:
    return int(bar.min()) if len(bar) else 0


def _spread(values: np.ndarray) -> np.ndarray:
    """Return one value for each rival of each case, (cases, 1)."""
    return values[:, None]


def _answer(what: str, horizon: int, named: np.ndarray, zones: np.ndarray, levels: np.ndarray) -> TouchShare:
    """Return the shares, their difference, and its interval from drawing stretches of `horizon` days again.

    named : (C,) hours; zones : (C,) outcomes; levels : (C, R) the rivals' outcomes, NaN where there is none.
    """
    counted = np.isfinite(levels)
    rival = np.where(counted, levels, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    usable = counted.any(axis=1)
    mine, rival = zones[usable].astype(float), rival[usable]
    # A zone followed for a week shares that week with every zone named in it.
    block = np.floor(named[usable] / (24.0 * horizon)).astype(int)
    blocks = np.unique(block)
    none = float("nan")
    if len(mine) < LEAST_CASES or len(blocks) < LEAST_BLOCKS:
        return TouchShare(what, horizon, len(mine), len(blocks), none, none, none, none, none)
    place = np.searchsorted(blocks, block)
    count, gap = np.bincount(place), np.bincount(place, mine - rival)
    drawn = np.random.default_rng(20260131).integers(0, len(blocks), (RESAMPLES, len(blocks)))
    low, high = np.quantile(gap[drawn].sum(axis=1) / count[drawn].sum(axis=1), [0.025, 0.975])
    zone, level = float(mine.mean()), float(rival.mean())
    return TouchShare(what, horizon, len(mine), len(blocks), zone, level, zone - level, float(low), float(high))
