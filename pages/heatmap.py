"""The heatmap: where positions would be force-closed, by price and time; now, or as of any bar of the window."""

from dataclasses import replace
from datetime import datetime

import pandas as pd
import streamlit as st

from liq import formatting
from liq.app import controls, session_cache
from liq.app.session_cache import View
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import image, layers, png, window
from liq.export import files
from liq.market import Market
from liq.model import as_of
from liq.model.heatmap import Heatmap
from liq.zones.ranking import NEAR, side_totals
from liq.zones.scenario import scenario

# the time machine plays a window in so many steps; each is given the seconds that it takes to be sent, drawn and seen
STEPS, PACE = 90, 0.6
state = st.session_state


def header(view: View, heatmap: Heatmap, zones: pd.DataFrame) -> None:
    """Draw what an analyst wants first."""
    now, stands = scenario(heatmap, zones=zones), side_totals(heatmap)
    places = formatting.decimals(heatmap.market.price, heatmap.market.tick)
    with st.container(horizontal=True, gap="small"):
        with st.container(width=168):
            controls.live_price(heatmap.market, view)
        for side, zone in (("above", now.above), ("below", now.below)):
            st.metric(
                f"Strong zone {side}",
                "none" if zone is None else formatting.price(zone["peak"], places),
                None if zone is None else f"{formatting.percent(zone['distance'])} · {formatting.money(zone['usd'])}",
                help=f"The nearest strong zone {side} the price: its peak, the way to its near edge, its dollars. "
                "An estimate.",
                **controls.PLAIN,
            )
        st.metric(
            f"Balance in ±{NEAR:.0%}",
            f"{formatting.percent(stands.balance, 0, sign=False)} shorts",
            f"{formatting.money(stands.near_above)} vs {formatting.money(stands.near_below)}",
            help="Shorts that stand near above the price against longs near below it. An estimate.",
            **controls.PLAIN,
        )
        st.metric(
            "Anchored",
            formatting.percent(heatmap.anchored, 0, sign=False),
            "to open interest",
            help="Share of the window whose openings were read from open interest; the rest is judged by volume.",
            **controls.PLAIN,
        )


def travel(market: Market, row: int | None) -> None:
    """Draw the slider over the bars of the window, and the button that plays them; the last bar's end is now."""
    ends, plays = as_of.bar_closes(market), "playing" in state
    # while it plays, what the browser says of the slider is a step old: then it is another one, not listened to
    key = "bar_playing" if plays else "bar"
    now = ends[-1] + market.bar
    state[key] = (now if row is None else ends[row]).to_pydatetime()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Pause" if plays else "Play",
            icon=f":material/{'pause' if plays else 'play_arrow'}:",
            on_click=pause if plays else play,
            args=() if plays else (ends[row or 0],),
            key="pause" if plays else "play",
        )
        st.slider(
            "As of, UTC",
            ends[0].to_pydatetime(),
            now.to_pydatetime(),
            step=market.bar.to_pytimedelta(),
            format="D MMM HH:mm",
            key=key,
            disabled=plays,
            on_change=lambda: show(state[key] if state[key] <= ends[-1] else None),
            label_visibility="collapsed",
        )


def show(end: datetime | None) -> None:
    """Go to the end of a bar, or to the present."""
    state.pop("playing", None)
    state.goes_to = None if end is None else pd.Timestamp(end).to_pydatetime()


def play(end: pd.Timestamp) -> None:
    """Begin to play at the moment on show; at present, at the first bar."""
    state.playing = end


def pause() -> None:
    """Stay at the moment on show."""
    if "playing" in state:
        show(state.playing)


def step(view: View, heatmap: Heatmap, run: int, plays: bool) -> None:
    """Draw the page, and while it plays the next step; the first drawing of a run is part of it and takes none."""
    if plays and "playing" in state and state.get("stepped") == run:
        state.playing = as_of.later_close(heatmap.market, state.playing, STEPS)
        if state.playing is None:
            show(None)
    if "goes_to" in state or ("playing" in state) != plays:
        st.rerun()  # the sidebar and the pace change with it
    state.stepped = run
    draw(replace(view, as_of=state.playing) if plays else view, heatmap)


def draw(view: View, heatmap: Heatmap) -> None:
    """Draw the page as of the moment that the view names."""
    then, sentence = session_cache.heatmap_as_of(view, heatmap)
    zones = session_cache.strongest_zones(then)
    header(view, then, zones)
    drawn, data = controls.chart_data(view, heatmap, then)
    st.vega_lite_chart(
        spec={**layers.spec(), "datasets": data},
        key="heatmap_chart",
        alt=heatmap_data.description(heatmap.market, view.timeframe),
    )
    if len(heatmap.times) > 1:
        travel(heatmap.market, as_of.last_closed_bar(heatmap.market, view.as_of))
    stands = sum(window.standing_rows(then, drawn))
    st.caption(  # where a line always is, so that travelling moves nothing
        f"{sentence} {controls.escape_markdown(image.threshold_text(drawn.total, view.threshold, stands))} "
        f"Under the pointer, dollars are right to {data['pointer']['tolerance'].iloc[0]:.0%}. "
        "Ctrl or Cmd with the wheel zooms, drag pans, double click refits. Times are UTC."
    )

    def part() -> window.Window:
        """Return what of the picture stood by then."""
        return drawn if then is heatmap else window.window(then, view.whole, like=heatmap)

    controls.downloads(
        f"{then.market.base}_{view.timeframe}",
        {
            "Heat CSV": ("heat.csv", lambda: files.heat_csv(then, part())),
            "Heat JSON": ("heat.json", lambda: files.heat_json(then, part())),
            "Zones CSV": ("zones.csv", lambda: files.zones_csv(then, zones)),
            "Zones JSON": ("zones.json", lambda: files.zones_json(then, zones)),
            "Estimate PNG": ("heatmap.png", lambda: png.chart_png(layers.static_spec(), data, 1600, 860)),
        },
    )


view = controls.view()
plays = "playing" in state
# one fragment, playing or not, so that the chart stays the same element and keeps its zoom
st.fragment(step, run_every=PACE if plays else None)(view, controls.heatmap(view), state.run, plays)
