"""Zone touches: whether price reaches zones more often than matched control levels, and what it does there.

Zones are taken as they stood when they were first found and followed forward. Each is compared with levels at the
same distance on the same side, drawn from other bars of about the same volatility, so that the difference is the
zone itself. Only such a difference would show that zones attract price.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.formatting import counted
from liq.market import Market
from liq.model.as_of import heatmap_at
from liq.model.estimate import estimate
from liq.model.estimated import Estimate
from liq.model.grid import REACH, STEPS
from liq.validation.alignment import FILL_DIVISOR, drawn_again
from liq.validation.matched_levels import WATCH_TIME, PricePath, complete, follow_price, matched_controls
from liq.zones.ranking import top_zones

HORIZONS = (1, 3, 7)
"""Days within which a zone is reached or not."""

NAMING_INTERVAL = pd.Timedelta(hours=6)
"""Time between namings of zones; at most once a bar."""

MAX_NAMINGS = 240
"""Maximum number of namings: in long windows they are further apart."""

NEAREST, FARTHEST = 0.003, 0.04
"""Range of a zone's distance from price, as fractions: nearer is noise, farther takes days to reach."""

PASS = 0.005
"""Minimum distance of a close beyond (passed) or before (turned) a zone's near edge; else the zone's width."""

MIN_STEP = 1e-3
"""Minimum step, in log price, of the lattice on which zones are found: every bar is photographed on it."""

MIN_CASES, MIN_BLOCKS = 30, 10
"""Minimum number of zones, and of blocks of time as long as the horizon, for a figure."""

RESAMPLES = 1000
"""Number of bootstrap draws of whole blocks."""


class TouchShare(NamedTuple):
    """Hold one comparison: the shares among the zones and among the control levels, and their difference.

    what : "reached" or "through"; days : the horizon; cases : number of zones; blocks : number of blocks of `days`
    that they come from; zones, levels : shares, NaN where there are too few; difference, low, high : zones less
    levels with its 95 % interval.
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
    """Hold the comparisons, and the cases they rest on.

    reached : one comparison a horizon; through : after a touch; cases : DataFrame, a row a zone: named
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
        """The result in one sentence; also when there is none, or too little data.

        The shortest horizon alone decides, so that there is one test and not three.
        """
        share = self.reached[0]
        if not share.enough:
            return (
                f"Too few cases ({share.cases} zones) to say whether price comes to zones more often than to other "
                "levels as far away."
            )
        if share.low > 0 or share.high < 0:
            comparison = "more" if share.low > 0 else "less"
            return (
                f"Within {counted(share.days, 'day')}, price came to {100 * share.zones:.0f} % of the strongest "
                f"zones and to {100 * share.levels:.0f} % of other levels as far away. That is {comparison} often "
                "than chance allows."
            )
        visible = 100 * max(share.difference - share.low, share.high - share.difference)
        return (
            "Price came to the strongest zones about as often as to other levels as far away: no magnet can be told "
            f"from chance. With {share.cases} zones, less than {visible:.0f} points within "
            f"{counted(share.days, 'day')} would not show."
        )


def zone_touches(heatmap: Estimate) -> ZoneTouches:
    """Follow a heatmap's strongest zones forward from when they were first named, beside matched control levels.

    At each naming the strongest zone of either side within NEAREST to FARTHEST of price is taken; it is a case when
    it is not the one before. Only the strongest: a price that moves towards forced orders moves away from the weaker
    zones on the other side. The first sixth of the bars, in which the standing book is incomplete, names nothing. The
    draw is fixed, so that the same data give the same figures.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> touches = zone_touches(liq.estimate(simulate("BTC", "3d", now="2026-09-01")))
    >>> [share.days for share in touches.reached]
    [1, 3, 7]
    """
    return follow(name_zones(heatmap), PricePath.of(heatmap.market))


def name_zones(heatmap: Estimate) -> pd.DataFrame:
    """Return the zones that were named, a row each: bar (whose end named it), side, low, high, usd, price.

    A row uses nothing later than `bar`. Warm-up bars name zones too, where one venue is on screen.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> list(name_zones(liq.estimate(simulate("BTC", "12h", now="2026-09-01"))).columns)
    ['bar', 'side', 'low', 'high', 'usd', 'price']
    """
    market = heatmap.market
    # several venues share the window's bars, not always those of the warm-up
    with_warmup = market if market.parts else replace(market, start=market.candles.index[0])
    whole = estimate(with_warmup, heatmap.prior, edges=_lattice(market)).reweigh(heatmap.weights)
    whole = replace(whole, market=market)  # with the window that the zones' reach is measured by
    previous: tuple[str, float, float] | None = None
    rows = []
    first = len(market.candles) - len(whole.times)
    for bar in _naming(market):
        if bar < first:
            continue
        zones = top_zones(heatmap_at(whole, int(bar) - first))
        distance = zones["distance"].abs()
        strongest = zones[(distance >= NEAREST) & (distance <= FARTHEST)].nlargest(1, "usd")
        current = [
            (str(side), float(low), float(high)) for side, low, high in strongest[["side", "low", "high"]].to_numpy()
        ]
        for side, low, high in current:
            if previous is None or not (previous[0] == side and previous[1] < high and previous[2] > low):
                rows.append((int(bar), side, low, high, float(strongest["usd"].iloc[0])))
        previous = current[0] if current else None
    table = pd.DataFrame(rows, columns=["bar", "side", "low", "high", "usd"]).astype({"bar": int})
    return table.assign(price=market.candles["close"].to_numpy()[table["bar"]])


def _lattice(market: Market) -> np.ndarray:
    """Return edges whose places do not depend on how far price went, unlike the drawn ones: (B + 1,)."""
    seconds = market.bar.total_seconds()
    drawn_step = next((value for max_seconds, value in STEPS.items() if seconds <= max_seconds), max(STEPS.values()))
    step = max(drawn_step, MIN_STEP)
    candles = market.candles
    origin = float(candles["open"].iloc[0])
    bottom = np.floor((np.log(candles["low"].min() / origin) - REACH) / step)
    top = np.ceil((np.log(candles["high"].max() / origin) + REACH) / step)
    return np.asarray(origin * np.exp(np.arange(bottom, top + 1) * step))


def _naming(market: Market) -> np.ndarray:
    """Return the bars after whose end zones are named: the last of each time interval, after the first sixth."""
    ends = np.cumsum(market.hours())
    n = len(ends) - int(market.forming)
    hours = max(NAMING_INTERVAL / pd.Timedelta(hours=1), float(ends[-1]) / MAX_NAMINGS)
    last = np.flatnonzero(np.append(np.diff(np.floor(ends[:n] / hours + 1e-9)) > 0, False))
    return last[last >= len(ends) // FILL_DIVISOR]


def follow(cases: pd.DataFrame, path: PricePath) -> ZoneTouches:
    """Follow named zones along a path, each beside matched control levels; see `zone_touches`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> follow(name_zones(heatmap), PricePath.of(heatmap.market)).through.what
    'through'
    """
    sign = np.where(cases["side"] == "above", 1.0, -1.0)
    level = np.where(sign > 0, cases["low"], cases["high"]).astype(float)
    price, bar = cases["price"].to_numpy(float), cases["bar"].to_numpy(int)
    distance = sign * (level / price - 1)
    in_range = (distance >= NEAREST) & (distance <= FARTHEST) & np.isfinite(path.volatility[bar])
    cases, sign, level, bar, distance = (
        cases[in_range],
        sign[in_range],
        level[in_range],
        bar[in_range],
        distance[in_range],
    )
    width = np.maximum((cases["high"] / cases["low"] - 1).to_numpy(float), PASS)
    hit, through = follow_price(path, bar, sign, distance, width)
    rng = np.random.default_rng(20260131)
    reached = []
    for horizon in HORIZONS:
        is_complete = complete(path, 24.0 * horizon)
        own = is_complete[bar]
        pool = np.flatnonzero(
            is_complete & np.isfinite(path.volatility) & (np.arange(len(is_complete)) >= _first_bar(bar))
        )
        controls = matched_controls(path, bar[own], pool, rng)
        control_hit, _ = follow_price(
            path, controls, *(_as_column(values[own]) for values in (sign, distance, width))
        )
        limit = 24.0 * horizon
        reached.append(
            _compare("reached", horizon, path.ends[bar[own]], hit[own] <= limit, (control_hit <= limit).astype(float))
        )
    limit = 24.0 * HORIZONS[-1]
    is_complete = complete(path, WATCH_TIME / pd.Timedelta(hours=1))
    pool = np.flatnonzero(
        is_complete & np.isfinite(path.volatility) & (np.arange(len(is_complete)) >= _first_bar(bar))
    )
    own = np.isfinite(through) & (hit <= limit)
    controls = matched_controls(path, bar[own], pool, rng)
    control_hit, control_through = follow_price(
        path, controls, *(_as_column(values[own]) for values in (sign, distance, width))
    )
    control_through = np.where(control_hit <= limit, control_through, np.nan)
    table = cases[["side", "usd"]].assign(
        named=path.first + pd.to_timedelta(path.ends[bar], unit="h"),
        level=level,
        distance=sign * distance,
        width=width,
        hours=np.where(np.isfinite(hit), hit, np.nan),
        through=through,
    )
    after = _compare("through", int(WATCH_TIME.days), path.ends[bar[own]], through[own], control_through)
    since = path.first + pd.Timedelta(hours=float(path.ends[_first_bar(bar)])) if len(bar) else path.first
    return ZoneTouches(
        tuple(reached),
        after,
        table.reset_index(drop=True),
        since,
        path.first + pd.Timedelta(hours=float(path.ends[-1])),
    )


def _first_bar(bar: np.ndarray) -> int:
    """Return the first bar that named a zone; 0 for none."""
    return int(bar.min()) if len(bar) else 0


def _as_column(values: np.ndarray) -> np.ndarray:
    """Return one value for each control of each case, (cases, 1)."""
    return values[:, None]


def _compare(what: str, horizon: int, named: np.ndarray, zones: np.ndarray, levels: np.ndarray) -> TouchShare:
    """Return the shares, their difference, and its interval from drawing blocks of `horizon` days again.

    named : (C,) hours; zones : (C,) outcomes; levels : (C, R) the controls' outcomes, NaN where there is none.
    """
    is_counted = np.isfinite(levels)
    control = np.where(is_counted, levels, 0.0).sum(axis=1) / np.maximum(is_counted.sum(axis=1), 1)
    usable = is_counted.any(axis=1)
    zone_outcomes, control = zones[usable].astype(float), control[usable]
    # A zone followed for a week shares that week with every zone named in it, so zones are not independent: whole
    # blocks as long as the horizon are drawn instead.
    block = np.floor(named[usable] / (24.0 * horizon)).astype(int)
    blocks = np.unique(block)
    nan = float("nan")
    if len(zone_outcomes) < MIN_CASES or len(blocks) < MIN_BLOCKS:
        return TouchShare(what, horizon, len(zone_outcomes), len(blocks), nan, nan, nan, nan, nan)
    block_row = np.searchsorted(blocks, block)
    count, difference_sum = np.bincount(block_row), np.bincount(block_row, zone_outcomes - control)
    draws = drawn_again(len(blocks), RESAMPLES)
    low, high = np.quantile(difference_sum[draws].sum(axis=1) / count[draws].sum(axis=1), [0.025, 0.975])
    zone, level = float(zone_outcomes.mean()), float(control.mean())
    return TouchShare(
        what, horizon, len(zone_outcomes), len(blocks), zone, level, zone - level, float(low), float(high)
    )
