"""Files from outside on a page: which is being read, what is wrong with it, and how its dates are meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from liq.errors import DateOrderError, InputError, LiqError
from liq.formatting import escape_markdown

T = TypeVar("T")

REFUSED = 8
"""Refusals that a session keeps, the latest."""


def read_files(names: Sequence[str], key: tuple[object, ...], read: Callable[[], T]) -> T:
    """Return what a function reads from files, with a spinner that names them.

    key : what makes the files, and the way they are read, other ones. Files that were refused are not read again in
    every run: the same error is raised.
    """
    refused: dict[tuple[object, ...], InputError] = st.session_state.setdefault("refused_files", {})
    if key in refused:
        raise refused[key]
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    try:
        with st.spinner(escape_markdown(f"Reading {names[0]}{others}")):
            return read()
    except InputError as error:
        refused[key] = error
        for old in list(refused)[:-REFUSED]:
            del refused[old]
        raise


def file_error(error: LiqError) -> None:
    """Draw one sentence on what is wrong; where dates can be read in several orders, a button for each."""
    if not isinstance(error, DateOrderError):
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return
    st.info(escape_markdown(str(error)), icon=":material/calendar_month:")
    with st.container(horizontal=True):
        for order, (first, last) in error.readings.items():
            label = f"{order.replace('-', ' ').capitalize()}: {first} to {last}"
            st.button(label, key=f"dates_{order}", on_click=_choose, args=(order,))


def _choose(order: str) -> None:
    """Choose an order of dates; the sidebar takes it over in the next run."""
    st.session_state.next_dates = order
