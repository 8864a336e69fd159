"""The zones of one side as a table to read: numbers as text, and bars by strength."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.charts.positions import positions_by_zone
from liq.formatting import age, decimals, money, percent, price
from liq.model.heatmap import Heatmap
from liq.positions import Positions
from liq.zones.ranking import SIDES


def side_table(heatmap: Heatmap, zones: pd.DataFrame, name: str, positions: Positions | None = None) -> pd.DataFrame:
    """Return one side's zones in their order; column `strength` is the share of the strongest of both sides, 0 to 1:
    by dollars, or by relief where the zones were ranked by it (`liq.zones.relief`).

    positions : real ones, whose dollars in the zone's range are a column of their own.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> list(side_table(heatmap, liq.top_zones(heatmap), "above").columns)[:4]
    ['strength', 'usd', 'range', 'distance']
    """
    market = heatmap.market
    places = decimals(market.price, market.tick)
    own_zones = zones[zones["side"] == name]
    by = "relief" if "relief" in zones else "usd"
    table = pd.DataFrame(
        {
            "strength": (own_zones[by] / zones[by].max()).to_numpy(float),
            "usd": [money(value) for value in own_zones["usd"]],
            "range": [
                f"{price(low, places)} to {price(high, places)}"
                for low, high in zip(own_zones["low"], own_zones["high"], strict=True)
            ],
            "distance": [percent(value) for value in own_zones["distance"]],
            "share": [percent(value, 0, sign=False) for value in own_zones["share"]],
            "leverage": [f"{value:.0f}x" for value in own_zones["leverage"]],
            "age": [age(moment, market.as_of) for moment in own_zones["opened"]],
            "status": own_zones["status"].astype(str).to_numpy(),
        }
    )
    if np.isfinite(heatmap.tested_range[1]):
        table["evidence"] = np.where(own_zones["tested"], "tested", "extrapolated")
    holders = [
        heatmap.holders(SIDES[name], low, high) for low, high in zip(own_zones["low"], own_zones["high"], strict=True)
    ]
    if any(holders):
        table["accounts"] = [f"{held.accounts:,}" if held else "" for held in holders]
        table["cross"] = [percent(held.cross, 0, sign=False) if held else "" for held in holders]
    if by == "relief":
        table["relief"] = [f"×{value:.1f}" for value in own_zones["relief"]]
    if positions is not None:
        table["positions"] = [money(value) for value in positions_by_zone(positions, market, own_zones)]
    return table


def cascade_text(table: pd.DataFrame, reference: float, places: int) -> pd.DataFrame:
    """Return a cascade's table (`liq.zones.cascade.cascade_table`) with its numbers as an analyst writes them.

    >>> row = {"book": "as it stands", "forced": 1e6, "stop": 101.0, "rested": 2e6, "next_zone": float("nan")}
    >>> cascade_text(pd.DataFrame([row]), 100.0, 1)["Price stops at"].item()
    '101.0 (+1.0 %)'
    """
    stops = [
        "nowhere, nothing rests" if stop != stop else f"{price(stop, places)} ({percent(stop / reference - 1)})"
        for stop in table["stop"]
    ]
    zones = ["none" if edge != edge else price(edge, places) for edge in table["next_zone"]]
    return pd.DataFrame(
        {
            "Order book": table["book"],
            "Forced in all": table["forced"].map(money),
            "Price stops at": stops,
            "Resting between": table["rested"].map(money),
            "First zone reached": zones,
        }
    )
