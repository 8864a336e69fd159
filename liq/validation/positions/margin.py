"""Margin of real positions: which are isolated, and nominal beside effective leverage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from liq.formatting import whole_percent
from liq.positions import Positions, levels_of

BY_FORMULA = 0.3
"""Share of one over leverage by which an isolated position's level may miss it, where no margin mode is stated:
maintenance margin takes up to half of it at the highest leverage, added margin moves it away."""

NOMINAL = (0.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, np.inf)
"""Leverages between the classes of the picture; a class has its upper end."""

NO_LEVEL = "no level"

HIGH, FAR = 20.0, 0.3
"""The leverage and the distance from entry that the sentence speaks of."""


@dataclass(frozen=True, eq=False)
class LeverageShares:
    """Hold a snapshot's dollars by leverage, as stated and as it works out.

    table : index the classes of NOMINAL and NO_LEVEL, columns ``nominal``, share of dollars (coins times entry) by
    the leverage that the account chose, and ``effective``, by one over the distance of the level from entry.
    nominal_high : share whose nominal leverage is HIGH or more; level_far : share whose level lies farther than FAR
    from entry, or that has none; cross : share that is cross-margined, NaN where no margin mode is stated; positions,
    how many.
    """

    table: pd.DataFrame
    nominal_high: float
    level_far: float
    cross: float
    positions: int

    @property
    def sentence(self) -> str:
        """How far nominal leverage is from what forces an account, in one plain sentence."""
        text = (
            f"{whole_percent(self.nominal_high)} of the dollars are set to {HIGH:g}x or more, but "
            f"{whole_percent(self.level_far)} would be liquidated only {whole_percent(FAR)} or more from where they "
            "were opened, or not by this coin at all"
        )
        if np.isfinite(self.cross):
            text += f"; {whole_percent(self.cross)} are cross-margined, so the whole account pays"
        return f"{text}."


def leverage_shares(positions: Positions, coin: str, moment: object = None) -> LeverageShares | None:
    """Return the dollars by nominal and by effective leverage in the last snapshot of a coin at or before a moment.

    None where there is no such snapshot.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 4e4, "leverage": 40, "margin": "cross", "account": "a1"}
    >>> found = leverage_shares(Positions(pd.DataFrame([row]), "hyperliquid"), "BTC")
    >>> found.table.loc["20x to 40x", "nominal"].item(), found.table.loc["to 2x", "effective"].item()
    (1.0, 1.0)
    """
    rows = positions.snapshot(coin, moment)
    if not len(rows):
        return None
    names = leverage_names()
    usd = (rows["coins"] * rows["entry"]).to_numpy()
    distance = np.abs(rows["liquidation_price"] / rows["entry"] - 1).to_numpy()
    effective = 1 / np.maximum(distance, 1e-9)
    count = len(names)
    classes = {
        "nominal": _classes(rows["leverage"].to_numpy()),
        "effective": np.where(np.isfinite(distance), _classes(effective), count - 1),
    }
    table = {name: np.bincount(number, usd, count) / usd.sum() for name, number in classes.items()}
    is_stated = margin_is_stated(positions)
    return LeverageShares(
        table=pd.DataFrame(table, index=names),
        nominal_high=float(usd[rows["leverage"] >= HIGH].sum() / usd.sum()),
        level_far=float(usd[~(distance <= FAR)].sum() / usd.sum()),
        cross=float(usd[rows["margin"] == "cross"].sum() / usd.sum()) if is_stated else float("nan"),
        positions=len(rows),
    )


def leverage_names() -> list[str]:
    """Return the names of the classes of leverage, NO_LEVEL last.

    >>> leverage_names()[1], leverage_names()[-1]
    ('2x to 3x', 'no level')
    """
    inner = [f"{low:g}x to {high:g}x" for low, high in pairwise(NOMINAL[1:-1])]
    return [f"to {NOMINAL[1]:g}x", *inner, f"over {NOMINAL[-2]:g}x", NO_LEVEL]


def margin_is_stated(positions: Positions) -> bool:
    """Return whether the margin mode is known: whether any position is isolated, since else all would be cross.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 4e4, "leverage": 40, "margin": "cross", "account": "a1"}
    >>> margin_is_stated(Positions(pd.DataFrame([row]), "hyperliquid"))
    False
    """
    return bool((positions.rows["margin"] == "isolated").any())


def isolated_levels(positions: Positions, coin: str) -> pd.DataFrame:
    """Return the liquidation prices of a coin's isolated positions, in the shape that `liq.compare` takes.

    By the margin mode where it is stated, else those whose level lies where their leverage alone puts it: one over
    leverage from entry, to BY_FORMULA of it.

    >>> row = {"time": pd.Timestamp("2026-01-31", tz="UTC"), "coin": "BTC", "side": "long", "coins": 2.0,
    ...        "entry": 8e4, "liquidation_price": 7.3e4, "leverage": 10, "margin": "cross", "account": "a1"}
    >>> len(isolated_levels(Positions(pd.DataFrame([row]), "hyperliquid"), "BTC"))
    1
    """
    rows = positions.rows
    own = rows[(rows["coin"] == coin).to_numpy()]
    if margin_is_stated(positions):
        own = own[(own["margin"] == "isolated").to_numpy()]
    else:
        distance = np.abs(own["liquidation_price"] / own["entry"] - 1)
        own = own[(np.abs(distance * own["leverage"] - 1) <= BY_FORMULA).to_numpy()]
    return levels_of(own)


def _classes(leverage: np.ndarray) -> np.ndarray:
    """Return the number of the class that each leverage lies in."""
    return np.searchsorted(NOMINAL[1:-1], leverage, side="left")
