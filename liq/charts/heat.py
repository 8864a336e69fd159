"""The heatmap chart: one picture of heat, candles over it, and what stands now at its right edge.

The specification never changes; everything that does travels as data, so that Streamlit updates the live
view instead of building a new one. `spec` is that constant, `datasets` are the data of one view.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair import expr

from liq.charts import picture, pointer, readout
from liq.charts.labels import decimals, milliseconds, money, price, when
from liq.charts.window import Window
from liq.heatmap import Heatmap

UP, DOWN, INK, FAINT, GROUND, ACCENT = "#36dcc0", "#ff5d73", "#e6e9ef", "#8b93a5", "#0b0e14", "#f7a941"
"""Rising or short, falling or long; teal against red stays apart for every common colour blindness."""

PROFILE = 0.13
"""Share of the plot's width that the standing book may take."""

STRIP = 0.13
"""Share of the plot's height that the liquidations per bar take."""

HEIGHT = 620
"""Pixels of the chart, with title and legend."""

ABOVE = 62
"""Pixels over the plot for title and legend."""

LEGEND = 180
"""Pixels of the colour ramp."""

TICKS = (0.0, 0.5, 1.0)
"""Where on the ramp dollars are written."""

DISCLAIMER = "Estimated structure, not a guarantee; education and entertainment only."


def datasets(
    heatmap: Heatmap,
    window: Window,
    changes: pd.DataFrame,
    *,
    threshold: int = 0,
    more_heat: int = 0,
    klines: bool = True,
    title: str = "",
    watermark: str = "",
) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name; `changes` is `readout.encode(window)`.

    threshold : per cent of visible cells to leave dark; more_heat : 0 to 100, lifts the faint.
    """
    market = heatmap.market
    floor = picture.hidden_below(window.total, threshold)
    indices = picture.levels(window.total, window.top, more_heat, floor)
    power = picture.exponent(more_heat)
    last = float(market.price)
    places = decimals(last, market.tick)
    height = float(np.log(window.edges[-1] / window.edges[0]) / (len(window.edges) - 1))
    frame: dict[str, Any] = {
        "start": window.start,
        "end": window.end,
        "room": window.end + (window.end - window.start) * PROFILE / (1 - PROFILE),
        "low": float(window.edges[0]),
        "high": float(window.edges[-1]),
        # the strip's share of the height lies under the lowest row
        "floor": float(np.exp(np.log(window.edges[0]) - height * (len(window.edges) - 1) * STRIP / (1 - STRIP))),
        "url": picture.picture(indices),
        "ramp": picture.legend(),
        "price": last,
        "label": price(last, places),
        "title": title,
        "foot": f"{when(market.as_of)} · {DISCLAIMER}",
        "watermark": watermark,
        "unit": f"Estimated USD per {height:.2%} of price",
        "strip": "liquidated per bar, estimated" + (" up, realised down" if market.liquidations is not None else ""),
    }
    cell: dict[str, Any] = {
        "start": window.start,
        "step": window.step,
        "bottom": float(np.log(window.edges[0])),
        "height": height,
        "top": window.top,
        "last": last,
        "format": f",.{places}f",
    }
    ticks = pd.DataFrame(
        {
            "at": [LEGEND * share for share in TICKS],
            "usd": [money(window.top * share ** (1 / power)) for share in TICKS],
        }
    )
    return {
        "frame": pd.DataFrame([frame]),
        "candles": candles(heatmap, klines, f",.{places}f", window.step),
        "profile": profile(heatmap, window, places),
        "cells": changes.assign(
            start=window.start, step=window.step, bottom=cell["bottom"], height=height, top=window.top
        ),
        "pointer": pd.DataFrame([cell]),
        "ticks": ticks,
    }


def description(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    """Return the chart's accessible name: what it shows, and the strongest zone on each side."""
    market = heatmap.market
    places = decimals(float(market.price), market.tick)
    strongest = zones.drop_duplicates("side")
    found = [
        f"strongest zone {side} price {money(usd)} at {price(peak, places)}"
        for side, usd, peak in zip(strongest["side"], strongest["usd"], strongest["peak"], strict=True)
    ]
    return (
        f"Estimated liquidation heatmap of {market.symbol} from {market.source}: "
        f"price {price(float(market.price), places)}; " + ("; ".join(found) or "no zone stands out") + "."
    )


def candles(heatmap: Heatmap, shown: bool, style: str, step: float) -> pd.DataFrame:
    """Return the visible bars: time in milliseconds, prices, and USD liquidated as shares of the strip's height."""
    market = heatmap.market
    bars = market.visible
    swept = heatmap.swept.loc[bars.index]
    real = None if market.liquidations is None else market.liquidations.reindex(bars.index)
    most = float(swept.sum(axis=1).quantile(0.995))
    if real is not None:
        most = max(most, float(np.nan_to_num(real.sum(axis=1, min_count=1).quantile(0.995))))
    prices = bars[["open", "high", "low", "close"]].to_numpy(np.float32)
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"])
    frame.insert(0, "t", milliseconds(pd.DatetimeIndex(bars.index)))
    for prefix, table in (("est", swept), ("real", real)):
        for side in ("long", "short"):
            values = np.full(len(bars), np.nan) if table is None else table[side].to_numpy()
            frame[f"{prefix}_{side}"] = values.astype(np.float32)
    frame["most"] = np.float32(max(most, 1.0))
    frame["shown"] = np.int8(shown)
    return frame.assign(step=np.float32(step), format=style)


def profile(heatmap: Heatmap, window: Window, places: int) -> pd.DataFrame:
    """Return what stands at the last bar by drawn row, with its leverage and the dollars from price to it."""
    long, short = window.long[-1], window.short[-1]
    total = long + short
    middle = np.sqrt(window.edges[:-1] * window.edges[1:])
    last = float(heatmap.market.price)
    below = middle < last
    reach = np.where(below, np.cumsum((long * below)[::-1])[::-1], np.cumsum(short * ~below))
    most = max(float(np.quantile(total[total > 0], 0.99)), 1.0) if (total > 0).any() else 1.0
    frame = pd.DataFrame(
        {
            "low": window.edges[:-1],
            "high": window.edges[1:],
            "share": np.clip(total / most, 0, 1).astype(np.float32),
            "side": np.where(below, "Longs", "Shorts"),
            "usd": [money(value) for value in total],
            "reach": [money(value) for value in reach],
            "range": [
                f"{price(a, places)} to {price(b, places)}"
                for a, b in zip(window.edges[:-1], window.edges[1:], strict=True)
            ],
        }
    )
    return frame[total > 0]


@cache
def spec(height: int = HEIGHT) -> dict[str, Any]:
    """Return the chart's Vega-Lite specification, whose data are `datasets`."""
    chart = (
        alt.layer(*_ground(), *_strip(), *_candles(), *_price(), *_profile(), *_crosshair(), *_legend())
        .add_params(*pointer.follow())
        .properties(
            height=height,
            padding=alt.Padding(top=ABOVE, left=4, right=4, bottom=26),
            usermeta={"embedOptions": {"renderer": "canvas"}},
        )
        .configure_view(stroke=None)
    )
    built: dict[str, Any] = chart.to_dict()
    return built


def _data(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _side(test: str) -> dict[str, Any]:
    return {"value": DOWN, "condition": {"test": test, "value": UP}}


def _ground() -> list[alt.Chart]:
    base = _data("frame")
    time = alt.X(
        "start:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(grid=False, tickCount=expr("max(3, width / 140)"), labelOverlap=True, labelColor=FAINT),
    )
    cost = alt.Y(
        "low:Q",
        title=None,
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(
            orient="right",
            grid=False,
            tickCount=9,
            labelColor=FAINT,
            labelExpr="format(datum.value, datum.value >= 100 ? ',.2~f' : datum.value >= 1 ? '.4~f' : '.9~f')",
        ),
    )
    heat = base.mark_image(aspect=False, smooth=False, tooltip=None).encode(
        time, alt.X2("end:T"), cost, alt.Y2("high:Q"), alt.Url("url:N")
    )
    return [
        heat,
        base.mark_point(opacity=0, tooltip=None).encode(alt.X("room:T"), alt.Y("floor:Q")),
        base.mark_text(fontSize=44, fontWeight="bold", color=INK, opacity=0.13, tooltip=None).encode(
            alt.XValue(expr(f"width * {(1 - PROFILE) / 2}")),
            alt.YValue(expr("height * .25")),
            alt.Text("watermark:N"),
        ),
    ]


def _candles() -> list[alt.Chart]:
    base = (
        _data("candles")
        .transform_filter("datum.shown === 1")
        .transform_calculate(
            mid="datum.t + datum.step / 2", a="datum.t + datum.step * .12", b="datum.t + datum.step * .88"
        )
    )
    color = alt.ColorValue(**_side("datum.close >= datum.open"))
    return [
        base.mark_rule(strokeWidth=1, tooltip=None).encode(alt.X("mid:T"), alt.Y("low:Q"), alt.Y2("high:Q"), color),
        base.mark_rect(strokeWidth=0, tooltip=None).encode(
            alt.X("a:T"), alt.X2("b:T"), alt.Y("open:Q"), alt.Y2("close:Q"), color
        ),
    ]


def _strip() -> list[alt.Chart]:
    """Draw the liquidations of each bar in pixels, so that the strip stays put while prices are panned."""
    # where nothing realised is known, the estimate has the strip to itself
    base = (
        _data("candles")
        .transform_calculate(a="datum.t + datum.step * .1", b="datum.t + datum.step * .9")
        .transform_calculate(known="isValid(datum.real_long) || isValid(datum.real_short)")
        .transform_joinaggregate([alt.JoinAggregateFieldDef(op="max", field="known", **{"as": "both"})])
    )
    line = f"height * (1 - {STRIP} * (datum.both ? .45 : 0))"
    up = f"height * {STRIP} * (datum.both ? .5 : .9) / datum.most"
    down = f"height * {STRIP} * .42 / datum.most"
    layers = [
        _data("frame")
        .mark_rect(color=GROUND, strokeWidth=0, tooltip=None, clip=True)
        .encode(
            alt.XValue(0),
            alt.X2Value(expr("width")),
            alt.YValue(expr(f"height * (1 - {STRIP})")),
            alt.Y2Value(expr("height")),
        )
    ]
    for kind, sign, pixels, opacity in (("est", "-", up, 0.85), ("real", "+", down, 0.85)):
        first, second = (
            f"min(datum.{kind}_long, datum.most)",
            f"min(datum.{kind}_long + datum.{kind}_short, datum.most)",
        )
        for low, high, color in (("0", first, DOWN), (first, second, UP)):
            layers.append(
                base.transform_filter(f"isValid(datum.{kind}_long)")
                .mark_rect(strokeWidth=0, opacity=opacity, color=color, tooltip=None, clip=True)
                .encode(
                    alt.X("a:T"),
                    alt.X2("b:T"),
                    alt.YValue(expr(f"{line} {sign} {pixels} * {low}")),
                    alt.Y2Value(expr(f"{line} {sign} {pixels} * {high}")),
                )
            )
    return [
        *layers,
        _data("frame")
        .mark_text(align="left", baseline="top", dx=6, dy=3, color=FAINT, fontSize=10, tooltip=None)
        .encode(alt.XValue(0), alt.YValue(expr(f"height * (1 - {STRIP})")), alt.Text("strip:N")),
    ]


def _price() -> list[alt.Chart]:
    base = _data("frame")
    return [
        base.mark_rule(strokeDash=[4, 3], color=INK, opacity=0.8, tooltip=None).encode(alt.Y("price:Q")),
        base.mark_text(align="left", dx=6, dy=-8, color=INK, fontSize=12, fontWeight="bold", tooltip=None).encode(
            alt.XValue(0), alt.Y("price:Q"), alt.Text("label:N")
        ),
    ]


def _profile() -> list[alt.Chart]:
    return [
        _data("profile")
        .mark_rect(strokeWidth=0, opacity=0.85)
        .encode(
            alt.Y("low:Q"),
            alt.Y2("high:Q"),
            alt.XValue(expr("width")),
            alt.X2Value(expr(f"width * (1 - {PROFILE} * .94 * datum.share)")),
            alt.ColorValue(**_side("datum.side === 'Shorts'")),
            [
                alt.Tooltip("range:N", title="Price"),
                alt.Tooltip("side:N", title="Would be closed"),
                alt.Tooltip("usd:N", title="Estimate here"),
                alt.Tooltip("reach:N", title="From price to here"),
            ],
        )
    ]


def _crosshair() -> list[alt.Chart]:
    """Draw the crosshair, and in its corner the candle, the cell and the liquidations under the pointer."""
    on, one = pointer.ON, _data("pointer")
    line: dict[str, Any] = {"color": INK, "strokeDash": [3, 3], "opacity": expr(f"{on} ? .5 : 0"), "tooltip": None}
    style: dict[str, Any] = {
        **{"align": "left", "baseline": "top", "fontSize": 12, "font": "monospace"},
        **{"lineBreak": "\n", "tooltip": None},
    }
    x, y = expr(f"{on} ? {pointer.X} : -9"), expr(f"{on} ? {pointer.Y} : -9")
    narrow = "width < 620"
    wrap = f"({narrow} ? '\\n' : '  ')"
    candle = [
        f"'{name[0].upper()} ' + format(datum.{name}, datum.format)" for name in ("open", "high", "low", "close")
    ]
    ohlc = f"utcFormat(datum.t, '%d %b %H:%M') + {wrap} + {candle[0]} + '  ' + {candle[1]}"
    ohlc += f" + {wrap} + {candle[2]} + '  ' + {candle[3]}"
    gone = f"'est. liquidated: L ' + {_usd('datum.est_long')} + ' S ' + {_usd('datum.est_short')}"
    gone += f" + (isValid(datum.real_long) ? {wrap} + 'realised: L ' + {_usd('datum.real_long')}"
    gone += f" + ' S ' + {_usd('datum.real_short')} : '')"
    away = f"format({pointer.PRICE} / datum.last - 1, '+.2%')"
    here = f"{on} && datum.t <= {pointer.TIME} && {pointer.TIME} < datum.t + datum.step"
    value = readout.transforms(_data("cells").transform_filter(on), pointer.ROW, pointer.COLUMN)
    bar = _data("candles").transform_filter(here)
    return [
        one.mark_rule(**line).encode(alt.XValue(x), alt.YValue(0), alt.Y2Value(expr("height"))),
        one.mark_rule(**line).encode(alt.YValue(y), alt.XValue(0), alt.X2Value(expr("width"))),
        one.mark_rect(
            color=GROUND, strokeWidth=0, cornerRadius=3, tooltip=None, opacity=expr(f"{on} ? .8 : 0")
        ).encode(
            alt.XValue(6),
            alt.X2Value(expr(f"{narrow} ? 226 : 470")),
            alt.YValue(5),
            alt.Y2Value(expr(f"{narrow} ? 124 : 62")),
        ),
        bar.mark_text(**style, color=INK).encode(alt.XValue(12), alt.YValue(9), alt.TextValue(expr(ohlc))),
        one.mark_text(**style, color=ACCENT, opacity=expr(f"{on} ? 1 : 0")).encode(
            alt.XValue(12),
            alt.YValue(expr(f"{narrow} ? 55 : 26")),
            alt.TextValue(expr(f"{on} ? 'at ' + format({pointer.PRICE}, datum.format) + ' ' + {away} : ''")),
        ),
        value.mark_text(**style, color=ACCENT).encode(
            alt.XValue(expr(f"{narrow} ? 12 : 190")),
            alt.YValue(expr(f"{narrow} ? 71 : 26")),
            alt.TextValue(expr(f"'longs ' + {_usd('datum.long')} + '  shorts ' + {_usd('datum.short')}")),
        ),
        bar.mark_text(**style, color=FAINT).encode(
            alt.XValue(12), alt.YValue(expr(f"{narrow} ? 90 : 43")), alt.TextValue(expr(gone))
        ),
    ]


def _usd(value: str) -> str:
    """Return the expression that writes dollars in three digits; Vega's own letters say k and G."""
    short = f"format({value}, '$.3~s')"
    return f"({value} > 0 ? replace(replace({short}, 'G', 'B'), 'k', 'K') : '$0')"


def _legend() -> list[alt.Chart]:
    base = _data("frame")
    small: dict[str, Any] = {"baseline": "alphabetic", "fontSize": 11, "color": FAINT, "clip": False, "tooltip": None}
    return [
        base.mark_text(**{**small, "fontSize": 13, "fontWeight": "bold", "color": INK}, align="left").encode(
            alt.XValue(0), alt.YValue(-44), alt.Text("title:N")
        ),
        base.mark_image(
            aspect=False, width=LEGEND, height=8, align="left", baseline="top", clip=False, tooltip=None
        ).encode(alt.XValue(0), alt.YValue(-32), alt.Url("ramp:N")),
        _data("ticks")
        .mark_text(**small, align=expr("datum.at > 0 ? (datum.at < 180 ? 'center' : 'right') : 'left'"))
        .encode(alt.XValue(expr("datum.at")), alt.YValue(-11), alt.Text("usd:N")),
        base.mark_text(**small, align="left").encode(alt.XValue(LEGEND + 10), alt.YValue(-24), alt.Text("unit:N")),
        base.mark_text(**{**small, "fontSize": 10}, align="left").encode(
            alt.XValue(0), alt.YValue(expr("height + 40")), alt.Text("foot:N")
        ),
    ]
