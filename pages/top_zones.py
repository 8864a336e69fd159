"""The biggest zones above and below the price, strongest first."""

import streamlit as st

import liq
from liq import controls
from liq.charts import export

view = controls.view()
heatmap = controls.heatmap(view)
market = heatmap.market
zones = liq.top_zones(heatmap, price=market.price)

st.subheader("Current anchor")
controls.live_price(market, view)
st.caption("Zones are ranked around the price of the last bar. Bigger bars = stronger level.")
controls.zone_table("Above price (potential squeeze zones)", zones, "above", heatmap)
controls.zone_table("Below price (potential flush zones)", zones, "below", heatmap)
controls.downloads(
    f"{market.base}_{view.timeframe}",
    {
        "Zones CSV": ("zones.csv", lambda: export.zones_csv(zones)),
        "Zones JSON": ("zones.json", lambda: export.zones_json(heatmap, zones)),
    },
)
