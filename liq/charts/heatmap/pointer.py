"""The crosshair: the signals through which a chart knows the pointer's position, and what it reads there.

Two invisible one-axis brushes follow the pointer; Vega-Lite names their pixel ends `across_x[1]` and
`down_y[1]`. No document promises those names, so they are used here only and a browser test checks them. One
two-axis brush instead fails in the browser's console when the pointer moves exactly along an axis.
"""

from __future__ import annotations

import altair as alt

from liq.charts.heatmap.readout import BAND, BLOCK, LONG, LONGS, REST, SHORT, SHORTS, SIGNS

ON = "isArray(across_x) && isArray(down_y) && across_x[1] > 0 && down_y[1] > 0"
"""Vega expression: whether the pointer is over the chart; by position, since every mark restarts the brush."""

X, Y = "across_x[1]", "down_y[1]"
TIME, PRICE = f"+invert('x', {X})", f"invert('y', {Y})"

ONE = "data('pointer')[0]"
"""Vega expression: the chart's one-row dataset of constants, which a column would repeat on every row."""

COLUMN = f"floor(({TIME} - {ONE}.start) / {ONE}.step)"
ROW = f"floor((log({PRICE}) - {ONE}.bottom) / {ONE}.height)"
"""The cell under the pointer; the price axis is logarithmic, so rows are of equal height."""


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


def transforms(chart: alt.Chart) -> alt.Chart:
    """Return the chart with its data (lines of `Readout`) turned into what `read` returns, for the pointer's cell.

    >>> len(transforms(alt.Chart(alt.NamedData(name="cells"))).to_dict(validate=False)["transform"])
    18
    """
    size = len(SIGNS)
    high, low = (
        f"indexof({SIGNS!r}, slice({ONE}.closes, {at}, {at} + 1))" for at in (f"2 * {COLUMN}", f"2 * {COLUMN} + 1")
    )
    first, last = f"({BLOCK} * floor(datum.row / {BLOCK}))", f"({BLOCK} * floor(datum.row / {BLOCK}) + {BLOCK - 1})"
    of_side = "(datum.close > datum.here ? {} : {})"
    between = "datum.row >= datum.low && datum.row <= datum.high"
    whole = "{} >= datum.low && {} <= datum.high"
    usd = f"(datum.steps > 0 ? {ONE}.least * exp((datum.steps - 1) * {ONE}.unit) : 0)"
    return (
        # Vega may run a formula again on rows that it has run on before, so none writes over what it reads
        chart.transform_calculate(here=ROW, close=f"{high} * {size} + {low}")
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
            groupby=["kind", "row", "between", "at"],
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
            ]
        )
    )
