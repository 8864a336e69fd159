"""The zones as tables to read: written numbers, and bars by strength."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from liq.charts.labels import age, decimals, money, percent, price
from liq.heatmap import Heatmap
from liq.zones import book


class Side(NamedTuple):
    """Hold one side of the zones page: the total that stands there in USD, and a row of text a zone."""

    total: float
    rows: pd.DataFrame


def side(heatmap: Heatmap, zones: pd.DataFrame, name: str) -> Side:
    """Return one side's zones, strongest first; column `strength` is the share of the page's strongest, 0 to 1."""
    market = heatmap.market
    last = float(market.price)
    places = decimals(last, market.tick)
    mine = zones[zones["side"] == name]
    rows = pd.DataFrame(
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
    return Side(float(book(heatmap, last, "short" if name == "above" else "long").sum()), rows)
