"""Realised liquidations of a venue that publishes none: positions gone once price had crossed their level."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.market import SIDES, Market, epoch
from liq.model.snapshots import first_reached
from liq.positions import Positions
from liq.validation.positions.followed import LONGEST, followed_positions

FATES = ("liquidated", "reduced", "kept", "unknown")
"""What became of a position whose level price crossed: gone, smaller, still there at its size, not asked again."""

SMALLER = 0.01
"""Share of its coins from which a position counts as smaller: below it, venues round."""


def crossed_positions(positions: Positions, market: Market) -> pd.DataFrame:
    """Return every position whose liquidation price was crossed after it was stated, a row each.

    Columns as of `followed_positions`, and those of `with_crossings`. A position that its owner closed just before
    price came looks liquidated, and so does one whose level was moved away and that was closed elsewhere;
    `liq.validation.positions.forced` says how often that may be.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> set(crossed_positions(simulated_positions(market), market)["fate"]) <= set(FATES)
    True
    """
    table = with_crossings(followed_positions(positions, market.base), market)
    return table[table["bar"].notna()].reset_index(drop=True)


def realised_liquidations(positions: Positions, market: Market) -> pd.DataFrame:
    """Return USD of positions that were gone or smaller once price had crossed their level, columns ``long short``.

    Index: the market's bars; the dollars stand in the bar in which price first came to the level. NaN where no
    position was followed over the whole bar. The shape is that of `liq.skill`; they are only of the positions seen.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> realised_liquidations(simulated_positions(market), market).columns.tolist()
    ['long', 'short']
    """
    table = with_crossings(followed_positions(positions, market.base), market)
    known = table[table["next_coins"].notna()]
    edges = epoch(market.times)
    edges = np.append(edges, edges[-1] + market.bar.value)
    begins, ends = np.sort(epoch(known["begin"])), np.sort(epoch(known["end"]))
    followed = np.searchsorted(begins, edges, side="right") > np.searchsorted(ends, edges, side="left")
    covered = followed[:-1] & followed[1:]
    gone = known[known["bar"].notna() & (known["forced"] > 0)]
    row = market.times.get_indexer(pd.DatetimeIndex(gone["bar"]))
    columns = {}
    for side in SIDES:
        own = (gone["side"] == side).to_numpy()
        usd = np.bincount(row[own], gone["forced"].to_numpy()[own], len(market.times))
        columns[side] = np.where(covered, usd, np.nan)
    return pd.DataFrame(columns, index=market.times)


def with_crossings(followed: pd.DataFrame, market: Market) -> pd.DataFrame:
    """Return those followed positions whose begin lies inside the market's bars, with what price did to their level.

    Columns added: bar, open time of the first bar that came to the level before the account was asked again, NaT
    where none did; certain, whether that was surely between both answers (a bar that only partly lies there tells its
    close, or its open); fate, one of FATES, "" where price did not come; usd, coins times level; forced, of it what
    was gone or smaller in the next answer whatever price did, NaN where that is unknown; hours, from begin to the
    crossing, else to the end; distance, of the level from price at begin, a fraction. Where an account was not asked
    again, the bars of LONGEST are looked at. Positions without a level are left out, and so are levels that price
    lay beyond when they were stated: the venue's mark was elsewhere, or the level was stale.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> table = with_crossings(followed_positions(simulated_positions(market), "BTC"), market)
    >>> bool((table["fate"].eq("") == table["bar"].isna()).all())
    True
    """
    starts = epoch(market.times)
    ends = np.append(starts[1:], starts[-1] + market.bar.value)
    opens, high, low, close = (market.candles[name].to_numpy() for name in ("open", "high", "low", "close"))
    begin = epoch(followed["begin"])
    inside = followed["level"].notna().to_numpy() & (begin >= starts[0]) & (begin < ends[-1])
    first = np.maximum(np.searchsorted(starts, begin, side="right") - 1, 0)
    long = (followed["side"] == SIDES[0]).to_numpy()
    level = followed["level"].to_numpy()
    inside &= np.where(long, np.maximum(opens, close)[first] > level, np.minimum(opens, close)[first] < level)
    table = followed[inside].reset_index(drop=True)
    begin, first, level, long = begin[inside], first[inside], level[inside], long[inside]

    known = table["next_coins"].notna().to_numpy()
    end = np.minimum(np.where(known, epoch(table["end"]), begin + LONGEST.value), ends[-1])
    last = np.maximum(np.searchsorted(starts, end, side="left") - 1, first)
    whole_first, whole_last = first + (starts[first] < begin), last - (ends[last] > end)
    bar, certain = np.full(len(table), -1), np.zeros(len(table), bool)
    # a short's level is crossed from below: with signs turned it is a long's
    for own, sign, extreme in ((long, 1.0, low), (~long, -1.0, high)):
        target, until = sign * level[own], last[own] + 1
        reached = first_reached(sign * extreme, target, first[own], until)
        bar[own] = np.where(reached < until, reached, -1)
        surely = first_reached(sign * extreme, target, whole_first[own], whole_last[own] + 1) <= whole_last[own]
        both = last[own] > first[own]
        surely |= both & (sign * close[first[own]] <= target) | both & (sign * opens[last[own]] <= target)
        certain[own] = surely & (reached < until)

    coins, later = table["coins"].to_numpy(), table["next_coins"].to_numpy()
    lost = np.clip(coins - later, 0.0, None)
    is_crossed = bar >= 0
    fate = np.select([~is_crossed, ~known, later == 0, lost > SMALLER * coins], ["", "unknown", *FATES[:2]], "kept")
    stop = np.where(is_crossed, np.maximum(starts[bar], begin), end)
    return table.assign(
        bar=pd.Series(market.times[bar]).where(is_crossed),
        certain=certain,
        fate=fate,
        usd=coins * level,
        forced=np.where(lost > SMALLER * coins, lost, np.where(known, 0.0, np.nan)) * level,
        hours=(stop - begin) / 3.6e12,
        distance=np.abs(level / opens[first] - 1),
    )
