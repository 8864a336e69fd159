"""Positions of the simulated market: snapshots as a collector of a real venue would have them, out of its traders."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import Market
from liq.positions import PASS_COLUMNS, Positions
from liq.sources.simulation.market import groups_open_at
from liq.sources.simulation.traders import LEVEL_SPREAD, TraderGroups, part_liquidation_prices

SEEN = 0.4
"""Share of the positions that are seen by default; a collector never finds every account."""

APART = tuple(pd.Timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 720, 1440))
"""Times between two snapshots to choose from; a day is the longest that a snapshot stands for."""

MOST = 90
"""Number of snapshots from which they are taken farther apart; every row costs time on every page."""

CROSS = 1.1
"""A liquidation price farther away than leverage says, by this factor, is that of a cross position."""

FAR = 0.25
"""Distance of a group's liquidation price from its entry, over the entry, from which the group is one account. Nearer
ones are an account a part, since there it matters where each part stands: that halves the number of rows."""


def simulated_positions(
    market: Market,
    seen: float = SEEN,
    *,
    seed: int | None = None,
    regime: str = "calm",
    population: str = "hedged",
) -> Positions:
    """Return snapshots of the positions that the traders behind a simulated market held over its visible window.

    The newest is of the market's `as_of`; the others are of round times, so that they are the same whenever one asks,
    the oldest at or before the window's first bar. seen : share of the positions that are seen, above 0 and up to 1;
    a position is seen in all snapshots or in none. seed, regime, population : those of `simulate`. Raises InputError.

    >>> from liq.sources.simulation.market import simulate
    >>> positions = simulated_positions(simulate("BTC", "1d", now="2026-09-01"))
    >>> 0.05 < positions.share_seen("BTC") < 0.4
    True
    """
    if not 0 < seen <= 1:
        raise InputError(f"seen must be a share above 0 and up to 1, not {seen!r}.")
    moments = snapshot_times(market)
    minutes = moments.as_unit("s").asi8 // 60
    groups, lot, interest = groups_open_at(market.base, minutes, seed=seed, regime=regime, population=population)
    held = _accounts(groups, seen)
    first, end = (np.searchsorted(minutes, column, side="right") for column in (held.opened, held.closed))
    held, first, count = (
        _Held(*(column[end > first] for column in held)),
        first[end > first],
        (end - first)[end > first],
    )
    number = np.repeat(np.arange(len(count)), count)
    snapshot = np.arange(len(number)) - np.repeat(np.cumsum(count) - count - first, count)
    order = np.argsort(snapshot.astype(np.int16), kind="stable")  # a radix sort
    number, snapshot = number[order], snapshot[order]
    account, numbers = pd.factorize(held.account)
    digits = numbers.astype(">u8").tobytes().hex()
    names = [digits[place : place + 16] for place in range(0, len(digits), 16)]
    short, cross = (held.side < 0).astype(np.int8), held.cross.astype(np.int8)
    level = np.where(held.level > 0, held.level, np.nan)
    rows = pd.DataFrame(
        {
            "time": moments[snapshot],
            "coin": _categorical(np.zeros(len(number), np.int8), [market.base]),
            "side": _categorical(short[number], ["long", "short"]),
            "coins": (held.lots * lot)[number],
            "entry": held.entry[number],
            "liquidation_price": level[number],
            "leverage": held.leverage[number],
            "margin": _categorical(cross[number], ["isolated", "cross"]),
            "account": _categorical(account[number], names),
        }
    )
    counts = np.bincount(snapshot, minlength=len(moments))
    passes = pd.DataFrame({"time": moments, "asked": counts, "answered": counts, "failed": 0})[list(PASS_COLUMNS)]
    return Positions(rows, market.source, passes, pd.DataFrame({market.base: interest}, index=moments))


def snapshot_times(market: Market) -> pd.DatetimeIndex:
    """Return the times of a market's snapshots, ascending.

    >>> from liq.sources.simulation.market import simulate
    >>> times = snapshot_times(simulate("BTC", "7d", now="2026-09-01 12:34"))
    >>> len(times), str(times[-2]), str(times[-1])
    (86, '2026-09-01 12:00:00+00:00', '2026-09-01 12:34:00+00:00')
    """
    window = market.as_of - market.start
    apart = next((step for step in APART if window / step < MOST), APART[-1])
    round_times = pd.date_range(market.start.floor(apart), market.as_of, freq=apart, inclusive="left")
    return pd.DatetimeIndex(round_times.append(pd.DatetimeIndex([market.as_of]))).as_unit("us")


def _categorical(codes: np.ndarray, names: list[str]) -> pd.Categorical[str]:
    """Return names by their numbers."""
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype=object))


class _Held(NamedTuple):
    """What accounts hold, a row as long as nothing changes: the account's number (64 bits), side (+1 long, -1 short),
    minutes opened and closed, lots, entry, liquidation price, leverage, whether margin is shared; all (n,)."""

    account: np.ndarray
    side: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    lots: np.ndarray
    entry: np.ndarray
    level: np.ndarray
    leverage: np.ndarray
    cross: np.ndarray


def _accounts(groups: TraderGroups, seen: float) -> _Held:
    """Return a share of the accounts behind trader groups.

    A group has as many parts as LEVEL_SPREAD, whether it is still whole (a row) or was split (a row a part). How it
    is divided into accounts depends on nothing that happens after it opened. Of a far group, which is one account,
    part after part may be liquidated; the account then holds fewer lots.
    """
    count, whole = len(LEVEL_SPREAD), groups.parts > 1
    one = TraderGroups(*(column[whole] for column in groups))
    split = TraderGroups(*(column[~whole].reshape(-1, count) for column in groups))
    first = TraderGroups(*(np.append(column, parts[:, 0]) for column, parts in zip(one, split, strict=True)))
    levels = np.concatenate((part_liquidation_prices(one.entry, one.level), split.level))
    closed = np.concatenate((np.repeat(one.closed[:, None], count, axis=1), split.closed))
    lots = (first.lots / first.parts)[:, None]
    entry = first.entry[:, None]
    centre = entry + (levels[:, :1] - entry) / LEVEL_SPREAD[0]
    distance = np.abs(centre / entry - 1)
    near, ends, opened = distance < FAR, np.sort(closed, axis=1), first.opened[:, None]
    columns = np.broadcast_arrays(
        _account_numbers(opened, centre, lots, np.where(near, np.arange(count), count)),
        first.side[:, None],
        np.where(near, opened, np.column_stack((opened, ends[:, :-1]))),
        np.where(near, closed, ends),
        np.where(near, lots, lots * np.arange(count, 0, -1)),
        entry,
        np.where(near, levels, centre),
        first.leverage[:, None],
        distance * first.leverage[:, None] > CROSS,
    )
    held = _Held(*columns)
    wanted = (held.closed > held.opened) & ((held.account >> np.uint64(11)) * 2.0**-53 < seen)
    return _Held(*(column[wanted] for column in held))


def _account_numbers(opened: np.ndarray, level: np.ndarray, lots: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return 64 evenly distributed bits for each position out of what no two have in common.

    The mixing is that of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    number = np.zeros((1, 1), np.uint64)
    for column in (opened.astype(np.uint64), level.view(np.uint64), lots.view(np.uint64), part.astype(np.uint64)):
        number = (number ^ column) + np.uint64(0x9E3779B97F4A7C15)
        number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        number = number ^ (number >> np.uint64(31))
    return number
