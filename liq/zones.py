"""The zones of a heatmap: stretches of price where what stands stands out, ranked on each side of the price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.heatmap import DUST, Heatmap

SMOOTHING = 2.5e-3
"""Standard deviation, in log price, of the kernel the profile is smoothed with before peaks are looked for. A width
in price and not in buckets, so that the drawn step does not decide what is a peak."""

PROMINENCE = 0.15
"""A peak is one of its own if the valley to its neighbour falls this far below the lower of the two peaks."""

EDGE = 0.5
"""A zone ends where the smoothed profile falls below this share of its peak, or in the valley to its neighbour."""

SIDES = (("above", "short"), ("below", "long"))
"""What stands above the price are shorts, whose forced buying lifts it; below are longs."""

COLUMNS = ("side", "low", "high", "peak", "usd", "share", "distance", "opened", "leverage", "status")


class Span(NamedTuple):
    """A contiguous stretch of buckets, first to last inclusive, and the one where the smoothed profile peaks."""

    first: int
    last: int
    peak: int


def top_zones(heatmap: Heatmap, price: float | None = None, n: int = 10) -> pd.DataFrame:
    """Return the n strongest zones on each side of the price, strongest first within a side, above before below.

    price : where to stand, default the market's. Columns: side ("above": shorts, "below": longs); low, high :
    the outer edges of its buckets; peak : price of its strongest bucket after smoothing; usd : what would be
    force-closed inside; share : of all that stands on its side; distance : from price to the near edge, a signed
    fraction of price; opened : when it was opened, and leverage, both weighted by USD; status : "fresh", price
    has not been inside since then; "touched", it has and took less than a tenth; "part-swept"; "spent", it took
    more than half. Levels on the wrong side of `price` are taken to be gone. Raises InputError.
    """
    at = _price(heatmap, price)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(f"n must be a whole number from 1, not {n!r}.")
    rows = [row for side in SIDES for row in _side(heatmap, at, int(n), *side)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def standing(heatmap: Heatmap, price: float, side: str) -> np.ndarray:
    """Return what stands on one side of a price at the last bar, USD (B,); zero on the other side of it."""
    if side == "short":
        return np.where(heatmap.edges[1:] > price, heatmap.short[-1], 0.0)
    return np.where(heatmap.edges[:-1] < price, heatmap.long[-1], 0.0)


def spans(edges: np.ndarray, usd: np.ndarray) -> list[Span]:
    """Return the zones of a profile, USD (B,) on edges (B + 1,), by ascending price; they never overlap.

    The profile is smoothed over log price, its peaks joined across every valley that is too shallow
    (PROMINENCE), and each that is left cut off where it ends (EDGE).
    """
    heights = smooth(edges, usd)
    peaks, valleys = _peaks(heights, usd)
    while len(peaks) > 1:
        lower = np.minimum(heights[peaks[:-1]], heights[peaks[1:]])
        depth = 1 - heights[valleys] / lower
        pair = int(np.argmin(depth))
        if depth[pair] >= PROMINENCE:
            break
        peaks.pop(pair if heights[peaks[pair]] < heights[peaks[pair + 1]] else pair + 1)
        valleys.pop(pair)
    bounds = [0, *valleys, len(usd)]
    return [_cut(heights, usd, peak, *bounds[row : row + 2]) for row, peak in enumerate(peaks)]


def smooth(edges: np.ndarray, usd: np.ndarray) -> np.ndarray:
    """Return a profile, USD (B,), as a density over log price smoothed by a Gaussian, USD per unit of log (B,)."""
    log = np.log(edges)
    middle, width = (log[1:] + log[:-1]) / 2, np.diff(log)
    reach = int(np.ceil(4 * SMOOTHING / width.min()))
    heights, weight = np.zeros(len(usd)), np.zeros(len(usd))
    for shift in range(-min(reach, len(usd) - 1), min(reach, len(usd) - 1) + 1):
        here, there = slice(max(0, -shift), len(usd) - max(0, shift)), slice(max(0, shift), len(usd) + min(0, shift))
        near = np.exp(-0.5 * ((middle[there] - middle[here]) / SMOOTHING) ** 2)
        heights[here] += near * usd[there]
        weight[here] += near * width[there]
    return heights / weight


def _peaks(heights: np.ndarray, usd: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the local maxima of a smoothed profile and the lowest bucket between each two."""
    if not (usd > DUST).any():
        return [], []
    padded = np.concatenate([[-1.0], heights, [-1.0]])
    peaks = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:]) & (heights > DUST))
    valleys = [int(a + np.argmin(heights[a:b])) for a, b in zip(peaks[:-1], peaks[1:], strict=True)]
    return peaks.tolist(), valleys


def _cut(heights: np.ndarray, usd: np.ndarray, peak: int, start: int, stop: int) -> Span:
    """Return the stretch around a peak, inside start to stop, that is high enough and begins and ends with mass."""
    outside = heights < EDGE * heights[peak]
    left = np.flatnonzero(outside[start:peak])
    right = np.flatnonzero(outside[peak:stop])
    first = start + left[-1] + 1 if len(left) else start
    last = peak + right[0] - 1 if len(right) else stop - 1
    held = np.flatnonzero(usd[first : last + 1] > DUST)
    if not len(held):
        return Span(peak, peak, peak)
    first, last = first + int(held[0]), first + int(held[-1])
    return Span(first, last, min(max(peak, first), last))


def _side(heatmap: Heatmap, price: float, n: int, side: str, of: str) -> list[tuple[object, ...]]:
    """Return one side's rows of `top_zones`."""
    usd = standing(heatmap, price, of)
    found = sorted(spans(heatmap.edges, usd), key=lambda span: -usd[span.first : span.last + 1].sum())[:n]
    if not found:
        return []
    total = usd.sum()
    opened, tiers = heatmap.opened(of), heatmap.by_tier(of)
    rows: list[tuple[object, ...]] = []
    for span in found:
        part = slice(span.first, span.last + 1)
        mass = float(usd[part].sum())
        low, high = float(heatmap.edges[span.first]), float(heatmap.edges[span.last + 1])
        near = max(low, price) if side == "above" else min(high, price)
        since = _mean_time(opened[part], usd[part], heatmap)
        mix = tiers[:, part].sum(axis=1)
        leverage = float(mix @ heatmap.tiers / mix.sum()) if mix.sum() > 0 else float("nan")
        peak = float(np.sqrt(heatmap.edges[span.peak] * heatmap.edges[span.peak + 1]))
        status = _status(heatmap, of, part, since, mass)
        rows.append((side, low, high, peak, mass, mass / total, near / price - 1, since, leverage, status))
    return rows


def _mean_time(times: np.ndarray, usd: np.ndarray, heatmap: Heatmap) -> pd.Timestamp:
    """Return the mean of datetime64 times weighted by USD, in the heatmap's own time zone; NaT if none is known."""
    known = ~np.isnat(times) & (usd > 0)
    if not known.any():
        return pd.NaT  # type: ignore[return-value]
    seconds = np.average(times[known].astype("datetime64[s]").astype(np.int64), weights=usd[known])
    moment = pd.Timestamp(int(seconds), unit="s")
    return moment.tz_localize("UTC") if heatmap.times.tz is not None else moment


def _status(heatmap: Heatmap, of: str, part: slice, since: pd.Timestamp, mass: float) -> str:
    """Return what price has done to a zone since it was opened, or since the window began if that is later.

    Between two photographed bars, price took what stood at the first in the buckets it reached by the second.
    """
    candles = heatmap.market.candles
    row = int(heatmap.times.searchsorted(since)) if since is not pd.NaT else 0
    bars = candles.index.get_indexer(heatmap.times[row:])
    if len(bars) < 2:
        return "fresh"
    starts, stop = bars[:-1] + 1, bars[-1] + 1
    book = getattr(heatmap, of)[row:-1, part]
    if of == "short":
        reach = np.maximum.reduceat(candles["high"].to_numpy()[:stop], starts)
        hit = heatmap.edges[:-1][part] < reach[:, None]
    else:
        reach = np.minimum.reduceat(candles["low"].to_numpy()[:stop], starts)
        hit = heatmap.edges[1:][part] > reach[:, None]
    if not hit.any():
        return "fresh"
    taken = float(book[hit].sum())
    gone = taken / (taken + mass)
    return "touched" if gone < 0.1 else "part-swept" if gone <= 0.5 else "spent"


def _price(heatmap: Heatmap, price: float | None) -> float:
    at = heatmap.market.price if price is None else price
    if at is None or not (np.isfinite(at) and at > 0):
        raise InputError(f"price must be a positive number, not {price!r}.")
    return float(at)
