"""The constant specification of the heatmap chart: its layers, from the image up to the pointer's readout.

The page reads it from ``spec.json`` beside this file, which a test keeps in step. After a change here:
``python -m liq.charts.heatmap.layers``.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
from altair import expr

from liq.charts.colors import ACCENT, FAINT, GROUND, INK
from liq.charts.heatmap import pointer, zoom
from liq.charts.heatmap.data import HEIGHT, PROFILE
from liq.charts.heatmap.picture import LEGEND
from liq.charts.heatmap.pointer import NARROW
from liq.charts.heatmap.strips import liquidated, panels
from liq.charts.heatmap.strips.timed_bars import ONE, timed_bars, with_transforms_once
from liq.charts.heatmap.zoom import FRAME
from liq.charts.marks import CLOCK, named_data, side_color, usd_text
from liq.charts.panel import dark_panel
from liq.model.leverage_bands import BANDS

PRICES = 66
"""Width in pixels kept for the price axis and the tag of the last price."""

FIRST = "heat"
"""Name of the layer that the parameters belong to."""


@cache
def spec() -> dict[str, Any]:
    """Return the chart's Vega-Lite specification, whose data are `data.datasets`.

    It depends on nothing, so that Streamlit keeps the view in the browser alive and sends new data only.

    >>> spec() is spec()
    True
    """
    return _assemble(
        [*_all_layers(), *pointer.crosshair(), panels.panel_readout(pointer.ON, pointer.TIME, pointer.X), *_legend()],
        *pointer.crosshair_params(),
        zoom.goes_to_param(),
        zoom.zoom_param(),
    )


@cache
def static_spec() -> dict[str, Any]:
    """Return the same chart without crosshair and readout, for a saved picture.

    >>> len(static_spec()["layer"]) < len(spec()["layer"])
    True

    >>> "params" in static_spec()
    True
    """
    return _assemble([*_all_layers(zooms=False), *_legend()])


def _all_layers(zooms: bool = True) -> list[alt.Chart]:
    """Return all layers but the crosshair and the legend, bottom first."""
    return [
        *_heat(zooms),
        *_untested(),
        liquidated.line_layer(),
        liquidated.zone_box_layer(),
        *liquidated.strip(),
        *panels.panel_layers(),
        *_candles(),
        liquidated.ring_layer(),
        *_dimmed(),
        *_price_line(),
        *_profile(),
    ]


def _assemble(layers: list[alt.Chart], *params: Any) -> dict[str, Any]:
    """Return layers and parameters as one specification.

    They are assembled as plain data: Altair's own layering copies all of them several times, which takes
    twice as long as everything else.
    """
    dicts = [layer.to_dict(validate=False) for layer in layers]
    parts = [{name: part for name, part in layer.items() if name not in ("$schema", "config")} for layer in dicts]
    return dark_panel(
        {
            "$schema": dicts[0]["$schema"],
            # on a canvas nobody reads a mark's description, and Vega would write all of them anew at every pan
            "config": {"view": {**dicts[0]["config"]["view"], "stroke": None}, "aria": False},
            "height": HEIGHT,
            "padding": {"top": 4, "left": 4, "right": 4, "bottom": 4},
            "usermeta": {"embedOptions": {"renderer": "canvas"}},
            "params": [{**param.param.to_dict(), "views": [FIRST]} for param in params],
            "layer": with_transforms_once([{**parts[0], "name": FIRST}, *parts[1:]]),
        }
    )


def _heat(zooms: bool) -> list[alt.Chart]:
    """Return the heat image, the point that makes room for profile and strip, and the watermark."""
    base = named_data("frame")
    across, down = ({"domainRaw": zoom.zoomed_domain(channel)} if zooms else {} for channel in ("x", "y"))
    time = alt.X(
        "start:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False, **across),
        axis=alt.Axis(
            grid=False,
            tickCount=expr("max(3, width / 140)"),
            labelOverlap=True,
            labelBound=True,  # one that sticks out would push the whole plot aside
            labelColor=FAINT,
            # one time axis, under heat and strip; the profile beside them has none
            labelExpr=f"scale('x', datum.value) > width * {1 - PROFILE} ? '' : {CLOCK}",
            ticks=False,
            domain=False,
            labelPadding=6,
        ),
    )
    digits = "datum.value >= 100 ? ',.2~f' : datum.value >= 1 ? '.4~f' : '.9~f'"
    cost = alt.Y(
        "low:Q",
        title=None,
        # rows are equal ratios of price, so they are equally high
        scale=alt.Scale(type="log", nice=False, **down),
        axis=alt.Axis(
            orient="right",
            grid=False,
            minExtent=PRICES,  # wider labels would move the plot, and with it whatever was zoomed to
            maxExtent=PRICES,
            tickCount=9,
            labelColor=FAINT,
            # the strip below the heat has no prices
            labelExpr=f"scale('y', datum.value) > height * (1 - ({ONE} || {{}}).below) || "
            f"abs(scale('y', datum.value) - scale('y', ({FRAME} || {{}}).price)) < 11 ? '' : "  # its tag is there
            f"format(datum.value, {digits})",
            ticks=False,
        ),
    )
    name = base.mark_text(fontSize=44, fontWeight="bold", color=INK, opacity=0.13, tooltip=None)
    return [
        base.mark_rect(opacity=0, tooltip=None).encode(time, alt.X2("end:T"), cost, alt.Y2("high:Q")),
        base.mark_point(opacity=0, tooltip=None).encode(alt.X("room:T"), alt.Y("floor:Q")),
        base.mark_point(opacity=0, tooltip=None).encode(alt.X("start:T"), alt.Y("ceiling:Q")),
        # the constants come before what is worked out from them
        named_data("pointer").mark_point(opacity=0, tooltip=None),
        named_data("picture")
        .mark_image(aspect=False, smooth=False, tooltip=None, clip=True)
        .encode(
            alt.XValue(expr(f"scale('x', {FRAME}.start)")),
            alt.X2Value(expr(f"scale('x', {FRAME}.end)")),
            alt.YValue(expr(f"scale('y', {FRAME}.high)")),
            alt.Y2Value(expr(f"scale('y', {FRAME}.low)")),
            alt.Url("url:N"),
        ),
        name.encode(
            alt.XValue(expr(f"width * {(1 - PROFILE) / 2}")),
            alt.YValue(expr("height * .25")),
            alt.Text("watermark:N"),
        ),
    ]


def _untested() -> list[alt.Chart]:
    """Return layers that dim the levels beyond the tested distance from price; nothing where all are tested."""
    veil = named_data("frame").mark_rect(color=GROUND, strokeWidth=0, tooltip=None)
    opacity = alt.Opacity("veil:Q", scale=None, legend=None)
    return [
        veil.encode(alt.X("start:T"), alt.X2("end:T"), alt.Y("low:Q"), alt.Y2("tested_low:Q"), opacity),
        veil.encode(alt.X("start:T"), alt.X2("end:T"), alt.Y("tested_high:Q"), alt.Y2("high:Q"), opacity),
    ]


def _candles() -> list[alt.Chart]:
    """Return wicks and bodies."""
    base = timed_bars("mid", "a", "b", where=f"{ONE}.klines")
    color = side_color("datum.close >= datum.open")
    return [
        base.mark_rule(strokeWidth=1, tooltip=None).encode(alt.X("mid:T"), alt.Y("low:Q"), alt.Y2("high:Q"), color),
        base.mark_rect(strokeWidth=0, tooltip=None).encode(
            alt.X("a:T"), alt.X2("b:T"), alt.Y("open:Q"), alt.Y2("close:Q"), color
        ),
    ]


def _dimmed() -> list[alt.Chart]:
    """Return a layer that dims what came after the shown moment; at present that is nothing."""
    base = named_data("frame")
    past = "datum.since < datum.end"
    veil = base.mark_rect(color=GROUND, opacity=0.68, strokeWidth=0, tooltip=None)
    line = base.mark_rule(color=ACCENT, opacity=expr(f"{past} ? .7 : 0"), tooltip=None)
    return [
        veil.encode(alt.X("since:T"), alt.X2("end:T"), alt.YValue(0), alt.Y2Value(expr("height"))),
        line.encode(alt.X("since:T"), alt.YValue(0), alt.Y2Value(expr("height"))),
    ]


def _price_line() -> list[alt.Chart]:
    """Return the price line and its label."""
    base = named_data("frame")
    style: dict[str, Any] = {
        "align": "left",
        "baseline": "middle",
        "dx": 5,
        "fontSize": 11,
        "fontWeight": "bold",
        "tooltip": None,
        "clip": False,
    }
    # a tag on the axis: the same text first in the background's colour and much wider, over the axis' own labels
    halo = base.mark_text(stroke=GROUND, strokeWidth=9, strokeJoin="round", **style)
    label = base.mark_text(color=ACCENT, **style)
    at = (alt.XValue(expr("width")), alt.Y("price:Q"), alt.Text("label:N"))
    return [
        base.mark_rule(strokeDash=[4, 3], color=INK, opacity=0.8, tooltip=None).encode(alt.Y("price:Q")),
        base.transform_filter("datum.goes").mark_rule(color=ACCENT, tooltip=None).encode(alt.Y("goes:Q")),
        halo.encode(*at),
        label.encode(*at),
    ]


def _profile() -> list[alt.Chart]:
    """Return the profile of the standing book at the right edge."""
    edge = f"exp({ONE}.bottom + (datum.row + {{}}) * {ONE}.height)"
    rows = (
        named_data("profile")
        .transform_calculate(low=edge.format(0), high=edge.format(1))
        .transform_calculate(
            range=f"format(datum.low, {ONE}.format) + ' to ' + format(datum.high, {ONE}.format)",
            side="datum.below ? 'Longs' : 'Shorts'",
            here=f"{usd_text('datum.usd')} + ', ' + {ONE}.said",
            so_far=usd_text("datum.reach"),
            mostly=f"datum.band > 0 ? [{', '.join(map(repr, BANDS))}][datum.band - 1] : 'not told'",
        )
    )
    tooltip = [
        alt.Tooltip("range:N", title="Price"),
        alt.Tooltip("side:N", title="Would be closed"),
        alt.Tooltip("here:N", title="Dollars here"),
        alt.Tooltip("mostly:N", title="Mostly"),
        alt.Tooltip("so_far:N", title="From price to here"),
    ]
    return [
        rows.mark_rect(strokeWidth=0, opacity=0.85).encode(
            alt.Y("low:Q"),
            alt.Y2("high:Q"),
            alt.XValue(expr("width")),
            alt.X2Value(expr(f"width * (1 - {PROFILE * 0.94} * datum.share)")),
            side_color("!datum.below"),
            tooltip,
        )
    ]


def _legend() -> list[alt.Chart]:
    """Return title, colour ramp and foot outside the plot, so that they are in a saved picture too."""
    base = named_data("frame")
    small: dict[str, Any] = {
        **{"baseline": "alphabetic", "fontSize": 11, "color": FAINT},
        **{"align": "left", "clip": False, "tooltip": None},
    }
    ramp = base.mark_image(
        aspect=False, width=LEGEND, height=8, align="left", baseline="top", clip=False, tooltip=None
    )
    title = base.mark_text(**{**small, "fontSize": 13, "fontWeight": "bold", "color": INK})
    align = expr(f"datum.at === 0 ? 'left' : datum.at < {LEGEND} ? 'center' : 'right'")
    return [
        title.encode(alt.XValue(0), alt.YValue(-44), alt.Text("title:N")),
        ramp.encode(alt.XValue(0), alt.YValue(-32), alt.Url("ramp:N")),
        named_data("ticks")
        .mark_text(**{**small, "align": align})
        .encode(alt.XValue(expr("datum.at")), alt.YValue(-11), alt.Text("usd:N")),
        base.mark_text(**small).encode(alt.XValue(LEGEND + 10), alt.YValue(-24), alt.Text("unit:N")),
        base.mark_text(**{**small, "align": "right", "fontSize": 10}).encode(
            alt.XValue(expr("width")), alt.YValue(-6), alt.TextValue(expr(f"{NARROW} ? '' : datum.stands"))
        ),
        base.mark_text(**{**small, "fontSize": 10}, lineBreak="\n").encode(
            alt.XValue(0),
            alt.YValue(expr("height + 36")),
            alt.TextValue(expr(f"{NARROW} ? replace(datum.foot, ' · ', '\\n') : datum.foot")),
        ),
    ]


if __name__ == "__main__":
    Path(__file__).with_name("spec.json").write_text(json.dumps(spec(), indent=1) + "\n", encoding="utf-8")
