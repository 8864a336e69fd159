"""What an analyst wants first: the change, the nearest strong zone on each side, the balance of the near book."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.heatmap import Heatmap

NEAR = 0.05
"""Distance from price, as a fraction, within which the near book is weighed."""

STRONG = 3
"""A zone is strong when it is among this many biggest of its side."""


class Summary(NamedTuple):
    """Hold the header of one view.

    change : of price over the visible window, a fraction. above, below : the nearest strong zone of each
    side, a row of `top_zones`, or None. longs, shorts : USD estimated to stand within NEAR of price.
    anchored : share of the window that open interest anchored.
    """

    change: float
    above: pd.Series | None
    below: pd.Series | None
    longs: float
    shorts: float
    anchored: float

    @property
    def balance(self) -> float:
        """Share of the near book that is shorts, whose forced buying would push up; NaN where nothing stands."""
        total = self.longs + self.shorts
        return self.shorts / total if total > 0 else float("nan")


def summarise(heatmap: Heatmap, zones: pd.DataFrame) -> Summary:
    """Return the header of a heatmap and its `top_zones`."""
    price = float(heatmap.market.price)
    first = float(heatmap.market.visible["open"].iloc[0])
    middle = np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:])
    near = np.abs(middle / price - 1) <= NEAR
    return Summary(
        change=price / first - 1,
        above=_nearest(zones, "above"),
        below=_nearest(zones, "below"),
        longs=float(heatmap.long[-1][near].sum()),
        shorts=float(heatmap.short[-1][near].sum()),
        anchored=heatmap.anchored,
    )


def _nearest(zones: pd.DataFrame, side: str) -> pd.Series | None:
    strong = zones[zones["side"] == side].head(STRONG)
    return None if strong.empty else strong.iloc[int(strong["distance"].abs().to_numpy().argmin())]
