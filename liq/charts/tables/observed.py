"""Tables of the reality check about observed positions: comparison, leverage, survival."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.formatting import percent
from liq.market import SIDES, Market
from liq.positions import Positions
from liq.validation.positions.comparison import FIGURES, REACH, Comparison
from liq.validation.positions.leverage import observed_leverage

ABOUT_COMPARISON = (
    f"Dollars by price within {REACH:.0%} of it, longs below and shorts above, means over snapshots. Overlap: of "
    "both profiles, each adding up to one. Rank: of dollars by bucket. Beyond distance: with distance from price "
    "taken out, so that no map is praised for knowing that more stands farther away. In brackets: 95 % intervals "
    "from drawing whole days again."
)

ABOUT_SURVIVAL = (
    "Shares of positions followed from one snapshot to one about a day later, by distance of the liquidation price "
    "from price. Liquidated: gone, and price had been there. Closed: gone otherwise. Moved: still there, the "
    "liquidation price 2 % or more elsewhere. Model: what the estimate lets close in that time, sweeps left aside."
)

TITLES = {
    "overlap": "Overlap",
    "rank": "Rank",
    "rank_beyond_distance": "Rank beyond distance",
    "top_ten": "Ten biggest: share that the map's ten hold",
}


def comparison_table(compared: Comparison) -> pd.DataFrame:
    """Return a comparison as rows of text: this map, its interval, and the map of a week before.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> compared = liq.compare(liq.estimate(market), simulated_positions(market).levels("BTC"))
    >>> comparison_table(compared)[""].tolist()[0]
    'Overlap'
    """
    return pd.DataFrame(
        [
            {
                "": TITLES[name],
                "This map": _number(getattr(compared, name), name),
                "Interval": " to ".join(_number(end, name) for end in compared.intervals[name])
                if np.isfinite(compared.intervals[name]).all()
                else "too few days",
                "Map of a week before": _number(compared.placebo[name], name),
            }
            for name in FIGURES
        ]
    )


def leverage_table(positions: Positions, market: Market) -> pd.DataFrame:
    """Return shares of observed dollars by distance of the liquidation price from entry, as text.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> len(leverage_table(simulated_positions(market), market))
    6
    """
    table = observed_leverage(positions, market.base, market.as_of + market.bar)
    text = {
        f"{side.capitalize()}s, {margin}": [_share(value) for value in table[side, margin]]
        for side in SIDES
        for margin in ("isolated", "cross")
    }
    return pd.DataFrame({"From entry": table.index, **text})


def survival_table(followed: pd.DataFrame) -> pd.DataFrame:
    """Return what became of positions, as text.

    >>> row = {"positions": 3, "liquidated": 0.0, "closed": 1.0, "moved": 0.0, "kept": 0.0, "model": 0.5}
    >>> survival_table(pd.DataFrame([row], index=["0 to 2 %"]))["Closed"].item()
    '100 %'
    """
    shares = {name.capitalize(): [_share(value) for value in followed[name]] for name in followed.columns[1:]}
    counts = [f"{count:,}" for count in followed["positions"]]
    return pd.DataFrame({"From price": followed.index, "Positions": counts, **shares})


def _number(value: float, name: str) -> str:
    if not np.isfinite(value):
        return "window too short"
    return f"{value:+.2f}" if "rank" in name else percent(value, 0, sign=False)


def _share(value: float) -> str:
    return percent(value, 0, sign=False) if np.isfinite(value) else ""
