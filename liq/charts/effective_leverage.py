"""Nominal beside effective leverage of real positions as drawn: shares of dollars by class."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd
from altair import expr

from liq.charts.colors import FAINT, POSITIONS
from liq.charts.panel import dark_panel
from liq.formatting import whole_percent
from liq.validation.positions.margin import LeverageShares, leverage_names

NAMES = {"nominal": "as the account set it", "effective": "as its liquidation price says"}


def datasets(found: LeverageShares) -> dict[str, pd.DataFrame]:
    """Return the chart's data by name: `shares`, a row a class and kind of leverage.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> from liq.validation.positions.margin import leverage_shares
    >>> positions = simulated_positions(simulate("BTC", "1d", now="2026-09-01"))
    >>> datasets(leverage_shares(positions, "BTC"))["shares"]["share"].sum().round(6).item()
    2.0
    """
    frames = [
        pd.DataFrame(
            {
                "leverage": found.table.index,
                "kind": name,
                "share": found.table[kind].to_numpy(),
                "words": [whole_percent(share) for share in found.table[kind]],
            }
        )
        for kind, name in NAMES.items()
    ]
    return {"shares": pd.concat(frames, ignore_index=True)}


@cache
def spec(height: int = 260) -> dict[str, Any]:
    """Return the chart's Vega-Lite specification, whose data are `datasets`.

    >>> spec()["height"]
    260
    """
    kinds = list(NAMES.values())
    base = alt.Chart(alt.NamedData(name="shares")).encode(
        alt.X(
            "leverage:N",
            title=None,
            sort=leverage_names(),
            axis=alt.Axis(labelAngle=0, labelColor=FAINT, labelOverlap=True, ticks=False),
        ),
        alt.XOffset("kind:N", sort=kinds),
        alt.Y(
            "share:Q",
            title="Share of dollars",
            axis=alt.Axis(format=".0%", gridOpacity=0.15, labelColor=FAINT, tickCount=4),
        ),
    )
    legend = alt.Legend(orient="top", title=None, labelLimit=300, columns=expr("width < 500 ? 1 : 2"))
    bars = base.mark_bar().encode(
        alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[FAINT, POSITIONS]), legend=legend),
        tooltip=[
            alt.Tooltip("leverage:N", title="Leverage"),
            alt.Tooltip("kind:N", title=" "),
            alt.Tooltip("words:N", title="Share of dollars"),
        ],
    )
    result: dict[str, Any] = bars.properties(height=height).configure_view(stroke=None).to_dict()
    return dark_panel(result)
