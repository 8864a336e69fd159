"""The biggest zones above and below the price, strongest first."""

import streamlit as st

from liq import controls, shared
from liq.charts import export
from liq.charts.zones import side
from liq.labels import money
from liq.notes import desk_notes
from liq.scenario import NAMES, scenario
from liq.zones import totals

COLUMNS = {
    "range": st.column_config.TextColumn("Range", alignment="right", width=150),
    "strength": st.column_config.ProgressColumn("Strength", format=" ", min_value=0, max_value=1, width=130),
    "usd": st.column_config.TextColumn("Estimate", alignment="right", width=75),
    "distance": st.column_config.TextColumn("From price", alignment="right", width=75, help="To the near edge."),
    "share": st.column_config.TextColumn("Of its side", alignment="right", width=75),
    "leverage": st.column_config.TextColumn("Leverage", alignment="right", width=75, help="Weighted by dollars."),
    "age": st.column_config.TextColumn("Age", alignment="right", width=60, help="Weighted by dollars."),
    "status": st.column_config.TextColumn("Status", width=90, help="Whether price has been there since."),
}

view = controls.view()
heatmap = controls.heatmap(view)
market, zones = heatmap.market, shared.zones(heatmap)
now, stands = scenario(heatmap, zones=zones), totals(heatmap)

with st.container(horizontal=True, gap="small"):
    with st.container(width=168):
        st.markdown("**Current anchor**")
        controls.live_price(market, view)
    with st.container(width=520):
        st.markdown(f"**Scenario: {NAMES[now.name]}**")
        st.caption(controls.escape(" ".join([now.why, *now.conditions])))
st.caption("Bigger bars = stronger level. Zones are ranked around the price of the last bar; all are estimates.")

for name, heading, total in (
    ("above", "Above price (potential squeeze zones)", stands.above),
    ("below", "Below price (potential flush zones)", stands.below),
):
    st.subheader(heading)
    st.markdown(f"Total heat **{controls.escape(money(total))}**")
    rows = side(heatmap, zones, name)
    if rows.empty:
        st.caption("Nothing stands out on this side in this window.")
    else:
        st.dataframe(rows, hide_index=True, height="content", column_config=COLUMNS, column_order=list(COLUMNS))

st.subheader("Desk notes")
notes = desk_notes(heatmap, zones=zones)
for note in notes:
    st.markdown(controls.escape(note.sentence), help=note.rule)
if not notes:
    st.caption("No absorption, migration or confluence in this window.")
controls.downloads(
    f"{market.base}_{view.timeframe}",
    {
        "Zones CSV": ("zones.csv", lambda: export.zones_csv(heatmap, zones)),
        "Zones JSON": ("zones.json", lambda: export.zones_json(heatmap, zones)),
    },
)
