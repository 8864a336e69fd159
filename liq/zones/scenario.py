"""Scenario of the book: squeeze, flush or range, and what would be forced if price got there; no forecast."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from liq.formatting import decimals, money, percent
from liq.formatting import price as price_text
from liq.model.heatmap import DUST, Heatmap
from liq.wording import ESTIMATE, dollars_of
from liq.zones.ranking import NEAR, book_on_side, buckets_in_range, check_price, side_totals, top_zones

LEAN = 0.6
"""Share of the near book that makes it lean to a side."""

QUARTER = 0.25
"""Share of the visible range, at each end, in which price decides where the near book does not lean."""

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

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"))
    >>> scenario(heatmap).name in NAMES
    True
    """
    reference = check_price(heatmap, price)
    zones = top_zones(heatmap, reference) if zones is None else zones
    totals = side_totals(heatmap, reference)
    visible = heatmap.market.visible
    low, high = min(float(visible["low"].min()), reference), max(float(visible["high"].max()), reference)
    position = (reference - low) / (high - low) if high > low else 0.5
    balance = totals.balance
    stands = "is estimated to stand" if heatmap.kind == ESTIMATE else "real is seen to stand"
    near, is_empty = percent(NEAR, 0, sign=False), totals.near_above + totals.near_below <= 0
    near_text = f"Within {near} of price, shorts are {percent(balance, 0, sign=False)} of what stands"
    lean_text = f"Nothing {stands} within {near} of price" if is_empty else f"{near_text}, no clear lean"
    position_text = f"price is at {percent(position, 0, sign=False)} of its range"
    if balance >= LEAN:
        name, why = "squeeze", f"{near_text}, at least {percent(LEAN, 0, sign=False)}."
    elif balance <= 1 - LEAN:
        name, why = "flush", f"{near_text}, so longs are at least {percent(LEAN, 0, sign=False)}."
    elif position >= 1 - QUARTER:
        name, why = "squeeze", f"{lean_text}; {position_text}, in the upper quarter."
    elif position <= QUARTER:
        name, why = "flush", f"{lean_text}; {position_text}, in the lower quarter."
    else:
        name, why = (
            "range",
            f"{lean_text}; {position_text}{'' if is_empty else ', between the outer quarters'}.",
        )
    strong_zones = {side: strong_zone(zones, side) for side in FORCED}
    order = ("below", "above") if name == "flush" else ("above", "below")
    sentences = (_condition(heatmap, reference, strong_zones[side], side, zones) for side in order)
    return Scenario(
        name, why, tuple(filter(None, sentences)), balance, position, strong_zones["above"], strong_zones["below"]
    )


def strong_zone(zones: pd.DataFrame, side: str) -> pd.Series | None:
    """Return the strongest zone of a side within NEAR of price, else the nearest one it has, else None.

    >>> zones = pd.DataFrame({"side": ["above"] * 2, "distance": [0.01, 0.04], "usd": [1e6, 9e6]})
    >>> strong_zone(zones, "above")["usd"]
    np.float64(9000000.0)
    """
    own_side = zones[zones["side"] == side]
    if own_side.empty:
        return None
    near_zones = own_side[own_side["distance"].abs() <= NEAR]
    if near_zones.empty:
        return own_side.iloc[int(own_side["distance"].abs().argmin())]
    return near_zones.iloc[int(near_zones["usd"].argmax())]


def _condition(heatmap: Heatmap, price: float, zone: pd.Series | None, side: str, zones: pd.DataFrame) -> str:
    """Return a sentence on what would be forced in a zone and on the way to it, and what stands behind it."""
    if zone is None:
        return ""
    positions, fate, move = FORCED[side]
    places = decimals(price, heatmap.market.tick)
    text = (
        f"If price {move} {price_text(zone['low'], places)} to {price_text(zone['high'], places)} "
        f"({percent(zone['distance'])}), {dollars_of(heatmap.kind, money(zone['usd']), positions)} would be {fate}"
    )
    usd, own_buckets = (
        book_on_side(heatmap, price, side),
        buckets_in_range(heatmap, float(zone["low"]), float(zone["high"])),
    )
    before = float(usd[: own_buckets.start].sum() if side == "above" else usd[own_buckets.stop :].sum())
    if before > DUST:
        text += f", after {money(before)} on the way"
    own_side = zones[zones["side"] == side]
    behind = (
        own_side[own_side["low"] >= zone["high"]] if side == "above" else own_side[own_side["high"] <= zone["low"]]
    )
    if behind.empty:
        return f"{text}; no named zone stands behind it."
    next_zone = behind.iloc[int(behind["distance"].abs().argmin())]
    edge = next_zone["low"] if side == "above" else next_zone["high"]
    return f"{text}; the next zone begins at {price_text(edge, places)} with {money(next_zone['usd'])}."
