"""The heatmap: where positions would be force-closed, by price and time; now, or as of any bar of the window."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import pandas as pd
import streamlit as st

from liq import formatting
from liq.app import chart_cache, controls, session_cache
from liq.app.current_market import chart_data, chosen_prior, is_live, is_preview, load_heatmap, shown_positions
from liq.app.live_price import live_price
from liq.app.parts.changes import changes_since_looked
from liq.app.parts.context import context_panels
from liq.app.parts.downloads import downloads
from liq.app.parts.figures import figures_line
from liq.app.parts.price_goes_to import if_price_goes_to, price_field, take_chosen_price
from liq.app.parts.style import METRIC_STYLE
from liq.app.real_positions import layer_positions
from liq.app.view import View
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import image, window
from liq.charts.positions import positions_sentences
from liq.export import files
from liq.formatting import escape_markdown
from liq.market import Market
from liq.model import as_of
from liq.model.heatmap import Heatmap
from liq.model.prior import Prior
from liq.positions import Positions
from liq.wording import HATCHED, WORDS
from liq.zones.ranking import NEAR

PLAY_STEPS = 90  # playing goes through the window in so many steps
SECONDS_PER_STEP = 0.6  # what one step takes to be sent and drawn
COLOURS = "Green: shorts above the price; red: longs below it. "
RINGS = "Rings: the largest realised liquidations. "
BOXES = (
    "Boxes: zones as they were named then; strong lines until price came there, faint ones that decayed or stand. "
)
state = st.session_state


def header(view: View, heatmap: Heatmap, zones: pd.DataFrame) -> None:
    """Draw the figures above the chart; without numbers while there are only candles."""
    words = WORDS[heatmap.kind]
    if is_preview(view):
        phone_line(heatmap, None, None)
        with st.container(horizontal=True, gap="small", key="figures"):
            with st.container(width=168):
                st.metric(heatmap.market.base, formatting.price(float(heatmap.market.price), 2), "loading the map")
            for label in ("Strong zone above", "Strong zone below", f"Balance in ±{NEAR:.0%}", words.share):
                st.metric(label, "…", "loading", **METRIC_STYLE)
        return
    now, totals = session_cache.book_summary(heatmap)
    price = float(heatmap.market.price)
    places = formatting.decimals(price, heatmap.market.tick)
    phone_line(heatmap, now.above, now.below)
    with st.container(horizontal=True, gap="small", key="figures"):
        with st.container(width=168):
            live_price(heatmap.market, view)
        for side, zone in (("above", now.above), ("below", now.below)):
            st.metric(
                f"Strong zone {side}",
                "none" if zone is None else formatting.price(zone["peak"], places),
                None if zone is None else way_there(zone, price),
                help=f"The strongest zone within {NEAR:.0%} {side} the price, or else the nearest: its peak, the way "
                f"to the peak, its dollars. {words.note}",
                **METRIC_STYLE,
            )
        st.metric(
            f"Balance in ±{NEAR:.0%}",
            "none" if math.isnan(totals.balance) else f"{formatting.percent(totals.balance, 0, sign=False)} shorts",
            f"{formatting.money(totals.near_above)} vs {formatting.money(totals.near_below)} longs",
            help=f"Shorts that stand near above the price against longs near below it. {words.note}",
            **METRIC_STYLE,
        )
        st.metric(
            words.share,
            formatting.percent(heatmap.anchored, 0, sign=False),
            words.share_of,
            help=words.about_share,
            **METRIC_STYLE,
        )


def way_there(zone: pd.Series, price: float) -> str:
    """Return the way from the price to a zone's peak, and its dollars."""
    return f"{formatting.percent(zone['peak'] / price - 1)} · {formatting.money(zone['usd'])}"


def phone_line(heatmap: Heatmap, above: pd.Series | None, below: pd.Series | None) -> None:
    """Draw the figures as one line, which only a phone shows."""
    with st.container(key="phone_figures"):
        st.caption(escape_markdown(figures_line(heatmap, above, below)))


def moment_controls(market: Market, row: int | None) -> None:
    """Draw the slider over the bars of the window and the button that plays them; its right end is the present."""
    closes, playing = as_of.bar_closes(market), "playing" in state
    # while it plays, the browser reports a value that is a step old, so it is another one then, without effect
    key = "bar_playing" if playing else "bar"
    now = closes[-1] + market.bar
    state[key] = (now if row is None else closes[row]).to_pydatetime()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Pause" if playing else "Play",
            icon=f":material/{'pause' if playing else 'play_arrow'}:",
            on_click=pause if playing else play,
            args=() if playing else (closes[row or 0],),
            key="pause" if playing else "play",
        )
        st.slider(
            "As of, UTC",
            closes[0].to_pydatetime(),
            now.to_pydatetime(),
            step=market.bar.to_pytimedelta(),
            format="D MMM HH:mm",
            key=key,
            disabled=playing,
            on_change=lambda: show(state[key] if state[key] <= closes[-1] else None),
            label_visibility="collapsed",
        )


def show(close: datetime | None) -> None:
    """Show the close of a bar, or the present for None."""
    state.pop("playing", None)
    state.next_as_of = None if close is None else pd.Timestamp(close).to_pydatetime()


def play(close: pd.Timestamp) -> None:
    """Begin to play at the close of a bar."""
    state.playing = close


def pause() -> None:
    """Stop playing and keep showing the same moment."""
    if "playing" in state:
        show(state.playing)


def draw_step(
    view: View, market: Market, prior: str | Prior, made_of: Positions | None, run: int, playing: bool
) -> None:
    """Draw the page; while it plays, go one step on, except in the drawing that belongs to the run of the page.

    Streamlit keeps these arguments while the page is open: a market is small, its map is in the shared cache.
    """
    if playing and "playing" in state and state.get("step_drawn_in_run") == run:
        state.playing = as_of.later_close(market, state.playing, PLAY_STEPS)
        if state.playing is None:
            show(None)
    if "next_as_of" in state or ("playing" in state) != playing:
        st.rerun()  # the sidebar and the interval of this fragment change with it
    state.step_drawn_in_run = run
    draw(replace(view, as_of=state.playing) if playing else view, market, prior, made_of)


def draw(view: View, market: Market, prior: str | Prior, made_of: Positions | None) -> None:
    """Draw the page as of the moment that the view names; made_of : positions of the map, None for the estimate."""
    bands = () if is_preview(view) else view.bands
    heatmap = session_cache.view_heatmap(market, prior, bands, made_of)
    then, sentence = session_cache.heatmap_as_of(view, heatmap)
    zones = session_cache.strongest_zones(then)
    embedded = bool(st.context.is_embedded)  # the chart alone
    if not embedded:
        header(view, then, zones)
    positions = layer_positions(view, then)
    panel, below = st.container(key="heatmap_panel"), st.container()
    target = None
    with below:  # drawn first, as the chart marks the price that is chosen here
        if len(heatmap.times) > 1 and not embedded:
            moment_controls(heatmap.market, as_of.last_closed_bar(heatmap.market, view.as_of))
        if then is heatmap and not is_preview(view) and not embedded:
            target = price_field(then.market)
        if target:
            if_price_goes_to(then, zones, target, made_of)
    panels, said_of_panels = context_panels(() if is_preview(view) else view.panels, heatmap.market, then.market)
    drawn, data, tables = chart_data(replace(view, goes_to=target), heatmap, then, positions, panels, made_of=made_of)
    with panel:
        st.vega_lite_chart(
            spec={**chart_cache.chart_spec(view.light), "datasets": tables},
            key="heatmap_chart",
            alt=heatmap_data.description(heatmap),
            height="stretch",
            on_select=partial(take_chosen_price, "heatmap_chart", "low"),
            selection_mode=heatmap_data.GOES_TO,
        )
    if embedded:
        return
    if then is heatmap and not is_preview(view) and is_live(view):
        changes_since_looked(view, heatmap)
    standing = sum(window.standing_rows(then, drawn))
    hidden = image.threshold_text(drawn.total, view.threshold, standing)
    if view.scale == "relief" and view.threshold:
        hidden = f"Leaves {view.threshold} % of the cells dark, those with the least relief."
    st.caption(  # always drawn, so that another moment moves nothing on the page
        f"{sentence} {escape_markdown(hidden)} "
        f"{COLOURS}{RINGS if view.realised and data['rings']['size'].any() else ''}{BOXES if view.named else ''}"
        f"The pointer rounds dollars to {data['pointer']['tolerance'].iloc[0]:.0%}. "
        "Ctrl or Cmd with the wheel zooms, drag pans, double click refits; Shift and drag says where price goes. "
        "Times are UTC. "
        f"{then.levels_sentence} {'' if then.known.all() else f'{HATCHED} '}{then.dollars_sentence}"
    )

    if said_of_panels:
        st.caption(escape_markdown(" ".join(said_of_panels)))
    if positions is not None:
        said = positions_sentences(positions, then.market, then.market.source)
        st.caption(escape_markdown(f"Blue lines: {' '.join(said)}"))

    def heat(write: Callable[[Heatmap, window.Window], str]) -> str:
        """Return a file of the heat without what came after the moment."""
        whole_window = session_cache.view_heatmap(market, prior, bands, made_of)
        moment, _ = session_cache.heatmap_as_of(view, whole_window)
        return write(moment, window.window(moment, view.whole, like=whole_window))

    downloads(
        f"{then.market.base}_{view.timeframe}",
        {
            "Heat CSV": ("heat.csv", lambda: heat(files.heat_csv)),
            "Heat JSON": ("heat.json", lambda: heat(files.heat_json)),
            "Zones CSV": ("zones.csv", lambda: heat(lambda moment, _: files.zones_csv(moment, zones))),
            "Zones JSON": ("zones.json", lambda: heat(lambda moment, _: files.zones_json(moment, zones))),
            WORDS[heatmap.kind].png: ("heatmap.png", lambda: chart_cache.chart_png(data, light=view.light)),
        },
    )


view = controls.view()
playing = "playing" in state
# one fragment, playing or not, so that the chart stays the same element and keeps its zoom
draw_steps = st.fragment(draw_step, run_every=SECONDS_PER_STEP if playing else None)
market = load_heatmap(view, preview=True).market
draw_steps(view, market, chosen_prior(view, market), shown_positions(), state.run, playing)
