"""Data of what happened bar by bar: candles, and USD liquidated by the estimate and as the source reports it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.formatting import epoch_milliseconds
from liq.market import SIDES
from liq.model.heatmap import Heatmap

STRIP = 0.13
"""Share of the plot's height for the liquidations per bar."""

RINGS = 12
"""Maximum number of rings for realised liquidations in one window, the largest."""

LOG_UNIT, LOG_STEPS = 100.0, 1000
"""Dollars and steps of the logarithmic scale on which a bar's liquidations are sent."""


def candles(heatmap: Heatmap, liquidations: pd.DataFrame) -> pd.DataFrame:
    """Return the visible bars: their number of bar lengths after the first, prices, and USD liquidated by kind and
    side.

    liquidations : see `liquidated`. Dollars are sent on a logarithmic scale in whole numbers, to a tenth of a per
    cent.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> len(candles(heatmap, liquidated(heatmap)))
    720
    """
    market = heatmap.market
    bars = market.visible
    times = epoch_milliseconds(pd.DatetimeIndex(bars.index))
    frame = bars[["open", "high", "low", "close"]].astype(np.float32).reset_index(drop=True)
    frame.insert(0, "i", np.rint((times - times[0]) / (market.bar.total_seconds() * 1000)).astype(np.int16))
    for name in liquidations:
        frame[name] = pd.array(np.rint(np.log1p(liquidations[name].to_numpy() / LOG_UNIT) * LOG_STEPS), dtype="Int16")
    return frame


def liquidated(heatmap: Heatmap) -> pd.DataFrame:
    """Return USD liquidated during each visible bar: ``est_long est_short``, and what the source reports.

    That is ``real_long real_short``, or ``real_total`` in bars whose sides it does not know; NaN is unknown.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> list(liquidated(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)).columns)
    ['est_long', 'est_short', 'real_long', 'real_short']
    """
    index, reported = heatmap.market.visible.index, heatmap.market.liquidations
    frame = heatmap.swept.loc[index, list(SIDES)].add_prefix("est_")
    if reported is None:
        return frame
    realised = reported.reindex(index)
    for side in SIDES:
        frame[f"real_{side}"] = realised[side]
    if "total" in realised:
        frame["real_total"] = realised["total"].where(realised["long"].isna() | realised["short"].isna())
    return frame


def ring_floor(liquidations: pd.DataFrame) -> float:
    """Return the USD of realised liquidations in a bar from which it has a ring: the RINGS largest have one.

    >>> ring_floor(pd.DataFrame({"real_long": [5.0, 7.0], "real_short": [np.nan, 0.0]}))
    5.0
    """
    realised = liquidations.filter(like="real_").to_numpy(dtype=float)
    largest = np.sort(realised[np.isfinite(realised) & (realised > 0)])[-RINGS:]
    return float(largest[0]) if len(largest) else float("inf")


def strip_top(liquidations: pd.DataFrame) -> float:
    """Return the USD of a bar that fills the strip's height; the few bigger ones are cut off there.

    >>> strip_top(pd.DataFrame({"est_long": [5.0, 5.0], "real_long": [1.0, 2.0]}))
    5.0
    """
    top = 1.0
    for kind in ("est_", "real_"):
        usd = liquidations.loc[:, liquidations.columns.str.startswith(kind)].to_numpy(dtype=float)
        known = usd[np.isfinite(usd).any(axis=1)]
        if known.size:
            top = max(top, float(np.quantile(np.nansum(known, axis=1), 0.995)))
    return top
