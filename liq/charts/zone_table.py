"""The zones as tables to read: written numbers, and bars by strength."""

from __future__ import annotations

import pandas as pd

from liq.formatting import age, decimals, money, percent, price
from liq.model.heatmap import Heatmap


def side_table(heatmap: Heatmap, zones: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return one side's zones, strongest first; column `strength` is the share of the page's strongest, 0 to 1."""
    market = heatmap.market
    places = decimals(market.price, market.tick)
    mine = zones[zones["side"] == name]
    return pd.DataFrame(
        {
            "strength": (mine["usd"] / zones["usd"].max()).to_numpy(float),
            "usd": [money(value) for value in mine["usd"]],
            "range": [
                f"{price(low, places)} to {price(high, places)}"
                for low, high in zip(mine["low"], mine["high"], strict=True)
            ],
            "distance": [percent(value) for value in mine["distance"]],
            "share": [percent(value, 0, sign=False) for value in mine["share"]],
            "leverage": [f"{value:.0f}x" for value in mine["leverage"]],
            "age": [age(moment, market.as_of) for moment in mine["opened"]],
            "status": mine["status"].astype(str).to_numpy(),
        }
    )
