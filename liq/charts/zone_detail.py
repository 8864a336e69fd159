"""Details of one zone: its dollars over the window with the price, and its positions in words."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import altair as alt
import pandas as pd
from altair import expr

from liq.charts.colors import ACCENT, FAINT, INK
from liq.charts.marks import CLOCK, moment_tooltip
from liq.charts.panel import dark_panel
from liq.formatting import decimals, epoch_milliseconds, money, percent, price, timestamp
from liq.model.heatmap import Heatmap, Holders
from liq.sources.titles import source_title
from liq.wording import ESTIMATE, WORDS
from liq.zones.details import MIDDLE_SHARE, ZoneDetails, zone_details, zone_history
from liq.zones.ranking import SIDES

HEIGHT = 200


class ZonePanel(NamedTuple):
    """Hold what is shown of one zone: its range, figures (label, value, small print), sentences, the chart's data."""

    title: str
    figures: tuple[tuple[str, str, str], ...]
    sentences: tuple[str, ...]
    data: dict[str, pd.DataFrame]


def zone_panel(heatmap: Heatmap, zones: pd.DataFrame, row: int) -> ZonePanel:
    """Return what is shown of the zone in that row of `top_zones`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"))
    >>> [label for label, _, _ in zone_panel(heatmap, liq.top_zones(heatmap), 0).figures]
    ['Through it', 'In the last hour', 'In the last day', 'Leverage']
    """
    zone, detail = zones.iloc[row], zone_details(heatmap, zones.iloc[[row]])[0]
    side, low, high = str(zone["side"]), float(zone["low"]), float(zone["high"])
    history = zone_history(heatmap, side, low, high)
    frame = history.assign(time=epoch_milliseconds(pd.DatetimeIndex(history.index))).reset_index(drop=True)
    places = decimals(heatmap.market.price, heatmap.market.tick)
    title = f"{price(low, places)} to {price(high, places)}"
    ends = pd.DataFrame({"low": [low], "high": [high]})
    sentences = _sentences(heatmap, side, detail)
    if (held := heatmap.holders(SIDES[side], low, high)) is not None:
        sentences += (_holders_sentence(held),)
    return ZonePanel(title, _figures(detail), sentences, {"history": frame, "zone": ends})


def _holders_sentence(held: Holders) -> str:
    """Return who has positions in a zone, in one sentence."""
    who = f"{held.accounts:,} accounts, the largest with {percent(held.largest, 0, sign=False)} of it"
    cross = percent(held.cross, 0, sign=False)
    return f"{'One account' if held.accounts == 1 else who}; {cross} on cross margin, where a level is an account's."


def _figures(detail: ZoneDetails) -> tuple[tuple[str, str, str], ...]:
    """Return the zone's figures: label, value, small print."""
    largest_band = max(detail.leverage, key=lambda name: detail.leverage[name])
    return (
        ("Through it", money(detail.through), "from price to far edge"),
        ("In the last hour", _signed(detail.change_hour), "at the same prices"),
        ("In the last day", _signed(detail.change_day), "at the same prices"),
        ("Leverage", largest_band, f"{percent(detail.leverage[largest_band], 0, sign=False)} of it"),
    )


def _signed(usd: float) -> str:
    """Return dollars with their sign."""
    return f"{'+' if usd > 0 else ''}{money(usd)}"


def _sentences(heatmap: Heatmap, side: str, detail: ZoneDetails) -> tuple[str, ...]:
    """Return sentences on the zone's positions."""
    market = heatmap.market
    places = decimals(market.price, market.tick)
    positions, move = ("Shorts", "rises") if side == "above" else ("Longs", "falls")
    mix = ", ".join(f"{name} {percent(share, 0, sign=False)}" for name, share in detail.leverage.items())
    shares = [f"{source_title(name)} {percent(share, 0, sign=False)}" for name, share in detail.venues.items()]
    middle = percent(MIDDLE_SHARE, 0, sign=False)
    return (
        f"{positions} trapped if price {move} there: the middle {middle} opened at {price(detail.entry_low, places)} "
        f"to {price(detail.entry_high, places)}, {WORDS[heatmap.kind].since} {timestamp(detail.opened_from)} "
        f"to {timestamp(detail.opened_to)}.",
        f"Leverage: {mix}.",
        *([f"Venues: {', '.join(shares)}."] if len(shares) > 1 else []),
    )


@cache
def spec(kind: str = ESTIMATE) -> dict[str, Any]:
    """Return the chart's Vega-Lite specification, whose data are `ZonePanel.data`; kind : of map.

    >>> spec()["height"]
    200
    """
    frame = alt.Chart(alt.NamedData(name="history"))
    time = alt.X(
        "time:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            grid=False,
            labelColor=FAINT,
            labelOverlap=True,
            tickCount=expr("max(3, width / 140)"),
            labelExpr=CLOCK,
        ),
    )
    usd = alt.Y(
        "usd:Q",
        title=WORDS[kind].in_zone,
        axis=alt.Axis(
            grid=True,
            gridOpacity=0.15,
            labelColor=FAINT,
            titleColor=ACCENT,
            tickCount=4,
            labelExpr="replace(replace(format(datum.value, '$.3~s'), 'G', 'B'), 'k', 'K')",
        ),
    )
    price_axis = alt.Y(
        "price:Q",
        title="Price",
        scale=alt.Scale(zero=False),
        axis=alt.Axis(orient="right", grid=False, labelColor=FAINT, titleColor=INK, tickCount=4, format=",~r"),
    )
    near = alt.selection_point(
        name="near", fields=["time"], nearest=True, on="pointermove", clear="pointerout", empty=False
    )
    tooltip = [
        moment_tooltip("time", "UTC"),
        alt.Tooltip("usd:Q", title=WORDS[kind].usd, format="$,.3s"),
        alt.Tooltip("price:Q", title="Price", format=",~r"),
    ]
    area = frame.mark_area(color=ACCENT, opacity=0.35, line={"color": ACCENT, "strokeWidth": 1}, tooltip=None)
    band = alt.Chart(alt.NamedData(name="zone")).mark_rect(color=ACCENT, opacity=0.12, tooltip=None)
    line = frame.mark_line(color=INK, strokeWidth=1, tooltip=None)
    rule = frame.mark_rule(color=INK, strokeDash=[3, 3])
    here = alt.OpacityValue(0, condition={"param": "near", "empty": False, "value": 0.6})
    chart = alt.layer(
        alt.layer(area.encode(time, usd), rule.encode(time, here, tooltip=tooltip).add_params(near)),
        alt.layer(
            band.encode(alt.Y("low:Q", scale=alt.Scale(zero=False)), alt.Y2("high:Q")), line.encode(time, price_axis)
        ),
    ).resolve_scale(y="independent")
    result: dict[str, Any] = chart.properties(height=HEIGHT).configure_view(stroke=None).to_dict()
    return dark_panel(result)
