"""Data of what happened bar by bar: candles, and USD liquidated by the estimate and as the source reports it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.charts.colors import DOWN, FAINT, ON_LIGHT, UP
from liq.charts.heatmap.image import palette_image
from liq.formatting import epoch_milliseconds
from liq.market import SIDES, Market
from liq.model.heatmap import Heatmap

STRIP = 0.13
"""Share of the plot's height for the liquidations per bar."""

RINGS = 12
"""Maximum number of rings for realised liquidations in one window, the largest."""

RING = 130
"""Area in square pixels of the ring for the dollars that fill the strip; area is in proportion to dollars."""

ROWS, OPACITY = 160, 217
"""Rows of the strip's picture, and how opaque a bar is, of 255."""

LIQUIDATED = ("est_long", "est_short", "real_long", "real_short", "real_total")
"""Columns of the candles that hold USD liquidated, on a logarithmic scale."""

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
    frame = heatmap.market.visible[["open", "high", "low", "close"]].astype(np.float32).reset_index(drop=True)
    frame.insert(0, "i", bar_numbers(heatmap.market))
    for name in liquidations:
        frame[name] = pd.array(np.rint(np.log1p(liquidations[name].to_numpy() / LOG_UNIT) * LOG_STEPS), dtype="Int16")
    if len(hole := bars_unknown(heatmap)):
        frame["hole"] = np.isin(heatmap.market.visible.index, hole).astype(np.int8)
    return frame


def bars_unknown(heatmap: Heatmap) -> pd.DatetimeIndex:
    """Return the open times of photographed bars of which nothing is known.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> len(bars_unknown(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)))
    0
    """
    return pd.DatetimeIndex(heatmap.times[~heatmap.known])


def bar_numbers(market: Market) -> np.ndarray:
    """Return of each visible bar how many bar lengths it opens after the first.

    >>> from liq.sources.simulation.market import simulate
    >>> bar_numbers(simulate("BTC", "12h", now="2026-09-01"))[:3]
    array([0, 1, 2], dtype=int16)
    """
    times = epoch_milliseconds(pd.DatetimeIndex(market.visible.index))
    return np.rint((times - times[0]) / (market.bar.total_seconds() * 1000)).astype(np.int16)


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


def rings(heatmap: Heatmap, liquidations: pd.DataFrame) -> pd.DataFrame:
    """Return a ring for each of the RINGS largest realised liquidations of a bar: time, price, size, kind.

    liquidations : see `liquidated`. A source states dollars per bar and no price, so a ring stands where the price
    was furthest that way: longs at the bar's low, shorts at its high, dollars of unknown side at its close. Only the
    largest have one: many small ones would hide candles.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> len(rings(heatmap, liquidated(heatmap)))
    12
    """
    bars, top = heatmap.market.visible, strip_top(liquidations)
    middle = epoch_milliseconds(pd.DatetimeIndex(bars.index)) + heatmap.market.bar.total_seconds() * 500
    parts = [
        pd.DataFrame(
            {
                "time": middle,
                "price": bars[place].to_numpy(),
                "size": liquidations[f"real_{kind}"].to_numpy(dtype=float),
                "kind": kind,
            }
        )
        for kind, place in (("long", "low"), ("short", "high"), ("total", "close"))
        if f"real_{kind}" in liquidations
    ]
    if not parts:
        return pd.DataFrame({"time": [], "price": [], "size": [], "kind": []})
    every = pd.concat(parts, ignore_index=True)
    largest = every[every["size"] > 0].nlargest(RINGS, "size").reset_index(drop=True)
    return largest.assign(size=RING * np.minimum(largest["size"] / top, 2))


def strip_image(liquidations: pd.DataFrame, numbers: np.ndarray, light: bool = False) -> str:
    """Return the liquidations of each bar as a picture, a column a bar length: estimated upwards, realised downwards,
    longs next to the line between them. The few bars above `strip_top` are cut off there.

    liquidations : see `liquidated`; numbers : of its bars, see `bar_numbers`; light : whether it is for a light page.

    >>> strip_image(pd.DataFrame({"est_long": [5.0], "est_short": [1.0]}), np.array([0]))[:22]
    'data:image/png;base64,'
    """
    top, both = strip_top(liquidations), has_realised(liquidations)
    # where nothing realised is known, the estimate has the strip to itself
    line, reach = (0.55, 0.42) if both else (1.0, 0.8)
    rows = np.arange(ROWS)[:, None]
    over, under = round(line * ROWS) - 1 - rows, rows - round(line * ROWS)
    drawn = np.zeros((ROWS, int(numbers.max(initial=0)) + 1), np.uint8)

    def draw(color: int, away: np.ndarray, *names: str) -> None:
        if set(names) <= set(liquidations.columns):
            usd = np.nansum(liquidations[list(names)].to_numpy(dtype=float), axis=1)
            filled = np.rint(np.minimum(usd / top, 1) * reach * ROWS)
            drawn[:, numbers] = np.where((away >= 0) & (away < filled), color, drawn[:, numbers])

    draw(3, under, "real_total")
    for kind, away in (("est", over), ("real", under)):
        draw(1, away, f"{kind}_long", f"{kind}_short")
        draw(2, away, f"{kind}_long")
    colors = [ON_LIGHT[color] if light else color for color in (UP, DOWN, FAINT)]
    palette = b"\0\0\0" + b"".join(bytes.fromhex(color[1:]) for color in colors)
    return palette_image(drawn, palette, transparency=bytes([0, *[OPACITY] * 3]))


def has_realised(liquidations: pd.DataFrame) -> bool:
    """Return whether the source reports the liquidations of any bar.

    >>> has_realised(pd.DataFrame({"est_long": [1.0], "real_long": [np.nan]}))
    False
    """
    return bool(liquidations.filter(like="real_").notna().any(axis=None))


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
