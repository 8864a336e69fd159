"""The watchlist: many markets in rows, the one whose price is closest to a strong zone first, and alerts."""

import os
from functools import partial

import pandas as pd
import streamlit as st

from liq import formatting
from liq.app import controls, tickers, watchlist
from liq.app.current_market import is_live
from liq.app.parts.notices import simulated_warning
from liq.app.parts.outside_files import read_files
from liq.charts.tables.watchlist import COLUMNS, EMPTY, styled_table, watchlist_table
from liq.errors import LiqError
from liq.formatting import escape_markdown
from liq.sources import market_cache
from liq.zones import alerts

INTERVAL = "10s"  # time between two requests for live prices, one call a ticker

SIZES = {"100K": 1e5, "250K": 2.5e5, "500K": 5e5, "1M": 1e6, "2.5M": 2.5e6, "5M": 5e6, "10M": 1e7, "25M": 2.5e7}
SIZES |= {"50M": 5e7, "100M": 1e8, "250M": 2.5e8, "500M": 5e8, "1B": 1e9}
DEFAULT_TICKERS = 6  # tickers on the list at first: the source's most traded
MAX_ALERT_LINES = 20  # alerts that stay on the page, the latest ones

NOTE = "An estimate, unless the list says real positions."
ABOUT_ZONE = f"The strongest within 5 % of price, else the nearest. {NOTE}"
HEADINGS = {
    "ticker": ("Ticker", 85, None),
    "price": ("Price", 85, None),
    "above_distance": ("Above", 75, "From price to the near edge of the strong zone above."),
    "below_distance": ("Below", 75, "From price to the near edge of the strong zone below."),
    "change": ("Change", 75, "Over the timeframe."),
    "above": ("Strong zone above", 155, ABOUT_ZONE),
    "above_usd": ("Shorts", 75, f"Dollars of shorts in it. {NOTE}"),
    "below": ("Strong zone below", 155, ABOUT_ZONE),
    "below_usd": ("Longs", 75, f"Dollars of longs in it. {NOTE}"),
    "balance": ("Balance", 75, f"Shorts above as a share of all that stands within 5 % of price. {NOTE}"),
    "age": ("Age", 65, "Of the price."),
}
COLUMN_CONFIG = {
    name: st.column_config.Column(label, width=width, help=words, alignment="left" if name == "ticker" else "right")
    for name, (label, width, words) in HEADINGS.items()
}

# Streamlit writes chosen options white on the accent colour, illegible on ours, and has no setting for it
TAG_STYLE = "<style>span[data-tag] {background: #2a3242; color: #e6e9ef}</style>"

state = st.session_state
bound = {"bind": "query-params"}


def select_market(key: str) -> None:
    """Put the market of the clicked row into the sidebar; the page then opens its heatmap."""
    cells = [cell for cell in state[key].selection.cells if cell[0] < len(state.row_markets[key])]
    if cells:
        # a page that is switched to begins with an empty address; setting the values again writes them into it
        state.update({name: state[name] for name in st.query_params if name in state})
        state.update({f"next_{name}": value for name, value in state.row_markets[key][cells[0][0]].items()})
        state.open_heatmap = True


def draw_table(frame: pd.DataFrame, key: str, now: pd.Timestamp, height: str = "content", *columns: str) -> None:
    """Draw markets as a table; a click on one opens its heatmap, with these columns of the row in the sidebar too."""
    markets = frame[["symbol", *columns]].rename(columns={"symbol": "ticker"})
    if "source" in columns:  # a window of the archive ends where that of the scan did
        ends = pd.to_datetime(frame["as_of"], utc=True).dt.ceil("D").where(frame["source"] == "archive")
        markets["until"] = pd.Series([None if end is pd.NaT else end.date() for end in ends], frame.index, object)
    state.setdefault("row_markets", {})[key] = markets.to_dict("records")
    st.dataframe(
        styled_table(frame, now, state.near / 100),
        key=key,
        hide_index=True,
        height=height,
        column_order=COLUMNS,
        column_config=COLUMN_CONFIG,
        on_select=lambda: select_market(key),
        selection_mode="single-cell",
        placeholder=EMPTY,
        alt="Markets by how close price is to a strong zone.",
    )
    if state.pop("open_heatmap", False):
        st.switch_page("pages/heatmap.py", query_params={})


def load(tickers: list[str], request: watchlist.WatchlistRequest) -> list[watchlist.WatchlistRow]:
    """Return a row per ticker, loaded in parallel; rows of the last run that are not due are kept."""
    place, rows = st.empty(), {}
    for row in watchlist.load_rows(tickers, request, state.get("watchlist_rows")):
        rows[row.ticker] = row
        place.progress(len(rows) / len(tickers), f"{len(rows)} of {len(tickers)} markets read")
    place.empty()
    state.watchlist_rows = rows
    return list(rows.values())


def draw_alerts(rows: list[watchlist.WatchlistRow], request: watchlist.WatchlistRequest, toast: bool) -> None:
    """List the alerts, the latest first, and show new ones as toasts if wanted."""
    rule, now = alerts.AlertRule(within=state.near / 100, usd=SIZES[state.size]), market_cache.utc_now()
    alert_state, lines = state.get("alert_state", {}).get(request, {}), state.get("alert_lines", [])
    for row in rows:
        if row.summary is None:
            continue
        price, kind = row.summary.price, row.kind
        new, alert_state = alerts.check(alert_state, row.ticker, row.zones, price, now, rule, map_kind=kind)
        for alert in new:
            line = escape_markdown(f"{alert.symbol}: {alerts.describe(alert)}")
            lines = [f"{now:%H:%M:%S} UTC · {line}", *lines][:MAX_ALERT_LINES]
            if toast:
                st.toast(line, icon=":material/notifications:")
    state.alert_state, state.alert_lines = {request: alert_state}, lines
    st.markdown("**Alerts**")
    for line in lines or ["Nothing yet. A zone is reported once until price has been away from it."]:
        st.caption(line)


def draw_list(rows: list[watchlist.WatchlistRow], request: watchlist.WatchlistRequest, run: int) -> None:
    """Draw the table and the alerts; a tick requests live prices, and reruns the page when a bar has closed."""
    is_tick, state.list_drawn_in_run = state.get("list_drawn_in_run") == run, run
    if is_tick:
        if any(map(watchlist.row_needs_refresh, rows)):
            st.rerun()
        quotes = watchlist.live_quotes(rows)
        rows = [watchlist.at_live_price(row, quotes.get(row.ticker)) for row in rows]
    draw_table(watchlist_table(*watchlist.split_rows(rows)), "watched", market_cache.utc_now())
    st.caption("Closest to a strong zone first. Click a row to open its heatmap.")
    if real := watchlist.real_tickers(rows):
        rest = "." if len(real) == len(rows) else "; the rest are estimates."
        st.caption(":material/visibility: " + escape_markdown(f"Real positions for {', '.join(real)}{rest}"))
    for note, named in watchlist.notes_by_text(rows).items():
        st.caption(":material/info: " + escape_markdown(f"{', '.join(named)}: {note}"))
    if request.source == "archive":
        st.caption("Windows of the past out of Binance's archive, not live; there are no alerts of it.")
    else:
        draw_alerts(rows, request, toast=is_tick)


def draw_scan() -> None:
    """Draw a scan's results, from an upload or from the file that LIQ_SCAN names."""
    file = st.file_uploader("Scan", ["parquet", "csv"], help="What python -m liq scan wrote. It is not kept.")
    if file is None and not (file := os.environ.get("LIQ_SCAN")):
        return
    try:
        if isinstance(file, str):
            name, frame = watchlist.named_scan(file)
        else:
            read = partial(watchlist.uploaded_scan, file.getvalue(), file.name)
            name, frame = read_files([file.name], ("scan", file.file_id), read)
    except LiqError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return
    now = market_cache.utc_now()
    st.caption(
        escape_markdown(
            f"{name}: {len(frame)} markets, {formatting.age(frame['as_of'].max(), now)} old, in the scan's order."
        )
    )
    if (frame["source"] == "simulated").any():
        simulated_warning(False)
    draw_table(frame, "scanned", now, "auto", "source")


view = controls.view()
request = watchlist.WatchlistRequest(view.timeframe, view.source, view.prior, view.bands, view.map, view.until)
names = tickers.tickers(view.source)
st.html(TAG_STYLE)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with st.container(width=560):
        st.multiselect(
            "Tickers",
            names,
            names[:DEFAULT_TICKERS],
            key="watch",
            accept_new_options=True,
            max_selections=watchlist.MAX_TICKERS,
            help="Any that the source lists, or type one.",
            **bound,
        )
    with st.container(width=200):
        st.slider("Alert within", 0.1, 5.0, 0.5, 0.1, "%.1f %%", key="near", **bound)
    with st.container(width=200):
        st.select_slider("Alert from, USD", list(SIZES), "2.5M", key="size", **bound)

if view.source == "file":
    st.caption("A recording is one market; choose a venue for a watchlist.")
else:
    rows = load(watchlist.normalize_tickers(state.watch), request)
    if any(row.summary is not None and row.summary.source == "simulated" for row in rows):
        simulated_warning(view.source != "simulated")
    st.fragment(draw_list, run_every=INTERVAL if is_live(view) else None)(rows, request, state.run)
draw_scan()
