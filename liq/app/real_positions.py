"""Real positions of a session: uploaded, named in LIQ_POSITIONS, or those of the simulated market."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import pandas as pd
import streamlit as st
from cachetools import LRUCache, cached

from liq.app.memory import shared
from liq.app.parts.outside_files import file_error, read_files
from liq.app.view import View
from liq.errors import DateOrderError, LiqError
from liq.formatting import escape_markdown
from liq.market import Market, as_utc
from liq.model.choice import AUTO, Choice, choose_map
from liq.model.heatmap import Heatmap
from liq.model.snapshots import MAX_AGE
from liq.positions import Positions
from liq.sources.file_worker.readers import read_positions
from liq.sources.files.table import named_buffer
from liq.sources.positions.reader import is_url, venue_to_read
from liq.sources.positions.status import collecting_status
from liq.sources.positions.venues.table import POSITION_VENUES
from liq.sources.simulation.positions import seen_share, simulated_positions
from liq.wording import ESTIMATE, REAL

TICK = "10s"
"""Time between two looks at what a collector has written meanwhile."""

SETTING = "LIQ_POSITIONS"
"""Environment variable that names a folder, a file or an address of positions."""

NONE_AT_HAND = (
    "No real positions at hand: upload a file in the sidebar, or start the app with LIQ_POSITIONS. Background says "
    "how to collect them."
)


def is_named() -> bool:
    """Return whether LIQ_POSITIONS names positions.

    >>> is_named() in (True, False)
    True
    """
    return bool(os.environ.get(SETTING))


def may_have(source: str) -> bool:
    """Return whether real positions can be shown for a source: its venue states them, or they are at hand.

    >>> may_have("simulated")
    True
    """
    states = source in ("simulated", "file", *POSITION_VENUES)
    return states or is_named() or st.session_state.get("positions_file") is not None


def map_positions(view: View, market: Market, *, offers: bool = True) -> Positions | None:
    """Return the positions that the map of a view is made of, None for the estimate; say why in one sentence, with a
    button to the other map where there is one and `offers`."""
    if view.map == ESTIMATE or (view.map == AUTO and market.source == "simulated"):
        return None
    if offers:
        collecting(market)
    at_hand = _at_hand(view, market)
    for note in () if at_hand is None else at_hand.notes:
        st.caption(f":material/visibility: {escape_markdown(note)}")
    choice = _choice(market, at_hand, view.map)
    if choice.sentence:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/visibility: {escape_markdown(choice.sentence)}", width="content")
            other = REAL if choice.positions is None else ESTIMATE
            is_there = at_hand is not None and market.base in at_hand.coins and not market.parts
            if offers and is_there and other != view.map:
                st.button(f"Show {other}", key="other_map", on_click=_show, args=(other,), type="tertiary")
    return choice.positions


@shared
def _choice(market: Market, positions: Positions | None, wanted: str) -> Choice:
    """Return `choose_map`, which looks at every row of positions: once and not in every run."""
    return choose_map(market, positions, wanted)


def _show(kind: str) -> None:
    """Show a kind of map; the sidebar takes it over in the next run."""
    st.session_state.next_map = kind


def layer_positions(view: View, heatmap: Heatmap) -> Positions | None:
    """Return the positions to draw over an estimate, or None; over a map of real positions there are none to add."""
    if not view.observed or heatmap.kind == REAL:
        return None
    found = _at_hand(view, heatmap.market)
    if found is None or heatmap.market.base in found.coins:
        return found
    st.caption(f":material/visibility: The positions at hand hold no {escape_markdown(heatmap.market.base)}.")
    return None


def positions_at_hand(view: View, market: Market) -> Positions | None:
    """Return the real positions of a market's coin that are at hand, whatever the map is made of; None for none."""
    found = _at_hand(view, market)
    return found if found is not None and market.base in found.coins else None


def named_positions(market: Market, wanted: str) -> Positions | None:
    """Return the positions that LIQ_POSITIONS names, or of the simulated market its own where they are wanted; None
    where there are none or they cannot be read. It draws nothing, so that a thread may call it.

    >>> from liq.sources.fetch import fetch
    >>> named_positions(fetch("BTC", "1d", source="simulated"), "auto") is None
    True
    """
    if market.source == "simulated":
        return _simulated(market, seen_share()) if wanted == REAL else None
    if wanted == ESTIMATE or not is_named():
        return None
    with suppress(LiqError):
        return _named(market, "")
    return None


def _at_hand(view: View, market: Market) -> Positions | None:
    """Return the positions at hand, or None; what cannot be read is said in one sentence.

    An uploaded file comes before LIQ_POSITIONS. The simulated market has its own, and no other market is shown the
    simulated one's.
    """
    upload = st.session_state.get("positions_file")
    try:
        if upload is not None:
            data, name = upload.getvalue(), upload.name
            return read_files(
                [name], ("positions", upload.file_id, view.dates), lambda: _uploaded(data, name, view.dates)
            )
        if market.source == "simulated":
            return _simulated(market, seen_share())
        if is_named():
            return _named(market, view.dates)
        if view.map == REAL or view.observed:
            st.caption(f":material/visibility: {NONE_AT_HAND}")
    except DateOrderError as error:
        file_error(error)
    except LiqError as error:
        if not _is_collecting(market):  # else the first snapshot is under way, and its progress is on the page
            st.caption(f":material/error: {escape_markdown(str(error))}")
    return None


@cached(LRUCache(3), condition=threading.Condition())
def _uploaded(data: bytes, name: str, dates: str) -> Positions:
    return read_positions(named_buffer(data, name), dates=dates)


def _named(market: Market, dates: str) -> Positions:
    """Return what LIQ_POSITIONS names, as far as a market's window needs it; the same object while nothing is new."""
    path, since = os.environ[SETTING], (as_utc(market.start, "start") - MAX_AGE).floor("D")
    if is_url(path):
        return read_positions(path, market.base, since=since)
    return _read(path, dates, venue_to_read(path, market.source), since, version(path))


def version(path: str) -> tuple[object, ...]:
    """Return what changes when a file or a folder of snapshots does.

    >>> version("nowhere")
    ()
    """
    try:
        status = os.stat(path)
        if not os.path.isdir(path):
            return status.st_mtime_ns, status.st_size
        names = [file.name for file in Path(path).glob("positions/*/[0-9]*.parquet")]
        index = Path(path, "index.json")
        return max(names, default=""), len(names), index.stat().st_mtime_ns if index.is_file() else 0
    except OSError:
        return ()


@cached(LRUCache(2), condition=threading.Condition())
def _read(path: str, dates: str, source: str, since: pd.Timestamp, version: tuple[object, ...]) -> Positions:
    return read_positions(path, dates=dates, since=since, source=source)


@cached(LRUCache(2), condition=threading.Condition())
def _simulated(market: Market, seen: float) -> Positions:
    return simulated_positions(market, seen)


def collecting(market: Market) -> None:
    """Draw what a collector beside the app is doing for a market's venue, and run the page again when it has written
    a snapshot; draw nothing where none is at work."""
    if not _is_collecting(market):
        return
    path = os.environ[SETTING]
    st.session_state.collected = version(path)
    st.fragment(_progress, run_every=TICK)(path, market.source)


def _is_collecting(market: Market) -> bool:
    """Return whether a collector is at work for a market's venue, in the folder that LIQ_POSITIONS names."""
    path = os.environ.get(SETTING, "")
    is_stated = market.source in POSITION_VENUES and os.path.isdir(path)
    return is_stated and collecting_status(Path(path), market.source) is not None


def _progress(path: str, source: str) -> None:
    """Draw a collector's progress; run the page again where there is a new snapshot."""
    if version(path) != st.session_state.get("collected"):
        st.rerun()
    status = collecting_status(Path(path), source)
    if status is not None:
        st.caption(f":material/sync: {escape_markdown(status.sentence)}")
