"""What the reality check says of real positions, worked out once for all sessions."""

from __future__ import annotations

import threading

import pandas as pd
from cachetools import LRUCache, cached

from liq.errors import InputError
from liq.market import Market
from liq.model.estimated import Estimate
from liq.positions import Positions
from liq.validation.positions.comparison import Comparison, compare
from liq.validation.positions.entries import EntryComparison, compare_entries
from liq.validation.positions.forced import ForcedShare, forced_share
from liq.validation.positions.margin import isolated_levels
from liq.validation.positions.realised import realised_liquidations
from liq.validation.positions.survival import survival, survival_table


@cached(LRUCache(4), condition=threading.Condition())
def compared_positions(heatmap: Estimate, positions: Positions) -> Comparison:
    """Return how the estimate of the positions' own venue compares with them, see `liq.compare`; raise InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> compared_positions(liq.estimate(market), simulated_positions(market)).snapshots > 1
    True
    """
    return compare(own_venue(heatmap, positions), positions.levels(heatmap.market.base))


@cached(LRUCache(4), condition=threading.Condition())
def compared_isolated(heatmap: Estimate, positions: Positions) -> Comparison:
    """Return the same for isolated positions alone (`liq.validation.positions.margin`); raise InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> compared_isolated(liq.estimate(market), simulated_positions(market)).snapshots > 1
    True
    """
    levels = isolated_levels(positions, heatmap.market.base)
    if not len(levels):
        raise InputError("no isolated position is among those seen.")
    return compare(own_venue(heatmap, positions), levels)


@cached(LRUCache(4), condition=threading.Condition())
def compared_entries(heatmap: Estimate, positions: Positions) -> EntryComparison:
    """Return how the estimate's entries compare with theirs, see `compare_entries`; raise InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> len(compared_entries(liq.estimate(market), simulated_positions(market)).by_day) > 0
    True
    """
    return compare_entries(own_venue(heatmap, positions), positions)


@cached(LRUCache(4), condition=threading.Condition())
def fates_in_a_day(heatmap: Estimate, positions: Positions) -> pd.DataFrame:
    """Return what became of positions within a day, see `survival_table`; raise InputError.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> "model" in fates_in_a_day(liq.estimate(market), simulated_positions(market))
    True
    """
    return survival_table(positions, own_venue(heatmap, positions))


@cached(LRUCache(4), condition=threading.Condition())
def what_is_left(positions: Positions, market: Market) -> pd.DataFrame:
    """Return what is left of positions and of levels by age, see `survival`.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> len(what_is_left(simulated_positions(market), market)) > 0
    True
    """
    return survival(positions, market)


@cached(LRUCache(8), condition=threading.Condition())
def how_much_is_forced(positions: Positions, market: Market) -> ForcedShare:
    """Return how much of what price crosses is really forced, see `forced_share`.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> 0 < how_much_is_forced(simulated_positions(market), market).forced < 1
    True
    """
    return forced_share(positions, market)


@cached(LRUCache(4), condition=threading.Condition())
def gone_after_crossing(positions: Positions, market: Market) -> pd.DataFrame | None:
    """Return `realised_liquidations`; None where no bar is known or nothing was ever gone.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> gone_after_crossing(simulated_positions(market), market).sum().sum() > 0
    np.True_
    """
    found = realised_liquidations(positions, market)
    return found if found.sum().sum() > 0 else None


def own_venue(heatmap: Estimate, positions: Positions) -> Estimate:
    """Return the estimate of the positions' own venue where it is among several; else the heatmap.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> heatmap = liq.estimate(market, columns=1)
    >>> own_venue(heatmap, simulated_positions(market)) is heatmap
    True
    """
    return next((part for part in heatmap.venues if part.market.source == positions.source), heatmap)
