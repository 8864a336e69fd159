"""Realised liquidations that the recorder wrote down, brought onto a market's bars.

What the recorder writes is described in `liq.sources.recorder.storage` and docs/recorder.md.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from liq.market import SIDES, Market, Origin
from liq.sources.recorder.messages import MESSAGE_FORMATS
from liq.sources.recorder.storage import ALL, DAY, LIQUIDATIONS, LISTENING, UNREADABLE, day_file, read_day

RECORDED = "recorder"
"""The name under which a market's origins say that its liquidations come from here."""

MAX_PRICE_DISTANCE = 2.0
"""A liquidation's price may lie beyond its bar's low or high by this factor; farther, it is not believed."""


def folder() -> Path | None:
    """Return the folder of recordings that LIQ_RECORDED names, or None."""
    named = os.environ.get("LIQ_RECORDED", "")
    return Path(named) if named else None


def attach_recorded(market: Market) -> Market:
    """Return a market with what was recorded of its liquidations, where LIQ_RECORDED has any, and a note of how much.

    Only bars that were listened to from beginning to end have a value; the others are NaN, which is not zero. A
    market of a venue whose stream cannot be recorded is returned as it is.
    """
    where = folder()
    if where is None or market.source not in MESSAGE_FORMATS:
        return market
    times = pd.DatetimeIndex(market.times).as_unit("ms").asi8
    ends = times + np.round(market.hours() * 3_600_000).astype(np.int64)
    days = range(int(times[0]) // DAY, int(ends[-1]) // DAY + 1)
    # What was listened to first: the recorder writes it after the liquidations in it, so none is missed.
    spans, lost = _days(where, LISTENING, market, days)
    told, unreadable = _days(where, LIQUIDATIONS, market, days)
    for day in unreadable:
        spans = _without(spans, day * DAY, (day + 1) * DAY)
    known = _covered(spans, times, ends)
    if not known.any():
        return market
    liquidations = pd.DataFrame(
        np.where(known[:, None], _summed(told, market, times), np.nan), market.times, list(SIDES)
    )
    until = pd.Timestamp(int(spans["until"].max()), unit="ms", tz="UTC")
    visible = market.times >= market.start
    share = float(market.hours()[visible & known].sum() / market.hours()[visible].sum())
    notes = [f"Realised liquidations were recorded for {_spoken(share)} of this window."]
    if lost or unreadable:
        notes.append(f"The recordings of {len({*lost, *unreadable})} days cannot be read.")
    return replace(
        market,
        liquidations=liquidations,
        origins={**market.origins, "liquidations": Origin(RECORDED, until)},
        notes=(*market.notes, *notes),
    )


def _spoken(share: float) -> str:
    """Return a share in words that never round to nothing or to all."""
    if share in (0.0, 1.0):
        return "all" if share else "no part"
    return f"{min(max(100 * share, 1), 99):.0f} %"


def _days(where: Path, what: str, market: Market, days: range) -> tuple[pd.DataFrame, list[int]]:
    """Return a market's rows of so many days, and the days whose file cannot be read."""
    parts, lost = list[pd.DataFrame](), list[int]()
    for day in days:
        path = day_file(where, what, market.source, day)
        try:
            state = path.stat()
            parts.append(_rows(path, market.symbol, state.st_mtime_ns, state.st_size, state.st_ino))
        except FileNotFoundError:
            continue
        except UNREADABLE:
            lost.append(day)
    parts = [part for part in parts if len(part)]
    columns = ["since", "until"] if what == LISTENING else ["time", "side", "price", "usd"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns), lost


@cached(LRUCache(2_000), condition=threading.Condition())
def _rows(path: Path, symbol: str, changed: int, size: int, number: int) -> pd.DataFrame:
    """Return a file's rows about a symbol, read once while the file stays as it is; raise one of UNREADABLE."""
    rows = read_day(path)
    if "until" in rows:
        mine = rows[rows["symbol"].isin([symbol, ALL])]
        return mine[["since", "until"]].astype(np.int64)
    mine = rows[(rows["symbol"] == symbol) & rows["side"].isin(SIDES)]
    return mine[["time", "side", "price", "usd"]]


def _without(spans: pd.DataFrame, since: int, until: int) -> pd.DataFrame:
    """Return stretches with those that begin in [since, until) left out; no stretch goes past midnight."""
    return spans[(spans["since"] < since) | (spans["since"] >= until)]


def _covered(spans: pd.DataFrame, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return which of the bars (n,) lie wholly in stretches that touch or overlap."""
    if not len(spans):
        return np.zeros(len(starts), bool)
    rows = spans.sort_values("since")
    since = rows["since"].to_numpy(np.int64)
    reached = np.maximum.accumulate(rows["until"].to_numpy(np.int64))
    fresh = np.append(True, since[1:] > reached[:-1])  # a hole lies before it
    first = since[fresh]
    last = np.append(reached[np.flatnonzero(fresh)[1:] - 1], reached[-1])
    place = np.searchsorted(first, starts, side="right") - 1
    return (place >= 0) & (last[place] >= ends)


def _summed(told: pd.DataFrame, market: Market, starts: np.ndarray) -> np.ndarray:
    """Return USD per bar and side, (n, 2), of what has a price that the bar can have seen."""
    total = np.zeros((len(starts), len(SIDES)))
    if not len(told):
        return total
    time, price, usd = (told[name].to_numpy(float) for name in ("time", "price", "usd"))
    bar = np.searchsorted(starts, time, side="right") - 1
    low, high = (market.candles[name].to_numpy()[np.maximum(bar, 0)] for name in ("low", "high"))
    real = (
        (bar >= 0)
        & (usd > 0)
        & np.isfinite(usd)
        & (price > low / MAX_PRICE_DISTANCE)
        & (price < high * MAX_PRICE_DISTANCE)
    )
    side = (told["side"] == SIDES[1]).to_numpy(int)
    np.add.at(total, (bar[real], side[real]), usd[real])
    return total
