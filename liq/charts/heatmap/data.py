"""Data of the heatmap chart: the heat image, candles, the standing book as a profile, and constants.

The chart's specification (`layers.spec`) never changes; everything that changes travels as data, so that
Streamlit updates the view in the browser instead of building a new one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from liq.charts.heatmap import image
from liq.charts.heatmap.picture import SCALES, picture
from liq.charts.heatmap.readout import Readout
from liq.charts.heatmap.strips import bars
from liq.charts.heatmap.strips.context import below_heat, panel_rows
from liq.charts.heatmap.window import Window, standing_rows
from liq.charts.positions import heatmap_lines
from liq.charts.zone_boxes import zone_boxes
from liq.formatting import decimals, epoch_milliseconds, money, price, timestamp
from liq.market import SIDES
from liq.model.heatmap import Heatmap
from liq.positions import Positions
from liq.validation.track_record import TrackRecord
from liq.wording import WORDS
from liq.zones.relief import floored_usual

HEIGHT = 620
"""Height of the chart in pixels, with title and legend."""

PROFILE = 0.13
"""Share of the plot's width for the profile of the standing book."""

UNTESTED_VEIL = 0.5
"""Opacity of the ground drawn over levels beyond the tested distance."""

GOES_TO = "goes_to"
"""Name of the parameter that a page listens to, here and on the liquidation map: a chosen price."""

USUAL_STEPS = 50
"""Steps of the natural logarithm in which usual dollars are sent: to one per cent."""


def datasets(
    heatmap: Heatmap,
    window: Window,
    readout: Readout | None = None,
    *,
    then: Heatmap | None = None,
    positions: Positions | None = None,
    record: TrackRecord | None = None,
    **drawing: Any,
) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name: `marks`, `picture` and `constants`, the last two with what `drawing` holds.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> sorted(datasets(heatmap, window(heatmap)))
    ['candles', 'frame', 'panels', 'picture', 'pointer', 'positions', 'profile', 'rings', 'strip', 'ticks', 'zones']
    """
    for_both = {name: drawing[name] for name in ("scale", "usual", "light") if name in drawing}
    coloring = {name: drawing.pop(name) for name in ("threshold", "more_heat") if name in drawing}
    return {
        **picture(heatmap, window, is_small=readout is not None, **coloring, **for_both),
        **constants(heatmap, window, readout, then=then, **drawing),
        **marks(heatmap, window, readout, then=then, positions=positions, record=record),
    }


def marks(
    heatmap: Heatmap,
    window: Window,
    readout: Readout | None = None,
    *,
    then: Heatmap | None = None,
    positions: Positions | None = None,
    record: TrackRecord | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the data that no control of the drawing changes: candles, profile, real positions and the readout.

    readout : what the pointer reads, None for none; then : the same heatmap as of an earlier moment
    (`liq.model.as_of`), whose standing book the profile shows; positions : real ones, drawn as lines;
    record : of zones, drawn as boxes.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> sorted(marks(heatmap, window(heatmap)))
    ['candles', 'panels', 'positions', 'profile', 'rings', 'zones']
    """
    heatmap_then = heatmap if then is None else then
    liquidations = bars.liquidated(heatmap)
    low, high = float(window.edges[0]), float(window.edges[-1])
    at = {"from": window.start, "to": window.start}
    data = {
        "candles": bars.candles(heatmap, liquidations),
        "rings": _or_hidden(bars.rings(heatmap, liquidations), time=window.start, price=low, kind=""),
        "profile": profile(heatmap_then, window, readout),
        "positions": _or_hidden(
            heatmap_lines(positions, heatmap_then.market, low, high), price=low, strength=0.0, **at
        ),
        "zones": _or_hidden(zone_boxes(record, low, high), low=low, high=low, opacity=0.0, **at),
        "panels": _or_hidden(panel_rows([]), key="none", words="", format="", unit=""),
    }
    return data if readout is None else {**data, "cells": readout.lines, "codes": readout.codes}


def constants(
    heatmap: Heatmap,
    window: Window,
    readout: Readout | None = None,
    *,
    klines: bool = True,
    realised: bool = True,
    untested: bool = True,
    title: str = "",
    watermark: str = "",
    then: Heatmap | None = None,
    scale: str = SCALES[0],
    usual: dict[str, np.ndarray] | None = None,
    goes_to: float | None = None,
    n_panels: int = 0,
    prices: tuple[float, float] | None = None,
    light: bool = False,
) -> dict[str, pd.DataFrame]:
    """Return what the chart's marks share, one row each: its frame and words, what the pointer reads with, and the
    strip of liquidations.

    klines, realised : whether to draw the candles, and the source's realised liquidations; untested : whether levels
    beyond the tested distance are dimmed, else they are hidden. then : see `marks`; price and foot are of that
    moment, later bars are dimmed. scale, usual, light : see `picture`. goes_to : a price at which to draw a line.
    n_panels : how many context panels stand under the heat. prices : what the axis of prices shows at least, low and
    high, where two charts stand side by side.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> sorted(constants(heatmap, window(heatmap)))
    ['frame', 'pointer', 'strip']
    """
    heatmap_then = heatmap if then is None else then
    market, words = heatmap_then.market, WORDS[heatmap.kind]
    places, in_relief = decimals(market.price, market.tick), scale == "relief" and usual is not None
    rows, below = len(window.edges) - 1, below_heat(n_panels)
    bottom, ceiling = (float(edge) for edge in prices or (window.edges[0], window.edges[-1]))
    height = float(np.log(window.edges[-1] / window.edges[0])) / rows
    liquidations, numbers = bars.liquidated(heatmap), bars.bar_numbers(heatmap.market)
    low, high = float(window.edges[0]), float(window.edges[-1])
    tested_low, tested_high = np.clip(heatmap_then.tested_range, low, high).tolist()
    frame: dict[str, Any] = {
        "start": window.start,
        "end": window.end,
        "since": window.end if then is None else epoch_milliseconds(pd.DatetimeIndex([market.as_of]))[0],
        "room": window.end + (window.end - window.start) * PROFILE / (1 - PROFILE),
        "low": low,
        "high": high,
        "tested_low": tested_low,
        "tested_high": tested_high,
        "veil": UNTESTED_VEIL if untested else 1.0,
        # the strips' share of the height lies under the lowest row
        "floor": bottom * (bottom / ceiling) ** (below / (1 - below)),
        "ceiling": ceiling,
        "ramp": image.legend_image(light),
        "price": market.price,
        "goes": goes_to if goes_to and low < goes_to < high else None,
        "label": price(market.price, places),
        "title": title,
        "foot": f"{timestamp(market.as_of)} · {words.disclaimer}",
        "watermark": watermark,
        "unit": words.relief if in_relief else f"{words.usd} per {height:.2%} of price",
        "strip": f"{words.reached_both if bars.has_realised(liquidations) else words.reached}"
        f"{_cut_off(bars.strip_top(liquidations))}",
        "stands": f"stands in a row{_cut_off(profile_top(np.add(*standing_rows(heatmap_then, window))))}",
    }
    pointer: dict[str, Any] = {
        "start": window.start,
        "end": window.end,
        "below": below,
        "step": window.step,
        "bottom": float(np.log(window.edges[0])),
        "height": height,
        "top": window.top,
        "last": market.price,
        "format": f",.{places}f",
        "first": epoch_milliseconds(pd.DatetimeIndex(heatmap.market.visible.index[:1]))[0],
        "bar": heatmap.market.bar.total_seconds() * 1000,
        "bars": int(numbers.max(initial=0)) + 1,
        "said": words.said,
        "gone": words.gone,
        "gone_how": words.gone_how,
        **_usual_text(usual),
        "klines": klines,
        "realised": realised,
        **({} if readout is None else readout.constants),
    }
    strip = {"url": bars.strip_image(liquidations, numbers, light)}
    return {name: pd.DataFrame([row]) for name, row in (("frame", frame), ("pointer", pointer), ("strip", strip))}


def description(heatmap: Heatmap) -> str:
    """Return the chart's accessible name: what it shows, and where the same is said in words.

    It is part of the specification, so it contains nothing that a refresh, a step through time or another timeframe
    changes: for another specification Streamlit compiles a new view.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> description(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1))[:31]
    'Estimated liquidation heatmap o'
    """
    market = heatmap.market
    return (
        f"{WORDS[heatmap.kind].heading} of {market.symbol} from {market.source}: dollars that would be force-closed "
        "by price and time, candles over them, what stands at the right edge, what was liquidated in each bar below. "
        "Price and the nearest strong zones are written above it, all zones on the page Top zones."
    )


def profile(heatmap: Heatmap, window: Window, readout: Readout | None = None) -> pd.DataFrame:
    """Return what stands at the heatmap's last bar by drawn row.

    Columns: row; usd; share, of the profile's width; reach, USD from price to it; below, whether it lies below the
    price; band, the leverage band that dominates it at the end of the bar's column, counted from one, zero without a
    readout.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> profile(heatmap, window(heatmap))["share"].max()
    np.float32(1.0)
    """
    end = epoch_milliseconds(pd.DatetimeIndex(heatmap.times[-1:]))[0]
    column = int(np.clip((end - window.start) // window.step, 0, len(window.long) - 1))
    long, short = standing_rows(heatmap, window)
    total = long + short
    below = np.sqrt(window.edges[:-1] * window.edges[1:]) < heatmap.market.price
    reach = np.where(below, np.cumsum((long * below)[::-1])[::-1], np.cumsum(short * ~below))
    frame = pd.DataFrame(
        {
            "row": np.arange(len(total), dtype=np.int16),
            "usd": total.astype(np.float32),
            "share": np.clip(total / profile_top(total), 0, 1).astype(np.float32),
            "reach": reach.astype(np.float32),
            "below": below.astype(np.int8),
            "band": np.zeros(len(total), np.int8) if readout is None else readout.bands[column],
        }
    )
    return frame[total > 0].reset_index(drop=True)


def profile_top(total: np.ndarray) -> float:
    """Return the USD of a row that fills the profile's width; the few bigger ones are cut off there.

    >>> profile_top(np.array([0.0, 5.0, 5.0]))
    5.0
    """
    return max(float(np.quantile(total[total > 0], 0.99)), 1.0) if (total > 0).any() else 1.0


def _cut_off(top: float) -> str:
    """Return where a scale ends, in words; nothing for the least top, of a scale on which nothing is."""
    return f", cut off at {money(top)}" if top > 1 else ""


def _or_hidden(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return a frame, or where it is empty one row that nobody sees.

    Streamlit takes an empty dataset for one that changed, at every rerun, and Vega then works out again whatever is
    looked up in it; and Vega warns of an axis without an extent.
    """
    return frame if len(frame) else pd.DataFrame([{**dict.fromkeys(frame.columns, 0.0), **values}])


def _usual_text(usual: dict[str, np.ndarray] | None) -> dict[str, str]:
    """Return the usual dollars by side as text for the chart's row of constants, nearest first, on a log scale."""
    if usual is None:
        return {}
    known = {side: floored_usual(usual[side])[: max(1, int(np.isfinite(usual[side]).sum()))] for side in SIDES}
    logs = [np.rint(np.log(np.maximum(known[side], 1e-3)) * USUAL_STEPS).astype(int) for side in ("short", "long")]
    return {"usual": ";".join(",".join(map(str, side)) for side in logs)}
