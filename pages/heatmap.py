"""The heatmap: where positions would be force-closed, by price and time."""

import streamlit as st

from liq import controls, labels, shared
from liq.charts import export, heat, layers, picture, still
from liq.scenario import scenario
from liq.zones import NEAR, totals

view = controls.view()
heatmap = controls.heatmap(view)
market, zones = heatmap.market, shared.zones(heatmap)
now, stands = scenario(heatmap, zones=zones), totals(heatmap)
places = labels.decimals(market.price, market.tick)

with st.container(horizontal=True, gap="small"):
    with st.container(width=168):
        controls.live_price(market, view)
    for side, zone in (("above", now.above), ("below", now.below)):
        st.metric(
            f"Strong zone {side}",
            "none" if zone is None else labels.price(zone["peak"], places),
            None if zone is None else f"{labels.percent(zone['distance'])} · {labels.money(zone['usd'])}",
            help=f"The nearest strong zone {side} the price: its peak, the way to its near edge, its dollars. "
            "An estimate.",
            **controls.PLAIN,
        )
    st.metric(
        f"Balance in ±{NEAR:.0%}",
        f"{labels.percent(stands.balance, 0, sign=False)} shorts",
        f"{labels.money(stands.near_above)} vs {labels.money(stands.near_below)}",
        help="Shorts that stand near above the price against longs near below it. An estimate.",
        **controls.PLAIN,
    )
    st.metric(
        "Anchored",
        labels.percent(heatmap.anchored, 0, sign=False),
        "to open interest",
        help="Share of the window whose openings were read from open interest; the rest is judged by volume.",
        **controls.PLAIN,
    )

drawn, data = controls.chart_data(view, heatmap)
st.vega_lite_chart(
    spec={**layers.spec(), "datasets": data}, key="heatmap_chart", alt=heat.description(heatmap, zones)
)
st.caption(
    f"{controls.escape(picture.hides(drawn.total, view.threshold))} "
    "Ctrl or Cmd with the wheel zooms, drag pans, double click refits. Times are UTC."
)
controls.downloads(
    f"{market.base}_{view.timeframe}",
    {
        "Heat CSV": ("heat.csv", lambda: export.heat_csv(heatmap, drawn)),
        "Heat JSON": ("heat.json", lambda: export.heat_json(heatmap, drawn)),
        "Zones CSV": ("zones.csv", lambda: export.zones_csv(heatmap, zones)),
        "Zones JSON": ("zones.json", lambda: export.zones_json(heatmap, zones)),
        "Estimate PNG": ("heatmap.png", lambda: still.png(layers.still(), data, 1600, 860)),
    },
)
