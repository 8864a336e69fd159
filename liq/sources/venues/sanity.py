"""Sanity checks of a venue's rows: impossible rows are dropped and counted, or the whole answer is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from liq.market import Bracket
from liq.market_checks import CANDLE_COLUMNS
from liq.sources.venues.failures import VenueFailure

JUMP = 5.0
"""Maximum ratio of a price to its neighbours' within one bar; venues' errors are tenfold."""

UNIT = 3.0
"""Maximum ratio between the price in open interest (dollars over coins) and the candles' price."""

MAX_BAD_SHARE = 0.2
"""Maximum share of dropped rows; above it the answer as a whole is refused."""

AHEAD = 30_000
"""Maximum milliseconds by which a venue's clock may be ahead of this machine's."""

NEIGHBOURS = 5
"""Number of bars whose median close is a bar's reference price."""


class Mismatch(VenueFailure):
    """Candles and open interest contradict each other, so neither is used."""


def clean_candles(
    rows: Sequence[Sequence[Any]], step: int, now: int, dropped: Counter[str], series: str
) -> pd.DataFrame:
    """Return candles indexed by bar open (UTC), sorted, unique, every row possible; raise VenueFailure.

    rows : time (UTC ms), open, high, low, close, volume; step : ms between bars; now : UTC ms.
    dropped : counts dropped rows by reason. Refused as a whole: nothing usable, more than MAX_BAD_SHARE
    of the rows impossible, or a price that moves JUMP-fold from one bar to the next and stays there.

    >>> dropped = Counter()
    >>> rows = [[60_000 * minute, 1.0, 2.0, 1.0, 2.0, 5.0] for minute in range(10)]
    >>> rows[9][2] = -2.0
    >>> len(clean_candles(rows, 60_000, now=600_000, dropped=dropped, series="candles")), sum(dropped.values())
    (9, 1)
    """
    if not len(rows):
        raise VenueFailure(f"answered with no {series}", passing=True)
    table, dropped_before = _floats(rows, 6), dropped.total()
    times, prices, volume = table[:, 0], table[:, 1:5], table[:, 5]
    top, bottom = prices.max(axis=1), prices.min(axis=1)
    with np.errstate(invalid="ignore"):
        reasons = {
            "with a time that is none": ~np.isfinite(times) | (times % step != 0),
            "from the future": times > now + AHEAD,
            "without a positive price": ~(np.isfinite(prices) & (prices > 0)).all(axis=1),
            "with high below low": prices[:, 1] < prices[:, 2],
            "with open or close outside low to high": (top > prices[:, 1]) | (bottom < prices[:, 2]),
            "without a volume": ~np.isfinite(volume) | (volume < 0),
        }
    keep = drop_rows(reasons, dropped)
    table = _unique(table[keep], dropped)
    if len(table):
        reference = _middle(table[:, 4])
        is_outlier = (table[:, 2] > JUMP * reference) | (table[:, 3] < reference / JUMP)
        table = table[drop_rows({"far off the bars around": is_outlier}, dropped)]
    n_dropped = dropped.total() - dropped_before
    if n_dropped > MAX_BAD_SHARE * (n_dropped + len(table)):
        raise VenueFailure(f"sent {series} that cannot be true: {n_dropped} of {n_dropped + len(table)} rows")
    close = table[:, 4]
    if len(close) > 1 and (np.abs(np.diff(np.log(close))) > np.log(JUMP)).any():
        raise VenueFailure(f"sent {series} whose price leaps within one bar and stays there")
    index = pd.to_datetime(table[:, 0].astype("int64"), unit="ms", utc=True).as_unit("ns")
    return pd.DataFrame(table[:, 1:], index=index, columns=list(CANDLE_COLUMNS))


def clean_open_interest(
    rows: Iterable[Sequence[Any]], shift: int, last: int, price: float, dropped: Counter[str]
) -> pd.DataFrame:
    """Return open interest by the time it was valid (UTC): columns ``coins long short``, possible rows only.

    rows : stamp (UTC ms), coins, USD or NaN, liquidated USD long and short or NaN. shift : ms from a stamp to
    the time its value was valid; last : the latest possible such time (UTC ms); price : a price near
    all of them, for the check that coins and dollars agree: a forgotten contract size fails it, and so do
    another symbol's candles. Raises Mismatch.

    >>> rows = [[0, 5.0, 500.0, None, None]]
    >>> clean_open_interest(rows, 0, last=10, price=100.0, dropped=Counter())["coins"].item()
    5.0
    """
    table = _floats(list(rows), 5)
    table = table[np.argsort(table[:, 0], kind="stable")]
    coins, dollars = table[:, 1], table[:, 2]
    times = table[:, 0] + shift
    with np.errstate(invalid="ignore", divide="ignore"):
        reference = _middle(np.where(coins > 0, coins, np.nan))
        reasons = {
            "of open interest from the future": ~np.isfinite(times) | (times > last),
            "of open interest that are not positive": ~np.isfinite(coins) | (coins <= 0),
            "of open interest far off the ones around": (coins > JUMP * reference) | (coins < reference / JUMP),
        }
        keep = drop_rows(reasons, dropped)
        ratio = np.median((dollars / coins / price)[keep & (dollars > 0)]) if (keep & (dollars > 0)).any() else 1.0
    if not 1 / UNIT < ratio < UNIT:
        raise Mismatch("sent open interest and candles that do not belong together, in their unit or their symbol")
    kept_rows = table[keep]
    index = pd.to_datetime(times[keep].astype("int64"), unit="ms", utc=True).as_unit("ns")
    frame = pd.DataFrame({"coins": kept_rows[:, 1], "long": kept_rows[:, 3], "short": kept_rows[:, 4]}, index=index)
    frame[["long", "short"]] = frame[["long", "short"]].where(frame[["long", "short"]] >= 0)
    return frame[~frame.index.duplicated(keep="last")].sort_index()


def margin_brackets(tiers: Iterable[Sequence[float]], scale: float) -> tuple[Bracket, ...] | None:
    """Return a venue's margin tiers as brackets in USD, or None where a tier is out of order or impossible.

    tiers : rows of from, to, maintenance rate, top leverage; scale : USD for one of the tiers' units.
    The amount of a bracket makes maintenance continuous where two of them meet: amount += floor * (rate -
    rate before), which is how the venues that publish it arrive at theirs (Binance, Bybit help "Maintenance
    margin").

    >>> brackets = margin_brackets([(0, 1e5, 0.004, 125), (1e5, 1e6, 0.005, 100)], scale=1.0)
    >>> brackets[1].amount
    100.0
    """
    rows, brackets = sorted(tuple(tier) for tier in tiers), list[Bracket]()
    for number, (_, cap, rate, leverage) in enumerate(rows):
        floor, before = (brackets[-1].cap, brackets[-1]) if brackets else (0.0, None)
        cap = float("inf") if number + 1 == len(rows) else (cap if cap == cap else rows[number + 1][0]) * scale
        if not (cap > floor and 0 < rate < 1 and 1 <= leverage <= 1000):
            return None
        amount = before.amount + floor * (rate - before.rate) if before else 0.0
        brackets.append(Bracket(floor, cap, rate, leverage, amount))
    return tuple(brackets) or None


def quality_notes(dropped: Counter[str], candles: pd.DataFrame, bar: pd.Timedelta, start: pd.Timestamp) -> list[str]:
    """Return the data-quality sentences: what was dropped, and which visible bars are missing.

    >>> none, start = pd.DataFrame(index=pd.DatetimeIndex([])), pd.Timestamp("2026-09-01")
    >>> quality_notes(Counter({"from the future": 1}), none, pd.Timedelta("1h"), start)
    ['1 row from the future left out.']
    """
    notes = [f"{count} row{'s' * (count != 1)} {reason} left out." for reason, count in sorted(dropped.items())]
    visible = candles.index[candles.index >= start]
    if len(visible) > 1:
        missing = round((visible[-1] - visible[0]) / bar) + 1 - len(visible)
        if missing > 0:
            notes.append(f"{missing} bar{'s' * (missing != 1)} missing; the bar before each lasts until the next.")
    if len(visible) and visible[0] - start >= bar and visible[0] == candles.index[0]:
        notes.append(f"History begins at {visible[0]:%Y-%m-%d %H:%M} UTC.")
    return notes


def _floats(rows: Sequence[Sequence[Any]], width: int) -> np.ndarray:
    """Return rows as floats (n, width); a value that is no number becomes NaN, so that its row is dropped."""
    try:
        return np.array([tuple(row)[:width] for row in rows], dtype=float).reshape(-1, width)
    except (TypeError, ValueError):
        return np.array([[_float(value) for value in (*row, *[None] * width)[:width]] for row in rows])


def _float(value: Any) -> float:
    """Return a value as a float; NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _middle(values: np.ndarray) -> np.ndarray:
    """Return the median of each value and its neighbours."""
    return pd.Series(values).rolling(NEIGHBOURS, center=True, min_periods=1).median().to_numpy()


def drop_rows(reasons: dict[str, np.ndarray], dropped: Counter[str]) -> np.ndarray:
    """Return which rows pass every check, bool; counts each dropped row once, by its first reason.

    >>> dropped = Counter()
    >>> drop_rows({"without a volume": np.array([False, True])}, dropped), dropped["without a volume"]
    (array([ True, False]), 1)
    """
    keep = np.ones(len(next(iter(reasons.values()))), dtype=bool)
    for reason, bad in reasons.items():
        n_bad = int((keep & bad).sum())
        if n_bad:
            dropped[reason] += n_bad
        keep &= ~bad
    return keep


def _unique(table: np.ndarray, dropped: Counter[str]) -> np.ndarray:
    """Return the rows sorted by time, the last of each time; repeats that disagree are counted."""
    table = table[np.argsort(table[:, 0], kind="stable")]
    last = np.append(table[1:, 0] != table[:-1, 0], True)[: len(table)]
    differing = int((~last[:-1] & (table[1:, 1:] != table[:-1, 1:]).any(axis=1)).sum()) if len(table) > 1 else 0
    if differing:
        dropped["that repeat a time with other values"] += differing
    return table[last]


def check_continuity(older: pd.DataFrame, tail: pd.DataFrame) -> None:
    """Raise VenueFailure where refreshed candles cannot continue the older ones, as another symbol's would not.

    >>> older = pd.DataFrame({"open": [100.0], "close": [100.0]})
    >>> check_continuity(older, pd.DataFrame({"open": [101.0]}))
    """
    if len(older) and not 1 / JUMP < tail["open"].iloc[0] / older["close"].iloc[-1] < JUMP:
        raise VenueFailure("sent candles that do not continue the earlier ones")
