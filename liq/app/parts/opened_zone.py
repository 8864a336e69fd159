"""The zone that is open on a page stays that zone when a closing bar or another ranking moves it in its table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from liq.zones.ranking import overlapping_zone


def table_key(zones: pd.DataFrame, side: str) -> str:
    """Return the key of a side's table: another one where other zones stand in its rows, as a selection is a row."""
    rows = tuple(zones.loc[zones["side"] == side, "peak"].round(9))
    return f"zones_{side}_{abs(hash(rows))}"


def remember_opened(zones: pd.DataFrame, side: str) -> None:
    """Keep the zone whose row was clicked, or forget it where the click took the selection back."""
    cells = st.session_state[table_key(zones, side)].selection.cells
    rows = zones[zones["side"] == side]
    opened = rows.iloc[cells[0][0]] if cells and cells[0][0] < len(rows) else None
    st.session_state[f"opened_{side}"] = None if opened is None else (opened["low"], opened["high"])


def opened_row(zones: pd.DataFrame, side: str) -> int | None:
    """Return the row of the zone that is open on a side now, None for none, and say so where it is gone."""
    opened: tuple[float, float] | None = st.session_state.get(f"opened_{side}")
    if opened is None:
        return None
    row = overlapping_zone(zones, side, *opened)
    if row is None:
        st.caption("The zone that was open is not among these any more.")
    else:  # it is followed as it moves
        st.session_state[f"opened_{side}"] = tuple(zones.loc[row, ["low", "high"]])
    return row
