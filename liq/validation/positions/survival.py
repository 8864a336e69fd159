"""Survival of real positions and of their levels, which are two things, and beside what an estimate assumes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import percent_classes, whole_percent
from liq.market import SIDES, Market, epoch
from liq.model.estimated import Estimate
from liq.model.heatmap import Heatmap
from liq.positions import Positions
from liq.validation.positions.pairs import positions_later

AGES = tuple(pd.Timedelta(hours=hours) for hours in (1, 4, 12, 24, 96, 192))
"""Times after which positions are looked at again: days, as long as they live; hours where snapshots are dense."""

DAY = pd.Timedelta(days=1)

CLASSES = (0.0, 0.02, 0.05, 0.1, 0.25, np.inf)
"""Distances of liquidation price from price, as fractions, between the rows of the table."""

CLASS_NAMES = percent_classes(CLASSES)

MOVED = 0.02
"""Change of a liquidation price from which it counts as moved."""

FATES = ("liquidated", "closed", "moved", "kept")

ALL = "all"


def survival(positions: Positions, market: Market) -> pd.DataFrame:
    """Return what is left of positions and of their levels after a while, a row an age and group.

    Columns: age; group, ALL, a side ("long", "short"), or a class of the level's distance from price when first seen;
    pairs, of snapshots so far apart (`positions_later`); positions, followed; held, share of their dollars (at the
    price then) that was still held; level, of the dollars still held and with a level before, the share whose level
    lay within MOVED of where it was; level_by_count, the same by number of positions, those that had no level before
    and after counting as unmoved. NaN where there is nothing to take a share of. Where the market's candles do not
    reach, dollars are those at entry, and classes are left out. Ages without a pair of snapshots are left out.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "3d", now="2026-09-01")
    >>> survival(simulated_positions(market), market)["held"].between(0, 1).all()
    np.True_
    """
    frames = [_by_group(later, age) for age in AGES if len(later := _with_classes(positions, market, age))]
    names = ["age", "group", "pairs", "positions", "held", "level", "level_by_count"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)


def survival_sentence(table: pd.DataFrame) -> str:
    """Return what is left of positions and of levels, out of a table of `survival`, in one plain sentence; or "".

    >>> rows = {"age": [DAY], "group": [ALL], "held": [0.9], "level": [0.4]}
    >>> survival_sentence(pd.DataFrame(rows))
    'After 1 d 90 % of the dollars were still held, and of those 40 % had their level within 2 % of where it was.'
    """
    rows = table[(table["group"] == ALL) & table["level"].notna()] if len(table) else table
    days = rows[rows["age"] >= DAY] if len(rows) else rows
    rows = days if len(days) else rows.tail(1)
    parts = [
        (age_name(age), whole_percent(held), whole_percent(level))
        for age, held, level in zip(rows["age"], rows["held"], rows["level"], strict=True)
    ]
    if not parts:
        return ""
    (age, held, level), *others = parts
    later = "".join(f"; after {age} {held} and {level}" for age, held, level in others)
    return (
        f"After {age} {held} of the dollars were still held, and of those {level} had their level within "
        f"{whole_percent(MOVED)} of where it was{later}."
    )


def age_name(age: pd.Timedelta) -> str:
    """Return an age in hours below a day, else in days.

    >>> age_name(DAY), age_name(pd.Timedelta(hours=4))
    ('1 d', '4 h')
    """
    hours = age.total_seconds() / 3600
    return f"{hours / 24:g} d" if hours >= 24 else f"{hours:g} h"


def survival_table(positions: Positions, heatmap: Heatmap | Market) -> pd.DataFrame:
    """Return what became of positions within a day, a row a class of distance from price.

    Index: the class. Columns: ``positions``, how many were followed; ``liquidated``, gone where price reached their
    liquidation price; ``closed``, gone otherwise; ``moved``, still there with a liquidation price 2 % or more away
    from before; ``kept``, all others; and, of an estimate, ``model``, the share that the model lets close in that
    time, sweeps left aside. Shares of positions, not of dollars. Followed are pairs of snapshots about a day apart;
    accounts that were not asked again are left out. Raises InputError where there is no such pair.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"), columns=1)
    >>> table = survival_table(simulated_positions(heatmap.market), heatmap)
    >>> bool((table[["liquidated", "closed", "moved", "kept"]].sum(axis=1).round(6) == 1).all())
    True
    """
    market = heatmap if isinstance(heatmap, Market) else heatmap.market
    later = _with_classes(positions, market, DAY)
    later = later[later["class"] >= 0] if len(later) else later
    if not len(later):
        raise InputError("no two snapshots a day apart fall into the market's window.")
    low, high = (market.candles[name].to_numpy() for name in ("low", "high"))
    begin, end = later["bar"].to_numpy(), _bars(market, later["later"])
    spans, which = np.unique(begin * len(low) + end, return_inverse=True)
    lowest, highest = (
        np.array([choose(values[span // len(low) : span % len(low) + 1]) for span in spans.tolist()])[which]
        for values, choose in ((low, np.min), (high, np.max))
    )
    level, long = later["level"].to_numpy(), (later["side"] == SIDES[0]).to_numpy()
    gone = later["later_coins"].to_numpy() == 0
    reached = np.where(long, lowest <= level, highest >= level)
    moved = np.abs(later["later_level"].to_numpy() / level - 1) >= MOVED
    fate = pd.DataFrame(
        {"class": later["class"], "positions": 1}
        | dict(zip(FATES, (gone & reached, gone & ~reached, ~gone & moved, ~gone & ~moved), strict=True))
    )
    if isinstance(heatmap, Estimate):
        fate["model"] = _model_closes(heatmap, later["distance"].to_numpy(), begin, end)
    groups = fate.groupby("class")
    table = groups.mean().assign(positions=groups.size())
    return table.set_axis([CLASS_NAMES[int(row)] for row in table.index])


def _with_classes(positions: Positions, market: Market, age: pd.Timedelta) -> pd.DataFrame:
    """Return `positions_later` with bar, the one under way (-1 outside), price, distance and class of the level."""
    later = positions_later(positions, market.base, age)
    bar = _bars(market, later["time"])
    inside = (bar >= 0) & later["level"].notna().to_numpy() & (_bars(market, later["later"]) >= 0)
    distance = np.abs(later["level"].to_numpy() / market.candles["close"].to_numpy()[bar] - 1)
    group = np.where(inside, np.searchsorted(CLASSES[1:-1], distance), -1)
    price = np.where(bar >= 0, market.candles["close"].to_numpy()[bar], later["entry"].to_numpy())
    return later.assign(bar=bar, price=price, distance=distance, **{"class": group})


def _bars(market: Market, times: pd.Series) -> np.ndarray:
    """Return the row of the bar under way at each time; -1 outside of the market's bars."""
    starts, moments = epoch(market.times), epoch(times)
    row = np.searchsorted(starts, moments, side="right") - 1
    return np.where(moments <= starts[-1] + market.bar.value, row, -1)


def _by_group(later: pd.DataFrame, age: pd.Timedelta) -> pd.DataFrame:
    """Return the shares of one age, a row a group."""
    usd = later["coins"] * later["price"]
    held = usd * np.minimum(later["later_coins"] / later["coins"], 1.0)
    there, had_level = later["later_coins"] > 0, later["level"].notna()
    same = (later["later_level"] / later["level"] - 1).abs() < MOVED
    unmoved = same | ~had_level & later["later_level"].isna()
    sums = pd.DataFrame(
        {
            "positions": 1,
            "usd": usd,
            "held": held,
            "with_level": held * had_level,
            "same": held * same,
            "there": there,
            "unmoved": there & unmoved,
        }
    )
    distances = later["class"].map(dict(enumerate(CLASS_NAMES)))
    groups = [
        sums.sum().to_frame(ALL).T,
        sums.groupby(later["side"]).sum().reindex([side for side in SIDES if (later["side"] == side).any()]),
        sums.groupby(distances).sum().reindex([name for name in CLASS_NAMES if (distances == name).any()]),
    ]
    table = pd.concat(groups).astype(float)
    whole = table.where(table > 0)
    return pd.DataFrame(
        {
            "age": age,
            "group": table.index,
            "pairs": later["time"].nunique(),
            "positions": table["positions"].astype(int).to_numpy(),
            "held": (table["held"] / whole["usd"]).to_numpy(),
            "level": (table["same"] / whole["with_level"]).to_numpy(),
            "level_by_count": (table["unmoved"] / whole["there"]).to_numpy(),
        }
    )


def _model_closes(heatmap: Estimate, distance: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the share that the model lets close from one bar to another, of the tier nearest to each distance."""
    log_survival = heatmap.walk.flow.log_survival[heatmap.walk.last_legs]
    tiers = np.abs(np.log(heatmap.walk.factor["long"]))
    tier = np.abs(np.log(np.maximum(distance, 1e-4))[:, None] - np.log(tiers)).argmin(axis=1)
    return np.asarray(1 - np.exp(heatmap.paces[tier] * (log_survival[end] - log_survival[begin])))
