"""The standing book at the last bar, extended to any depth, and open interest to compare it with."""

from __future__ import annotations

import numpy as np

from liq.model.heatmap import Heatmap


def extend_book(heatmap: Heatmap, reach: float) -> Heatmap:
    """Return the last bar's book with edges at least `reach`, a fraction, to either side of the price.

    The lattice is continued in its own step and nothing is walked again, so the book is unchanged where both cover.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> bool(extend_book(heatmap, 0.5).edges[-1] >= heatmap.market.price * 1.5)
    True
    """
    price, log_edges = heatmap.market.price, np.log(heatmap.edges)
    step = (log_edges[-1] - log_edges[0]) / (len(log_edges) - 1)
    below = max(0, int(np.ceil((log_edges[0] - np.log(price * (1 - reach))) / step)))
    above = max(0, int(np.ceil((np.log(price * (1 + reach)) - log_edges[-1]) / step)))
    lower, upper = log_edges[0] - step * np.arange(below, 0, -1), log_edges[-1] + step * np.arange(1, above + 1)
    edges = np.concatenate([np.exp(lower), heatmap.edges, np.exp(upper)])
    return heatmap.last_on(edges)


def open_interest_usd(heatmap: Heatmap) -> float:
    """Return open interest at its last known value in the window, USD at the market's price; NaN where unknown.

    It is that of the venue whose positions stand (`Heatmap.open_interest`); with several the sum of all of theirs. A
    contract is one long and one short, so each side of the book is compared with all of it.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> bool(open_interest_usd(heatmap) > heatmap.long[-1].sum())
    True
    """
    usd = 0.0
    for part in heatmap.venues:
        usd += part.open_interest * part.market.price
    return usd
