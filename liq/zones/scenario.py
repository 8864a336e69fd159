"""Squeeze, flush or range: what would be forced if price got there, as conditions and never as a forecast."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from liq.formatting import decimals, money, percent
from liq.formatting import price as written
from liq.model.heatmap import DUST, Heatmap
from liq.zones.ranking import NEAR, book_on_side, buckets_in_range, check_price, side_totals, top_zones

LEAN = 0.6
"""The near book leans to a side that holds at least this share of it."""

QUARTER = 0.25
"""Where the near book does not lean, price in the outer quarter of its range decides."""

NAMES = {"squeeze": "Squeeze", "flush": "Flush", "range": "Range"}

FORCED = {"above": ("shorts", "bought back", "runs into"), "below": ("longs", "sold", "falls into")}


@dataclass(frozen=True)
class Scenario:
    """Hold which of three situations the book is in, and what would follow from where price goes.

    name : "squeeze", "flush" or "range"; why : the rule with its numbers; conditions : one sentence a side that
    begins with "If"; balance : share of the near book that is shorts; position : of price in the visible range,
    0 at its low and 1 at its high; above, below : the strong zone meant on each side, a row of `top_zones`, or None.
    """

    name: str
    why: str
    conditions: tuple[str, ...]
    balance: float
    position: float
    above: pd.Series | None
    below: pd.Series | None


def scenario(heatmap: Heatmap, price: float | None = None, zones: pd.DataFrame | None = None) -> Scenario:
    """Return the scenario at a price, default the market's; zones as `top_zones` gave them there, if at hand.

    Shorts that make up LEAN of the near book or more make a squeeze, longs a flush. Where neither does, price in
    the upper QUARTER of the visible range makes a squeeze, in the lower one a flush, and between them a range.
    Raises InputError.
    """
    at = check_price(heatmap, price)
    zones = top_zones(heatmap, at) if zones is None else zones
    stands = side_totals(heatmap, at)
    visible = heatmap.market.visible
    low, high = min(float(visible["low"].min()), at), max(float(visible["high"].max()), at)
    position = (at - low) / (high - low) if high > low else 0.5
    balance = stands.balance
    near = f"Within {percent(NEAR, 0, sign=False)} of price, shorts are {percent(balance, 0, sign=False)} of the book"
    place = f"price is at {percent(position, 0, sign=False)} of its range"
    if balance >= LEAN:
        name, why = "squeeze", f"{near}, at least {percent(LEAN, 0, sign=False)}."
    elif balance <= 1 - LEAN:
        name, why = "flush", f"{near}, so longs are at least {percent(LEAN, 0, sign=False)}."
    elif position >= 1 - QUARTER:
        name, why = "squeeze", f"{near}, no clear lean; {place}, in the upper quarter."
    elif position <= QUARTER:
        name, why = "flush", f"{near}, no clear lean; {place}, in the lower quarter."
    elif stands.near_above + stands.near_below > 0:
        name, why = "range", f"{near}, no clear lean; {place}, between the outer quarters."
    else:
        name, why = "range", f"Nothing is estimated to stand within {percent(NEAR, 0, sign=False)} of price; {place}."
    strong = {side: strong_zone(zones, side) for side in FORCED}
    order = ("below", "above") if name == "flush" else ("above", "below")
    sentences = (_condition(heatmap, at, strong[side], side, zones) for side in order)
    return Scenario(name, why, tuple(filter(None, sentences)), balance, position, strong["above"], strong["below"])


def strong_zone(zones: pd.DataFrame, side: str) -> pd.Series | None:
    """Return the strongest zone of a side within NEAR of price, else the nearest one it has, else None."""
    mine = zones[zones["side"] == side]
    if mine.empty:
        return None
    near = mine[mine["distance"].abs() <= NEAR]
    if near.empty:
        return mine.iloc[int(mine["distance"].abs().argmin())]
    return near.iloc[int(near["usd"].argmax())]


def _condition(heatmap: Heatmap, price: float, zone: pd.Series | None, side: str, zones: pd.DataFrame) -> str:
    """Return what would be forced if price got to a zone, on the way there, and what stands next behind it."""
    if zone is None:
        return ""
    who, what, move = FORCED[side]
    places = decimals(price, heatmap.market.tick)
    text = (
        f"If price {move} {written(zone['low'], places)} to {written(zone['high'], places)} "
        f"({percent(zone['distance'])}), an estimated {money(zone['usd'])} of {who} would be {what}"
    )
    usd, part = book_on_side(heatmap, price, side), buckets_in_range(heatmap, float(zone["low"]), float(zone["high"]))
    before = float(usd[: part.start].sum() if side == "above" else usd[part.stop :].sum())
    if before > DUST:
        text += f", after {money(before)} on the way"
    mine = zones[zones["side"] == side]
    behind = mine[mine["low"] >= zone["high"]] if side == "above" else mine[mine["high"] <= zone["low"]]
    if behind.empty:
        return f"{text}; no named zone stands behind it."
    following = behind.iloc[int(behind["distance"].abs().argmin())]
    edge = following["low"] if side == "above" else following["high"]
    return f"{text}; the next zone begins at {written(edge, places)} with {money(following['usd'])}."
