"""The traders of the simulated market: who opens, with what leverage, and how each position ends.

One row is a group of like traders who opened in the same minute. A row ends by first passage: at its liquidation
price, its stop, its target or after its patience, whichever the price's minutes reach first. Nothing here uses the
estimate: entries lie where and when trading happened, sizes and holding times are heavy-tailed, part of the traders
hold more margin than their leverage says, most of them close by choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from liq.market import Bracket
from liq.model.margin import liquidation_price
from liq.sources.simulation.first_passage import FirstPassage
from liq.sources.simulation.population import POPULATIONS, Population
from liq.sources.simulation.price_path import DAY, PricePath, Ticker

MAX_MINUTES = 30 * DAY
"""Maximum minutes that a position stays open, and so the length of a warm-up."""

GROUPS_PER_DAY = 2600
"""Number of groups that open on an average day, both sides together."""

_CHUNK = 16  # days of arrivals in memory at once
_HOPE_FACTOR = 4  # multiple of their patience for which losers wait for their entry price


_SLIDER_STEPS = np.array(
    [2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 125], dtype=np.float32
)  # where the leverage slider snaps


LEVEL_SPREAD = np.array([0.80, 0.88, 0.96, 1.05, 1.15, 1.26])
"""Distances to the liquidation price within one group, over what leverage and margin say. Of 135,668 isolated
positions on Hyperliquid, only a fifth had theirs within a tenth of where the leverage alone puts it."""


class TraderGroups(NamedTuple):
    """Rows of positions: side (+1 long, -1 short), minutes opened and closed, lots, entry, liquidation price,
    leverage as chosen, whether the end was forced, and the number of equal parts of the row: one with more than
    one part has the liquidation prices of `part_liquidation_prices` instead of its own.
    """

    side: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    lots: np.ndarray
    entry: np.ndarray
    level: np.ndarray
    leverage: np.ndarray
    forced: np.ndarray
    parts: np.ndarray


class Minutes(NamedTuple):
    """A price path of traded minutes: the close before the first, close, high and low."""

    before: float
    close: np.ndarray
    high: np.ndarray
    low: np.ndarray


def part_liquidation_prices(entry: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return the liquidation price of each part of whole groups, (n, parts).

    >>> part_liquidation_prices(np.array([100.0]), np.array([90.0])).round(1)
    array([[92. , 91.2, 90.4, 89.5, 88.5, 87.4]])
    """
    levels: np.ndarray = np.maximum(entry[:, None] + (level - entry)[:, None] * LEVEL_SPREAD, 0.0)
    return levels


def draw_traders(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    seeds: tuple[int, ...],
    path: PricePath,
    minutes: Minutes,
    *,
    population: Population = POPULATIONS["hedged"],
    since: int | np.ndarray = 0,
    forced_only: bool = False,
) -> Iterator[TraderGroups]:
    """Yield all groups that open during `path`, a few days of arrivals at a time, with their ends in `minutes`.

    Arrivals depend on the path's days alone; entries and ends on `minutes`. population : who trades; since : groups
    that are closed before this minute may be left out, or of several, ascending, before the first one after they
    opened; forced_only : so may groups that are never liquidated. Leaving them out changes nothing about the others.

    >>> from liq.model.margin import brackets
    >>> from liq.sources.simulation.price_path import price_path, seed_key
    >>> ticker, seeds = Ticker(68_000.0, 0.1, 0.001, 0.022, 90_000.0), seed_key("BTC", 0, "calm")
    >>> path = price_path(ticker, "calm", seeds, 20_000, 20_000)
    >>> minutes = Minutes(*map(np.exp, (path.before, path.close, path.high, path.low)))
    >>> groups = next(draw_traders(ticker, brackets("BTC"), seeds, path, minutes))
    >>> bool((groups.lots > 0).all())
    True
    """
    days = len(path.close) // DAY
    activity = path.activity.reshape(days, DAY)
    share = np.cumsum(activity, axis=1)
    busy = activity.mean(axis=1)
    share /= share[:, -1:]
    trend, due = _trend(path, ticker), np.atleast_1d(since)
    for first_day in range(0, days, _CHUNK):
        rows = range(first_day, min(first_day + _CHUNK, days))
        draws = [_draw(seeds, path.first + row, float(busy[row])) for row in rows]
        uniform = np.concatenate([u for u, _ in draws], axis=1)
        normal = np.concatenate([n for _, n in draws], axis=1)
        minute_of_arrival = [
            np.searchsorted(share[row], u[0]) + row * DAY for row, (u, _) in zip(rows, draws, strict=True)
        ]
        opened = np.minimum(np.concatenate(minute_of_arrival), len(path.close) - 1).astype(np.int32)
        part = slice(first_day * DAY, rows.stop * DAY + MAX_MINUTES + 1)
        tree = FirstPassage(minutes.low[part], minutes.high[part], MAX_MINUTES, part.start)
        if opened[0] < due[-1]:
            next_due = due[np.minimum(np.searchsorted(due, opened, side="right"), len(due) - 1)]
            may_be_open = opened + _most_patience(population, uniform, normal) >= next_due
            opened, uniform, normal = opened[may_be_open], uniform[:, may_be_open], normal[:, may_be_open]
        yield _positions(
            ticker, steps, population, opened, trend[opened], uniform, normal, minutes, tree, forced_only
        )


def _draw(seeds: tuple[int, ...], day: int, busy: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a day's random numbers, (8, n) uniform and (7, n) normal, one column a group."""
    rng = np.random.default_rng((*seeds, 2, day))
    count = max(int(rng.poisson(GROUPS_PER_DAY * min(0.4 + 0.6 * busy, 4.0))), 1)
    uniform = rng.random((8, count), dtype=np.float32)
    uniform[0].sort()  # the first decides the minute of arrival
    return uniform, rng.standard_normal((7, count), dtype=np.float32)


def _trend(path: PricePath, ticker: Ticker) -> np.ndarray:
    """Return the last four hours' move over its usual size, squeezed into -1..1."""
    move = np.zeros_like(path.close)
    move[240:] = path.close[240:] - path.close[:-240]
    return np.tanh(move / (ticker.volatility * np.sqrt(240 / DAY)))


def _kinds(population: Population, uniform: np.ndarray) -> np.ndarray:
    """Return each group's kind of trader."""
    return np.searchsorted(np.cumsum(np.array(population.kinds, dtype=np.float32)[:, 0])[:-1], uniform[1])


def _patience(hold: np.ndarray, spread: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return the number of minutes that each group waits."""
    return np.clip(hold * np.exp(spread * normal[4]), 1.0, MAX_MINUTES).astype(np.int32)


def _most_patience(population: Population, uniform: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return the maximum number of minutes that each group can stay open."""
    traits = np.array(population.kinds, dtype=np.float32)[_kinds(population, uniform)]
    return np.minimum(_HOPE_FACTOR * _patience(traits[:, 1], traits[:, 2], normal), MAX_MINUTES)


def _positions(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    population: Population,
    opened: np.ndarray,
    trend: np.ndarray,
    uniform: np.ndarray,
    normal: np.ndarray,
    minutes: Minutes,
    tree: FirstPassage,
    forced_only: bool,
) -> TraderGroups:
    """Return groups with their side, leverage, entry, liquidation price, size and end."""
    traits = np.array(population.kinds, dtype=np.float32).T
    (_, hold, hold_spread, leverage, leverage_spread, target, stops, stop, size, follows) = traits[
        :, _kinds(population, uniform)
    ]
    side = np.where(uniform[2] < 0.5 + follows * trend, 1, -1).astype(np.int8)

    # Most traders choose a step of the slider; the venue allows no more than the bracket's maximum.
    chosen_leverage = leverage * np.exp(leverage_spread * normal[0])
    nearest = _SLIDER_STEPS[np.searchsorted(np.sqrt(_SLIDER_STEPS[1:] * _SLIDER_STEPS[:-1]), chosen_leverage)]
    chosen_leverage = np.where(uniform[3] < 0.7, nearest, np.clip(np.round(chosen_leverage), 1.0, 125.0))
    notional = (
        6_000.0 * np.exp(1.7 * normal[1]) * (10.0 / chosen_leverage) ** 0.5
    )  # of one trader: small ones lever most
    caps, rates = np.array([row.cap for row in steps[:-1]]), np.array([row.rate for row in steps])
    tops, amounts = np.array([row.max_leverage for row in steps]), np.array([row.amount for row in steps])
    bracket = np.searchsorted(caps, notional)
    leverage_used = np.minimum(chosen_leverage, tops.astype(np.float32)[bracket])

    open_price = np.concatenate(([minutes.before], minutes.close))[opened]
    high, low = minutes.high[opened], minutes.low[opened]
    entry = open_price + uniform[4] * (minutes.close[opened] - open_price) + 0.3 * normal[2] * (high - low)
    entry = np.clip(entry, low, high)

    # A quarter adds margin, some trade cross: their liquidation price is further away than the leverage says.
    with_added_margin, cross = 1.2 + 1.8 * uniform[6], 3.0 + 12.0 * uniform[6]
    cross_share = np.where(leverage_used > 25, 0.15, 0.40)
    slack = np.where(
        uniform[5] < cross_share, cross, np.where(uniform[5] < cross_share + 0.25, with_added_margin, 1.0)
    )
    effective_leverage = np.maximum(leverage_used / slack, 1.0)
    quantity = notional / entry
    level = np.where(
        side > 0,
        liquidation_price("long", entry, effective_leverage, rates[bracket], amounts[bracket], quantity),
        liquidation_price("short", entry, effective_leverage, rates[bracket], amounts[bracket], quantity),
    )

    relative_volatility = ticker.volatility / 0.022
    gain = target * relative_volatility * np.exp(0.5 * normal[3])
    # Traders with the most leverage set no stop, since the liquidation is one; 50 is out of reach.
    careful = stops * np.where(leverage_used > 40, 0.5, 1.0)
    loss = np.where(uniform[7] < careful, gain * stop, 50.0)
    aim, bail = entry * np.exp(side * gain), entry * np.exp(-side * loss)
    # The more leverage, the smaller the account; 0.6 takes back what that adds to the mean.
    mean = population.turnover * ticker.open_interest / (GROUPS_PER_DAY / 2) / ticker.lot
    mean /= (traits[0] * traits[8]).sum()
    lots = mean * size * (leverage / leverage_used) ** 1.1 * np.exp(normal[5] - 0.5) * 0.6
    lots = np.maximum(np.round(lots.astype(float) / len(LEVEL_SPREAD)), 1.0) * len(LEVEL_SPREAD)

    patience, hopeful = _patience(hold, hold_spread, normal), normal[6] < 0.0
    nearest = entry + (level - entry) * LEVEL_SPREAD[0]
    # Groups that cannot be liquidated are dropped before the costly search for their end: a group must at least reach
    # its nearest liquidation price within the longest time that it can stay open.
    if forced_only:
        latest = np.minimum(opened + np.minimum(_HOPE_FACTOR * patience, MAX_MINUTES), len(minutes.close) - 1)
        lower, upper = np.where(side > 0, nearest, 0.0), np.where(side > 0, np.inf, nearest)
        may_be_forced = tree.leaves(opened, latest, lower, upper)
        rows = (side, opened, lots, entry, level, leverage_used, aim, bail, patience, hopeful, nearest)
        side, opened, lots, entry, level, leverage_used, aim, bail, patience, hopeful, nearest = (
            row[may_be_forced] for row in rows
        )
    closed, forced = _find_ends(minutes, tree, side, opened, nearest, aim, bail, opened + patience)

    # Winners are closed, losers are held: half of those whose time is up at a loss wait for their entry price.
    has_ended = closed < len(minutes.close)
    unrealised = (
        np.where(has_ended, minutes.close[np.minimum(closed, len(minutes.close) - 1)] / entry - 1.0, 0.0) * side
    )
    hopes = np.flatnonzero((closed == opened + patience) & ~forced & (unrealised < 0) & hopeful & has_ended)
    since, until = opened.copy(), opened + patience
    since[hopes] = closed[hopes]
    until[hopes] = np.minimum(opened[hopes] + _HOPE_FACTOR * patience[hopes], opened[hopes] + MAX_MINUTES)
    aim[hopes], bail[hopes] = entry[hopes], np.where(side[hopes] > 0, 0.0, np.inf)
    columns = (column[hopes] for column in (side, since, nearest, aim, bail, until))
    closed[hopes], forced[hopes] = _find_ends(minutes, tree, *columns)

    parts = np.full(len(side), len(LEVEL_SPREAD), dtype=np.int8)
    groups = TraderGroups(side, opened, closed, lots, entry, level, leverage_used, forced, parts)
    return _split_forced(minutes, tree, groups, since, until, aim, bail)


def _split_forced(
    minutes: Minutes,
    tree: FirstPassage,
    groups: TraderGroups,
    since: np.ndarray,
    until: np.ndarray,
    aim: np.ndarray,
    bail: np.ndarray,
) -> TraderGroups:
    """Return the groups; one whose first part was liquidated is split, each part with an end of its own."""
    forced_rows, parts = np.flatnonzero(groups.forced), len(LEVEL_SPREAD)
    split = TraderGroups(*(np.repeat(column[forced_rows], parts) for column in groups))
    level = split.entry + (split.level - split.entry) * np.tile(LEVEL_SPREAD, len(forced_rows))
    limits = (np.repeat(column[forced_rows], parts) for column in (aim, bail, until))
    closed, forced = _find_ends(minutes, tree, split.side, np.repeat(since[forced_rows], parts), level, *limits)
    split = split._replace(
        level=level, closed=closed, forced=forced, lots=split.lots / parts, parts=split.parts // parts
    )
    unforced = ~groups.forced
    return TraderGroups(*(np.concatenate((a[unforced], b)) for a, b in zip(groups, split, strict=True)))


def _find_ends(
    minutes: Minutes,
    tree: FirstPassage,
    side: np.ndarray,
    after: np.ndarray,
    level: np.ndarray,
    aim: np.ndarray,
    bail: np.ndarray,
    until: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the minute in which each position ends, and whether it was forced; a nearer stop comes first."""
    lower = np.where(side > 0, np.maximum(level, bail), aim)
    upper = np.where(side > 0, aim, np.minimum(level, bail))
    last = len(minutes.close) - 1
    ended, has_exit = tree.first_exit(after, np.minimum(until, last), lower, upper)
    at_level = np.where(side > 0, minutes.low[ended] <= level, minutes.high[ended] >= level)
    forced = has_exit & at_level & np.where(side > 0, level >= bail, level <= bail)
    return np.where(has_exit, ended, until), forced
