"""The liquidation map: dollars by price now, by leverage or venue, and added up outward from the price."""

from functools import partial

import streamlit as st

from liq.app import chart_cache, controls, session_cache
from liq.app.current_market import heatmap_at_moment, load_heatmap, shown_positions
from liq.app.live_price import live_price
from liq.app.parts.downloads import downloads
from liq.app.parts.positions.trapped import trapped_positions
from liq.app.parts.price_goes_to import if_price_goes_to, price_field, take_chosen_price
from liq.app.parts.style import METRIC_STYLE
from liq.app.real_positions import layer_positions
from liq.charts import liquidation_map
from liq.charts.colors import on_ground
from liq.charts.heatmap.data import GOES_TO
from liq.charts.positions import positions_sentences
from liq.formatting import escape_markdown, money, percent, timestamp
from liq.sources.titles import market_title
from liq.wording import WORDS
from liq.zones.liquidation_map import extend_book, open_interest_usd

ABOUT_SIDE = (
    "Everything from the price to the end of the range. A contract is one long and one short, so each side is "
)
ABOUT_SIDE += "compared with all open interest. "

ABOUT_RANGE = "Beyond ±15 % the map has not been compared with known positions."

view = controls.view()
heatmap = heatmap_at_moment(view, load_heatmap(view))
words = WORDS[heatmap.kind]
head = st.container(horizontal=True, gap="small")
with st.container(horizontal=True, vertical_alignment="bottom"):
    bound = {"bind": "query-params"}
    reach = st.slider(
        "Range around the price", 2, 50, 15, format="±%d %%", key="reach", width=300, help=ABOUT_RANGE, **bound
    )
    book = extend_book(heatmap, reach / 100)
    stacks, by = liquidation_map.groupings(book), "Leverage"
    if len(stacks) > 1:
        by = st.segmented_control("Stacked by", list(stacks), default=by, required=True, key="by", **bound)
panel, below_chart = st.container(key="map_panel"), st.container()
caption = below_chart.container()
target = None
if heatmap.market is st.session_state.current_market[1]:
    with below_chart:  # drawn first, as the chart marks the price that is chosen here
        target = price_field(heatmap.market)
        if target:
            if_price_goes_to(heatmap, session_cache.strongest_zones(heatmap), target, shown_positions())
positions = layer_positions(view, heatmap)
data = liquidation_map.datasets(book, by, reach / 100, view.untested, positions, target)
above, below = liquidation_map.cumulative_ends(data["sums"])
with head:
    with st.container(width=168):
        live_price(heatmap.market, view)
    for label, usd in ((f"Shorts to +{reach} %", above), (f"Longs to -{reach} %", below)):
        share = usd / open_interest_usd(book)
        said = f"{percent(share, 1, sign=False)} of open interest" if share >= 0 else "open interest unknown"
        st.metric(label, money(usd), said, help=ABOUT_SIDE + words.note, **METRIC_STYLE)
panel.vega_lite_chart(
    spec={**on_ground(liquidation_map.spec(tuple(stacks[by]), heatmap.kind), view.light), "datasets": data},
    key="depth_chart",
    # without figures: with another name Streamlit compiles another view
    alt=f"{words.at_price} of {heatmap.market.symbol}, shorts above it and longs below; the sums are "
    "written above the chart.",
    on_select=partial(take_chosen_price, "depth_chart", "at"),
    selection_mode=GOES_TO,
    height="stretch",
)
caption.caption(
    "Bars: what would be force-closed if price got there. Lines: everything from the price to there; point at the "
    "chart to read them, click to say where price goes. One move does not close it all: positions close by choice on "
    "the way, and new ones open. "
    f"{heatmap.levels_sentence} {heatmap.dollars_sentence}"
)
if positions is not None:
    said = positions_sentences(positions, heatmap.market, heatmap.market.source)
    most = money(data["positions"]["usd"].max())
    st.caption(escape_markdown(f"Blue outline: {' '.join(said)} On a scale of its own, the tallest is {most}."))
saved = {
    **liquidation_map.spec(tuple(stacks[by]), heatmap.kind),
    "title": {
        "text": f"Liquidation map, {market_title(heatmap.market, view.timeframe)}",
        "subtitle": f"{timestamp(heatmap.market.as_of)} · {words.disclaimer}",
    },
}
downloads(
    f"{heatmap.market.base}_{view.timeframe}",
    {words.png: ("map.png", lambda: chart_cache.chart_png(data, saved, view.light))},
)
trapped_positions(shown_positions() or positions, heatmap.market, view.light)
