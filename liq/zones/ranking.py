"""The zones of a heatmap: stretches of price where what stands stands out, ranked on each side of the price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.model.heatmap import DUST, Heatmap
from liq.zones.peaks import peaks

CELL = 2.5e-4
"""Cell, in log price, in which zones are looked for, whatever is drawn; they take the drawn buckets they touch."""

REACH, MONTH = 0.15, pd.Timedelta(days=30)
"""Zones are named up to this fraction from price, as far as the map has been held against known positions; in windows
longer than a month further, by the square root of time, as prices move."""

NEAR = 0.05
"""Distance from price, as a fraction, within which the near book is weighed."""

ROUNDING = 1e-9
"""Prices this near to each other, as a fraction, are one price."""

TOUCHED, SPENT = 0.1, 0.5
"""Of what stood in a zone or was taken there: price that took less than the first has touched it, more than the
second has spent it."""

SIDES = {"above": "short", "below": "long"}
"""What stands above the price are shorts, whose forced buying would lift it; below are longs."""

COLUMNS = ("side", "low", "high", "peak", "usd", "share", "distance", "opened", "leverage", "status")


class SideTotals(NamedTuple):
    """Hold what stands in all and within NEAR of price, USD: shorts above it, longs below it."""

    above: float
    below: float
    near_above: float
    near_below: float

    @property
    def balance(self) -> float:
        """Share of the near book that is shorts, whose forced buying would lift the price; NaN where it is empty."""
        near = self.near_above + self.near_below
        return self.near_above / near if near > 0 else float("nan")


class ZoneSpan(NamedTuple):
    """The buckets of a zone, first to last inclusive; where it begins and ends before they round it; its peak."""

    first: int
    last: int
    low: float
    high: float
    peak: float


def top_zones(heatmap: Heatmap, price: float | None = None, n: int = 10) -> pd.DataFrame:
    """Return the n strongest zones on each side of the price, strongest first within a side, above before below.

    price : where to stand, default the market's. Columns: side ("above": shorts, "below": longs); low, high :
    the outer edges of its buckets; peak : price where it is densest; usd : what would be force-closed inside;
    share : of all that stands on its side; distance : from price to the near edge, a signed fraction of price;
    opened, leverage : means weighted by USD; status : "fresh", price has not been inside since it was opened;
    "touched", it has and took less than a tenth; "part-swept"; "spent", it took more than half. Levels that
    `price` has passed since the last bar count as taken; a zone whose near edge is beyond REACH is not
    named. Raises InputError.
    """
    at = check_price(heatmap, price)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(f"n must be a whole number from 1, not {n!r}.")
    frames = [_side(heatmap, at, int(n), side) for side in SIDES]
    return pd.concat(frames, ignore_index=True)


def side_totals(heatmap: Heatmap, price: float | None = None) -> SideTotals:
    """Return what stands above and below a price, default the market's, in all and near it. Raises InputError."""
    at = check_price(heatmap, price)
    above, below = book_on_side(heatmap, at, "above"), book_on_side(heatmap, at, "below")
    middle = np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:])
    near = np.abs(np.log(middle / at)) <= np.log1p(NEAR)
    return SideTotals(float(above.sum()), float(below.sum()), float(above[near].sum()), float(below[near].sum()))


def book_on_side(heatmap: Heatmap, price: float, side: str) -> np.ndarray:
    """Return what stands above or below a price at the last bar, USD (B,), zero in buckets on its other side."""
    if side == "above":
        return np.where(heatmap.edges[1:] > price, heatmap.short[-1], 0.0)
    return np.where(heatmap.edges[:-1] < price, heatmap.long[-1], 0.0)


def buckets_in_range(heatmap: Heatmap, low: float, high: float) -> slice:
    """Return the buckets that a stretch of price reaches into; touching an edge (to rounding) is not reaching in."""
    first = int(np.searchsorted(heatmap.edges, low * (1 + ROUNDING), side="right")) - 1
    last = int(np.searchsorted(heatmap.edges, high * (1 - ROUNDING), side="left"))
    return slice(max(first, 0), min(last, len(heatmap.edges) - 1))


def check_price(heatmap: Heatmap, price: float | None) -> float:
    """Return the price to stand at, default the market's; raise InputError."""
    at = heatmap.market.price if price is None else price
    if at is None or not (np.isfinite(at) and at > 0):
        raise InputError(f"price must be a positive number, not {price!r}.")
    return float(at)


def _spans(heatmap: Heatmap, levels: pd.DataFrame) -> list[ZoneSpan]:
    """Return the zones of levels (`Heatmap.standing`), by ascending price, on the drawn buckets; none overlap.

    They are looked for in cells of their own through the first open, so the drawn step does not move them.
    """
    if not (levels["usd"].sum() > DUST):
        return []
    origin = float(heatmap.market.candles["open"].iloc[0])
    cell = np.floor(np.log(levels["price"].to_numpy() / origin) / CELL).astype(np.int64)
    bottom = int(cell.min())
    usd = np.bincount(cell - bottom, levels["usd"].to_numpy())
    ratios = np.exp(CELL * np.arange(bottom, bottom + len(usd) + 1))
    spans: list[ZoneSpan] = []
    for found in peaks(ratios, usd):
        low, high = float(origin * ratios[found.first]), float(origin * ratios[found.last + 1])
        peak = float(origin * np.sqrt(ratios[found.top] * ratios[found.top + 1]))
        part = buckets_in_range(heatmap, low, high)
        _append(spans, ZoneSpan(part.start, part.stop - 1, low, high, peak), heatmap.edges)
    return spans


def _append(spans: list[ZoneSpan], span: ZoneSpan, edges: np.ndarray) -> None:
    """Append a zone; where it meets the one before inside one bucket, that goes to the one with more of it."""
    while spans and spans[-1].last >= span.first:
        before = spans[-1]
        bottom, top = edges[span.first], edges[span.first + 1]
        mine = np.log(min(span.high, top) / max(span.low, bottom))
        theirs = np.log(min(before.high, top) / max(before.low, bottom))
        if abs(mine - theirs) < ROUNDING:  # of equals, the wider zone
            mine, theirs = span.high / span.low, before.high / before.low
        if mine > theirs:
            spans[-1] = before._replace(last=span.first - 1)
            if spans[-1].last < spans[-1].first:
                spans.pop()
        else:
            span = span._replace(first=span.first + 1)
    if span.first <= span.last:
        spans.append(span)


def _side(heatmap: Heatmap, price: float, n: int, side: str) -> pd.DataFrame:
    """Return one side's rows of `top_zones`."""
    levels = heatmap.standing(SIDES[side])
    usd = book_on_side(heatmap, price, side)
    left = np.flatnonzero(usd > DUST)
    window = heatmap.market.as_of - heatmap.market.start
    reach = REACH * max(1.0, (window / MONTH) ** 0.5)
    rows: list[tuple[float, ZoneSpan, int, int]] = []
    for span in _spans(heatmap, levels):
        held = left[(left >= span.first) & (left <= span.last)]
        if len(held) and abs(np.log1p(_distance(side, price, span.low, span.high))) <= np.log1p(reach):
            rows.append((float(usd[held].sum()), span, int(held[0]), int(held[-1])))
    rows.sort(key=lambda row: -row[0])
    prices, total = levels["price"].to_numpy(), usd.sum()
    records = []
    for mass, span, first, last in rows[:n]:
        low, high = float(heatmap.edges[first]), float(heatmap.edges[last + 1])
        distance = _distance(side, price, low, high)
        inside = levels[(prices >= low) & (prices < high)]
        since, leverage = _means(inside)
        status = _status(heatmap, side, span, since, mass)
        peak = min(max(span.peak, low), high)
        records.append((side, low, high, peak, mass, mass / total, distance, since, leverage, status))
    dtypes = dict.fromkeys(COLUMNS[1:-3], float) | {"opened": heatmap.times.dtype, "leverage": float}
    return pd.DataFrame(records, columns=list(COLUMNS)).astype(dtypes)


def _distance(side: str, price: float, low: float, high: float) -> float:
    """Return how far the near edge of a zone lies from price, a signed fraction of it; 0 if price is inside."""
    return (max(low, price) if side == "above" else min(high, price)) / price - 1


def _means(levels: pd.DataFrame) -> tuple[pd.Timestamp, float]:
    """Return when levels were opened and their leverage, both means weighted by USD."""
    usd = levels["usd"].to_numpy()
    if not usd.sum() > 0:
        return pd.NaT, float("nan")  # type: ignore[return-value]
    times = pd.DatetimeIndex(levels["opened"])
    seconds = np.average(times.as_unit("s").asi8, weights=usd)
    return pd.Timestamp(int(seconds), unit="s", tz=times.tz), float(np.average(levels["leverage"], weights=usd))


def _status(heatmap: Heatmap, side: str, span: ZoneSpan, since: pd.Timestamp, mass: float) -> str:
    """Return what price has done to a zone since it was opened, or since the window began if that is later.

    Between two photographed bars, price took what stood at the first in the buckets it reached by the second, and of
    one that it reached into, as much as it covered.
    """
    candles, part = heatmap.market.candles, slice(span.first, span.last + 1)
    standing = getattr(heatmap, SIDES[side])
    row = 0 if since is pd.NaT else int(heatmap.times.searchsorted(since))
    bars = candles.index.get_indexer(heatmap.times[row:])
    taken = float(standing[-1, part].sum()) - mass  # what the price at hand has passed since the last bar
    been = taken > DUST
    if len(bars) > 1:
        starts, stop = bars[:-1] + 1, bars[-1] + 1
        low, high = heatmap.edges[:-1][part], heatmap.edges[1:][part]
        if side == "above":
            reach = np.maximum.reduceat(candles["high"].to_numpy()[:stop], starts)[:, None]
            covered = np.clip((reach - low) / (high - low), 0.0, 1.0)
        else:
            reach = np.minimum.reduceat(candles["low"].to_numpy()[:stop], starts)[:, None]
            covered = np.clip((high - reach) / (high - low), 0.0, 1.0)
        been |= bool((covered > 0).any())
        taken += float((standing[row:-1, part] * covered).sum())
    if not been:
        return "fresh"
    gone = taken / (taken + mass)
    return "touched" if gone < TOUCHED else "part-swept" if gone <= SPENT else "spent"
