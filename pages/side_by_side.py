"""Two heatmaps side by side: two tickers, venues, timeframes or moments, on one axis of prices for one coin."""

import streamlit as st

from liq.app import chart_cache, controls, session_cache
from liq.app.compared import right_heatmap, right_view
from liq.app.current_market import chart_data, load_heatmap, shown_positions
from liq.app.live_price import live_price
from liq.app.parts.downloads import downloads
from liq.app.parts.figures import figures_line
from liq.charts.heatmap import data as heatmap_data
from liq.errors import LiqError
from liq.formatting import escape_markdown
from liq.wording import HATCHED, WORDS

view = controls.view()
heatmap = load_heatmap(view)
live_price(heatmap.market, view)
other = right_view(view)
if other == view:
    st.caption("Choose another ticker, source, timeframe, map or moment for the second chart.")
try:
    others_heatmap, others_positions = right_heatmap(other, view, heatmap)
except LiqError as error:
    st.error(escape_markdown(str(error)), icon=":material/error:")
    st.caption("Choose another ticker or source for the second chart.")
    st.stop()
halves = (("left", view, heatmap, shown_positions()), ("right", other, others_heatmap, others_positions))
prices = chart_cache.shared_prices(heatmap, others_heatmap, view.whole)
for column, (side, half, whole, made_of) in zip(st.columns(2), halves, strict=True):
    with column:
        then, moment = session_cache.heatmap_as_of(half, whole)
        now, _ = session_cache.book_summary(then)
        st.caption(f"{moment} {escape_markdown(figures_line(then, now.above, now.below))}")
        _, _, tables = chart_data(half, whole, then, prices=prices, made_of=made_of)
        with st.container(key=f"{side}_panel"):
            st.vega_lite_chart(
                spec={**chart_cache.chart_spec(view.light), "datasets": tables},
                key=f"{side}_chart",
                alt=heatmap_data.description(whole),
                height="stretch",
            )
kinds = dict.fromkeys(half[2].kind for half in halves)
said = " ".join(f"{WORDS[kind].about_all.capitalize()}." for kind in kinds)
if len(kinds) > 1:
    said = "One chart is an estimate, the other shows real positions, as their legends say."
if not all(half[2].known.all() for half in halves):
    said += f" {HATCHED}"
st.caption(
    "Prices are on one axis where both charts show one coin, and a shorter timeframe fills less of it. Each chart "
    "has its own colours, as its legend says. Green: shorts above the price; red: longs below it; rings: the largest "
    f"realised liquidations, where the source has them. {said} Times are UTC."
)
downloads(f"{heatmap.market.base}_{view.timeframe}", {})
