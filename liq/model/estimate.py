"""Estimate a market: the dollars that would be force-closed, by time, price, side and tier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import Market
from liq.model import levels
from liq.model.estimated import Estimate, combine
from liq.model.flow import flow
from liq.model.grid import check_edges, drawn_edges, photo_bars
from liq.model.legs import price_legs
from liq.model.margin import brackets, liquidation_factors
from liq.model.prior import Prior, as_prior
from liq.model.venue_dollars import dollar_scale
from liq.model.walk import Walk


def estimate(
    market: Market,
    prior: str | Prior = "calibrated",
    columns: int | None = None,
    *,
    edges: np.ndarray | None = None,
    venues: Sequence[str] | None = None,
) -> Estimate:
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
    photos = photo_bars(market, columns)
    edges = drawn_edges(market) if edges is None else check_edges(edges)
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
) -> Estimate:
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
    return Estimate(
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
