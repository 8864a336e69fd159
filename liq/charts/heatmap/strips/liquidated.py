"""Layers of what happened: liquidations as bars and rings, observed positions as lines, named zones as boxes."""

from __future__ import annotations

import altair as alt
from altair import expr

from liq.charts.colors import DOWN, FAINT, GROUND, INK, OBSERVED, UP
from liq.charts.heatmap.strips.bars import STRIP
from liq.charts.heatmap.strips.timed_bars import ONE, timed_bars
from liq.charts.marks import named_data

SIZE = 130
"""Area in square pixels of the ring for the dollars that fill the strip; area is in proportion to dollars."""


def strip() -> list[alt.Chart]:
    """Return the liquidations of each bar as layers in pixels, so that the strip stays while prices are panned.

    >>> len(strip())
    7
    """
    ceiling = f"height * (1 - {ONE}.below)"
    # where nothing realised is known, the estimate has the strip to itself
    line = f"height * (1 - {ONE}.below + {STRIP} * ({ONE}.both ? .55 : 1))"
    pixels = {
        "est": f"- height * {STRIP} * ({ONE}.both ? .42 : .8) / {ONE}.most",
        "real": f"+ height * {STRIP} * .42 / {ONE}.most",
    }
    ground = named_data("frame").mark_rect(color=GROUND, strokeWidth=0, tooltip=None, clip=True)
    layers = [
        ground.encode(
            alt.XValue(0), alt.X2Value(expr("width")), alt.YValue(expr(ceiling)), alt.Y2Value(expr("height"))
        )
    ]
    for kind, scale in pixels.items():
        longs = f"min(datum.usd_{kind}_long, {ONE}.most)"
        total = f"min(datum.usd_{kind}_long + datum.usd_{kind}_short, {ONE}.most)"
        parts = [("0", longs, DOWN, f"{kind}_long"), (longs, total, UP, f"{kind}_long")]
        if kind == "real":
            parts.append(("0", f"min(datum.usd_real_total, {ONE}.most)", FAINT, "real_total"))
        for low, high, color, known in parts:
            bar = timed_bars().transform_filter(f"isValid(datum.{known})")
            bar = bar.mark_rect(strokeWidth=0, opacity=0.85, color=color, tooltip=None, clip=True)
            foot, head = (alt.YValue(expr(f"{line} {scale} * {low}")), alt.Y2Value(expr(f"{line} {scale} * {high}")))
            layers.append(bar.encode(alt.X("a:T"), alt.X2("b:T"), foot, head))
    words = named_data("frame").mark_text(
        align="left", baseline="top", dx=6, dy=3, color=FAINT, fontSize=10, tooltip=None
    )
    return [*layers, words.encode(alt.XValue(0), alt.YValue(expr(ceiling)), alt.Text("strip:N"))]


def realised_rings() -> list[alt.Chart]:
    """Return a ring for the realised liquidations of a bar: longs at its low, shorts at its high, else at its close.

    A source states dollars per bar and no price, so a ring stands where the price was furthest that way. Only the
    largest of the window have one (`bars.RINGS`): many small ones would hide candles.

    >>> len(realised_rings())
    3
    """
    layers = []
    for kind, price, color in (("long", "low", DOWN), ("short", "high", UP), ("total", "close", INK)):
        usd = f"datum.usd_real_{kind}"
        ring = (
            timed_bars()
            .transform_filter(f"{ONE}.realised && {usd} >= {ONE}.ring * 0.995")
            .transform_calculate(size=f"{SIZE} * min({usd} / {ONE}.most, 2)")
            .mark_point(filled=False, clip=True, strokeWidth=1, opacity=0.8, color=color, tooltip=None)
        )
        layers.append(ring.encode(alt.X("mid:T"), alt.Y(f"{price}:Q"), alt.Size("size:Q", scale=None, legend=None)))
    return layers


def zone_box_layer() -> alt.Chart:
    """Return the layer of zones that were named, whose data are `zone_boxes`; those that price reached are brighter.

    >>> zone_box_layer().to_dict(validate=False)["data"]
    {'name': 'zones'}
    """
    boxes = named_data("zones").mark_rect(filled=False, stroke=INK, strokeWidth=1, clip=True, tooltip=None)
    opacity = alt.Opacity("opacity:Q", scale=None, legend=None)
    return boxes.encode(alt.X("from:T"), alt.X2("to:T"), alt.Y("low:Q"), alt.Y2("high:Q"), opacity)


def line_layer() -> alt.Chart:
    """Return the layer of observed dollars on the heatmap, whose data are `heatmap_lines`.

    >>> line_layer().to_dict(validate=False)["data"]
    {'name': 'observed'}
    """
    lines = named_data("observed").mark_rule(color=OBSERVED, strokeWidth=2, clip=True, tooltip=None)
    opacity = alt.Opacity("strength:Q", scale=None, legend=None)
    return lines.encode(alt.X("from:T"), alt.X2("to:T"), alt.Y("price:Q"), opacity)
