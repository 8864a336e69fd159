"""The tape of the simulated market: what traded and what stood, minute by minute, for any stretch of days.

Forced selling moves the price, and the moved price forces more of it. To keep the past the same for whoever
asks later, that loop is run once round: the crowds are first walked along the undisturbed price, their
forced orders bend it, and along the bent price the crowds are walked again. So what happens in a minute
depends on the 62 days before it and on nothing older, and a tape may begin on any day.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import Bracket
from liq.sources.simulation.magnet import magnet_shift
from liq.sources.simulation.price_path import DAY, PricePath, Ticker, price_path
from liq.sources.simulation.traders import LONGEST, Minutes, TraderGroups, draw_traders

HEDGED = 0.45
"""Share of a ticker's open interest held by hedgers and market makers, with no forced-close price in reach."""

CHURN = 1.1
"""Coins over open interest that market makers pass among themselves on an average day."""

_DEPTH = 0.10  # log move of forced flow worth all open interest, before the concave power: 0.1 % of it moves 16 bp
_CONCAVE = 0.6  # market impact grows with about the square root of what is sold at once
_RECOVERY = 40  # minutes in which half of a forced move is gone
_FADED = 4 * DAY  # minutes after which nothing is left of one: 144 halvings, far below the last digit of a price
_DEEPEST = 0.06  # no forced move is deeper
_STRETCH = 64  # days; with a magnet a tape begins on a multiple of them
_LIFE = LONGEST // DAY


class TradingRecord(NamedTuple):
    """Minutes of whole days. start : minutes since 1970; before : close before the first; close, high, low :
    prices; volume, open_interest : coins; long, short : USD force-closed during the minute; all (n,)."""

    start: int
    before: float
    close: np.ndarray
    high: np.ndarray
    low: np.ndarray
    volume: np.ndarray
    open_interest: np.ndarray
    long: np.ndarray
    short: np.ndarray


def simulate_trading(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    seeds: tuple[int, ...],
    regime: str,
    magnet: float,
    first: int,
    last: int,
    *,
    with_crowds: bool = False,
) -> tuple[TradingRecord, list[TraderGroups]]:
    """Return the tape of days `first` to `last` (since 1970) and, if asked, everybody who stood during them.

    The crowds' minutes count from the tape's start and may be negative.
    """
    begin = first - 2 * _LIFE - 2
    if magnet:
        begin = begin // _STRETCH * _STRETCH
    undisturbed = price_path(ticker, regime, seeds, begin, last)
    forced = np.zeros(len(undisturbed.close))
    shadows = []
    skip = (first - _LIFE - 1 - begin) * DAY
    since = 0 if magnet else skip - _FADED  # a magnet is drawn by all who stand
    minutes = _minutes(ticker, undisturbed, None)
    for rows in draw_traders(ticker, steps, seeds, undisturbed, minutes, since=since, doomed=not magnet):
        ends = rows.forced
        _add(forced, rows.closed[ends], -rows.side[ends] * rows.lots[ends])
        if magnet:
            shadows.append(rows)
    shift = _impact(forced * ticker.lot / ticker.open_interest)
    if magnet:
        shift += magnet_shift(ticker, undisturbed, shadows, magnet)
    path, shift = _later(undisturbed, skip), shift[skip:]
    del undisturbed, shadows, forced, minutes
    return _walk(ticker, steps, seeds, path, _minutes(ticker, path, shift), first, with_crowds)


def _walk(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    seeds: tuple[int, ...],
    path: PricePath,
    minutes: Minutes,
    first: int,
    with_crowds: bool,
) -> tuple[TradingRecord, list[TraderGroups]]:
    count = len(path.close)
    lead = (first - path.first) * DAY
    standing = {1: np.zeros(count), -1: np.zeros(count)}
    bought, sold = np.zeros(count), np.zeros(count)
    dollars = {1: np.zeros(count), -1: np.zeros(count)}
    kept: list[TraderGroups] = []
    for rows in draw_traders(ticker, steps, seeds, path, minutes, since=lead):
        for side, buys, sells in ((1, bought, sold), (-1, sold, bought)):
            mine = rows.side == side
            lots, opened, closed = rows.lots[mine], rows.opened[mine], rows.closed[mine]
            ends = closed < count
            _add(standing[side], opened, lots)
            _add(standing[side], closed[ends], -lots[ends])
            _add(buys, opened, lots)
            _add(sells, closed[ends], lots[ends])
            forced = rows.forced[mine]
            _add(dollars[side], closed[forced], lots[forced] * ticker.lot * rows.level[mine][forced])
        if with_crowds:
            later = rows._replace(opened=rows.opened - lead, closed=rows.closed - lead)
            kept.append(TraderGroups(*(column[later.closed >= 0] for column in later)))
    # Every contract is one long and one short: who finds no trader opposite finds a market maker.
    held = np.maximum(np.cumsum(standing[1]), np.cumsum(standing[-1]))[lead:]
    hedged = np.round(_hedged(seeds, first, (count - lead) // DAY) * ticker.open_interest / ticker.lot)
    churn = np.round(CHURN * ticker.open_interest / ticker.lot / DAY * path.activity[lead:])
    tape = TradingRecord(
        first * DAY,
        float(minutes.close[lead - 1]),
        minutes.close[lead:].copy(),
        minutes.high[lead:].copy(),
        minutes.low[lead:].copy(),
        (churn + np.maximum(bought, sold)[lead:]) * ticker.lot,
        (held + hedged) * ticker.lot,
        dollars[1][lead:].copy(),
        dollars[-1][lead:].copy(),
    )
    return tape, kept


def _add(total: np.ndarray, minutes: np.ndarray, weights: np.ndarray) -> None:
    """Add weights to the minutes they fall in, touching only the stretch that is meant."""
    if len(minutes):
        low = int(minutes.min())
        sums = np.bincount(minutes - low, weights=weights)
        total[low : low + len(sums)] += sums


def _minutes(ticker: Ticker, path: PricePath, shift: np.ndarray | None) -> Minutes:
    """Return the path as prices on the ticker's tick, moved by `shift` (log)."""
    bend = 0.0 if shift is None else shift
    before = float(_on_tick(ticker, np.exp(np.array([path.before])))[0])
    close = _on_tick(ticker, np.exp(path.close + bend))
    left = np.concatenate(([before], close[:-1]))
    high = np.maximum(_on_tick(ticker, np.exp(path.high + bend)), np.maximum(left, close))
    low = np.minimum(_on_tick(ticker, np.exp(path.low + bend)), np.minimum(left, close))
    return Minutes(before, close, high, low)


def _on_tick(ticker: Ticker, price: np.ndarray) -> np.ndarray:
    places = max(0, -int(np.floor(np.log10(ticker.tick) + 1e-9)))
    return np.round(np.maximum(np.round(price / ticker.tick), 1.0) * ticker.tick, places)


def _later(path: PricePath, skip: int) -> PricePath:
    return PricePath(
        path.first + skip // DAY,
        float(path.close[skip - 1]),
        path.close[skip:],
        path.high[skip:],
        path.low[skip:],
        path.activity[skip:],
    )


def _impact(flow: np.ndarray) -> np.ndarray:
    """Return the log move that forced flow (over open interest, sales negative) leaves in each minute."""
    push = np.sign(flow) * _DEPTH * np.abs(flow) ** _CONCAVE
    keep = 0.5 ** (1 / _RECOVERY)
    held = pd.Series(push).ewm(alpha=1 - keep, adjust=False).mean().to_numpy() / (1 - keep)
    return np.clip(held, -_DEEPEST, _DEEPEST)


def _hedged(seeds: tuple[int, ...], first: int, days: int) -> np.ndarray:
    """Return the hedgers' share of the ticker's open interest, minute by minute: slow, within a fifth or so."""
    reach = 12
    noise = [
        np.random.default_rng((*seeds, 3, day)).standard_normal() for day in range(first - reach, first + days + 1)
    ]
    level = np.convolve(noise, np.full(reach, reach**-0.5), mode="valid")[: days + 1]
    minute = np.arange(days * DAY)
    day, part = minute // DAY, (minute % DAY) / DAY
    share: np.ndarray = HEDGED * np.exp(0.10 * (level[day] * (1 - part) + level[day + 1] * part))
    return share
