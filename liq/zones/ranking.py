"""Rank the zones of a heatmap: price ranges where the standing book stands out, on each side of the price."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.model.heatmap import DUST, Heatmap
from liq.zones.peaks import peaks

CELL = 2.5e-4
"""Cell, in log price, in which zones are found, whatever is drawn; they then take the drawn buckets they touch."""

REACH, MONTH = 0.15, pd.Timedelta(days=30)
"""Zones are ranked up to this fraction from price, as far as the estimate has been compared with known positions; in
windows longer than a month further, by the square root of time, as prices move."""

NEAR = 0.05
"""Distance from price, as a fraction, of the near book."""

ROUNDING = 1e-9
"""Prices this near to each other, as a fraction, are one price."""

TOUCHED, SPENT = 0.1, 0.5
"""Shares of a zone that price has swept: below the first the zone is touched, above the second it is spent."""

SIDES = {"above": "short", "below": "long"}
"""Positions on each side of the price: shorts above, whose forced buying would lift it; longs below."""

COLUMNS = ("side", "low", "high", "peak", "usd", "share", "distance", "opened", "leverage", "status", "tested")


class SideTotals(NamedTuple):
    """Hold the dollars that stand in all and within NEAR of price, USD: shorts above it, longs below it."""

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
    """Hold the buckets of a zone, first to last inclusive; its exact edges before rounding to buckets; its peak."""

    first: int
    last: int
    low: float
    high: float
    peak: float


def top_zones(heatmap: Heatmap, price: float | None = None, n: int = 10) -> pd.DataFrame:
    """Return the n strongest zones on each side of the price, strongest first within a side, above before below.

    price : reference price, default the market's. Columns: side ("above": shorts, "below": longs); low, high :
    the outer edges of its buckets; peak : price where it is densest; usd : what would be force-closed inside;
    share : of all that stands on its side; distance : from price to the near edge, a signed fraction of price;
    opened, leverage : means weighted by USD; status : "fresh", price has not been inside since it was opened;
    "touched", it has and swept less than a tenth; "part-swept"; "spent", it swept more than half. Levels that
    `price` has passed since the last bar count as swept; a zone whose near edge is beyond REACH is not
    ranked. tested : whether its peak lies where the prior's data reach (`Heatmap.tested_range`); a zone that does not
    takes a place among the n only after those that do. Raises InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> zones = top_zones(heatmap, n=3)
    >>> zones.groupby("side", sort=False).size().to_dict()
    {'above': 3, 'below': 3}
    """
    reference = check_price(heatmap, price)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(f"n must be a whole number from 1, not {n!r}.")
    frames = [_side(heatmap, reference, int(n), side) for side in SIDES]
    return pd.concat(frames, ignore_index=True)


def side_totals(heatmap: Heatmap, price: float | None = None) -> SideTotals:
    """Return what stands above and below a price, default the market's, in all and near it. Raises InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> totals = side_totals(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1))
    >>> totals.near_above < totals.above
    True
    """
    reference = check_price(heatmap, price)
    above, below = book_on_side(heatmap, reference, "above"), book_on_side(heatmap, reference, "below")
    middle = np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:])
    near = np.abs(np.log(middle / reference)) <= np.log1p(NEAR)
    return SideTotals(float(above.sum()), float(below.sum()), float(above[near].sum()), float(below[near].sum()))


def book_on_side(heatmap: Heatmap, price: float, side: str) -> np.ndarray:
    """Return what stands above or below a price at the last bar, USD (B,), zero in buckets on its other side.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> book = book_on_side(heatmap, heatmap.market.price, "above")
    >>> bool((book[heatmap.edges[1:] <= heatmap.market.price] == 0).all())
    True
    """
    if side == "above":
        return np.where(heatmap.edges[1:] > price, heatmap.short[-1], 0.0)
    return np.where(heatmap.edges[:-1] < price, heatmap.long[-1], 0.0)


def buckets_in_range(heatmap: Heatmap, low: float, high: float) -> slice:
    """Return the buckets that a range of prices overlaps; touching an edge (to rounding) is no overlap.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> buckets_in_range(heatmap, heatmap.edges[10], heatmap.edges[13])
    slice(10, 13, None)
    """
    first = int(np.searchsorted(heatmap.edges, low * (1 + ROUNDING), side="right")) - 1
    last = int(np.searchsorted(heatmap.edges, high * (1 - ROUNDING), side="left"))
    return slice(max(first, 0), min(last, len(heatmap.edges) - 1))


def overlapping_zone(zones: pd.DataFrame, side: str, low: float, high: float) -> int | None:
    """Return the row of the zone on a side that overlaps a range of prices most; None where none does.

    >>> zones = pd.DataFrame({"side": ["above", "above"], "low": [1.0, 3.0], "high": [2.0, 4.0]})
    >>> overlapping_zone(zones, "above", 1.5, 3.2), overlapping_zone(zones, "below", 1.5, 3.2)
    (0, None)
    """
    shared = np.minimum(zones["high"].to_numpy(), high) - np.maximum(zones["low"].to_numpy(), low)
    shared = np.where(zones["side"] == side, shared, 0.0)
    return int(shared.argmax()) if len(shared) and shared.max() > 0 else None


def check_price(heatmap: Heatmap, price: float | None) -> float:
    """Return the reference price, default the market's; raise InputError where it is no positive number.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> check_price(heatmap, 84_000)
    84000.0
    """
    reference = heatmap.market.price if price is None else price
    if reference is None or not (np.isfinite(reference) and reference > 0):
        raise InputError(f"price must be a positive number, not {price!r}.")
    return float(reference)


def _spans(heatmap: Heatmap, levels: pd.DataFrame) -> list[ZoneSpan]:
    """Return the zones of levels (`Heatmap.standing`), by ascending price, on the drawn buckets; none overlap.

    They are found in cells of a fixed lattice through the first open, so the drawn step does not move them.
    """
    if not (levels["usd"].sum() > DUST):
        return []
    origin = float(heatmap.market.candles["open"].iloc[0])
    cell = np.floor(np.log(levels["price"].to_numpy() / origin) / CELL).astype(np.int64)
    bottom = int(cell.min())
    usd = np.bincount(cell - bottom, levels["usd"].to_numpy())
    ratios = np.exp(CELL * np.arange(bottom, bottom + len(usd) + 1))
    spans: list[ZoneSpan] = []
    for peak in peaks(ratios, usd):
        low, high = float(origin * ratios[peak.first]), float(origin * ratios[peak.last + 1])
        peak_price = float(origin * np.sqrt(ratios[peak.top] * ratios[peak.top + 1]))
        part = buckets_in_range(heatmap, low, high)
        _append(
            spans, ZoneSpan(part.start, part.stop - 1, low, high, peak_price), heatmap.edges, heatmap.market.price
        )
    return spans


def _append(spans: list[ZoneSpan], span: ZoneSpan, edges: np.ndarray, price: float) -> None:
    """Append a zone; a bucket that it shares with the zone before goes to the one that covers more of it."""
    # Zones are found in cells finer than the drawn buckets, so two zones may end and begin inside one bucket. Zones
    # must not overlap, or their dollars would be counted twice. The bucket goes to the zone that covers more of it; a
    # zone that loses its only bucket is gone, and the comparison goes on with the zone before that.
    while spans and spans[-1].last >= span.first:
        before = spans[-1]
        bottom, top = edges[span.first], edges[span.first + 1]
        share = np.log(min(span.high, top) / max(span.low, bottom))
        share_before = np.log(min(before.high, top) / max(before.low, bottom))
        if abs(share - share_before) < ROUNDING:  # of equals, the wider zone
            share, share_before = np.log(span.high / span.low), np.log(before.high / before.low)
        if abs(share - share_before) < ROUNDING:  # then the one nearer to the price
            share, share_before = -abs(np.log(span.peak / price)), -abs(np.log(before.peak / price))
        if share > share_before:
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
    occupied = np.flatnonzero(usd > DUST)
    window = heatmap.market.as_of - heatmap.market.start
    max_distance = REACH * max(1.0, (window / MONTH) ** 0.5)
    rows: list[tuple[float, ZoneSpan, int, int]] = []
    for span in _spans(heatmap, levels):
        own_buckets = occupied[(occupied >= span.first) & (occupied <= span.last)]
        if len(own_buckets) and abs(np.log1p(_distance(side, price, span.low, span.high))) <= np.log1p(max_distance):
            rows.append((float(usd[own_buckets].sum()), span, int(own_buckets[0]), int(own_buckets[-1])))
    rows.sort(key=lambda row: -row[0])
    lowest, highest = heatmap.tested_range
    # An untested band far away must not push a tested zone off the list: those within the tested range are chosen
    # first.
    rows.sort(key=lambda row: not lowest <= row[1].peak <= highest)
    rows = sorted(rows[:n], key=lambda row: -row[0])
    prices, total = levels["price"].to_numpy(), usd.sum()
    opened = pd.DatetimeIndex(levels["opened"])
    weights, seconds, leverages = levels["usd"].to_numpy(), opened.as_unit("s").asi8, levels["leverage"].to_numpy()
    records = []
    for zone_usd, span, first, last in rows:
        low, high = float(heatmap.edges[first]), float(heatmap.edges[last + 1])
        distance = _distance(side, price, low, high)
        # arrays, not rows of the frame: this is done for ten zones a side of every bar that is looked back on
        inside = np.flatnonzero((prices >= low) & (prices < high))
        since, leverage = _means(weights[inside], seconds[inside], leverages[inside], opened.tz)
        status = _status(heatmap, side, span, since, zone_usd)
        peak = min(max(span.peak, low), high)
        tested = lowest <= span.peak <= highest
        records.append((side, low, high, peak, zone_usd, zone_usd / total, distance, since, leverage, status, tested))
    dtypes = dict.fromkeys(COLUMNS[1:-4], float) | {
        "opened": heatmap.times.dtype,
        "leverage": float,
        "tested": bool,
    }
    return pd.DataFrame(records, columns=list(COLUMNS)).astype(dtypes)


def _distance(side: str, price: float, low: float, high: float) -> float:
    """Return how far the near edge of a zone lies from price, a signed fraction of it; 0 if price is inside."""
    return (max(low, price) if side == "above" else min(high, price)) / price - 1


def _means(usd: np.ndarray, opened: np.ndarray, leverage: np.ndarray, tz: Any) -> tuple[pd.Timestamp, float]:
    """Return when levels were opened (given in seconds) and their leverage, both means weighted by USD."""
    if not usd.sum() > 0:
        return pd.NaT, float("nan")  # type: ignore[return-value]
    mean_time = np.average(opened, weights=usd)
    return pd.Timestamp(int(mean_time), unit="s", tz=tz), float(np.average(leverage, weights=usd))


def _status(heatmap: Heatmap, side: str, span: ZoneSpan, since: pd.Timestamp, zone_usd: float) -> str:
    """Return what price has done to a zone since it was opened, or since the window began if that is later.

    Between two photographed bars price sweeps what stood at the first in the buckets that it reached by the second;
    of a bucket that it reached into, the share that it covered.
    """
    candles, part = heatmap.market.candles, slice(span.first, span.last + 1)
    standing = getattr(heatmap, SIDES[side])
    row = 0 if since is pd.NaT else int(heatmap.times.searchsorted(since))
    bars = candles.index.get_indexer(heatmap.times[row:])
    swept = (
        float(standing[-1, part].sum()) - zone_usd
    )  # levels that the reference price has passed since the last bar
    was_inside = swept > DUST
    if len(bars) > 1:
        starts, stop = bars[:-1] + 1, bars[-1] + 1
        low, high = heatmap.edges[:-1][part], heatmap.edges[1:][part]
        if side == "above":
            extreme = np.maximum.reduceat(candles["high"].to_numpy()[:stop], starts)[:, None]
            covered = np.clip((extreme - low) / (high - low), 0.0, 1.0)
        else:
            extreme = np.minimum.reduceat(candles["low"].to_numpy()[:stop], starts)[:, None]
            covered = np.clip((high - extreme) / (high - low), 0.0, 1.0)
        was_inside |= bool((covered > 0).any())
        swept += float((standing[row:-1, part] * covered).sum())
    if not was_inside:
        return "fresh"
    swept_share = swept / (swept + zone_usd)
    return "touched" if swept_share < TOUCHED else "part-swept" if swept_share <= SPENT else "spent"
