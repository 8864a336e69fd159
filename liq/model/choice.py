"""Which map is shown of a market: real positions where they cover it well enough, else the estimate, and why."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from liq.formatting import whole_percent
from liq.market import Market
from liq.model.snapshots import MAX_LAG, MIN_COVERED, MIN_SHARE, coverage
from liq.positions import Positions
from liq.wording import ESTIMATE, REAL

AUTO = "auto"

MAPS = (AUTO, REAL, ESTIMATE)
"""What can be asked for."""

RULE = (
    f"auto shows real positions where the snapshots hold at least {whole_percent(MIN_SHARE)} of open interest, the "
    f"newest is at most {MAX_LAG // pd.Timedelta(hours=1)} hours old and they cover at least "
    f"{whole_percent(MIN_COVERED)} of the window; else the estimate. The two are never mixed."
)
"""The rule of `auto`, as pages and commands state it."""


class Choice(NamedTuple):
    """Hold what a map is made of: positions, or None for the estimate; and a sentence on why, empty where nothing is
    to be said."""

    positions: Positions | None
    sentence: str


def choose_map(market: Market, positions: Positions | None, wanted: str = AUTO) -> Choice:
    """Return what a market's map is made of.

    positions : those at hand, None for none; wanted : one of MAPS. See RULE. Positions of the simulated market are
    shown where they are asked for only: it is invented, and so is what its accounts hold.

    >>> from liq.sources.simulation.market import simulate
    >>> choose_map(simulate("BTC", "1d", now="2026-09-01"), None).positions is None
    True
    """
    if wanted == ESTIMATE or (wanted == AUTO and market.source == "simulated"):
        return Choice(None, "")
    if positions is None:
        return Choice(None, "No real positions are at hand; this is the estimate." if wanted == REAL else "")
    if market.base not in positions.coins:
        said = f"The real positions at hand hold no {market.base}; this is the estimate."
        return Choice(None, said if wanted == REAL else "")
    if market.parts:
        said = f"Real positions are of one venue, so several together show the estimate; choose {positions.source}."
        return Choice(None, said if wanted == REAL else "")
    if market.source == "simulated":
        if positions.source != "simulated":
            return Choice(None, "The real positions at hand are not of this invented market; this is the estimate.")
        return Choice(positions, "")
    lacks = coverage(market, positions).lacks
    if not lacks:
        return Choice(positions, "")
    if wanted == REAL:
        return Choice(positions, f"Real positions, as asked for, though {lacks}.")
    return Choice(None, f"Real positions are at hand, but {lacks}; this is the estimate.")
