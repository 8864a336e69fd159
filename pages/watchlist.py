"""The watchlist: many markets in rows, the one whose price is closest to a strong zone first, and alerts."""

import os

import pandas as pd
import streamlit as st

from liq import formatting
from liq.app import controls, session_cache, watchlist
from liq.charts.watchlist import COLUMNS, EMPTY, styled_table, watchlist_table
from liq.errors import LiqError
from liq.scan import results
from liq.zones import alerts

TICK = "10s"  # how often live prices are asked for, one call a ticker

SIZES = {"100K": 1e5, "250K": 2.5e5, "500K": 5e5, "1M": 1e6, "2.5M": 2.5e6, "5M": 5e6, "10M": 1e7, "25M": 2.5e7}
SIZES |= {"50M": 5e7, "100M": 1e8, "250M": 2.5e8, "500M": 5e8, "1B": 1e9}
FIRST = 6  # tickers on the list to begin with, the source's most traded
TOLD = 20  # alerts that stay on the page, the latest ones

ABOUT_ZONE = "The strongest within 5 % of price, else the nearest. An estimate."
HEADINGS = {
    "ticker": ("Ticker", 85, None),
    "price": ("Price", 85, None),
    "above_distance": ("Above", 75, "From price to the near edge of the strong zone above."),
    "below_distance": ("Below", 75, "From price to the near edge of the strong zone below."),
    "change": ("Change", 75, "Over the timeframe."),
    "above": ("Strong zone above", 155, ABOUT_ZONE),
    "above_usd": ("Shorts", 75, "Dollars of shorts in it. An estimate."),
    "below": ("Strong zone below", 155, ABOUT_ZONE),
    "below_usd": ("Longs", 75, "Dollars of longs in it. An estimate."),
    "balance": ("Balance", 75, "Shorts above as a share of all that stands within 5 % of price. An estimate."),
    "age": ("Age", 65, "Of the price."),
}
CONFIG = {
    name: st.column_config.Column(label, width=width, help=words, alignment="left" if name == "ticker" else "right")
    for name, (label, width, words) in HEADINGS.items()
}

# Streamlit writes chosen options white on the accent colour, illegible on ours, and has no setting for it
LEGIBLE = "<style>span[data-tag] {background: #2a3242; color: #e6e9ef}</style>"

state = st.session_state
bound = {"bind": "query-params"}


def clicked(key: str) -> None:
    """Choose the market whose row was clicked in the sidebar; the page then opens its heatmap."""
    cells = [cell for cell in state[key].selection.cells if cell[0] < len(state.offered[key])]
    if cells:
        # a page that is switched to begins with an empty address; what is set again is written into it again
        state.update({name: state[name] for name in st.query_params if name in state})
        state.update(state.offered[key][cells[0][0]])
        state.opening = True


def draw(frame: pd.DataFrame, key: str, now: pd.Timestamp, height: str = "content", *chosen: str) -> None:
    """Draw markets as a table; a click on one opens its heatmap, with those columns of its row in the sidebar too."""
    offered = frame[["symbol", *chosen]].rename(columns={"symbol": "ticker"})
    state.setdefault("offered", {})[key] = offered.to_dict("records")
    st.dataframe(
        styled_table(frame, now, state.near / 100),
        key=key,
        hide_index=True,
        height=height,
        column_order=COLUMNS,
        column_config=CONFIG,
        on_select=lambda: clicked(key),
        selection_mode="single-cell",
        placeholder=EMPTY,
        alt="Markets by how close price is to a strong zone.",
    )
    if state.pop("opening", False):
        st.switch_page("pages/heatmap.py", query_params={})


def read(tickers: list[str], asked: watchlist.WatchlistRequest) -> list[watchlist.WatchlistRow]:
    """Return a row a ticker, read at the same time; what was read before and is not due stays."""
    place, rows = st.empty(), {}
    for row in watchlist.load_rows(tickers, asked, state.get("rows")):
        rows[row.ticker] = row
        place.progress(len(rows) / len(tickers), f"{len(rows)} of {len(tickers)} markets read")
    place.empty()
    state.rows = rows
    return list(rows.values())


def tell(rows: list[watchlist.WatchlistRow], asked: watchlist.WatchlistRequest, aloud: bool) -> None:
    """Tell once what price comes near, and list what was told."""
    rule, now = alerts.AlertRule(within=state.near / 100, usd=SIZES[state.size]), pd.Timestamp.now("UTC")
    held, lines = state.get("alerting", {}).get(asked, {}), state.get("told", [])
    for row in rows:
        if row.summary is None:
            continue
        came, held = alerts.check(held, row.ticker, row.zones, row.summary.price, now, rule)
        for alert in came:
            line = controls.escape_markdown(f"{alert.symbol}: {alerts.describe(alert)}")
            lines = [f"{now:%H:%M:%S} UTC · {line}", *lines][:TOLD]
            if aloud:
                st.toast(line, icon=":material/notifications:")
    state.alerting, state.told = {asked: held}, lines
    st.markdown("**Alerts**")
    for line in lines or ["Nothing yet. A zone is told once until price has been away from it."]:
        st.caption(line)


def body(rows: list[watchlist.WatchlistRow], asked: watchlist.WatchlistRequest, run: int) -> None:
    """Draw the table and the alerts; a tick asks for prices, and for the whole page when a bar has closed."""
    ticking, state.listed = state.get("listed") == run, run
    if ticking:
        if any(map(watchlist.row_needs_refresh, rows)):
            st.rerun()
        quotes = watchlist.live_quotes(rows)
        rows = [watchlist.at_live_price(row, quotes.get(row.ticker)) for row in rows]
    draw(watchlist_table(*watchlist.split_rows(rows)), "watched", pd.Timestamp.now("UTC"))
    st.caption("Closest to a strong zone first. Click a row to open its heatmap.")
    for note, tickers in watchlist.notes_by_text(rows).items():
        st.caption(":material/info: " + controls.escape_markdown(f"{', '.join(tickers)}: {note}"))
    tell(rows, asked, aloud=ticking)


def scanned() -> None:
    """Draw what a scan wrote, from an upload or from the file that LIQ_SCAN names."""
    file = st.file_uploader("Scan", ["parquet", "csv"], help="What python -m liq scan wrote. It is not kept.")
    if file is None and not (file := os.environ.get("LIQ_SCAN")):
        return
    try:
        name, frame = results.read_scan(file)
    except LiqError as error:
        st.error(controls.escape_markdown(str(error)), icon=":material/error:")
        return
    now = pd.Timestamp.now("UTC")
    st.caption(
        controls.escape_markdown(
            f"{name}: {len(frame)} markets, {formatting.age(frame['as_of'].max(), now)} old, in the scan's order."
        )
    )
    if (frame["source"] == "simulated").any():
        controls.say_simulated(False)
    draw(frame, "scanned", now, "auto", "source")


view = controls.view()
asked = watchlist.WatchlistRequest(view.timeframe, view.source, view.prior, view.bands)
names = session_cache.tickers(view.source)
st.html(LEGIBLE)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with st.container(width=560):
        st.multiselect(
            "Tickers",
            names,
            names[:FIRST],
            key="watch",
            accept_new_options=True,
            max_selections=watchlist.MAX_TICKERS,
            help="Any that the source lists, or type one.",
            **bound,
        )
    with st.container(width=200):
        st.slider("Alert within", 0.1, 5.0, 0.5, 0.1, "%.1f %%", key="near", **bound)
    with st.container(width=200):
        st.select_slider("Alert from, USD", list(SIZES), "10M", key="size", **bound)

if view.source == "file":
    st.caption("A recording is one market; choose a venue for a watchlist.")
else:
    rows = read(watchlist.normalize_tickers(state.watch), asked)
    if any(row.summary is not None and row.summary.source == "simulated" for row in rows):
        controls.say_simulated(view.source != "simulated")
    st.fragment(body, run_every=TICK if view.live else None)(rows, asked, state.run)
scanned()
