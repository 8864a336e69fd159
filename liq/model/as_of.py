"""Markets and heatmaps as of an earlier moment: cut off at a bar, so that nothing later can show."""

from __future__ import annotations

import pandas as pd

from liq.market import Market, as_utc
from liq.model.heatmap import Heatmap


def bar_closes(market: Market) -> pd.DatetimeIndex:
    """Return when each bar of the window closed, naive UTC; without the last bar, whose close is the present.

    >>> from liq.sources.simulation.market import simulate
    >>> bar_closes(simulate("BTC", "1d", now="2026-09-01"))[0]
    Timestamp('2026-08-31 00:05:00')
    """
    return pd.DatetimeIndex(market.visible.index[1:]).tz_localize(None)


def last_closed_bar(market: Market, moment: pd.Timestamp | None) -> int | None:
    """Return the row of the window's bar that was the last to have closed at a moment (UTC): 0 for the first.

    None where the moment is not inside the window or is None, which means the present.

    >>> from liq.sources.simulation.market import simulate
    >>> last_closed_bar(simulate("BTC", "1d", now="2026-09-01"), pd.Timestamp("2026-08-31 01:02"))
    11
    """
    if moment is None:
        return None
    time = as_utc(moment, "moment").tz_localize(None)
    row = int(bar_closes(market).searchsorted(time, side="right")) - 1
    return row if row >= 0 and time < as_utc(market.as_of, "as_of").tz_localize(None) else None


def later_close(market: Market, moment: pd.Timestamp, steps: int) -> pd.Timestamp | None:
    """Return the bar close that lies one of `steps` equal steps through the window later; None past the last.

    >>> from liq.sources.simulation.market import simulate
    >>> later_close(simulate("BTC", "1d", now="2026-09-01"), pd.Timestamp("2026-08-31 01:00"), steps=24)
    Timestamp('2026-08-31 02:00:00')
    """
    closes = bar_closes(market)
    row = int(closes.searchsorted(moment)) - (-len(closes) // steps)  # a ceiling, so that the steps reach the end
    return closes[row] if row < len(closes) else None


def heatmap_at(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as of the end of its photographed bar number `row`, which is then the last and only one.

    Everything later is cut off: candles, open interest, levels, sweeps, and the price. The window is as long as it
    was, as far as there are bars; its edges stay those of the whole window. Realised liquidations are left out.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> earlier = heatmap_at(heatmap, 60)
    >>> bool((earlier.long[0] == heatmap.long[60]).all())
    True
    """
    return heatmap.cut(slice(row, row + 1))


def heatmap_up_to(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the same as `heatmap_at` with the earlier photographs kept, which show what price did to a zone.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> len(heatmap_up_to(heatmap, 60).times)
    61
    """
    return heatmap.cut(slice(0, row + 1))


def first_bars(market: Market, n: int, *, keep_window: bool = True) -> Market:
    """Return the first n bars as a market of their own, which ends with the last of them.

    keep_window : whether the visible window is as long as it was, as far as there are bars; else it is all of them.
    Realised liquidations are left out.

    >>> from liq.sources.simulation.market import simulate
    >>> len(first_bars(simulate("BTC", "1d", now="2026-09-01"), 100).candles)
    100
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
    """Return the market as it was known at a moment (UTC): the bars that had closed, all of them visible.

    >>> from liq.sources.simulation.market import simulate
    >>> market_before(simulate("BTC", "1d", now="2026-09-01"), pd.Timestamp("2026-08-31")).as_of
    Timestamp('2026-08-31 00:00:00+0000', tz='UTC')
    """
    closes = market.times + pd.to_timedelta(market.hours(), unit="h")
    time = as_utc(moment, "moment") if closes.tz is not None else as_utc(moment, "moment").tz_localize(None)
    return first_bars(market, int((closes <= time).sum()), keep_window=False)
