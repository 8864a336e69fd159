"""The traders of the simulated market: who opens, with what leverage, and how each position ends.

One row is a crowd of like traders who opened in the same minute. A row's fate is a first passage: its
forced-close price, its stop, its target or its patience, whichever the price's minutes reach first. Nothing
here knows how the estimate works: entries fall where and when trading happened, sizes and holding times are
heavy-tailed, part of the crowd holds more margin than its leverage says, most of it leaves by choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from liq.market import Bracket
from liq.model.margin import liquidation_price
from liq.sources.simulation.first_passage import FirstPassage
from liq.sources.simulation.price_path import DAY, PricePath, Ticker

LONGEST = 30 * DAY
"""Minutes after which nobody is patient any more: what a position can remember, and so what a warm-up needs."""

CROWDS = 2600
"""Crowds that open on an average day, both sides together."""

TURNOVER = 0.21
"""Coins opened a day on each side over open interest; five-minute changes of BTC's open interest sum to a
seventh of it in a day on the Binance perpetual, and most trades pass a position on without changing the sum."""

_CHUNK = 16  # days of arrivals in memory at once
_HOPE = 4  # times their patience that those wait who hope to be made whole


class _Kind(NamedTuple):
    """A kind of trader: share of the crowds, hold (median minutes, log spread), leverage (median, log spread),
    target (median, fraction), share with a stop, stop over target, size over the mean, trend following."""

    share: float
    hold: float
    hold_spread: float
    leverage: float
    leverage_spread: float
    target: float
    stops: float
    stop: float
    size: float
    follows: float


_KINDS = (
    _Kind(0.61, 60.0, 1.2, 32.0, 1.00, 0.006, 0.55, 1.1, 0.45, -0.10),  # scalpers
    _Kind(0.24, 600.0, 1.0, 13.0, 0.80, 0.020, 0.50, 1.2, 0.95, 0.12),  # day traders
    _Kind(0.10, 3600.0, 0.9, 7.0, 0.60, 0.055, 0.30, 1.5, 1.40, 0.12),  # swing traders
    _Kind(0.05, 12000.0, 0.8, 3.5, 0.60, 0.160, 0.15, 1.5, 1.60, 0.05),  # position traders
)
"""Assumptions. Their outcome is held against what is known: realised dollars a day over open interest, daily
turnover, and winners leaving sooner than losers (closing rates 0.37 against 0.25 % an hour on Binance)."""

_SLIDER = np.array([2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 125], dtype=np.float32)  # where fingers stop


SLACK = np.array([0.80, 0.88, 0.96, 1.05, 1.15, 1.26])
"""Distances to the forced-close price within one crowd, over what leverage and margin say. Of 135,668 isolated
positions on Hyperliquid, only a fifth had theirs within a tenth of where the leverage alone puts it."""


class TraderGroups(NamedTuple):
    """Rows of positions: side (+1 long, -1 short), minutes opened and closed, lots, entry, forced-close price,
    leverage as chosen, whether the end was forced, and in how many equal parts the row stands: one with more
    than one part has the forced-close prices of `part_levels` instead of its own."""

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
    """A price path made of minutes that trade: the close before the first, close, high and low."""

    before: float
    close: np.ndarray
    high: np.ndarray
    low: np.ndarray


def part_liquidation_prices(entry: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return the forced-close price of each part of crowds that nothing has eaten into, (n, parts)."""
    levels: np.ndarray = np.maximum(entry[:, None] + (level - entry)[:, None] * SLACK, 0.0)
    return levels


def draw_traders(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    seeds: tuple[int, ...],
    path: PricePath,
    minutes: Minutes,
    *,
    since: int = 0,
    doomed: bool = False,
) -> Iterator[TraderGroups]:
    """Yield everybody who opens during `path`, a few days of arrivals at a time, with how they end in `minutes`.

    Who arrives is a matter of the path's days alone; at what price and with what fate, of `minutes`. since : who
    is sure to be gone before this minute may be left out; doomed : so may whoever is never forced out. Leaving
    them out changes nothing about the others.
    """
    days = len(path.close) // DAY
    activity = path.activity.reshape(days, DAY)
    share = np.cumsum(activity, axis=1)
    busy = activity.mean(axis=1)
    share /= share[:, -1:]
    trend = _trend(path, ticker)
    for begin in range(0, days, _CHUNK):
        rows = range(begin, min(begin + _CHUNK, days))
        drawn = [_draw(seeds, path.first + row, float(busy[row])) for row in rows]
        uniform = np.concatenate([u for u, _ in drawn], axis=1)
        normal = np.concatenate([n for _, n in drawn], axis=1)
        within = [np.searchsorted(share[row], u[0]) + row * DAY for row, (u, _) in zip(rows, drawn, strict=True)]
        opened = np.minimum(np.concatenate(within), len(path.close) - 1).astype(np.int32)
        stretch = slice(begin * DAY, rows.stop * DAY + LONGEST + 1)
        tree = FirstPassage(minutes.low[stretch], minutes.high[stretch], LONGEST, stretch.start)
        if opened[0] < since:
            late = opened + _most_patience(uniform, normal) >= since
            opened, uniform, normal = opened[late], uniform[:, late], normal[:, late]
        yield _fates(ticker, steps, opened, trend[opened], uniform, normal, minutes, tree, doomed)


def _draw(seeds: tuple[int, ...], day: int, busy: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng((*seeds, 2, day))
    count = max(int(rng.poisson(CROWDS * min(0.4 + 0.6 * busy, 4.0))), 1)
    uniform = rng.random((8, count), dtype=np.float32)
    uniform[0].sort()  # the first decides the minute of arrival
    return uniform, rng.standard_normal((7, count), dtype=np.float32)


def _trend(path: PricePath, ticker: Ticker) -> np.ndarray:
    """Return the last four hours' move over its usual size, squeezed into -1..1."""
    move = np.zeros_like(path.close)
    move[240:] = path.close[240:] - path.close[:-240]
    return np.tanh(move / (ticker.volatility * np.sqrt(240 / DAY)))


def _kinds(uniform: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.cumsum(np.array(_KINDS, dtype=np.float32)[:, 0])[:-1], uniform[1])


def _patience(hold: np.ndarray, spread: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return how many minutes each would wait."""
    return np.clip(hold * np.exp(spread * normal[4]), 1.0, LONGEST).astype(np.int32)


def _most_patience(uniform: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return the most minutes each can stay, with hope."""
    traits = np.array(_KINDS, dtype=np.float32)[_kinds(uniform)]
    return np.minimum(_HOPE * _patience(traits[:, 1], traits[:, 2], normal), LONGEST)


def _fates(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    opened: np.ndarray,
    trend: np.ndarray,
    uniform: np.ndarray,
    normal: np.ndarray,
    minutes: Minutes,
    tree: FirstPassage,
    doomed: bool,
) -> TraderGroups:
    traits = np.array(_KINDS, dtype=np.float32).T
    (_, hold, hold_spread, leverage, leverage_spread, target, stops, stop, size, follows) = traits[:, _kinds(uniform)]
    side = np.where(uniform[2] < 0.5 + follows * trend, 1, -1).astype(np.int8)

    # Most fingers stop at a round number of the slider; the venue refuses more than the bracket allows.
    wanted = leverage * np.exp(leverage_spread * normal[0])
    nearest = _SLIDER[np.searchsorted(np.sqrt(_SLIDER[1:] * _SLIDER[:-1]), wanted)]
    wanted = np.where(uniform[3] < 0.7, nearest, np.clip(np.round(wanted), 1.0, 125.0))
    notional = 6_000.0 * np.exp(1.7 * normal[1]) * (10.0 / wanted) ** 0.5  # of one trader: small ones lever most
    caps, rates = np.array([row.cap for row in steps[:-1]]), np.array([row.rate for row in steps])
    tops, amounts = np.array([row.max_leverage for row in steps]), np.array([row.amount for row in steps])
    held = np.searchsorted(caps, notional)
    chosen = np.minimum(wanted, tops.astype(np.float32)[held])

    before = np.concatenate(([minutes.before], minutes.close))[opened]
    high, low = minutes.high[opened], minutes.low[opened]
    entry = before + uniform[4] * (minutes.close[opened] - before) + 0.3 * normal[2] * (high - low)
    entry = np.clip(entry, low, high)

    # A quarter tops its margin up, some trade cross: their price is further away than the leverage says.
    topped, cross = 1.2 + 1.8 * uniform[6], 3.0 + 12.0 * uniform[6]
    shared = np.where(chosen > 25, 0.15, 0.40)
    slack = np.where(uniform[5] < shared, cross, np.where(uniform[5] < shared + 0.25, topped, 1.0))
    backed = np.maximum(chosen / slack, 1.0)
    quantity = notional / entry
    level = np.where(
        side > 0,
        liquidation_price("long", entry, backed, rates[held], amounts[held], quantity),
        liquidation_price("short", entry, backed, rates[held], amounts[held], quantity),
    )

    relative = ticker.volatility / 0.022
    gain = target * relative * np.exp(0.5 * normal[3])
    # Whoever takes the most leverage lets the liquidation be the stop; 50 is out of reach where there is none.
    careful = stops * np.where(chosen > 40, 0.5, 1.0)
    loss = np.where(uniform[7] < careful, gain * stop, 50.0)
    aim, bail = entry * np.exp(side * gain), entry * np.exp(-side * loss)
    # The more leverage, the smaller the account; 0.6 takes back what that adds to the mean.
    mean = TURNOVER * ticker.open_interest / (CROWDS / 2) / ticker.lot / (traits[0] * traits[8]).sum()
    lots = mean * size * (leverage / chosen) ** 1.1 * np.exp(normal[5] - 0.5) * 0.6
    lots = np.maximum(np.round(lots.astype(float) / len(SLACK)), 1.0) * len(SLACK)

    patience, hopeful = _patience(hold, hold_spread, normal), normal[6] < 0.0
    nearest = entry + (level - entry) * SLACK[0]
    if doomed:
        most = np.minimum(opened + np.minimum(_HOPE * patience, LONGEST), len(minutes.close) - 1)
        lower, upper = np.where(side > 0, nearest, 0.0), np.where(side > 0, np.inf, nearest)
        met = tree.leaves(opened, most, lower, upper)
        rows = (side, opened, lots, entry, level, chosen, aim, bail, patience, hopeful, nearest)
        side, opened, lots, entry, level, chosen, aim, bail, patience, hopeful, nearest = (row[met] for row in rows)
    closed, forced = _ends(minutes, tree, side, opened, nearest, aim, bail, opened + patience)

    # Winners are taken, losers are held: half of those whose time is up under water wait to be made whole.
    known = closed < len(minutes.close)
    paper = np.where(known, minutes.close[np.minimum(closed, len(minutes.close) - 1)] / entry - 1.0, 0.0) * side
    hopes = np.flatnonzero((closed == opened + patience) & ~forced & (paper < 0) & hopeful & known)
    since, until = opened.copy(), opened + patience
    since[hopes] = closed[hopes]
    until[hopes] = np.minimum(opened[hopes] + _HOPE * patience[hopes], opened[hopes] + LONGEST)
    aim[hopes], bail[hopes] = entry[hopes], np.where(side[hopes] > 0, 0.0, np.inf)
    again = (column[hopes] for column in (side, since, nearest, aim, bail, until))
    closed[hopes], forced[hopes] = _ends(minutes, tree, *again)

    parts = np.full(len(side), len(SLACK), dtype=np.int8)
    whole = TraderGroups(side, opened, closed, lots, entry, level, chosen, forced, parts)
    return _parted(minutes, tree, whole, since, until, aim, bail)


def _parted(
    minutes: Minutes,
    tree: FirstPassage,
    whole: TraderGroups,
    since: np.ndarray,
    until: np.ndarray,
    aim: np.ndarray,
    bail: np.ndarray,
) -> TraderGroups:
    """Return the crowds with those that the price ate into taken apart, each part with an end of its own."""
    eaten, parts = np.flatnonzero(whole.forced), len(SLACK)
    many = TraderGroups(*(np.repeat(column[eaten], parts) for column in whole))
    level = many.entry + (many.level - many.entry) * np.tile(SLACK, len(eaten))
    plan = (np.repeat(column[eaten], parts) for column in (aim, bail, until))
    closed, forced = _ends(minutes, tree, many.side, np.repeat(since[eaten], parts), level, *plan)
    many = many._replace(level=level, closed=closed, forced=forced, lots=many.lots / parts, parts=many.parts // parts)
    rest = ~whole.forced
    return TraderGroups(*(np.concatenate((a[rest], b)) for a, b in zip(whole, many, strict=True)))


def _ends(
    minutes: Minutes,
    tree: FirstPassage,
    side: np.ndarray,
    after: np.ndarray,
    level: np.ndarray,
    aim: np.ndarray,
    bail: np.ndarray,
    until: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the minute each position ends in and whether it was forced; a stop before the level comes first."""
    lower = np.where(side > 0, np.maximum(level, bail), aim)
    upper = np.where(side > 0, aim, np.minimum(level, bail))
    last = len(minutes.close) - 1
    ended, barred = tree.first_exit(after, np.minimum(until, last), lower, upper)
    beyond = np.where(side > 0, minutes.low[ended] <= level, minutes.high[ended] >= level)
    forced = barred & beyond & np.where(side > 0, level >= bail, level <= bail)
    return np.where(barred, ended, until), forced
