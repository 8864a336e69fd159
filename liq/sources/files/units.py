"""Decide what open interest and volume are counted in, from each other and from price, and convert them to coins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market_quality import checked_open_interest

SIZES = (0.1, 0.01, 0.001, 0.0001, 10.0, 100.0, 1000.0)
"""Coins of a contract that are tried: OKX 0.01 BTC, KuCoin 0.001, Gate 0.0001; tens and more for cheap coins."""

DAYS = (0.02, 50.0)
"""Bounds of open interest over a day's volume. Recordings of Binance's BTC, ETH and SOL: 0.11 to 3.8 on single days,
0.4 to 0.6 in the middle. The lower bound leaves room for venues that inflate volume, the upper for quiet ones."""

SHARE = 0.085
"""Usual sum of the changes of open interest over the volume of the same bars, at 5 minutes. Days of the recordings:
0.048 to 0.15 at 5 minutes, 0.034 to 0.104 at 15, 0.017 to 0.083 at an hour, 0.005 to 0.057 at 4 h."""

POWER = 0.3
"""The usual share falls with the length of a bar to this power: what opens and closes within one bar cancels."""

MOST = 1 / SHARE
"""Multiple of the usual share up to which a unit is possible. At 5 minutes that is a share of 1, which no market
passes: each contract that is opened or closed is traded. The recordings' days reach 2.4 times the usual."""

HARDLY_TRADED, NEARER = 0.25, 5.0
"""Part of the usual share from which more open interest than DAYS is that of a market that is hardly traded; and
multiple by which another unit must be nearer to the usual share to raise a doubt, as none is on the recordings."""

MIN_CHANGES, MIN_SLOPE_CHANGES = 5, 150
"""Number of changes of open interest from which DAYS and MOST decide, and from which its slope on price does."""

SHORT_DAYS, SHORT_SHARE = (0.001, 350.0), 4.0
"""Bounds for fewer than MIN_CHANGES, where volume may be far from its day's: a factor of some 1,000 is outside."""

COINS_SLOPE, DOLLARS_SLOPE = 0.55, 0.7
"""Slope of changes of log open interest on those of log price (least absolute deviations) up to which it is not in
dollars, and from which it is. All windows of the recordings with MIN_SLOPE_CHANGES, bars of 5 minutes to 4 h: -0.24
to 0.44 in coins; one more in dollars, whatever the price."""

USUAL_SLOPE, ERRORS = 0.1, 4.0
"""Usual slope in coins, and standard errors by which a slope must be away from the usual one of the other unit."""

MAX_TURNOVER, MAX_INTEREST = 1e12, 2e11
"""Dollars a day that no market trades, and dollars of open interest that none has. The recordings' largest are 5.4e10
(Binance BTC, 2025-03 to 2025-06) and 9.5e9 (2025-12)."""

CONTRACT_TURNOVER, CONTRACT_DOLLARS = 1e11, 5.0
"""Most dollars a day and least dollars of a contract where volume is in contracts: twice the recordings' largest day,
half of the smallest contract (Gate, 0.0001 BTC)."""


class Reading(NamedTuple):
    """Units of open interest and of volume: "coins", "dollars", or the number of coins in a contract."""

    interest: str | float = "coins"
    volume: str | float = "coins"


DOLLARS = (Reading("dollars", "coins"), Reading("coins", "dollars"), Reading("dollars", "dollars"))
CONTRACTS = tuple(Reading(size, volume) for size in SIZES for volume in ("coins", size))


class Evidence(NamedTuple):
    """What a reading of the units would mean.

    days : open interest over a day's volume, NaN without volume; share : summed changes of open interest over volume;
    turnover : dollars a day; interest : dollars.
    """

    days: float
    share: float
    turnover: float
    interest: float


class Bars(NamedTuple):
    """Candles and open interest as arrays.

    known : rows with open interest; steps : whether no bar is missing to the next of these; changes : number of steps
    in which open interest changes; usual : SHARE for their length; days : from the first known row to the last.
    """

    interest: np.ndarray
    volume: np.ndarray
    close: np.ndarray
    known: np.ndarray
    steps: np.ndarray
    changes: int
    usual: float
    days: float


def in_coins(frame: pd.DataFrame, lengths: np.ndarray, named: str = "") -> tuple[pd.DataFrame, list[str]]:
    """Return candles with volume and open interest in coins, and what was converted; raise InputError.

    frame : candles, and open_interest where known, by bar open (UTC); lengths : of each bar (timedelta64). named :
    the unit of open interest that a column's name says, "coins" or "contracts" (of unknown size), or "". Where the
    data cannot tell coins from another unit, they stay coins, and that is said.

    >>> hours = pd.date_range("2026-01-01", periods=4, freq="1h", tz="UTC")
    >>> bars = pd.DataFrame(dict(open=5e4, high=5e4, low=5e4, close=5e4, volume=1e3, open_interest=5e8), index=hours)
    >>> in_coins(bars, np.full(4, np.timedelta64(1, "h")))[0]["open_interest"].iloc[0]
    np.float64(10000.0)
    """
    days = lengths.astype("timedelta64[ns]") / np.timedelta64(1, "D")
    if "open_interest" not in frame or not frame["open_interest"].gt(0).any():
        return _volume_alone(frame, float(days.sum()))
    checked, _ = checked_open_interest(frame["open_interest"])  # refuses a unit that changes within the series
    bars = _bars(frame, np.asarray(checked, float), days)
    coins = _evidence(bars, Reading())
    rises_with_price, does_not = (False, True) if named == "coins" else _follows_price(bars)
    if named != "contracts" and not rises_with_price and _is_possible(coins, bars):
        return frame, [] if does_not else _doubts(bars, coins)
    tried = {"coins": (DOLLARS[1],), "contracts": (Reading(1.0), *CONTRACTS)}.get(named, (*DOLLARS, *CONTRACTS))
    readings = [one for one in tried if one.interest == "dollars" or not rises_with_price]
    readings = [one for one in readings if one.interest != "dollars" or not does_not]
    fits = {one: found for one in readings if _fits(found := _evidence(bars, one), one, bars)}
    chosen = _chosen(fits, bars)
    if chosen is None and named == "coins" and coins.turnover <= MAX_TURNOVER and coins.interest <= MAX_INTEREST:
        return frame, []
    if chosen is None:
        amount, daily = np.median(bars.interest[bars.known]), frame["volume"].sum() / max(days.sum(), 1e-9)
        units = [one.volume if one.interest == "coins" else one.interest for one in fits]
        raise InputError(
            f"open interest is {amount:,.0f} and a day's volume {daily:,.0f} coins, which do not go together "
            f"(units that fit: {_in_words(units)}): give both in coins and of one market, or name the column "
            "open_interest_coins or open_interest_usd."
        )
    return _converted(frame, chosen, "only" if len(fits) == 1 else "best")


def _bars(frame: pd.DataFrame, interest: np.ndarray, days: np.ndarray) -> Bars:
    """Return the arrays that evidence is taken from; days : length of each bar."""
    known = np.flatnonzero(np.isfinite(interest))
    ends = pd.DatetimeIndex(frame.index).as_unit("ns").asi8 / 8.64e13 + days
    lasted = np.diff(ends[known])
    steps = lasted <= 1.5 * days[known[1:]] * np.diff(known)  # the volume of a missing bar is unknown
    changes = int((steps & (np.diff(interest[known]) != 0)).sum())
    per_change = float(lasted[steps].sum()) / max(changes, 1)
    usual = SHARE * max(per_change / (5 / 1440), 1.0) ** -POWER
    volume, close = frame["volume"].to_numpy(float), frame["close"].to_numpy(float)
    return Bars(interest, volume, close, known, steps, changes, usual, float(days[known[0] : known[-1] + 1].sum()))


def _scaled(values: np.ndarray, unit: str | float, close: np.ndarray) -> np.ndarray:
    """Return amounts of a unit in coins."""
    if unit == "coins":
        return values
    return values / close if unit == "dollars" else values * float(unit)


def _evidence(bars: Bars, reading: Reading) -> Evidence:
    """Return what a reading of the units means."""
    interest = _scaled(bars.interest, reading.interest, bars.close)[bars.known]
    volume = _scaled(bars.volume, reading.volume, bars.close)
    within, days = slice(bars.known[0], bars.known[-1] + 1), max(bars.days, 1e-9)
    traded = np.diff(np.concatenate([[0.0], np.cumsum(volume)])[bars.known + 1])[bars.steps].sum()
    moved = np.abs(np.diff(interest))[bars.steps].sum()
    daily = float(volume[within].sum()) / days
    return Evidence(
        float(np.median(interest)) / daily if daily else float("nan"),
        float(moved / traded) if traded else float("nan"),
        float((volume * bars.close)[within].sum()) / days,
        float(np.median(interest * bars.close[bars.known])),
    )


def _is_possible(found: Evidence, bars: Bars) -> bool:
    """Return whether open interest and volume may be coins as they stand."""
    if found.turnover > MAX_TURNOVER or found.interest > MAX_INTEREST:
        return False
    if found.days != found.days:
        return True
    if bars.changes < MIN_CHANGES:
        return SHORT_DAYS[0] <= found.days <= SHORT_DAYS[1] and not found.share > SHORT_SHARE
    most = DAYS[1] if found.share < HARDLY_TRADED * bars.usual else np.inf
    return bool(DAYS[0] <= found.days <= most and found.share <= MOST * bars.usual)


def _fits(found: Evidence, reading: Reading, bars: Bars) -> bool:
    """Return whether a conversion gives open interest and volume as markets have them."""
    return (
        found.turnover <= (MAX_TURNOVER if isinstance(reading.volume, str) else CONTRACT_TURNOVER)
        and found.interest <= MAX_INTEREST
        and (found.days != found.days or DAYS[0] <= found.days <= DAYS[1])
        and not found.share > (SHORT_SHARE if bars.changes < MIN_CHANGES else MOST * bars.usual)
    )


def _chosen(fits: dict[Reading, Evidence], bars: Bars) -> Reading | None:
    """Return the reading that the data leave, or None.

    Dollars come before contracts, since most open interest that is not in coins is in dollars. Contracts have to be
    the only ones that fit, or to be nearest to the usual share and to have the size that the last decimals say: those
    of open interest are contracts, those of volume coins.
    """
    if not fits:
        return None
    far = {one: _distance(found, bars) for one, found in fits.items()}
    nearest = min(far, key=lambda one: far[one])
    steps = _last_decimal(bars.volume), _last_decimal(bars.interest[bars.known])
    size = steps[0] / steps[1] if all(steps) else 0.0
    told = next((one for one in fits if one.interest in SIZES and np.isclose(float(one.interest), size)), None)
    dollars = next((one for one in DOLLARS if one in fits), None)
    if dollars is None:
        return nearest if len(fits) == 1 or (told is not None and told == nearest) else None
    both = dollars == DOLLARS[2] and any(not isinstance(one.volume, str) for one in fits)
    doubtful = told is not None or both or far[dollars] - far[nearest] > np.log(NEARER)
    return None if doubtful else dollars


def _distance(found: Evidence, bars: Bars) -> float:
    """Return how far a share is from the usual one, log."""
    return abs(float(np.log(max(found.share, 1e-12) / bars.usual)))


def _last_decimal(values: np.ndarray) -> float:
    """Return the largest power of ten that values are multiples of, 0 where there is none or they are too few."""
    some = values[np.isfinite(values) & (values > 0)][:5_000]
    for place in range(4, -9, -1):
        units = some / 10.0**place
        if len(some) >= MIN_CHANGES and np.abs(units - np.round(units)).max() < 1e-3:
            return float(10.0**place)
    return 0.0


def _follows_price(bars: Bars) -> tuple[bool, bool]:
    """Return whether open interest rises and falls with price as dollars do, and whether it surely does not.

    By the slope of changes of log open interest on those of log price, of least absolute deviations: it does not
    follow the few bars of a crash. Its standard error is 1.25 deviations over the root of the sum of squares.
    """
    interest, close = bars.interest[bars.known], bars.close[bars.known]
    changes = np.flatnonzero(np.concatenate([[True], np.diff(interest) != 0]) & (interest > 0))
    price, moved = np.diff(np.log(close[changes])), np.diff(np.log(interest[changes]))
    price, moved = price[price != 0], moved[price != 0]
    if len(price) < MIN_SLOPE_CHANGES:
        return False, False
    order = np.argsort(moved / price)
    weights = np.cumsum(np.abs(price)[order])
    slope = (moved / price)[order][np.searchsorted(weights, weights[-1] / 2)]
    error = 1.25 * 1.48 * np.median(np.abs(moved - slope * price)) / (weights[-1] / np.sqrt(len(price)))
    no_coins, no_dollars = np.abs(slope - USUAL_SLOPE - np.array([0, 1])) > ERRORS * error
    return bool(slope >= DOLLARS_SLOPE and no_coins), bool(slope <= COINS_SLOPE and no_dollars)


def _doubts(bars: Bars, coins: Evidence) -> list[str]:
    """Return a sentence where amounts are taken as coins and another unit fits as well or better."""
    for reading, what in ((DOLLARS[0], "Open interest"), (DOLLARS[1], "Volume"), (Reading(0.1), "Open interest")):
        found = _evidence(bars, reading)
        better = _distance(coins, bars) - _distance(found, bars) > np.log(NEARER)
        as_well = reading == DOLLARS[0] and bars.changes >= MIN_CHANGES
        if _fits(found, reading, bars) and (better or as_well):
            unit = "dollars" if "dollars" in reading else "contracts of 0.1 coins"
            return [f"{what} is taken as coins; as {unit} it would fit as well, which the file cannot tell."]
    return []


def _volume_alone(frame: pd.DataFrame, days: float) -> tuple[pd.DataFrame, list[str]]:
    """Return candles without open interest, volume in coins; raise InputError for a turnover that no market has."""
    volume, close = frame["volume"].to_numpy(float), frame["close"].to_numpy(float)
    turnover, daily = (float(amount.sum()) / max(days, 1e-9) for amount in (volume * close, volume))
    if turnover <= MAX_TURNOVER:
        return frame, []
    least = CONTRACT_DOLLARS / float(np.median(close))
    units: list[str | float] = ["dollars"] if daily <= MAX_TURNOVER else []
    units += [size for size in SIZES if turnover * size <= CONTRACT_TURNOVER and size >= least]
    if units == ["dollars"]:
        return _converted(frame, Reading("coins", "dollars"), "only")
    raise InputError(
        f"volume is {daily:,.0f} a day, which as coins is {turnover:,.0f} dollars, more than any market trades "
        f"(units that fit: {_in_words(units)}): give it in coins."
    )


def _converted(frame: pd.DataFrame, reading: Reading, fits: str) -> tuple[pd.DataFrame, list[str]]:
    """Return candles with open interest and volume in coins, and what was done; fits : "only" or "best"."""
    done, notes = {}, []
    for column, unit in (("open_interest", reading.interest), ("volume", reading.volume)):
        if unit != "coins":
            done[column] = _scaled(frame[column].to_numpy(float), unit, frame["close"].to_numpy(float))
            how = "divided by price" if unit == "dollars" else "multiplied by that"
            name = column.replace("_", " ").capitalize()
            notes.append(f"{name} fits {fits} as {_in_words([unit])}: it is {how}.")
    return frame.assign(**done), notes


def _in_words(units: Sequence[str | float]) -> str:
    """Return units in words, "none" for none."""
    sizes = sorted({float(unit) for unit in units if not isinstance(unit, str)})
    words = ["dollars"] if "dollars" in units else []
    words += [f"contracts of {' or '.join(f'{size:g}' for size in sizes)} coins"] if sizes else []
    return " or ".join(words) or "none"
