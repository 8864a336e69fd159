"""Trapped positions: how much of what is held is under water, and where it was opened."""

from __future__ import annotations

import threading

import streamlit as st
from cachetools import LRUCache, cached

from liq.app.parts.style import METRIC_STYLE
from liq.charts import trapped as charts
from liq.charts.colors import on_ground
from liq.formatting import age, escape_markdown, money, whole_percent
from liq.market import SIDES, Market
from liq.positions import Positions
from liq.sources.titles import source_title
from liq.validation.positions.trapped import LARGEST, Trapped, trapped

ABOUT = (
    "Longs opened above the present price and shorts opened below it lose, at prices that the accounts state. Bars: "
    "dollars at the price they were opened at, longs upwards, shorts downwards; faint is in profit. Lines: the share "
    f"of each side that would be under water if price were there. The {LARGEST} largest accounts are apart, "
    "since one account is not a crowd. Being under water forces nobody: a liquidation price does."
)


def trapped_positions(positions: Positions | None, market: Market, light: bool) -> None:
    """Draw what is under water in the last snapshot at or before the market's moment; nothing where there is none."""
    found = positions and _trapped(positions, market)
    if not positions or not found:
        return
    st.subheader("Trapped", help=ABOUT)
    with st.container(horizontal=True, gap="small"):
        for side in SIDES:
            share, usd = found.shares[side]["all"], found.usd[side]
            st.metric(
                f"{side.capitalize()}s under water",
                whole_percent(share),
                f"{money(usd.loc['all', 'under'])} of {money(usd.loc['all'].sum())}",
                **METRIC_STYLE,
            )
        total = found.usd.sum(axis=1)
        st.metric(
            f"{found.accounts['largest']} largest accounts",
            whole_percent(total["largest"] / total["all"]),
            f"of {money(total['all'])} seen",
            **METRIC_STYLE,
        )
    st.caption(
        escape_markdown(
            f"{found.sentence} Of what was seen on {source_title(positions.source)}, "
            f"{age(found.time, market.as_of)} old."
        )
    )
    data = charts.datasets(found, market.tick)
    with st.container(gap=None):
        for panel in charts.PANELS:
            st.vega_lite_chart(
                spec={
                    **on_ground(charts.spec(panel), light),
                    "datasets": {panel: data[panel], "price": data["price"]},
                },
                key=f"trapped_{panel}",
                # without figures: with another name Streamlit compiles another view
                alt=f"Positions in {market.base} by the price they were opened at: "
                f"{charts.TITLES.get(panel, 'shares under water at a price')}; the figures are written above.",
            )


@cached(LRUCache(8), condition=threading.Condition())
def _trapped(positions: Positions, market: Market) -> Trapped | None:
    return trapped(positions, market.base, float(market.price), market.as_of + market.bar)
