"""The data of the heatmap chart: one picture of heat, candles over it, and what stands now at its right edge.

The chart's specification (`layers.spec`) never changes; everything that does travels as data, so that
Streamlit updates the live view instead of building a new one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from liq.charts.heatmap import image
from liq.charts.heatmap.readout import Readout
from liq.charts.heatmap.window import Window, standing_rows
from liq.formatting import DISCLAIMER, decimals, epoch_milliseconds, money, price, timestamp
from liq.market import SIDES, Market
from liq.model.heatmap import Heatmap

PROFILE = 0.13
"""Share of the plot's width that the standing book may take."""

STRIP = 0.13
"""Share of the plot's height that the liquidations per bar take."""

LEGEND = 180
"""Pixels of the colour ramp."""

GRAIN, FINE = 100.0, 1000
"""Dollars and steps of the logarithmic scale on which a bar's liquidations travel."""


def datasets(
    heatmap: Heatmap,
    window: Window,
    changes: Readout | None = None,
    *,
    threshold: int = 0,
    more_heat: int = 0,
    klines: bool = True,
    realised: bool = True,
    title: str = "",
    watermark: str = "",
    then: Heatmap | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name; `changes` is what the pointer reads, None where there is none.

    threshold : per cent of visible cells to leave dark; more_heat : 0 to 100, lifts the faint; klines, realised :
    whether to draw the candles, and the liquidations that the source says really happened. then : the same heatmap
    as of a moment of the past (`liq.model.as_of`): price, profile and foot say what stood then, what came later is
    dimmed.
    """
    past = heatmap if then is None else then
    market = past.market
    floor = image.hidden_below_usd(window.total, threshold)
    indices = image.color_indices(window.total, window.top, more_heat, floor)
    power = image.gamma(more_heat)
    places = decimals(market.price, market.tick)
    rows = len(window.edges) - 1
    height = float(np.log(window.edges[-1] / window.edges[0])) / rows
    gone = liquidated(heatmap)
    both = bool(gone.filter(like="real_").notna().any(axis=None))
    frame: dict[str, Any] = {
        "start": window.start,
        "end": window.end,
        "since": window.end if then is None else epoch_milliseconds(pd.DatetimeIndex([market.as_of]))[0],
        "room": window.end + (window.end - window.start) * PROFILE / (1 - PROFILE),
        "low": float(window.edges[0]),
        "high": float(window.edges[-1]),
        # the strip's share of the height lies under the lowest row
        "floor": float(window.edges[0] * np.exp(-height * rows * STRIP / (1 - STRIP))),
        "url": image.heat_image(indices),
        "ramp": image.legend_image(),
        "price": market.price,
        "label": price(market.price, places),
        "title": title,
        "foot": f"{timestamp(market.as_of)} · {DISCLAIMER}",
        "watermark": watermark,
        "unit": f"Estimated USD per {height:.2%} of price",
        "strip": f"liquidated per bar, estimated{' up, realised down' if both else ''}",
    }
    constants: dict[str, Any] = {
        "start": window.start,
        "step": window.step,
        "bottom": float(np.log(window.edges[0])),
        "height": height,
        "top": window.top,
        "last": market.price,
        "format": f",.{places}f",
        "first": epoch_milliseconds(pd.DatetimeIndex(heatmap.market.visible.index[:1]))[0],
        "bar": heatmap.market.bar.total_seconds() * 1000,
        "most": _most(gone),
        "both": both,
        "klines": klines,
        "realised": realised,
        **({} if changes is None else changes.constants),
    }
    ticks = {
        "at": [0.0, LEGEND / 2, float(LEGEND)],
        "usd": [money(window.top * share ** (1 / power)) for share in (0, 0.5, 1)],
    }
    data = {
        "frame": pd.DataFrame([frame]),
        "candles": candles(heatmap, gone),
        "profile": profile(past, window, changes),
        "pointer": pd.DataFrame([constants]),
        "ticks": pd.DataFrame(ticks),
    }
    return data if changes is None else {**data, "cells": changes.lines, "codes": changes.codes}


def description(market: Market, timeframe: str) -> str:
    """Return the chart's accessible name: what it shows, and where the same is said in words.

    It is part of the specification, so it names nothing that a refresh or a step through time changes.
    """
    return (
        f"Estimated liquidation heatmap of {market.symbol} from {market.source}, {timeframe}: dollars that would be "
        "force-closed by price and time, candles over them, what stands at the right edge, what was liquidated in "
        "each bar below. Price and the nearest strong zones are written above it, all zones on the page Top zones."
    )


def candles(heatmap: Heatmap, gone: pd.DataFrame) -> pd.DataFrame:
    """Return the visible bars: how many bar lengths after the first, prices, and USD liquidated by kind and side.

    gone : see `liquidated`. Dollars travel on a logarithmic scale in whole numbers, to a tenth of a per cent.
    """
    market = heatmap.market
    bars = market.visible
    times = epoch_milliseconds(pd.DatetimeIndex(bars.index))
    frame = bars[["open", "high", "low", "close"]].astype(np.float32).reset_index(drop=True)
    frame.insert(0, "i", np.rint((times - times[0]) / (market.bar.total_seconds() * 1000)).astype(np.int32))
    for name in gone:
        frame[name] = pd.array(np.rint(np.log1p(gone[name].to_numpy() / GRAIN) * FINE), dtype="Int16")
    return frame


def liquidated(heatmap: Heatmap) -> pd.DataFrame:
    """Return USD liquidated during each visible bar: ``est_long est_short``, and what the source says.

    That is ``real_long real_short``, or ``real_total`` in bars of which it does not know the sides; NaN is unknown.
    """
    index, known = heatmap.market.visible.index, heatmap.market.liquidations
    frame = heatmap.swept.loc[index, list(SIDES)].add_prefix("est_")
    if known is None:
        return frame
    real = known.reindex(index)
    for side in SIDES:
        frame[f"real_{side}"] = real[side]
    if "total" in real:
        frame["real_total"] = real["total"].where(real["long"].isna() | real["short"].isna())
    return frame


def profile(heatmap: Heatmap, window: Window, changes: Readout | None = None) -> pd.DataFrame:
    """Return what stands at the heatmap's last bar by drawn row.

    Columns: row; usd; share, of the plot that it takes; reach, USD from price to it; below, the price or not; band,
    of leverage that dominates it at the end of the bar's column, counted from one, zero where `changes` does not say.
    """
    end = epoch_milliseconds(pd.DatetimeIndex(heatmap.times[-1:]))[0]
    column = int(np.clip((end - window.start) // window.step, 0, len(window.long) - 1))
    long, short = standing_rows(heatmap, window)
    total = long + short
    below = np.sqrt(window.edges[:-1] * window.edges[1:]) < heatmap.market.price
    reach = np.where(below, np.cumsum((long * below)[::-1])[::-1], np.cumsum(short * ~below))
    most = max(float(np.quantile(total[total > 0], 0.99)), 1.0) if (total > 0).any() else 1.0
    frame = pd.DataFrame(
        {
            "row": np.arange(len(total), dtype=np.int16),
            "usd": total.astype(np.float32),
            "share": np.clip(total / most, 0, 1).astype(np.float32),
            "reach": reach.astype(np.float32),
            "below": below.astype(np.int8),
            "band": np.zeros(len(total), np.int8) if changes is None else changes.bands[column],
        }
    )
    return frame[total > 0].reset_index(drop=True)


def _most(gone: pd.DataFrame) -> float:
    """Return the USD of a bar that fills the strip's height; the rare bigger one is cut off there."""
    sums = [gone.filter(like=kind).sum(axis=1, min_count=1).quantile(0.995) for kind in ("est_", "real_")]
    return max(1.0, float(np.nanmax([1.0, *sums])))
