"""Layers of what happened: liquidations as bars and rings, real positions as lines, named zones as boxes."""

from __future__ import annotations

import altair as alt
from altair import expr

from liq.charts.colors import DOWN, FAINT, GROUND, INK, POSITIONS, UP
from liq.charts.heatmap.strips.bars import STRIP
from liq.charts.heatmap.strips.timed_bars import ONE
from liq.charts.marks import named_data


def strip() -> list[alt.Chart]:
    """Return the liquidations of each bar as layers in pixels, so that the strip stays while prices are panned.

    They are one picture (`bars.strip_image`): a mark for each bar and side, of which there may be thousands, takes a
    third of the time to draw the chart and to pan it.

    >>> len(strip())
    3
    """
    ceiling = f"height * (1 - {ONE}.below)"
    first, last = (f"scale('x', {ONE}.first{after})" for after in ("", f" + {ONE}.bars * {ONE}.bar"))
    ground = named_data("frame").mark_rect(color=GROUND, strokeWidth=0, tooltip=None, clip=True)
    bars = named_data("strip").mark_image(
        aspect=False,
        smooth=expr(f"{last} - {first} < {ONE}.bars"),  # else bars that share a pixel would hide one another
        tooltip=None,
        clip=True,
    )
    words = named_data("frame").mark_text(
        align="left", baseline="top", dx=6, dy=3, color=FAINT, fontSize=10, tooltip=None
    )
    return [
        ground.encode(
            alt.XValue(0), alt.X2Value(expr("width")), alt.YValue(expr(ceiling)), alt.Y2Value(expr("height"))
        ),
        bars.encode(
            alt.XValue(expr(first)),
            alt.X2Value(expr(last)),
            alt.YValue(expr(ceiling)),
            alt.Y2Value(expr(f"{ceiling} + height * {STRIP}")),
            alt.Url("url:N"),
        ),
        words.encode(alt.XValue(0), alt.YValue(expr(ceiling)), alt.Text("strip:N")),
    ]


def ring_layer() -> alt.Chart:
    """Return the layer of rings for realised liquidations, whose data are `bars.rings`.

    >>> ring_layer().to_dict(validate=False)["data"]
    {'name': 'rings'}
    """
    rings = named_data("rings").transform_filter(f"{ONE}.realised")
    marks = rings.mark_point(filled=False, clip=True, strokeWidth=1.5, opacity=0.8, tooltip=None)
    color = alt.ColorValue(
        INK,
        condition=[
            {"test": f"datum.kind === '{kind}'", "value": value} for kind, value in (("long", DOWN), ("short", UP))
        ],
    )
    return marks.encode(alt.X("time:T"), alt.Y("price:Q"), alt.Size("size:Q", scale=None, legend=None), color)


def zone_box_layer() -> alt.Chart:
    """Return the layer of zones that were named, whose data are `zone_boxes`; those that price reached are brighter.

    >>> zone_box_layer().to_dict(validate=False)["data"]
    {'name': 'zones'}
    """
    boxes = named_data("zones").mark_rect(filled=False, stroke=INK, strokeWidth=1, clip=True, tooltip=None)
    opacity = alt.Opacity("opacity:Q", scale=None, legend=None)
    return boxes.encode(alt.X("from:T"), alt.X2("to:T"), alt.Y("low:Q"), alt.Y2("high:Q"), opacity)


def line_layer() -> alt.Chart:
    """Return the layer of real positions on the heatmap, whose data are `heatmap_lines`.

    >>> line_layer().to_dict(validate=False)["data"]
    {'name': 'positions'}
    """
    lines = named_data("positions").mark_rule(color=POSITIONS, strokeWidth=2, clip=True, tooltip=None)
    opacity = alt.Opacity("strength:Q", scale=None, legend=None)
    return lines.encode(alt.X("from:T"), alt.X2("to:T"), alt.Y("price:Q"), opacity)
