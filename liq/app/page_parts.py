"""What pages draw alike: figures, the notices about a market, download buttons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from liq.charts.zone_table import cascade_text
from liq.errors import SourceError
from liq.formatting import age, decimals, escape_markdown, money, percent
from liq.formatting import price as price_text
from liq.market import Market
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import band_names
from liq.sources import titles
from liq.sources.order_book import order_book
from liq.sources.venues.table import VENUES
from liq.zones.cascade import cascade_table, forced_on_the_way
from liq.zones.liquidation_map import open_interest_usd

METRIC_STYLE: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "width": 168}
"""Options of a `st.metric` whose second line is not a change, so it is not coloured like one."""


NARROW = 640
"""Width of a window in pixels up to which it counts as a phone's."""

STYLE = f"""<style>
.st-key-heatmap_panel {{ flex: none; height: max(480px, calc(100vh - 330px)); }}
.st-key-phone_controls, .st-key-phone_figures {{ display: none; }}
@media (max-width: {NARROW}px) {{
  .st-key-figures {{ display: none; }}
  .st-key-phone_controls, .st-key-phone_figures {{ display: flex; }}
  .st-key-heatmap_panel {{ height: max(480px, calc(100vh - 250px)); }}
}}
</style>"""
"""What Streamlit has no setting for: a chart as high as the window, and parts that only a phone shows."""


def market_notices(market: Market, losses: Sequence[str] = ()) -> None:
    """Draw the notices about a market: that it is simulated, what its source could not give, what took the book.

    losses : sentences of `liq.validation.book_losses`.
    """
    if market.source == "simulated":
        simulated_warning(bool(market.left_out))
    said = ("This is a simulated market", "No venue answered")  # by the warning above
    for note in (*(note for note in market.notes if not note.startswith(said)), *losses):
        st.caption(f":material/info: {escape_markdown(note)}")
    if market.left_out:
        with st.expander(titles.shown_sentence(market)):
            for name, reason in market.left_out.items():
                st.caption(f"{titles.source_title(name)} {escape_markdown(reason)}.")
            with st.container(horizontal=True):
                for name in VENUES:
                    if name != market.source:
                        label = f"Show {titles.source_title(name)}"
                        st.button(label, key=f"show_{name}", on_click=choose_source, args=(name,))


def choose_source(name: str) -> None:
    """Choose another source; the sidebar takes it over in the next run."""
    st.session_state.next_source = name


def simulated_warning(replaces: bool) -> None:
    """Warn that a market is simulated, and say so where it replaces venues that did not answer."""
    why = "No venue answered, so this" if replaces else "This"
    st.warning(
        f"**Simulated market.** {why} is an invented market: no price and no position here is real.",
        icon=":material/science:",
    )


def price_field(market: Market) -> float | None:
    """Draw the question what would be if price went somewhere; return the price, or None where none is given."""
    target: float | None = st.number_input(
        "If price goes to",
        min_value=0.0,
        value=None,
        step=market.price / 200,
        format=f"%.{decimals(market.price, market.tick)}f",
        key="goes_to",
        width=200,
        placeholder="a price",
        help="What would be force-closed on the way there, and how far those orders alone would carry price through "
        "the order book. Stated rules, no forecast.",
        bind="query-params",
    )
    if target and abs(math.log(target / market.price)) > math.log(2):
        st.caption("Choose a price between half and twice the present one.")
        return None
    return target or None


def if_price_goes_to(heatmap: Heatmap, zones: pd.DataFrame, target: float) -> None:
    """Draw what would be forced on the way to a price, and where the order book would stop those orders."""
    market = heatmap.market
    places = decimals(market.price, market.tick)
    levels = forced_on_the_way(heatmap, target)
    open_usd = open_interest_usd(heatmap)
    share = f", {percent(levels['usd'].sum() / open_usd, 2, sign=False)} of open interest" if open_usd > 0 else ""
    bands = levels.groupby(band_names(levels["leverage"].to_numpy()))["usd"].sum()
    venues = levels.groupby("source")["usd"].sum()
    parts = [f"{money(usd)} {name}" for name, usd in bands.sort_values(ascending=False).head(3).items()]
    if len(venues) > 1:
        parts += [f"{money(usd)} {titles.source_title(str(name))}" for name, usd in venues.items()]
    side = "shorts bought back" if target > market.price else "longs sold"
    away = percent(target / market.price - 1)
    st.caption(
        escape_markdown(
            f"On the way to {price_text(target, places)} ({away}): {money(levels['usd'].sum())} of {side}{share}"
            f"{': ' if parts else ''}{', '.join(parts)}. An estimate."
        )
    )
    try:
        book = order_book(market)
    except SourceError as error:
        st.caption(escape_markdown(str(error)))
        return
    sent = book.asks[:, 0].max() if target > market.price else book.bids[:, 0].min()
    table = cascade_text(cascade_table(heatmap, target, book, zones), market.price, places)
    st.dataframe(table, hide_index=True, width="stretch")
    names = ", ".join(map(titles.source_title, book.sources))
    st.caption(
        escape_markdown(
            f"Order book of {names}, {age(book.time, pd.Timestamp.now('UTC'))} old, sent up to "
            f"{price_text(sent, places)} ({percent(sent / market.price - 1)}); beyond, it is taken to be as deep on "
            "average. Forced orders are taken to hit it at once, nearest prices first. A book withdraws in a fall, "
            "hence a third of it (the median of published cases) and a seventeenth (one case of ten). Mostly it "
            "stops at once: forced orders were 0.65 % of what rested within 2 %. Left out: new orders, hedges, "
            "insurance funds, auto-deleveraging."
        )
    )


def downloads(stem: str, files: dict[str, tuple[str, Callable[[], str | bytes]]]) -> None:
    """Draw one button per file, which is built when its button is clicked, and the link to this view."""
    with st.container(horizontal=True):
        for label, (name, build) in files.items():
            st.download_button(
                label,
                build,
                f"{stem}_{name}",
                on_click="ignore",
                icon=":material/download:",
                key=f"download_{name}",
            )
        with st.popover("Link", icon=":material/link:"):
            address = (st.context.url or "").partition("?")[0]
            st.caption("This view: market, window, controls and moment. With embed=true it is the chart alone.")
            st.code(f"{address}?{urlencode(st.query_params.to_dict())}", language=None, wrap_lines=True)
