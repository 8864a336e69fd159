"""The zones as a table to read: written numbers, and bars by strength."""

from __future__ import annotations

import pandas as pd

from liq.charts.labels import age, percent, price


def table(zones: pd.DataFrame, side: str, places: int, now: pd.Timestamp) -> pd.DataFrame:
    """Return one side's zones, strongest first: strength (share of the strongest), USD, and written columns."""
    mine = zones[zones["side"] == side]
    return pd.DataFrame(
        {
            "usd": mine["usd"],
            "range": [
                f"{price(low, places)} to {price(high, places)}"
                for low, high in zip(mine["low"], mine["high"], strict=True)
            ],
            "distance": [percent(value) for value in mine["distance"]],
            "share": [percent(value, 0, sign=False) for value in mine["share"]],
            "leverage": [f"{value:.0f}x" for value in mine["leverage"]],
            "age": [age(moment, now) for moment in mine["opened"]],
            "status": mine["status"],
        }
    ).reset_index(drop=True)
