"""Values that pass validation and still cannot be true, or matter too much for silence: dropped, refused, named."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.errors import InputError

ISOLATED = 1.5
"""Ratio of an open-interest value to both of its neighbours from which it is dropped, where these agree to AGREE. In
two months of 5-minute bars of BTC and ETH the largest change within one bar was 5 %."""

AGREE = 1.25

UNIT = 20.0
"""Ratio of open interest from one bar to the next, and staying there, that is a change of unit and no trade."""

SETTLED = 5
"""Number of bars to either side whose medians tell a change of unit."""

ZERO_SHARE = 0.5
"""Share of visible bars without any volume from which that is said."""

FROZEN = pd.Timedelta(hours=3)
"""Time for which price may stand still before it is said; on the recordings it never stood still for two bars."""

FROZEN_BARS = 12

MANY = 10
"""Number of bars from which most of them leaping cannot be a market's doing."""

LEAP = 2.0
"""Ratio of prices within a bar, the close before it included, from which that is said. In the recordings it is 1.1 at
most within 5 minutes, 1.2 within 4 h."""


def checked_open_interest(series: pd.Series | None) -> tuple[pd.Series | None, list[str]]:
    """Return open interest without isolated impossible values, and what was dropped; raise InputError for a change of
    unit.

    An isolated value is ISOLATED times as far from both neighbours as these are from each other. A value of zero
    between others is one.

    >>> hours = pd.date_range("2026-01-01", periods=4, freq="1h")
    >>> checked_open_interest(pd.Series([100.0, 0.0, 101.0, 99.0], hours))[1]
    ['1 value of open interest far from both neighbours is left out, at 2026-01-01 01:00.']
    """
    if series is None or len(series) < 3:
        return series, []
    known = series.dropna()
    values = known.to_numpy(float)
    if len(values) < 3:
        return series, []
    floor = max(float(np.median(values)) * 1e-6, 1e-12)
    log = np.log(np.maximum(values, floor))
    before, after = np.concatenate([[np.nan], log[:-1]]), np.concatenate([log[1:], [np.nan]])
    with np.errstate(invalid="ignore"):
        apart = np.minimum(np.abs(log - before), np.abs(log - after)) > np.log(ISOLATED)
        same_way = np.sign(log - before) == np.sign(log - after)
        isolated = apart & same_way & (np.abs(before - after) < np.log(AGREE))
    notes = []
    if isolated.any():
        count = int(isolated.sum())
        words = "value" if count == 1 else "values"
        first = known.index[int(np.argmax(isolated))]
        verb = "is" if count == 1 else "are"
        notes.append(
            f"{count:,} {words} of open interest far from both neighbours {verb} left out, "
            f"at {first:%Y-%m-%d %H:%M}{' and later' if count > 1 else ''}."
        )
        series = series.where(~series.index.isin(known.index[isolated]))
        log, known = log[~isolated], known[~isolated]
    _refuse_change_of_unit(log, pd.DatetimeIndex(known.index))
    return series, notes


def _refuse_change_of_unit(log: np.ndarray, times: pd.DatetimeIndex) -> None:
    """Raise InputError where the level of open interest changes UNIT-fold within one bar and stays there."""
    leaps = np.flatnonzero(np.abs(np.diff(log)) > np.log(UNIT)) + 1
    for row in leaps.tolist():
        left, right = np.median(log[max(0, row - SETTLED) : row]), np.median(log[row : row + SETTLED])
        if abs(right - left) > np.log(UNIT):
            factor = float(np.exp(right - left))
            times_as_many = f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"
            raise InputError(
                f"open interest is {times_as_many} what it was from {times[row]:%Y-%m-%d %H:%M} on: its unit changes "
                "there; give it in coins throughout."
            )


def leap_sentences(candles: pd.DataFrame) -> list[str]:
    """Return a sentence where a price is LEAP times the one before it or beside it, or nothing.

    Raises InputError where that holds for most of MANY bars: a column is no price.

    >>> hours = pd.date_range("2026-01-01", periods=3, freq="1h")
    >>> bars = pd.DataFrame(dict(open=1.0, high=[1.0, 10.0, 1.0], low=1.0, close=1.0, volume=5.0), index=hours)
    >>> leap_sentences(bars)
    ['Prices leap from 1 to 10 in the bar of 2026-01-01 01:00: a digit or a unit is wrong, or it was a crash.']
    """
    opened, high, low, close = (candles[name].to_numpy(float) for name in ("open", "high", "low", "close"))
    before = np.concatenate([opened[:1], close[:-1]])
    most, least = np.maximum(high, before), np.minimum(low, before)
    leaps = np.flatnonzero(most > LEAP * least)
    if not len(leaps):
        return []
    if len(candles) >= MANY and len(leaps) > len(candles) / 2:
        raise InputError(
            f"prices within a bar differ {LEAP:g}-fold in {len(leaps):,} of {len(candles):,} bars, so one of open, "
            "high, low and close is no price: name the columns, or put them in order."
        )
    row = int(leaps[0])
    more = f", and in {len(leaps) - 1:,} more" if len(leaps) > 1 else ""
    return [
        f"Prices leap from {least[row]:,.6g} to {most[row]:,.6g} in the bar of {candles.index[row]:%Y-%m-%d %H:%M}"
        f"{more}: a digit or a unit is wrong, or it was a crash."
    ]


def quality_sentences(candles: pd.DataFrame, bar: pd.Timedelta, end: pd.Timestamp, now: pd.Timestamp) -> list[str]:
    """Return what is odd about visible candles: no volume, a price that stands still, times from the future.

    candles : the visible ones; bar : their length; end : of the last; now : present time, in the same zone.

    >>> hours = pd.date_range("2026-01-01", periods=20, freq="1h")
    >>> bars = pd.DataFrame(dict(open=1.0, high=1.0, low=1.0, close=1.0, volume=0.0), index=hours)
    >>> len(quality_sentences(bars, pd.Timedelta("1h"), hours[-1], hours[-1]))
    2
    """
    notes = []
    empty = float((candles["volume"] == 0).mean()) if len(candles) else 0.0
    if empty > ZERO_SHARE:
        notes.append(f"{empty:.0%} of the bars have no volume, so the map hardly knows what was opened.")
    still = (candles["high"] == candles["low"]).to_numpy()
    run, longest, ends_at = 0, 0, 0
    for row, stands in enumerate(still.tolist()):
        run = run + 1 if stands else 0
        if run > longest:
            longest, ends_at = run, row
    if longest >= FROZEN_BARS and longest * bar >= FROZEN:
        begins = candles.index[ends_at - longest + 1]
        notes.append(
            f"Price stands still for {longest:,} bars from {begins:%Y-%m-%d %H:%M}: a halted market, or frozen data."
        )
    if end > now + 2 * bar:
        notes.append(f"The last bar ends {end:%Y-%m-%d %H:%M} UTC, which is in the future: a clock is off.")
    return notes
