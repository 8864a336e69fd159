"""If price goes to ...: the question, what would be forced on the way, and where the order book would stop it."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from liq.charts.heatmap.data import GOES_TO
from liq.charts.tables.zones import cascade_text
from liq.errors import SourceError
from liq.formatting import age, decimals, escape_markdown, money, percent
from liq.formatting import price as price_text
from liq.market import Market
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import band_names
from liq.positions import Positions
from liq.sources import market_cache, titles
from liq.sources.order_book import order_book
from liq.validation.positions.reality_check import how_much_is_forced
from liq.wording import ESTIMATE, WORDS
from liq.zones.cascade import cascade_table, forced_on_the_way
from liq.zones.liquidation_map import open_interest_usd

CHECKED = (
    "Checked where positions are known, on this simulated market, with the same invented order book: with the book "
    "as it stands, estimated forced dollars were 0.8 times the true ones in the median (0.5 to 1.8 in eight of "
    "ten cases), and price stopped within 0.2 % of where the true positions stop it. Where a thinned book lets one "
    "zone set off the next, the estimate stops far too early."
)
"""What `python -m benchmarks.cascade` found."""


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


def take_chosen_price(chart: str, field: str) -> None:
    """Take the price that was chosen in a chart as the one that price goes to; the chart's state holds it.

    chart : its key; field : of the axis of prices. Of a dragged range, its end further from the price is taken. What
    was chosen outside of the field's range is left, and so is a chart that was drawn anew and has nothing chosen.
    """
    state = st.session_state
    chosen = state[chart].selection.get(GOES_TO) or {}
    values = [row[field] for row in chosen] if isinstance(chosen, list) else chosen.get(field, [])
    price = float(state.current_market[1].price)
    far = max(values, key=lambda value: abs(math.log(value / price)) if value > 0 else 0.0, default=None)
    if far and far > 0:
        state.goes_to = round(far, decimals(price, state.current_market[1].tick))


def if_price_goes_to(heatmap: Heatmap, zones: pd.DataFrame, target: float, made_of: Positions | None = None) -> None:
    """Draw what would be forced on the way to a price, and where the order book would stop those orders.

    made_of : the positions of the map, None for the estimate; their own past says how much of it is really forced.
    """
    market = heatmap.market
    places = decimals(market.price, market.tick)
    levels = forced_on_the_way(heatmap, target)
    open_usd = open_interest_usd(heatmap)
    share = f", {percent(levels['usd'].sum() / open_usd, 2, sign=False)} of open interest" if open_usd > 0 else ""
    bands = levels.groupby(band_names(levels["leverage"].to_numpy()))["usd"].sum()
    venues = levels.groupby("source")["usd"].sum()
    largest = bands.sort_values(ascending=False)
    parts = [f"{money(usd)} {name}" for name, usd in largest.head(3).items()]
    if (others := largest.iloc[3:].sum()) > 0:
        parts.append(f"{money(others)} other leverage")
    if len(venues) > 1:
        parts += [f"{money(usd)} {titles.source_title(str(name))}" for name, usd in venues.items()]
    side = "shorts bought back" if target > market.price else "longs sold"
    away = percent(target / market.price - 1)
    st.caption(
        escape_markdown(
            f"On the way to {price_text(target, places)} ({away}): {money(levels['usd'].sum())} of {side}{share}"
            f"{': ' if parts else ''}{', '.join(parts)}. {WORDS[heatmap.kind].note}"
        )
    )
    if made_of is not None:
        st.caption(escape_markdown(how_much_is_forced(made_of, market).sentence))
    try:
        book = order_book(market)
    except SourceError as error:
        st.caption(escape_markdown(str(error)))
        return
    sent = book.asks[:, 0].max() if target > market.price else book.bids[:, 0].min()
    table = cascade_text(cascade_table(heatmap, target, book, zones), market.price, places)
    st.dataframe(table, hide_index=True, width="stretch")
    if market.source == "simulated" and heatmap.kind == ESTIMATE:
        st.caption(escape_markdown(CHECKED))
    names = ", ".join(map(titles.source_title, book.sources))
    st.caption(
        escape_markdown(
            f"Order book of {names}, {age(book.time, market_cache.utc_now())} old, known up to "
            f"{price_text(sent, places)} ({percent(sent / market.price - 1)}); beyond, it is taken to be as deep on "
            "average. Forced orders are taken to hit it at once, nearest prices first: resting between is what "
            "lies from the chosen price to where price stops. A book withdraws in a fall, hence a "
            "third of it (the median of published cases) and a seventeenth (one case of ten). Mostly it "
            "stops at once: forced orders were 0.65 % of what rested within 2 %. Left out: new orders, hedges, "
            "insurance funds, auto-deleveraging."
        )
    )
