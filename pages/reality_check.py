"""The reality check: the map on screen, scored against what really happened."""

import streamlit as st

from liq import controls, reality
from liq.charts import skill as charts
from liq.errors import LiqError

RIGHT = {"alignment": "right", "width": "medium"}
COLUMNS = {
    "": st.column_config.TextColumn("", width="medium"),
    "Spearman": st.column_config.TextColumn(
        help="Rank correlation of dollars per bar: 1 is the same order.", **RIGHT
    ),
    "R² of log dollars": st.column_config.TextColumn(
        help="Share of the variance of log10 dollars that is explained, as printed: nothing is rescaled. Below zero: "
        "the average would have been closer.",
        **RIGHT,
    ),
    "Estimated over realised": st.column_config.TextColumn(help="Dollars in all; 1 is right.", **RIGHT),
    "Added, points of R²": st.column_config.TextColumn(help="What it adds to range and volume.", **RIGHT),
}

TOUCHES = {
    "": st.column_config.TextColumn("", width="medium"),
    **{
        name: st.column_config.TextColumn(alignment="right", width="small")
        for name in ("Zones", "Other levels", "Difference, points", "Cases")
    },
}

view = controls.view()
heatmap = controls.heatmap(view)
market = heatmap.market

st.subheader("Was it right about how much, and when?")
own = st.session_state.get("realised")
try:
    base = reality.ground(heatmap, own and own.getvalue(), own.name if own else "")
    report = base and reality.score(base)
except LiqError as error:
    base = report = None
    st.info(f"{controls.escape(str(error))} A longer timeframe has more.", icon=":material/hourglass_empty:")
else:
    if base is None:
        st.info(
            "This source publishes no realised liquidations, so there is nothing to score the map against here. "
            "Gate, Kraken Futures and the simulated market do; a file of your own can carry them.",
            icon=":material/hearing_disabled:",
        )
if base and report:
    sides, data = charts.names(report), charts.datasets(report)
    alt = charts.description(report, market.symbol)
    with st.container(horizontal=True, gap="small"):
        with st.container(width=168):
            controls.live_price(market, view)
        for label, value, second in charts.headline(report):
            st.metric(label, value, second, **controls.PLAIN)
    st.markdown(f"**{controls.escape(report.sentence)}**")
    st.caption(controls.escape(f"{base.remark} {charts.period(report)}".strip()))
    left, right = st.columns([7, 4])
    step = charts.lengths(report, charts.bars_per_step(report))
    left.caption(f"Liquidated per {step}. Filled: realised. Line: estimated. Log scale.")
    for side in sides:
        left.vega_lite_chart(spec={**charts.over_time(side), "datasets": data[side]}, key=f"skill_{side}", alt=alt)
    right.caption(f"Each {charts.lengths(report)} a point. Dashed: where both are equal.")
    right.vega_lite_chart(spec={**charts.scatter(sides), "datasets": data["scatter"]}, key="skill_scatter", alt=alt)
    st.dataframe(charts.table(report), hide_index=True, height="content", column_config=COLUMNS)
    st.caption("In brackets: 95 % intervals from drawing whole days again.")

st.subheader("Was it right about where?")
with st.spinner("Following the strongest zones forward from when they were first named"):
    found = reality.follow(heatmap)
st.markdown(f"**{controls.escape(found.sentence)}**")
st.caption(controls.escape(charts.followed(found)))
st.dataframe(charts.touch_table(found), hide_index=True, height="content", column_config=TOUCHES)
