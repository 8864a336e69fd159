"""Observed positions of a session: uploaded, named in LIQ_POSITIONS, or those of the simulated market."""

from __future__ import annotations

import os
import threading

import streamlit as st
from cachetools import LRUCache, TTLCache, cached

from liq.app.parts.outside_files import file_error, read_files
from liq.app.view import View
from liq.errors import DateOrderError, LiqError
from liq.formatting import escape_markdown
from liq.market import Market
from liq.positions import Positions
from liq.sources.file_worker.readers import read_positions
from liq.sources.files.table import named_buffer
from liq.sources.simulation.positions import simulated_positions

FRESH = 60
"""Seconds after which a folder is read again."""

SETTING = "LIQ_POSITIONS"
"""Environment variable that names a folder or a file of positions."""


def is_named() -> bool:
    """Return whether LIQ_POSITIONS names positions.

    >>> is_named() in (True, False)
    True
    """
    return bool(os.environ.get(SETTING))


def observed_positions(view: View, market: Market) -> Positions | None:
    """Return the positions to show beside a market, or None; what cannot be read is said in one sentence.

    An uploaded file comes before LIQ_POSITIONS. The simulated market shows its own, and no other market is shown the
    simulated one's.
    """
    if not view.observed:
        return None
    upload = st.session_state.get("positions_file")
    try:
        if upload is not None:
            data, name = upload.getvalue(), upload.name
            found = read_files(
                [name], ("positions", upload.file_id, view.dates), lambda: _uploaded(data, name, view.dates)
            )
        elif market.source == "simulated":
            return _simulated(market)
        elif is_named():
            found = _named(os.environ[SETTING], view.dates)
        else:
            st.caption(
                ":material/visibility: No observed positions at hand: upload a file in the sidebar, or start the app "
                "with LIQ_POSITIONS. Background says how to collect them."
            )
            return None
    except DateOrderError as error:
        file_error(error)
        return None
    except LiqError as error:
        st.caption(f":material/error: {escape_markdown(str(error))}")
        return None
    if market.base in found.coins:
        return found
    st.caption(f":material/visibility: The positions at hand hold no {escape_markdown(market.base)}.")
    return None


@cached(LRUCache(3), condition=threading.Condition())
def _uploaded(data: bytes, name: str, dates: str) -> Positions:
    return read_positions(named_buffer(data, name), dates=dates)


@cached(TTLCache(2, FRESH), condition=threading.Condition())
def _named(path: str, dates: str) -> Positions:
    return read_positions(path, dates=dates)


@cached(LRUCache(4), condition=threading.Condition())
def _simulated(market: Market) -> Positions:
    return simulated_positions(market)
