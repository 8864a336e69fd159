"""Estimate a market: the dollars that would be force-closed, by time, price, side and tier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import Market
from liq.model import levels
from liq.model.flow import flow
from liq.model.heatmap import Heatmap, combine
from liq.model.legs import price_legs
from liq.model.margin import brackets, liquidation_factors
from liq.model.prior import Prior, as_prior
from liq.model.venue_dollars import dollar_scale
from liq.model.walk import Walk

STEPS = {60: 5e-4, 300: 5e-4, 900: 8e-4, 1800: 1e-3, 3600: 1.2e-3, 14400: 2.5e-3, 86400: 5e-3}
"""Height of a drawn bucket in log price, by the visible bar's length in seconds."""

REACH = 0.16
"""The edges go this far, in log price, beyond the visible window's extremes."""

MAX_BUCKETS = 1200
"""Maximum number of buckets; the step doubles until there are no more."""


def estimate(
    market: Market,
    prior: str | Prior = "calibrated",
    columns: int | None = None,
    *,
    edges: np.ndarray | None = None,
    venues: Sequence[str] | None = None,
) -> Heatmap:
    """Estimate where the market's leveraged positions would be force-closed.

    columns : how many bars to photograph, evenly spaced over the visible window and ending at the last bar;
        None for every visible bar. The walk is the same either way. edges : ascending prices to draw on;
        default: equal ratios on a lattice through the first open, REACH beyond the window's extremes. venues : whose
        dollars are meant, default the market's own source (`liq.model.venue_dollars`); several let one market's flow
        stand for them. A market of several venues prints each venue's own.

    Per leg of a bar (`liq.model.legs`), in this order: sweep what earlier legs opened and price reached; close by
    `flow`; open on both sides alike, spread over the leg's range and split by the prior's weights. At each bar's end:
    photograph. Raises InputError.

    >>> import pandas as pd
    >>> hours = pd.date_range("2026-01-01", periods=2, freq="1h")
    >>> bars = pd.DataFrame(dict(open=100.0, high=100.0, low=100.0, close=100.0, volume=1.0), index=hours)
    >>> estimate(Market("BTC/USDT:USDT", "example", bars)).long.shape[0]
    2
    """
    prior = as_prior(prior)
    low, high = market.candles["low"].to_numpy(), market.candles["high"].to_numpy()
    photos = _photo_bars(market, columns)
    edges = _edges(market, low, high) if edges is None else _check_edges(edges)
    if market.parts and venues is not None:
        raise InputError("venues cannot be chosen for a market of several venues: each prints its own dollars.")
    heatmap = _walk(market, prior, photos, edges, venues)
    if not market.parts:
        return heatmap
    times = heatmap.times
    # a bar that a venue left out is part of the one before it, which lasts until the next
    parts = (_walk(part, prior, part.candles.index.get_indexer(times, method="pad"), edges) for part in market.parts)
    return combine(heatmap, tuple(parts))


def _walk(
    market: Market, prior: Prior, photos: np.ndarray, edges: np.ndarray, venues: Sequence[str] | None = None
) -> Heatmap:
    """Walk one market's candles once and photograph the given bars."""
    if (photos < 0).any():
        raise InputError(f"candles of {market.source} lack bars that the other venues have.")
    candles = market.candles
    tiers, weights = np.array(prior.leverages), np.array(prior.weights)
    legs = price_legs(market)
    entries = levels.spread_entries(legs.low, legs.high)
    origin = candles["open"].iloc[0]
    steps = market.brackets or brackets(market.symbol)
    reached, factors = {}, {}
    # A short at a price is a long at the mirrored price: with the sign of the logs turned, a leg's high sweeps as
    # a low does, so that one search serves both sides and cannot treat them differently.
    for side, extreme, sign in (("long", legs.low, 1.0), ("short", legs.high, -1.0)):
        factors[side] = liquidation_factors(side, tiers, steps)
        scale = sign / levels.CELL
        stops = np.log(extreme / origin) * scale
        entry = np.log(entries.price / origin) * scale
        reached[side] = levels.first_reach(stops, entry, np.log(factors[side]) * scale, entries.leg)
    order_flow = flow(legs, prior)
    anchored = order_flow.anchored[np.flatnonzero(np.diff(legs.bar, append=len(candles)))]
    nothing = np.empty((0, 0))
    return Heatmap(
        market=market,
        prior=prior,
        times=market.times[photos],
        edges=edges,
        tiers=tiers,
        weights=weights,
        long=nothing,
        short=nothing,
        swept=pd.DataFrame(),
        anchored=float(anchored[candles.index >= market.start].mean()),
        walk=Walk(legs.bar, entries, order_flow, photos, reached, factors),
        scale=dollar_scale(market.source, market.base, venues),
    ).reweigh(weights)


def _photo_bars(market: Market, columns: int | None) -> np.ndarray:
    """Return the rows of the bars to photograph, ascending and ending with the last one."""
    n = len(market.candles)
    first = int(market.times.searchsorted(market.start))
    if columns is None:
        return np.arange(first, n)
    if columns < 1:
        raise InputError(f"columns must be at least 1, not {columns!r}.")
    return np.unique(np.rint(np.linspace(n - 1, first, min(columns, n - first))).astype(np.int64))


def _edges(market: Market, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the drawn lattice of prices, (B + 1,).

    It passes through the first open and keeps one ratio, so that later bars extend it and move no edge: a finished
    column stays the same, and windows that end at different times share their buckets.
    """
    visible = market.candles.index >= market.start
    origin = market.candles["open"].iloc[0]
    bar = market.bar.total_seconds()
    step = next((value for seconds, value in STEPS.items() if bar <= seconds), 5e-3)
    bottom, top = np.log(low[visible].min() / origin) - REACH, np.log(high[visible].max() / origin) + REACH
    while (top - bottom) / step > MAX_BUCKETS:
        step *= 2
    return origin * np.exp(np.arange(np.floor(bottom / step), np.ceil(top / step) + 1) * step)


def _check_edges(edges: np.ndarray) -> np.ndarray:
    """Return the edges as floats; raise InputError where they are no ascending positive prices."""
    edges = np.asarray(edges, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not (edges[0] > 0 and (np.diff(edges) > 0).all()):
        raise InputError("edges must be at least two ascending positive prices.")
    return edges
