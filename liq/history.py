"""A map as it stood earlier: the same walk, cut off at a bar, so that nothing later can be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from liq.flow import Flow
from liq.heatmap import Heatmap, Walk, combine
from liq.levels import Entries
from liq.market import SIDES, Market


def at(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as of the end of its photographed bar number `row`, which is then the last and only one.

    Everything that came later is cut off: candles, open interest, levels, what reached them, and the price. The
    window is as long as it was, as far as there are bars. Realised liquidations are left out.
    """
    if heatmap.parts:
        return combine(_cut(heatmap, row), tuple(_cut(part, row) for part in heatmap.parts))
    return _cut(heatmap, row)


def _cut(heatmap: Heatmap, row: int) -> Heatmap:
    walk, shot = heatmap.walk, slice(row, row + 1)
    n = int(walk.photos[row]) + 1
    entries = int(np.searchsorted(walk.entries.bar, n))
    return replace(
        heatmap,
        market=_market(heatmap.market, n),
        times=heatmap.times[shot],
        long=heatmap.long[shot],
        short=heatmap.short[shot],
        swept=heatmap.swept[:n],
        parts=(),
        walk=Walk(
            Entries(*(column[:entries] for column in walk.entries)),
            Flow(*(column[:n] for column in walk.flow)),
            walk.photos[shot],
            # a level that a later bar took still stands
            {side: np.minimum(walk.reached[side][:entries], n) for side in SIDES},
            walk.factor,
        ),
    )


def _market(market: Market, n: int) -> Market:
    """Return the first n bars as a market of their own."""
    candles = market.candles.iloc[:n]
    length = pd.Timedelta(hours=float(market.hours()[n - 1]))
    end = candles.index[-1] + length
    return Market(
        symbol=market.symbol,
        source=market.source,
        candles=candles,
        open_interest=None if market.open_interest is None else market.open_interest.iloc[:n],
        start=max(candles.index[0], end - (market.as_of - market.start)),
        as_of=end,
        bar=length,
        tick=market.tick,
        brackets=market.brackets,
    )
