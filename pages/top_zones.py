"""The biggest zones above and below the price, strongest first."""

from functools import partial

import streamlit as st

from liq.app import controls, session_cache
from liq.app.current_market import heatmap_at_moment, load_heatmap
from liq.app.live_price import live_price
from liq.app.parts.downloads import downloads
from liq.app.parts.opened_zone import opened_row, remember_opened, table_key
from liq.app.parts.style import METRIC_STYLE
from liq.app.parts.track_record import track_record
from liq.app.real_positions import layer_positions
from liq.charts import zone_detail
from liq.charts.colors import on_ground
from liq.charts.positions import positions_sentences
from liq.charts.tables.zones import side_table
from liq.export import files
from liq.formatting import escape_markdown, money, naive_utc
from liq.wording import WORDS
from liq.zones.desk_notes import MEASURED, DeskNote, desk_notes
from liq.zones.ranking import side_totals
from liq.zones.scenario import NAMES, scenario

COLUMNS = {
    "range": st.column_config.TextColumn("Range", alignment="right", width=150),
    "strength": st.column_config.ProgressColumn("Strength", format=" ", min_value=0, max_value=1, width=130),
    "relief": st.column_config.TextColumn(
        "Relief",
        alignment="right",
        width=65,
        help="Times what is usual in as wide a range at this distance from price, in this window.",
    ),
    "usd": st.column_config.TextColumn("Dollars", alignment="right", width=75),
    "distance": st.column_config.TextColumn("From price", alignment="right", width=75, help="To the near edge."),
    "share": st.column_config.TextColumn("Of its side", alignment="right", width=75),
    "leverage": st.column_config.TextColumn("Leverage", alignment="right", width=75, help="Weighted by dollars."),
    "age": st.column_config.TextColumn("Age", alignment="right", width=60, help="Weighted by dollars."),
    "status": st.column_config.TextColumn("Status", width=90, help="Whether price has been there since."),
    "accounts": st.column_config.TextColumn("Accounts", alignment="right", width=75),
    "cross": st.column_config.TextColumn(
        "Cross",
        alignment="right",
        width=60,
        help="Share on cross margin: the price is where the whole account fails.",
    ),
    "positions": st.column_config.TextColumn(
        "Real",
        alignment="right",
        width=75,
        help="Dollars of real positions that would be force-closed in this range; not part of the estimate.",
    ),
    "evidence": st.column_config.TextColumn(
        "Evidence",
        width=95,
        help="Tested: within the distance from price that the data reach. Extrapolated: beyond it; listed only "
        "where a tested zone leaves room.",
    ),
}


RANKINGS = {
    "dollars": "Ranked by dollars.",
    "relief": "Ranked by relief: dollars as a multiple of what is usual at that distance from price in this window; "
    "zones under 1 % of their side are left out.",
}


def draw_detail(row: int) -> None:
    """Draw one zone in detail: its figures, who is trapped in it, and its dollars over the window."""
    panel = zone_detail.zone_panel(heatmap, zones, row)
    with st.container(border=True):
        st.markdown(f"**{escape_markdown(panel.title)}**")
        with st.container(horizontal=True, gap="small"):
            for label, value, small_print in panel.figures:
                st.metric(label, value, small_print, **METRIC_STYLE)
        for sentence in panel.sentences:
            st.caption(escape_markdown(sentence))
        st.vega_lite_chart(
            spec={**on_ground(zone_detail.spec(heatmap.kind), view.light), "datasets": panel.data},
            key=f"zone_chart_{zones['side'][row]}",
            alt=f"{words.in_zone}, over the window, with the price.",
        )


def link_to_chart(note: DeskNote) -> None:
    """Link to the heatmap as of the end of a note's event, or as of the moment that the page shows already."""
    shows_moment = view.as_of is not None or note.completed >= heatmap.times[-1]
    moment = {} if shows_moment else {"as_of": f"{naive_utc(note.completed):%Y-%m-%dT%H:%M}"}
    st.page_link("pages/heatmap.py", label="On the chart", icon=":material/grid_on:", query_params=moment)


view = controls.view()
heatmap = heatmap_at_moment(view, load_heatmap(view))
words = WORDS[heatmap.kind]
positions = layer_positions(view, heatmap)
market, strongest = heatmap.market, session_cache.strongest_zones(heatmap)
now, totals = scenario(heatmap, zones=strongest), side_totals(heatmap)

with st.container(horizontal=True, gap="small"):
    with st.container(width=168):
        st.markdown("**Current anchor**")
        live_price(market, view)
    with st.container(width=520):
        st.markdown(f"**Scenario: {NAMES[now.name]}**")
        st.caption(escape_markdown(" ".join([now.why, *now.conditions])))
by = st.segmented_control(
    "Ranked by", list(RANKINGS), default="dollars", required=True, key="ranked_by", bind="query-params"
)
zones = session_cache.zones_by_relief(heatmap) if by == "relief" else strongest
st.caption(
    f"Bigger bars = stronger level. {RANKINGS[by]} Zones are ranked around the price of the last bar; "
    f"{words.about_all}. Click one to open it. {heatmap.dollars_sentence}"
)

if positions is not None:
    st.caption(escape_markdown(" ".join(positions_sentences(positions, market, market.source))))

for name, heading, total in (
    ("above", "Above price (potential squeeze zones)", totals.above),
    ("below", "Below price (potential flush zones)", totals.below),
):
    st.subheader(heading)
    st.markdown(f"Total heat **{escape_markdown(money(total))}**")
    rows = side_table(heatmap, zones, name, positions)
    if rows.empty:
        st.caption("Nothing stands out on this side in this window.")
    else:
        st.dataframe(
            rows,
            hide_index=True,
            height="content",
            column_config=COLUMNS | {"usd": st.column_config.TextColumn(words.column, alignment="right", width=75)},
            column_order=[column for column in COLUMNS if column in rows],
            key=table_key(zones, name),
            on_select=partial(remember_opened, zones, name),
            selection_mode="single-cell",
        )
    if (opened := opened_row(zones, name)) is not None:
        draw_detail(opened)

track_record(heatmap)

st.subheader("Desk notes")
notes = desk_notes(heatmap, zones=strongest)
for note in notes:
    st.markdown(escape_markdown(note.sentence), help=f"{note.rule} {MEASURED[note.kind]}")
    link_to_chart(note)
if not notes:
    st.caption("No absorption, migration or confluence in this window.")
downloads(
    f"{market.base}_{view.timeframe}",
    {
        "Zones CSV": ("zones.csv", lambda: files.zones_csv(heatmap, zones)),
        "Zones JSON": ("zones.json", lambda: files.zones_json(heatmap, zones)),
    },
)
