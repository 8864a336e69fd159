"""The heatmap: where positions would be force-closed, by price and time."""

import streamlit as st

import liq
from liq import controls
from liq.charts import export, heat, picture
from liq.summary import summarise

view = controls.view()
heatmap = controls.heatmap(view)
market = heatmap.market
zones = liq.top_zones(heatmap, price=market.price)

controls.header(view, heatmap, summarise(heatmap, zones))

drawn, data = controls.chart_data(view, heatmap)
st.vega_lite_chart(
    spec={**heat.spec(), "datasets": data},
    key="heatmap_chart",
    alt=heat.description(heatmap, zones),
)
st.caption(
    f"{picture.hides(drawn.total, view.threshold)} "
    "Ctrl or Cmd with the wheel zooms, drag pans, double click refits. Times are UTC."
)
controls.downloads(
    f"{market.base}_{view.timeframe}",
    {
        "Heat CSV": ("heat.csv", lambda: export.heat_csv(drawn)),
        "Heat JSON": ("heat.json", lambda: export.heat_json(heatmap, drawn)),
        "Zones CSV": ("zones.csv", lambda: export.zones_csv(zones)),
        "Zones JSON": ("zones.json", lambda: export.zones_json(heatmap, zones)),
    },
)
