"""The figures of a heatmap as one line."""

from __future__ import annotations

import pandas as pd

from liq.formatting import decimals, money, price
from liq.model.heatmap import Heatmap


def figures_line(heatmap: Heatmap, above: pd.Series | None, below: pd.Series | None) -> str:
    """Return the price and the strong zone of each side, as far as there is one, in one line.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> figures_line(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1), None, None).count(" · ")
    0
    """
    places = decimals(heatmap.market.price, heatmap.market.tick)
    words = [price(heatmap.market.price, places)]
    for side, zone in (("above", above), ("below", below)):
        if zone is not None:
            words.append(f"{side} {price(zone['peak'], places)} ({money(zone['usd'])})")
    return " · ".join(words)
