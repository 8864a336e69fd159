"""Check what a venue sent before it becomes data: impossible rows are dropped and counted, or all refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from liq.market_checks import CANDLE_COLUMNS
from liq.sources.venues.failures import VenueFailure

JUMP = 5.0
"""A price this many times its neighbours' within one bar is an error, not a market; venues' slips are tenfold."""

UNIT = 3.0
"""Dollars of open interest over its coins may differ this many times from the candles' price, not more."""

MAX_BAD_SHARE = 0.2
"""Share of rows that may be dropped before the answer as a whole is refused."""

AHEAD = 30_000
"""Milliseconds that a venue's clock may be ahead of ours."""

NEIGHBOURS = 5
"""Bars whose median close says what a bar's price should be near."""


class Mismatch(VenueFailure):
    """Candles and open interest contradict each other, so that neither can be believed."""


def clean_candles(
    rows: Sequence[Sequence[Any]], step: int, now: int, dropped: Counter[str], what: str
) -> pd.DataFrame:
    """Return candles indexed by bar open (UTC), sorted, unique, every row possible; raise VenueFailure.

    rows : time (UTC ms), open, high, low, close, volume; step : ms between bars; now : UTC ms.
    dropped : counts what was left out, by reason. Refused as a whole: nothing usable, more than `SPOILT`
    of the rows impossible, or a price that moves `JUMP`-fold from one bar to the next and stays there.
    """
    if not len(rows):
        raise VenueFailure(f"answered with no {what}", passing=True)
    table, before = _floats(rows, 6), dropped.total()
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
        middle = _middle(table[:, 4])
        wild = (table[:, 2] > JUMP * middle) | (table[:, 3] < middle / JUMP)
        table = table[drop_rows({"far off the bars around": wild}, dropped)]
    spoilt = dropped.total() - before
    if spoilt > MAX_BAD_SHARE * (spoilt + len(table)):
        raise VenueFailure(f"sent {what} that cannot be true: {spoilt} of {spoilt + len(table)} rows")
    close = table[:, 4]
    if len(close) > 1 and (np.abs(np.diff(np.log(close))) > np.log(JUMP)).any():
        raise VenueFailure(f"sent {what} whose price leaps within one bar and stays there")
    index = pd.to_datetime(table[:, 0].astype("int64"), unit="ms", utc=True).as_unit("ns")
    return pd.DataFrame(table[:, 1:], index=index, columns=list(CANDLE_COLUMNS))


def clean_open_interest(
    rows: Iterable[Sequence[Any]], shift: int, last: int, price: float, dropped: Counter[str]
) -> pd.DataFrame:
    """Return open interest by the time it was true (UTC): columns ``coins long short``, possible rows only.

    rows : stamp (UTC ms), coins, USD or NaN, liquidated USD long and short or NaN. shift : ms from a stamp to
    the time its value was true; last : the latest such time that is possible (UTC ms); price : a price near
    all of them, for the check that coins and dollars say the same: a forgotten contract size fails it, and so do
    another symbol's candles. Raises Mismatch.
    """
    table = _floats(list(rows), 5)
    table = table[np.argsort(table[:, 0], kind="stable")]
    coins, dollars = table[:, 1], table[:, 2]
    times = table[:, 0] + shift
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = _middle(np.where(coins > 0, coins, np.nan))
        reasons = {
            "of open interest from the future": ~np.isfinite(times) | (times > last),
            "of open interest that are not positive": ~np.isfinite(coins) | (coins <= 0),
            "of open interest far off the ones around": (coins > JUMP * middle) | (coins < middle / JUMP),
        }
        keep = drop_rows(reasons, dropped)
        ratio = np.median((dollars / coins / price)[keep & (dollars > 0)]) if (keep & (dollars > 0)).any() else 1.0
    if not 1 / UNIT < ratio < UNIT:
        raise Mismatch("sent open interest and candles that do not belong together, in their unit or their symbol")
    kept = table[keep]
    index = pd.to_datetime(times[keep].astype("int64"), unit="ms", utc=True).as_unit("ns")
    frame = pd.DataFrame({"coins": kept[:, 1], "long": kept[:, 3], "short": kept[:, 4]}, index=index)
    frame[["long", "short"]] = frame[["long", "short"]].where(frame[["long", "short"]] >= 0)
    return frame[~frame.index.duplicated(keep="last")].sort_index()


def quality_notes(dropped: Counter[str], candles: pd.DataFrame, bar: pd.Timedelta, start: pd.Timestamp) -> list[str]:
    """Return the data-quality sentences: what was dropped, and which visible bars are missing."""
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
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _middle(values: np.ndarray) -> np.ndarray:
    """Return the median of each value's neighbours, itself among them."""
    return pd.Series(values).rolling(NEIGHBOURS, center=True, min_periods=1).median().to_numpy()


def drop_rows(reasons: dict[str, np.ndarray], dropped: Counter[str]) -> np.ndarray:
    """Return which rows no reason speaks against, counting each dropped row once."""
    keep = np.ones(len(next(iter(reasons.values()))), dtype=bool)
    for reason, bad in reasons.items():
        caught = int((keep & bad).sum())
        if caught:
            dropped[reason] += caught
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


def check_continuity(held: pd.DataFrame, tail: pd.DataFrame) -> None:
    """Raise VenueFailure where a refreshed tail cannot continue what is held, as another symbol's would not."""
    if len(held) and not 1 / JUMP < tail["open"].iloc[0] / held["close"].iloc[-1] < JUMP:
        raise VenueFailure("sent candles that do not continue the earlier ones")
