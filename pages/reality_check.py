"""The reality check: the map on screen, scored against realised liquidations and against chance."""

import streamlit as st

from liq.app import controls
from liq.app.current_market import load_estimate, own_prior, use_prior
from liq.app.live_price import live_price
from liq.app.parts.first_days import offer_first_days, place_caption, scoring_by_first_days
from liq.app.parts.outside_files import file_error, read_files
from liq.app.parts.positions.truth import truth
from liq.app.parts.style import METRIC_STYLE
from liq.app.real_positions import positions_at_hand
from liq.charts import reality_check as charts
from liq.charts.colors import on_ground
from liq.charts.tables import reality_check as tables
from liq.errors import DateOrderError, LiqError
from liq.formatting import escape_markdown
from liq.model.prior import read_prior
from liq.sources.file_worker import process
from liq.sources.files.table import FILE_TYPES
from liq.system import legal_name
from liq.validation import reality_check
from liq.wording import REAL

RIGHT = {"alignment": "right", "width": "medium"}
SKILL_COLUMNS = {
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

TOUCH_COLUMNS = {
    "": st.column_config.TextColumn("", width="medium"),
    **{
        name: st.column_config.TextColumn(alignment="right", width="small")
        for name in ("Zones", "Other levels", "Difference, points", "Cases")
    },
}

view = controls.view()
heatmap = load_estimate(view)
market = heatmap.market
positions = positions_at_hand(view, market) if view.observed or view.map == REAL else None

st.subheader("Was it right about how much, and when?")
scoring = None
uploaded = st.session_state.get("realised_file")  # its uploader is drawn further down
try:
    if uploaded is None:
        scoring = scoring_by_first_days(heatmap) or reality_check.scoring_input(heatmap, positions=positions)
    else:
        scoring = read_files(
            [uploaded.name],
            ("liquidations", uploaded.file_id, view.dates),
            lambda: reality_check.scoring_input(heatmap, uploaded.getvalue(), uploaded.name, view.dates),
        )
    report = scoring and reality_check.score(scoring)
except DateOrderError as error:
    scoring = report = None
    file_error(error)
except LiqError as error:
    more = "Five days of snapshots are enough." if scoring and not scoring.whole else "A longer timeframe has more."
    scoring = report = None
    st.info(f"{escape_markdown(str(error))} {more}", icon=":material/hourglass_empty:")
else:
    if scoring is None:
        st.info(reality_check.why_not_scored(market), icon=":material/hearing_disabled:")
        offer_first_days(market)
if scoring and report:
    sides, data = charts.compared_sides(report), charts.datasets(report)
    alt = charts.description(report, market.symbol)
    with st.container(horizontal=True, gap="small"):
        with st.container(width=168):
            live_price(market, view)
        for label, value, second in tables.headline(report):
            st.metric(label, value, second, **METRIC_STYLE)
    st.markdown(f"**{escape_markdown(report.sentence)}** {escape_markdown(report.twin_sentence)}")
    st.caption(
        escape_markdown(
            f"{scoring.remark} {tables.scored_period(report)} {reality_check.bar_length_sentence(market)}".strip()
        )
    )
    place_caption(scoring)
    left, right = st.columns([7, 4])
    step = tables.duration_text(report, charts.bars_per_step(report))
    left.caption(f"Liquidated per {step}. Filled: realised. Line: estimated. Log scale.")
    for side in sides:
        left.vega_lite_chart(
            spec={**on_ground(charts.over_time(side), view.light), "datasets": data[side]},
            key=f"skill_{side}",
            alt=alt,
        )
    right.caption(f"Each {tables.duration_text(report)} a point. Dashed: where both are equal.")
    right.vega_lite_chart(
        spec={**on_ground(charts.scatter(sides), view.light), "datasets": data["scatter"]},
        key="skill_scatter",
        alt=alt,
    )
    st.dataframe(tables.skill_table(report), hide_index=True, height="content", column_config=SKILL_COLUMNS)
    st.caption("In brackets: 95 % intervals from drawing whole days again.")

st.subheader("Was it right about where?")
try:
    with st.spinner("Following the strongest zones forward from when they were first named"):
        touches = reality_check.followed_zones(heatmap)
except LiqError as error:
    st.info(escape_markdown(str(error)), icon=":material/hourglass_empty:")
else:
    st.markdown(f"**{escape_markdown(touches.sentence)}**")
    st.caption(escape_markdown(tables.touch_sentences(touches)))
    st.dataframe(tables.touch_table(touches), hide_index=True, height="content", column_config=TOUCH_COLUMNS)

try:
    place = reality_check.recorded_place(heatmap)
    if place is not None:
        st.markdown(f"**{escape_markdown(place.sentence)}**")
        st.caption(escape_markdown(tables.place_sentence(place)))
except LiqError as error:
    st.caption(escape_markdown(str(error)))

if positions is not None:
    truth(heatmap, positions, view.light)

st.subheader("Fit to this market")
st.caption(
    "Fits the leverage prior to the realised liquidations of the earlier bars and scores it on the later ones, which "
    "it never saw. It can be used only where fits to earlier days beat the prior on later ones; else the prior stays."
)
market = scoring.heatmap.market if scoring else market
st.button(
    "Fit to this market",
    on_click=lambda: st.session_state.update(fit_requested=True),
    disabled=report is None or not (scoring and scoring.whole),
    icon=":material/tune:",
)
if scoring and st.session_state.pop("fit_requested", False):
    try:
        st.session_state.fit = (
            market.symbol,
            market.source,
            view.prior,
            reality_check.fit_prior(scoring, view.prior),
        )
    except LiqError as error:
        st.info(escape_markdown(str(error)), icon=":material/hourglass_empty:")
fit = st.session_state.get("fit")
candidate = None
if fit and fit[:2] == (market.symbol, market.source):
    result = fit[3]
    candidate = result.prior if result.prior.adopted else None
    st.markdown(f"**{escape_markdown(result.prior.verdict)}**")
    st.dataframe(
        tables.fit_table(result.fitted, result.shipped, fit[2]),
        hide_index=True,
        height="content",
        column_config=SKILL_COLUMNS,
    )
    data = result.raw.data
    st.caption(
        escape_markdown(f"Fitted on {data['from']} to {data['to']} UTC, {data['bars']:,} bars. ")
        + escape_markdown(tables.scored_period(result.fitted))
    )
with st.expander("Prior and liquidations of your own", key="own_files", on_change=process.prepare):
    prior_file = st.file_uploader("Prior that this app wrote", type=["json"], key="prior_file")
    if prior_file is not None:
        try:
            candidate = read_prior(prior_file.getvalue())
            st.caption(escape_markdown(f"{candidate.title}: {candidate.origin}"))
        except LiqError as error:
            st.error(escape_markdown(str(error)), icon=":material/error:")
    st.file_uploader(
        "Realised liquidations",
        type=list(FILE_TYPES),
        key="realised_file",
        help="Columns open_time_ms, long, short: USD force-sold and force-bought per bar. They count instead of the "
        "source's own, are read where this app runs and not kept.",
    )
used = own_prior(heatmap.market)
with st.container(horizontal=True):
    if candidate is not None and candidate != used:
        st.button(
            "Use it for this market",
            on_click=use_prior,
            args=(heatmap.market, candidate),
            icon=":material/check:",
        )
    if used is not None:
        st.button(
            "Back to the sidebar's prior",
            on_click=use_prior,
            args=(heatmap.market, None),
            icon=":material/undo:",
        )
    if (shown := candidate or used) is not None:
        st.download_button(
            "Prior JSON",
            shown.to_json(),
            legal_name(f"{market.base}_{shown.name}.json"),
            on_click="ignore",
            icon=":material/download:",
        )
with st.expander("How this is measured"):
    st.markdown(
        """
- **How much, and when.** Dollars per bar and side, log10 of USD plus 10,000 an hour, nothing rescaled. The rival is a
  regression on the bar's own excursion and volume, fitted on the earlier half; *added* is what its R² gains when the
  map is given to it. Placebos are the map of a day and a week before. Twins are the same engine given less: the path
  of price alone, another week's volume, the mean book without structure. Intervals draw whole days again.
- **Where.** The strongest zone near price counts when it is first named, on what was known then. Each is compared
  with 40 levels as far away on the same side, from moments as volatile. Intervals draw blocks as long as the horizon.
- **Real positions.** The estimate of the same venue against what accounts hold, by entry and by liquidation price;
  and what became of positions from one answer of their account to the next. A position that was gone once price had
  crossed its level counts as forced, less those that owners close in that time anyway.
- **What it cannot know.** Venues do not report every liquidation: Binance's stream has at most one a second. The
  dollars are those of the venue that is scored, per dollar of its open interest, where that was measured. Levels
  follow isolated margin; cross margin is unknown. Short timeframes are scored mostly on hourly warm-up.

Formulae, limits and figures are in docs/skill.md.
"""
    )
