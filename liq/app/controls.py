"""The pages of the app, the sidebar whose state is the URL, and the view that it describes."""

from __future__ import annotations

import gc
from contextlib import suppress
from functools import cache
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.errors import StreamlitAPIException

from liq import formatting
from liq.app import app_folder, tickers, widgets
from liq.app.parts.context import NAMES
from liq.app.parts.days import OLDEST
from liq.app.real_positions import is_named
from liq.app.view import View
from liq.charts.heatmap import image
from liq.charts.heatmap.picture import SCALES
from liq.market import LOOKBACKS, lookback
from liq.model.choice import MAPS
from liq.model.leverage_bands import BANDS
from liq.model.prior import PRIORS
from liq.process_memory import use_few_heaps
from liq.sources import fetch, market_cache

DARK_FIRST = """<script>
for (const key of Object.keys(localStorage)) {
  if (!key.startsWith("stActiveTheme") || localStorage.getItem(key) !== '"System"') continue;
  if (localStorage.getItem("liq-" + key)) continue;
  localStorage.setItem("liq-" + key, "dark was chosen once");
  localStorage.setItem(key, '"Dark"');
  location.reload();
}
</script>"""
"""Streamlit takes the system's preference until a theme is chosen in its menu; this chooses dark, once a browser."""

MARKET = ("source", "dates", "until", "ticker", "timeframe", "leverage", "prior", "live")
MAP = ("map", "observed")
WATCHED = ("source", "until", "timeframe", "map", "leverage", "prior", "live")
DRAWING = ("scale", "threshold", "heat", "klines", "whole", "realised", "untested")
PICTURE = (*DRAWING, "named", "panels")
PAGES = (
    ("heatmap.py", "Heatmap", ":material/grid_on:", (*MARKET, *MAP, *PICTURE, "as_of")),
    ("top_zones.py", "Top zones", ":material/format_list_numbered:", (*MARKET, *MAP, "as_of")),
    ("liquidation_map.py", "Liquidation map", ":material/bar_chart:", (*MARKET, *MAP, "untested", "as_of")),
    ("side_by_side.py", "Side by side", ":material/splitscreen_right:", (*MARKET, "map", *DRAWING)),
    ("watchlist.py", "Watchlist", ":material/visibility:", WATCHED),
    ("reality_check.py", "Reality check", ":material/fact_check:", (*MARKET, "observed")),
    ("background.py", "Background", ":material/menu_book:", ()),
)
"""File, title, icon and controls of each page; what a page does not show keeps its state."""


def setup() -> Any:
    """Set the page up and return the one to run. The icon is drawn here, as Streamlit fetches a named one."""
    use_few_heaps()
    st.set_page_config(page_title="Liquidation heatmap", page_icon=image.app_icon(), layout="wide")
    return st.navigation(pages(), position="top")


def finish_page(title: str) -> None:
    """Note that the page is drawn to its end, its controls among it."""
    st.session_state.drawn_page = title
    freeze_imports()


@cache
def freeze_imports() -> None:
    """Take what is imported by now out of garbage collection, once: Streamlit collects after every run."""
    gc.freeze()


def dark_first() -> None:
    """Choose the dark theme where the browser prefers light and nobody chose a theme; later choices stay."""
    if st.context.theme.type == "light":
        st.html(DARK_FIRST, unsafe_allow_javascript=True)


def pages() -> list[Any]:
    """Return the pages of the app, the heatmap first; one whose file does not exist is left out."""
    return [
        st.Page(app_folder() / "pages" / file, title=title, icon=icon, default=file == "heatmap.py")
        for file, title, icon, _ in PAGES
        if (app_folder() / "pages" / file).exists()
    ]


def defaults() -> dict[str, Any]:
    """Return the value of every control before anyone has moved it."""
    return {
        "source": fetch.SOURCES[0],
        "dates": widgets.AS_FOUND,
        "until": None,
        "ticker": tickers.DEFAULT_COINS[0],
        "timeframe": "7d",
        "leverage": list(BANDS),
        "prior": next(iter(PRIORS)),
        "live": True,
        "scale": SCALES[0],
        "threshold": 0,
        "heat": 20,
        "klines": True,
        "whole": False,
        "realised": True,
        "untested": True,
        "named": False,
        "panels": [],
        "map": MAPS[0],
        "observed": is_named(),
        "as_of": None,
    }


def sidebar(title: str) -> None:
    """Draw the controls that act on a page; each keeps its state in the URL, where an invalid value counts as the
    default."""
    state = st.session_state
    shown = _controls_of(title)
    kept, is_new, unmoved = state.setdefault("kept", {}), state.get("drawn_page") != title, defaults()
    if not state.get("run"):
        _read_past_moment(shown)
    for name in shown:
        # a page sets this to change a control: only here is the control not drawn yet
        if f"next_{name}" in state:
            state[name] = state.pop(f"next_{name}")
            if name == "until":
                with suppress(StreamlitAPIException):  # of a date that is on the page already, which does it itself
                    st.query_params.pop(name, None)
                    st.query_params.update({name: str(state[name])} if state[name] else {})
            if name == "dates" or (name not in kept and name == "ticker"):
                st.query_params[name] = str(state[name])  # a control that is drawn for the first time does not
        elif name not in state:
            if name in kept:
                state[name] = kept[name]  # Streamlit forgets what a page did not draw
        elif is_new and name not in st.query_params and state[name] != unmoved[name]:
            state[name] = state[name]  # a run that was cut short has told neither the browser nor its address
    state.sidebar_drawn = True
    state.run = state.get("run", 0) + 1
    with st.sidebar:
        widgets.draw(shown, unmoved)
    kept.update({name: state[name] for name in shown if name in state})


def _read_past_moment(shown: tuple[str, ...]) -> None:
    """Put the day of a moment beside it where an address names a moment of the archive without a date.

    The controls of time move within a window, so the moment that they set must not be its end.
    """
    query = st.query_params
    if not {"until", "as_of"} <= set(shown) or "until" in query or query.get("source") != "archive":
        return
    timeframe = query.get("timeframe", "7d")
    with suppress(ValueError, TypeError):  # what is no moment counts as none, see `sidebar`
        moment = pd.Timestamp(query.get("as_of", ""))
        is_there = moment.date() >= OLDEST
        if is_there and is_before_newest(moment, timeframe if timeframe in LOOKBACKS else "7d"):
            is_end, end = moment == moment.ceil("D"), moment.ceil("D").date()
            st.session_state.update(next_until=end, next_as_of=None if is_end else moment.to_pydatetime())
            if is_end:
                del query["as_of"]


def _controls_of(title: str) -> tuple[str, ...]:
    """Return the names of the controls that a page shows."""
    return next(controls for _, name, _, controls in PAGES if name == title)


def value(name: str) -> Any:
    """Return the value of a control, whether or not the page shows it."""
    state = st.session_state
    return state[name] if name in state else state.get("kept", {}).get(name, defaults()[name])


def phone_controls(title: str) -> None:
    """Draw ticker and timeframe above the page, where only a phone shows them: there the sidebar is closed."""
    shown = _controls_of(title)
    state, names = st.session_state, [name for name in ("ticker", "timeframe") if name in shown]
    with st.container(key="phone_controls", horizontal=True):
        for name in names:
            state[f"phone_{name}"] = value(name)
            options = list(LOOKBACKS) if name == "timeframe" else tickers.tickers(value("source"))
            options = options if value(name) in options else [value(name), *options]
            st.selectbox(
                name.capitalize(), options, key=f"phone_{name}", on_change=_take_over, args=(name,), width=150
            )


def _take_over(name: str) -> None:
    st.session_state[f"next_{name}"] = st.session_state[f"phone_{name}"]


def is_before_newest(moment: pd.Timestamp, timeframe: str) -> bool:
    """Return whether a moment lies before every newest window of the archive, so that it means one of its day.

    >>> is_before_newest(pd.Timestamp("2020-01-01"), "7d")
    True
    """
    newest = formatting.naive_utc(market_cache.utc_now()) - lookback(timeframe).window
    return bool(moment < newest - pd.Timedelta(days=3))


def view() -> View:
    """Return the view that the sidebar describes. Every page calls this first.

    When the first request to a new server is for a page's own address, Streamlit runs the page without
    the entry script. Calling `st.navigation` turns that off; running again lets the entry script come first.
    """
    if not st.session_state.pop("sidebar_drawn", False):
        setup()
        st.rerun()
    return described_view()


def described_view() -> View:
    """Return the view that the drawn sidebar describes."""
    ticker = str(value("ticker") or tickers.DEFAULT_COINS[0]).strip()
    as_of, until = (None if value(name) is None else pd.Timestamp(value(name)) for name in ("as_of", "until"))
    until = until if value("source") == "archive" else None
    return View(
        ticker=ticker or tickers.DEFAULT_COINS[0],
        source=value("source"),
        timeframe=value("timeframe") or "7d",
        threshold=value("threshold"),
        more_heat=value("heat"),
        klines=value("klines"),
        realised=value("realised"),
        bands=tuple(name for name in BANDS if name in value("leverage")) or tuple(BANDS),
        prior=value("prior"),
        whole=value("whole"),
        live=value("live"),
        as_of=as_of,
        until=until,
        untested=value("untested"),
        observed=value("observed"),
        map=value("map") or MAPS[0],
        scale=value("scale") or SCALES[0],
        named=value("named"),
        light=st.context.theme.type == "light",
        dates="" if value("dates") == widgets.AS_FOUND else value("dates"),
        panels=tuple(name for name in NAMES if name in value("panels")),
    )
