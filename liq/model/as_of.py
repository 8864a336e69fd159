"""A map as it stood earlier: the same walk, cut off at a bar, so that nothing later can be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from liq.market import SIDES, Market, as_utc
from liq.model.flow import Flow
from liq.model.heatmap import Heatmap, Walk, combine
from liq.model.levels import Entries


def bar_closes(market: Market) -> pd.DatetimeIndex:
    """Return when each bar of the window closed, naive UTC; without the last, whose end is the present."""
    return pd.DatetimeIndex(market.visible.index[1:]).tz_localize(None)


def last_closed_bar(market: Market, moment: pd.Timestamp | None) -> int | None:
    """Return which bar of the window was the last to have closed at a moment (UTC): 0 for the first.

    None where the moment is not inside the window, or none is given: then the present is meant.
    """
    if moment is None:
        return None
    at = as_utc(moment, "moment").tz_localize(None)
    row = int(bar_closes(market).searchsorted(at, side="right")) - 1
    return row if row >= 0 and at < as_utc(market.as_of, "as_of").tz_localize(None) else None


def later_close(market: Market, moment: pd.Timestamp, steps: int) -> pd.Timestamp | None:
    """Return when the bar closed that is one of so many equal steps through the window later; None past the last."""
    every = bar_closes(market)
    row = int(every.searchsorted(moment)) - (-len(every) // steps)  # a ceiling, so that the steps reach the end
    return every[row] if row < len(every) else None


def heatmap_at(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as of the end of its photographed bar number `row`, which is then the last and only one.

    Everything that came later is cut off: candles, open interest, levels, what reached them, and the price. The
    window is as long as it was, as far as there are bars; the prices it is laid out on stay those of the whole
    window. Realised liquidations are left out.
    """
    return _cut(heatmap, slice(row, row + 1))


def heatmap_up_to(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the same as `at` with the photographs before it kept, which tell what price did to a zone."""
    return _cut(heatmap, slice(0, row + 1))


def _cut(heatmap: Heatmap, shots: slice) -> Heatmap:
    if heatmap.parts:
        return combine(_cut_one(heatmap, shots), tuple(_cut_one(part, shots) for part in heatmap.parts))
    return _cut_one(heatmap, shots)


def _cut_one(heatmap: Heatmap, shots: slice) -> Heatmap:
    walk = heatmap.walk
    n = int(walk.photos[shots.stop - 1]) + 1
    entries = int(np.searchsorted(walk.entries.bar, n))
    market = first_bars(heatmap.market, n)
    return replace(
        heatmap,
        market=market,
        times=heatmap.times[shots],
        long=heatmap.long[shots],
        short=heatmap.short[shots],
        swept=heatmap.swept[:n],
        anchored=float(walk.flow.anchored[:n][market.times >= market.start].mean()),
        parts=(),
        walk=Walk(
            Entries(*(column[:entries] for column in walk.entries)),
            Flow(*(column[:n] for column in walk.flow)),
            walk.photos[shots],
            # a level that a later bar took still stands
            {side: np.minimum(walk.reached[side][:entries], n) for side in SIDES},
            walk.factor,
        ),
    )


def first_bars(market: Market, n: int, *, keep_window: bool = True) -> Market:
    """Return the first n bars as a market of their own, which ends with the last of them.

    keep_window : whether the visible window is as long as it was, as far as there are bars; else it is all of them.
    Realised liquidations are left out.
    """
    candles = market.candles.iloc[:n]
    length = pd.Timedelta(hours=float(market.hours()[n - 1]))
    end = candles.index[-1] + length
    return Market(
        symbol=market.symbol,
        source=market.source,
        candles=candles,
        open_interest=None if market.open_interest is None else market.open_interest.iloc[:n],
        start=max(candles.index[0], end - (market.as_of - market.start)) if keep_window else candles.index[0],
        as_of=end,
        bar=length,
        tick=market.tick,
        brackets=market.brackets,
    )


def market_before(market: Market, moment: pd.Timestamp) -> Market:
    """Return the market as it was known at a moment (UTC): the bars that had closed, all of them visible."""
    closes = market.times + pd.to_timedelta(market.hours(), unit="h")
    at = as_utc(moment, "moment") if closes.tz is not None else as_utc(moment, "moment").tz_localize(None)
    return first_bars(market, int((closes <= at).sum()), keep_window=False)
