"""The crosshair: the signals through which a chart knows the pointer's position, and what it reads there.

Two invisible one-axis brushes follow the pointer; Vega-Lite names their pixel ends `across_x[1]` and
`down_y[1]`. No document promises those names, so they are used here only and a browser test checks them. One
two-axis brush instead fails in the browser's console when the pointer moves exactly along an axis.
"""

from __future__ import annotations

from typing import Any

import altair as alt
from altair import expr

from liq.charts.colors import ACCENT, FAINT, GROUND, INK
from liq.charts.heatmap.data import PROFILE, USUAL_STEPS
from liq.charts.heatmap.readout import BAND, BLOCK, LONG, LONGS, REST, SHORT, SHORTS, SIGNS
from liq.charts.heatmap.strips.bars import LIQUIDATED, LOG_STEPS, LOG_UNIT
from liq.charts.heatmap.strips.timed_bars import ONE, timed_bars
from liq.charts.marks import named_data, usd_text
from liq.model.leverage_bands import BANDS

ON = "isArray(across_x) && isArray(down_y) && across_x[1] > 0 && down_y[1] > 0"
"""Vega expression: whether the pointer is over the chart; by position, since every mark restarts the brush."""

X, Y = "across_x[1]", "down_y[1]"
TIME, PRICE = f"+invert('x', {X})", f"invert('y', {Y})"

NARROW = "width < 620"
"""Vega expression: whether the readout has more, shorter lines."""

ASIDE = f"({X} < width * 0.4 && width > 1100 ? width * {1 - PROFILE} - 506 : 0)"
"""Vega expression: where the readout begins, left unless the pointer is there and the right has room."""

COLUMN = f"floor(({TIME} - {ONE}.start) / {ONE}.step)"
ROW = f"floor((log({PRICE}) - {ONE}.bottom) / {ONE}.height)"
"""The cell under the pointer; the price axis is logarithmic, so rows are of equal height."""


_HIGH, _LOW = (
    f"indexof({SIGNS!r}, slice({ONE}.closes, {at}, {at} + 1))" for at in (f"2 * {COLUMN}", f"2 * {COLUMN} + 1")
)
BELOW = f"({_HIGH} * {len(SIGNS)} + {_LOW})"
"""Vega expression: how many rows lie below the price at the end of the pointer's column."""


def crosshair_params() -> list[alt.Parameter]:
    """Return the parameters of the crosshair, to be added before the one that zooms.

    >>> [param.name for param in crosshair_params()]
    ['across', 'down']
    """
    brush = alt.BrushConfig(fillOpacity=0, strokeOpacity=0)
    return [
        alt.selection_interval(
            name=name,
            encodings=[channel],  # type: ignore[list-item]
            on="[pointerover, pointerout] > pointermove",
            clear="pointerout",
            zoom=False,
            translate=False,
            mark=brush,
        )
        for name, channel in (("across", "x"), ("down", "y"))
    ]


def crosshair() -> list[alt.Chart]:
    """Return the crosshair, and in its corner the candle, the cell and the liquidations under the pointer.

    >>> len(crosshair())
    6
    """
    one = named_data("pointer")
    line: dict[str, Any] = {"color": INK, "strokeDash": [3, 3], "opacity": expr(f"{ON} ? .5 : 0"), "tooltip": None}
    style: dict[str, Any] = {
        **{"align": "left", "baseline": "top", "fontSize": 12, "font": "monospace"},
        **{"lineBreak": "\n", "tooltip": None},
    }
    x, y = expr(f"{ON} ? {X} : -9"), expr(f"{ON} ? {Y} : -9")
    wrap = f"({NARROW} ? '\\n' : '  ')"
    four = [f"'{name[0].upper()} ' + format(datum.{name}, {ONE}.format)" for name in ("open", "high", "low", "close")]
    ohlc = f"utcFormat(datum.t, '%d %b %H:%M') + {wrap} + {four[0]} + '  ' + {four[1]} + {wrap} + {four[2]}"
    ohlc += f" + '  ' + {four[3]}"
    gone = f"({NARROW} ? '' : {ONE}.gone) + {ONE}.gone_how + ' L ' + {usd_text('datum.usd_est_long')}"
    gone += f" + ' S ' + {usd_text('datum.usd_est_short')}"
    gone += f" + (isValid(datum.real_long) ? {wrap} + 'realised L ' + {usd_text('datum.usd_real_long')}"
    gone += f" + ' S ' + {usd_text('datum.usd_real_short')}"
    gone += f" : isValid(datum.real_total) ? {wrap} + 'realised ' + {usd_text('datum.usd_real_total')} : '')"
    gone = f"(datum.hole ? 'no snapshot' : {gone})"
    bands = f"[{', '.join(map(repr, BANDS))}]"
    away = f"format({PRICE} / {ONE}.last - 1, '+.2%') + ' from now'"
    stands = f"'at ' + format({PRICE}, {ONE}.format) + ' ' + {away} + {wrap}"
    stands += f" + 'longs ' + {usd_text('datum.the_long')} + '  shorts ' + {usd_text('datum.the_short')} + '\\n'"
    stands += f" + (datum.the_band > 0 ? 'mostly ' + {bands}[datum.the_band - 1] + {wrap} : '')"
    stands += f" + 'from the price then to here ' + {usd_text('datum.the_reach')}"
    relief = "(datum.the_long + datum.the_short) / datum.usual"
    stands += f" + (datum.usual > 1 ? {wrap} + '×' + format({relief}, '.1f') + ' usual' : '')"
    bar = _with_usd(timed_bars("t", where=f"{ON} && datum.i === floor(({TIME} - {ONE}.first) / {ONE}.bar)"))
    cell = transforms(named_data("cells").transform_filter(ON))
    plate = one.mark_rect(color=GROUND, strokeWidth=0, cornerRadius=3, tooltip=None, opacity=expr(f"{ON} ? .88 : 0"))
    left = alt.XValue(expr(f"{ASIDE} + 12"))
    return [
        one.mark_rule(**line).encode(alt.XValue(x), alt.YValue(0), alt.Y2Value(expr("height"))),
        one.mark_rule(**line).encode(alt.YValue(y), alt.XValue(0), alt.X2Value(expr("width"))),
        plate.encode(
            alt.XValue(expr(f"{ASIDE} + 6")),
            alt.X2Value(expr(f"{ASIDE} + ({NARROW} ? 226 : 500)")),
            alt.YValue(5),
            alt.Y2Value(expr(f"{NARROW} ? 157 : 79")),
        ),
        # one mark for everything read of the cell: each further mark would run the readout's transforms again
        cell.mark_text(**style, color=ACCENT, lineHeight=17).encode(
            left, alt.YValue(expr(f"{NARROW} ? 55 : 26")), alt.TextValue(expr(stands))
        ),
        bar.mark_text(**style, color=INK).encode(left, alt.YValue(9), alt.TextValue(expr(ohlc))),
        bar.mark_text(**style, color=FAINT).encode(
            left, alt.YValue(expr(f"{NARROW} ? 122 : 60")), alt.TextValue(expr(gone))
        ),
    ]


def _with_usd(bars: alt.Chart) -> alt.Chart:
    """Return rows of candles with LIQUIDATED in USD as ``usd_est_long`` and so on; null if unknown."""
    # Vega may run a formula twice on the same rows, so a formula never overwrites its own input
    formula = "isValid(datum.{0}) ? {1} * (exp(datum.{0} / {2}) - 1) : null"
    return bars.transform_calculate(
        **{f"usd_{name}": formula.format(name, LOG_UNIT, LOG_STEPS) for name in LIQUIDATED}
    )


def transforms(chart: alt.Chart) -> alt.Chart:
    """Return the chart with its data (lines of `Readout`) turned into what `read` returns, for the pointer's cell.

    >>> len(transforms(alt.Chart(alt.NamedData(name="cells"))).to_dict(validate=False)["transform"])
    20
    """
    first, last = f"({BLOCK} * floor(datum.row / {BLOCK}))", f"({BLOCK} * floor(datum.row / {BLOCK}) + {BLOCK - 1})"
    of_side = "(datum.close > datum.here ? {} : {})"
    between = "datum.row >= datum.low && datum.row <= datum.high"
    whole = "{} >= datum.low && {} <= datum.high"
    usd = f"(datum.steps > 0 ? {ONE}.least * exp((datum.steps - 1) * {ONE}.unit) : 0)"
    return (
        # Vega may run a formula again on rows that it has run on before, so none writes over what it reads
        chart.transform_calculate(here=ROW, close=BELOW)
        .transform_calculate(
            low="min(datum.here, datum.close)", high="datum.close > datum.here ? datum.close - 1 : datum.here"
        )
        .transform_calculate(
            between=f"(datum.kind === {of_side.format(LONG, SHORT)} && {between}"
            f" && !({whole.format(first, last)})) || (datum.kind === {of_side.format(LONGS, SHORTS)}"
            f" && {whole.format(f'{BLOCK} * datum.row', f'{BLOCK} * datum.row + {BLOCK - 1}')})",
            at=f"datum.row === datum.here && datum.kind !== {LONGS} && datum.kind !== {SHORTS}",
        )
        .transform_filter(f"datum.between || datum.at || datum.kind === {REST}")
        .transform_calculate(signs="split(datum.text, '')")
        .transform_flatten(["signs"], as_=["sign"])
        .transform_lookup("sign", alt.LookupData(alt.NamedData("codes"), "sign", ["gap", "by"]))
        .transform_window(
            [alt.WindowFieldDef.from_dict({"op": "sum", "field": "gap", "as": "place"})],
            groupby=["kind", "row"],
            ignorePeers=True,
        )
        .transform_filter(f"datum.place <= {COLUMN}")
        .transform_aggregate(
            [alt.AggregatedFieldDef.from_dict({"op": "sum", "field": "by", "as": "steps"})],
            groupby=["kind", "row", "between", "at", "here", "close"],
        )
        .transform_calculate(
            long=f"datum.at && datum.kind === {LONG} ? {usd} : 0",
            short=f"datum.at && datum.kind === {SHORT} ? {usd} : 0",
            band=f"datum.kind === {BAND} ? datum.steps : 0",
            reach=f"datum.between ? {usd} : 0",
        )
        .transform_aggregate(
            [
                alt.AggregatedFieldDef.from_dict({"op": "sum", "field": name, "as": f"the_{name}"})
                for name in ("long", "short", "band", "reach")
            ],
            groupby=["here", "close"],
        )
        .transform_calculate(logs=f"split(split({ONE}.usual, ';')[datum.here < datum.close ? 1 : 0], ',')")
        .transform_calculate(
            usual="exp(+datum.logs[min(datum.here < datum.close ? datum.close - 1 - datum.here : datum.here -"
            f" datum.close, length(datum.logs) - 1)] / {USUAL_STEPS})"
        )
    )
