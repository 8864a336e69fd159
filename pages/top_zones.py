"""The biggest zones above and below the price, strongest first."""

import streamlit as st

from liq import controls
from liq.charts import export
from liq.charts.labels import money
from liq.charts.zones import side

HEADINGS = {"above": "Above price (potential squeeze zones)", "below": "Below price (potential flush zones)"}
COLUMNS = {
    "strength": st.column_config.ProgressColumn("Strength", format=" ", min_value=0, max_value=1, width="small"),
    "usd": st.column_config.TextColumn("Estimate", alignment="right", width=70),
    "range": st.column_config.TextColumn("Range", alignment="right", width="medium"),
    "distance": st.column_config.TextColumn("From price", alignment="right", width=70, help="To the near edge."),
    "share": st.column_config.TextColumn("Of its side", alignment="right", width=70),
    "leverage": st.column_config.TextColumn("Leverage", alignment="right", width=70, help="Weighted by dollars."),
    "age": st.column_config.TextColumn("Age", alignment="right", width=60, help="When it was opened, on average."),
    "status": st.column_config.TextColumn("Status", width=80, help="Whether price has been there since."),
}

view = controls.view()
heatmap = controls.heatmap(view)
market, zones = heatmap.market, controls.zones(heatmap)

st.subheader("Current anchor")
controls.live_price(market, view)
st.caption("Zones are ranked around the price of the last bar. Bigger bars = stronger level.")
for name, heading in HEADINGS.items():
    total, rows = side(heatmap, zones, name)
    st.subheader(heading)
    st.metric("Total heat, estimated", money(total))
    if rows.empty:
        st.caption("Nothing stands out on this side in this window.")
    else:
        st.dataframe(rows, hide_index=True, height="content", column_config=COLUMNS)
controls.downloads(
    f"{market.base}_{view.timeframe}",
    {
        "Zones CSV": ("zones.csv", lambda: export.zones_csv(zones)),
        "Zones JSON": ("zones.json", lambda: export.zones_json(heatmap, zones)),
    },
)
