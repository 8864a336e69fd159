"""Trading in the simulated market: price, volume, open interest and liquidations, minute by minute, for any days.

Forced selling moves the price, and the moved price forces more of it. To keep the past the same at any later
time, that loop is run once: the groups are first followed along the undisturbed price, their forced orders move it,
and along the moved price the groups are followed again. So a minute depends on the 62 days before it and on nothing
older, and a record may begin on any day.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.market import Bracket
from liq.sources.simulation.magnet import magnet_shift
from liq.sources.simulation.population import POPULATIONS, Population
from liq.sources.simulation.price_path import DAY, PricePath, Ticker, price_path
from liq.sources.simulation.traders import LEVEL_SPREAD, MAX_MINUTES, Minutes, TraderGroups, draw_traders

_IMPACT_SIZE = (
    0.10  # log move of forced flow worth all open interest, before the concave power: 0.1 % of it moves 16 bp
)
_IMPACT_POWER = 0.6  # market impact grows with about the square root of what is sold at once
_RECOVERY = 40  # minutes in which half of a forced move is gone
_IMPACT_MINUTES = (
    4 * DAY
)  # minutes after which nothing of a move is left: 144 halvings, far below the last digit of a price
_MAX_IMPACT = 0.06  # maximum log move of forced flow
_MAGNET_DAYS = 64  # days; with a magnet a record begins on a multiple of them
_MAX_DAYS = MAX_MINUTES // DAY


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
    population: Population = POPULATIONS["hedged"],
    with_groups: bool = False,
) -> tuple[TradingRecord, list[TraderGroups]]:
    """Return the record of days `first` to `last` (since 1970) and, if wanted, all groups that were open during them.

    The groups' minutes count from the record's start and may be negative.

    >>> from liq.model.margin import brackets
    >>> from liq.sources.simulation.price_path import seed_key
    >>> ticker, seeds = Ticker(68_000.0, 0.1, 0.001, 0.022, 90_000.0), seed_key("BTC", 0, "calm")
    >>> record, _ = simulate_trading(ticker, brackets("BTC"), seeds, "calm", 0.0, 20_000, 20_000)
    >>> len(record.close), bool((record.high >= record.low).all())
    (1440, True)
    """
    ticker = ticker._replace(volatility=ticker.volatility * population.volatility)
    first_day = first - 2 * _MAX_DAYS - 2
    if magnet:
        first_day = first_day // _MAGNET_DAYS * _MAGNET_DAYS
    undisturbed = price_path(ticker, regime, seeds, first_day, last)
    forced = np.zeros(len(undisturbed.close))
    groups = []
    skip = (first - _MAX_DAYS - 1 - first_day) * DAY
    since = 0 if magnet else skip - _IMPACT_MINUTES  # a magnet is drawn by all who stand
    minutes = _minutes(ticker, undisturbed, None)
    drawn = draw_traders(
        ticker, steps, seeds, undisturbed, minutes, population=population, since=since, forced_only=not magnet
    )
    for rows in drawn:
        is_forced = rows.forced
        _add(forced, rows.closed[is_forced], -rows.side[is_forced] * rows.lots[is_forced])
        if magnet:
            groups.append(rows)
    shift = _impact(forced * ticker.lot / ticker.open_interest)
    if magnet:
        shift += magnet_shift(ticker, undisturbed, groups, magnet)
    path, shift = _without_first(undisturbed, skip), shift[skip:]
    del undisturbed, groups, forced, minutes
    return _walk(ticker, steps, seeds, path, _minutes(ticker, path, shift), first, population, with_groups)


def groups_along(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    seeds: tuple[int, ...],
    regime: str,
    record: TradingRecord,
    minutes: np.ndarray,
    *,
    population: Population = POPULATIONS["hedged"],
) -> TraderGroups:
    """Return the groups that were open at any of some minutes (since 1970, ascending), along a record's prices.

    They are those that `simulate_trading` had, found again without simulating the price: the record holds it. It must
    begin MAX_MINUTES before the first of the minutes. Opened and closed are minutes since 1970; of a group that was
    split all parts are returned, one after another.

    >>> from liq.model.margin import brackets
    >>> from liq.sources.simulation.price_path import seed_key
    >>> ticker, seeds = Ticker(68_000.0, 0.1, 0.001, 0.022, 90_000.0), seed_key("BTC", 0, "calm")
    >>> record, _ = simulate_trading(ticker, brackets("BTC"), seeds, "calm", 0.0, 20_000, 20_031)
    >>> groups = groups_along(ticker, brackets("BTC"), seeds, "calm", record, np.array([20_031 * DAY]))
    >>> bool((groups.opened < 20_031 * DAY).all() and (groups.closed[groups.parts > 1] >= 20_031 * DAY).all())
    True
    """
    ticker = ticker._replace(volatility=ticker.volatility * population.volatility)
    first, last = (int(minutes[0]) - MAX_MINUTES) // DAY, int(minutes[-1]) // DAY
    # A day before the first, so that who opens in its first hours sees the trend of the hours before.
    path, lead = price_path(ticker, regime, seeds, first - 1, last), (first - 1) * DAY
    part = slice(first * DAY - record.start, (last + 1) * DAY - record.start)
    before = float(record.close[part.start - 1]) if part.start else record.before
    traded = (np.append(np.full(DAY, before), column[part]) for column in (record.close, record.high, record.low))
    along, found = Minutes(before, *traded), []
    for rows in draw_traders(ticker, steps, seeds, path, along, population=population, since=minutes - lead):
        rows = rows._replace(opened=rows.opened.astype(np.int64) + lead, closed=rows.closed.astype(np.int64) + lead)
        next_due = np.searchsorted(minutes, rows.opened, side="right")
        was_open = (rows.opened >= first * DAY) & (np.searchsorted(minutes, rows.closed, side="right") > next_due)
        split = rows.parts == 1  # the parts of a group stay together
        by_group = was_open[split].reshape(-1, len(LEVEL_SPREAD)).any(axis=1)
        was_open[split] = np.repeat(by_group, len(LEVEL_SPREAD))
        found.append(TraderGroups(*(column[was_open] for column in rows)))
    return TraderGroups(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _walk(
    ticker: Ticker,
    steps: tuple[Bracket, ...],
    seeds: tuple[int, ...],
    path: PricePath,
    minutes: Minutes,
    first: int,
    population: Population,
    with_groups: bool,
) -> tuple[TradingRecord, list[TraderGroups]]:
    """Return the record and the groups along a price path."""
    count = len(path.close)
    lead = (first - path.first) * DAY
    standing = {1: np.zeros(count), -1: np.zeros(count)}
    bought, sold = np.zeros(count), np.zeros(count)
    dollars = {1: np.zeros(count), -1: np.zeros(count)}
    groups: list[TraderGroups] = []
    for rows in draw_traders(ticker, steps, seeds, path, minutes, population=population, since=lead):
        for side, buys, sells in ((1, bought, sold), (-1, sold, bought)):
            own_side = rows.side == side
            lots, opened, closed = rows.lots[own_side], rows.opened[own_side], rows.closed[own_side]
            has_ended = closed < count
            _add(standing[side], opened, lots)
            _add(standing[side], closed[has_ended], -lots[has_ended])
            _add(buys, opened, lots)
            _add(sells, closed[has_ended], lots[has_ended])
            forced = rows.forced[own_side]
            _add(dollars[side], closed[forced], lots[forced] * ticker.lot * rows.level[own_side][forced])
        if with_groups:
            later = rows._replace(opened=rows.opened - lead, closed=rows.closed - lead)
            groups.append(TraderGroups(*(column[later.closed >= 0] for column in later)))
    # Every contract is one long and one short: the side with fewer traders is completed by market makers.
    trader_lots = np.maximum(np.cumsum(standing[1]), np.cumsum(standing[-1]))[lead:]
    hedged = np.round(
        population.hedged * _hedged_course(seeds, first, (count - lead) // DAY) * ticker.open_interest / ticker.lot
    )
    churn = np.round(population.churn * ticker.open_interest / ticker.lot / DAY * path.activity[lead:])
    record = TradingRecord(
        first * DAY,
        float(minutes.close[lead - 1]),
        minutes.close[lead:].copy(),
        minutes.high[lead:].copy(),
        minutes.low[lead:].copy(),
        (churn + np.maximum(bought, sold)[lead:]) * ticker.lot,
        (trader_lots + hedged) * ticker.lot,
        dollars[1][lead:].copy(),
        dollars[-1][lead:].copy(),
    )
    return record, groups


def _add(total: np.ndarray, minutes: np.ndarray, weights: np.ndarray) -> None:
    """Add weights to the minutes they fall in, touching only the range between the first and the last."""
    if len(minutes):
        low = int(minutes.min())
        sums = np.bincount(minutes - low, weights=weights)
        total[low : low + len(sums)] += sums


def _minutes(ticker: Ticker, path: PricePath, shift: np.ndarray | None) -> Minutes:
    """Return the path as prices on the ticker's tick, moved by `shift` (log)."""
    log_shift = 0.0 if shift is None else shift
    before = float(_on_tick(ticker, np.exp(np.array([path.before])))[0])
    close = _on_tick(ticker, np.exp(path.close + log_shift))
    close_before = np.concatenate(([before], close[:-1]))
    high = np.maximum(_on_tick(ticker, np.exp(path.high + log_shift)), np.maximum(close_before, close))
    low = np.minimum(_on_tick(ticker, np.exp(path.low + log_shift)), np.minimum(close_before, close))
    return Minutes(before, close, high, low)


def _on_tick(ticker: Ticker, price: np.ndarray) -> np.ndarray:
    """Return prices rounded to the ticker's tick."""
    places = max(0, -int(np.floor(np.log10(ticker.tick) + 1e-9)))
    return np.round(np.maximum(np.round(price / ticker.tick), 1.0) * ticker.tick, places)


def _without_first(path: PricePath, skip: int) -> PricePath:
    """Return a path without its first minutes."""
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
    impulse = np.sign(flow) * _IMPACT_SIZE * np.abs(flow) ** _IMPACT_POWER
    keep = 0.5 ** (1 / _RECOVERY)
    impact = pd.Series(impulse).ewm(alpha=1 - keep, adjust=False).mean().to_numpy() / (1 - keep)
    return np.clip(impact, -_MAX_IMPACT, _MAX_IMPACT)


def _hedged_course(seeds: tuple[int, ...], first: int, days: int) -> np.ndarray:
    """Return the hedgers' holding over its mean, minute by minute: slow, within a fifth or so."""
    n_days = 12
    noise = [
        np.random.default_rng((*seeds, 3, day)).standard_normal() for day in range(first - n_days, first + days + 1)
    ]
    level = np.convolve(noise, np.full(n_days, n_days**-0.5), mode="valid")[: days + 1]
    minute = np.arange(days * DAY)
    day, part = minute // DAY, (minute % DAY) / DAY
    course: np.ndarray = np.exp(0.10 * (level[day] * (1 - part) + level[day + 1] * part))
    return course
