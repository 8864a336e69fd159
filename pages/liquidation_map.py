"""The liquidation map: dollars by price now, by leverage, and added up outward from the price."""

import streamlit as st

from liq import controls, shared
from liq.charts import depth
from liq.labels import money
from liq.zones import totals

view = controls.view()
heatmap = controls.heatmap(view)
near = totals(heatmap)

with st.container(horizontal=True, gap="small"):
    with st.container(width=168):
        controls.live_price(heatmap.market, view)
    st.metric("Shorts above, estimated", money(near.above), f"{money(near.near_above)} within 5 %", **controls.PLAIN)
    st.metric("Longs below, estimated", money(near.below), f"{money(near.near_below)} within 5 %", **controls.PLAIN)
st.vega_lite_chart(
    spec={**depth.spec(tuple(shared.BANDS)), "datasets": depth.datasets(heatmap, shared.BANDS)},
    key="depth_chart",
    alt=f"Estimated liquidations of {heatmap.market.symbol} by price: {money(near.above)} of shorts above, "
    f"{money(near.below)} of longs below.",
)
st.caption(
    "Bars: what would be force-closed if price got there, by leverage. Lines: everything from the price to there. "
    "One move does not close it all: positions close by choice on the way, and new ones open."
)
