"""If price goes to ...: what would be forced on the way, and how far those orders alone carry price; no forecast.

Rules. Price is at the target; what rested in the order book before it is gone. Every position whose level lies
between the price and the furthest price reached is closed at market, all at once. Those orders take what rests beyond
the target, nearest first. Price stops where what rested covers what was forced. Venues send the order book near the
price only; beyond what was sent, it is taken to be as deep as it is there on average. Left out: new orders, hedges,
insurance funds, auto-deleveraging, positions closed by choice.

Published for 27 clusters of a full liquidation feed: forced dollars were 0.65 % of what rested within 2 % in the
median, 7.6 % at most, and price went nine times as far as the resting book says, as the book withdraws: within 1 % it
thins to a third in the median and to a seventeenth in one case of ten. Hence three books.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import OrderBook
from liq.model.heatmap import Heatmap
from liq.zones.ranking import check_price

THINNING = {"as it stands": 1.0, "a third of it": 1 / 3, "a seventeenth": 1 / 17}
"""Share of the order book that is left, by name."""


FARTHEST, STEP = 2.0, 1e-3
"""Log distance from the price up to which the order book is extended, and the steps of it."""


class Cascade(NamedTuple):
    """What would be forced if price went somewhere, and where it would stop.

    target : the price; forced : USD forced between the price and where it stops; stop : the price where what rested
    covers what was forced, NaN where nothing rests at all. rested : USD that rested between the target and there.
    """

    target: float
    forced: float
    stop: float
    rested: float


def forced_on_the_way(heatmap: Heatmap, target: float, price: float | None = None) -> pd.DataFrame:
    """Return the levels between a price, default the market's, and a target, nearest first; see `Heatmap.standing`.

    Shorts upwards, longs downwards. Raises InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> len(forced_on_the_way(heatmap, heatmap.market.price))
    0
    """
    reference = check_price(heatmap, price)
    levels = _outward(heatmap, target, reference)
    return levels[levels["away"] <= _away(target, reference)]


def cascade(
    heatmap: Heatmap, target: float, book: OrderBook, *, left: float = 1.0, price: float | None = None
) -> Cascade:
    """Return what would be forced if price went to a target, and where the order book would stop it.

    left : share of the order book that is left. Raises InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> up, wall = heatmap.market.price * 1.02, [[heatmap.market.price * 1.02, 1e12]]
    >>> book = OrderBook(np.empty((0, 2)), np.array(wall), heatmap.market.as_of)
    >>> cascade(heatmap, up, book).stop == up
    True
    """
    reference = check_price(heatmap, price)
    side = "short" if target >= reference else "long"
    return cascade_of_levels(heatmap.standing(side), target, book, left, reference)


def cascade_of_levels(levels: pd.DataFrame, target: float, book: OrderBook, left: float, reference: float) -> Cascade:
    """Return the cascade of one side's levels, ``price usd``, such as known positions; see `cascade`.

    >>> levels = pd.DataFrame({"price": [101.0, 105.0], "usd": [3e6, 1e6]})
    >>> book = OrderBook(np.empty((0, 2)), np.array([[102.0, 2e6], [103.0, 2e6]]), pd.Timestamp("2026-01-01"))
    >>> cascade_of_levels(levels, 101.5, book, 1.0, 100.0).stop
    103.0
    """
    return _stopped(_beyond(levels, target, reference), target, book, left, reference)


def _stopped(levels: pd.DataFrame, target: float, book: OrderBook, left: float, reference: float) -> Cascade:
    """Return the cascade of levels (`_beyond`) from a reference price."""
    rows = book.asks if target >= reference else book.bids
    away = np.abs(np.log(rows[:, 0] / reference)) if len(rows) else np.empty(0)
    to_target = _away(target, reference)
    depth_at, depth = _depth_beyond(away, rows, to_target)
    depth = depth * left
    forced_at, forced = levels["away"].to_numpy(), np.cumsum(levels["usd"].to_numpy())
    steps = np.unique(np.concatenate([[to_target], depth_at, forced_at[forced_at > to_target]]))
    forced_by = _sum_by(forced_at, forced, steps)
    covered = _sum_by(depth_at, depth, steps) >= forced_by
    sign = 1.0 if target >= reference else -1.0
    if not covered.any():
        return Cascade(target, float(forced_by[-1]), float("nan"), float(depth[-1]) if len(depth) else 0.0)
    at = int(np.argmax(covered))
    stop = target if steps[at] == to_target else float(reference * np.exp(sign * steps[at]))
    rested = float(_sum_by(depth_at, depth, steps[at : at + 1])[0])
    return Cascade(target, float(forced_by[at]), stop, rested)


def cascade_table(heatmap: Heatmap, target: float, book: OrderBook, zones: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each of THINNING: ``book forced stop rested next_zone``.

    zones : see `top_zones`. stop : NaN where nothing rests; next_zone : the near edge of the first
    zone beyond the target that the stop reaches, NaN for none. Raises InputError.

    >>> import liq
    >>> from liq.sources.order_book import order_book
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> book, zones = order_book(heatmap.market), liq.top_zones(heatmap)
    >>> cascade_table(heatmap, heatmap.market.price * 1.01, book, zones)["book"].tolist()
    ['as it stands', 'a third of it', 'a seventeenth']
    """
    price = check_price(heatmap, None)
    levels, up = _outward(heatmap, target, price), target >= price
    edges = zones.loc[zones["side"] == ("above" if up else "below"), "low" if up else "high"].sort_values(
        ascending=up
    )
    beyond = edges[edges > target] if up else edges[edges < target]
    rows = []
    for name, left in THINNING.items():
        found = _stopped(levels, target, book, left, price)
        stop = (np.inf if up else 0.0) if np.isnan(found.stop) else found.stop
        reached = beyond[beyond <= stop] if up else beyond[beyond >= stop]
        next_zone = float(reached.iloc[0]) if len(reached) else np.nan
        rows.append((name, found.forced, found.stop, found.rested, next_zone))
    return pd.DataFrame(rows, columns=["book", "forced", "stop", "rested", "next_zone"])


def _outward(heatmap: Heatmap, target: float, price: float) -> pd.DataFrame:
    """Return the levels on the target's side of the price with their distance ``away`` (log), nearest first."""
    return _beyond(heatmap.standing("short" if target >= price else "long"), target, price)


def _beyond(levels: pd.DataFrame, target: float, price: float) -> pd.DataFrame:
    """Return those of one side's levels that lie beyond the price, with their distance ``away`` (log), nearest
    first."""
    beyond = levels["price"] > price if target >= price else levels["price"] < price
    levels = levels[beyond].assign(away=np.abs(np.log(levels.loc[beyond, "price"] / price)))
    return levels.sort_values("away", ignore_index=True)


def _depth_beyond(away: np.ndarray, rows: np.ndarray, to_target: float) -> tuple[np.ndarray, np.ndarray]:
    """Return distances from the target on (log, ascending) and the USD that rest between the target and there."""
    sent_to, beyond = float(away.max(initial=0.0)), away >= to_target * (1 - 1e-12)
    at, usd = away[beyond], rows[beyond, 1] if len(rows) else np.empty(0)
    if sent_to > 0:
        start = max(sent_to, to_target)
        extended = np.arange(start, max(FARTHEST, start) + STEP, STEP)[1:]
        at = np.append(at, extended)
        usd = np.append(usd, np.full(len(extended), rows[:, 1].sum() / sent_to * STEP))
    order = np.argsort(at, kind="stable")
    return at[order], np.cumsum(usd[order])


def _away(target: float, price: float) -> float:
    return float(abs(np.log(target / price)))


def _sum_by(at: np.ndarray, sums: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the running sum reached at each step, 0 before the first."""
    return np.append(0.0, sums)[np.searchsorted(at, steps * (1 + 1e-12), side="right")]
