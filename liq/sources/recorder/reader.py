"""Read recorded liquidations and sum them to a market's bars.

The recorder's files are described in `liq.sources.recorder.storage` and docs/recorder.md.
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
"""Source of a market's liquidations, in its origins, where they come from a recorder."""

MAX_PRICE_DISTANCE = 2.0
"""Maximum factor by which a liquidation's price may lie beyond its bar's low or high; farther, it is dropped."""


def folder() -> Path | None:
    """Return the folder of recordings that LIQ_RECORDED names, or None.

    >>> _ = os.environ.pop("LIQ_RECORDED", None)
    >>> folder() is None
    True
    """
    path = os.environ.get("LIQ_RECORDED", "")
    return Path(path) if path else None


def attach_recorded(market: Market) -> Market:
    """Return a market with its recorded liquidations, where LIQ_RECORDED has any, and a note on how much was
    recorded.

    Only bars that were covered from beginning to end have a value; the others are NaN, which is not zero. A
    market of a venue whose stream cannot be recorded is returned as it is.

    >>> from liq.sources.simulation.market import simulate
    >>> market = simulate("BTC", "12h", now="2026-09-01")
    >>> attach_recorded(market) is market
    True
    """
    root = folder()
    if root is None or market.source not in MESSAGE_FORMATS:
        return market
    times = pd.DatetimeIndex(market.times).as_unit("ms").asi8
    ends = times + np.round(market.hours() * 3_600_000).astype(np.int64)
    days = range(int(times[0]) // DAY, int(ends[-1]) // DAY + 1)
    # Listening spans first: the recorder writes them after their liquidations, so that none is missed.
    spans, unreadable_spans = _days(root, LISTENING, market, days)
    rows, unreadable = _days(root, LIQUIDATIONS, market, days)
    for day in unreadable:
        spans = _without(spans, day * DAY, (day + 1) * DAY)
    is_covered = _covered(spans, times, ends)
    if not is_covered.any():
        return market
    liquidations = pd.DataFrame(
        np.where(is_covered[:, None], _summed(rows, market, times), np.nan), market.times, list(SIDES)
    )
    until = pd.Timestamp(int(spans["until"].max()), unit="ms", tz="UTC")
    visible = market.times >= market.start
    share = float(market.hours()[visible & is_covered].sum() / market.hours()[visible].sum())
    notes = [f"Realised liquidations were recorded for {_share_text(share)} of this window."]
    if unreadable_spans or unreadable:
        notes.append(f"The recordings of {len({*unreadable_spans, *unreadable})} days cannot be read.")
    return replace(
        market,
        liquidations=liquidations,
        origins={**market.origins, "liquidations": Origin(RECORDED, until)},
        notes=(*market.notes, *notes),
    )


def recorded_events(market: Market) -> pd.DataFrame | None:
    """Return a market's recorded liquidations one by one: time (UTC), side, price, usd; None where none are recorded.

    >>> from liq.sources.simulation.market import simulate
    >>> recorded_events(simulate("BTC", "12h", now="2026-09-01")) is None
    True
    """
    root = folder()
    if root is None or market.source not in MESSAGE_FORMATS:
        return None
    first, last = market.times[0].timestamp() * 1000, market.as_of.timestamp() * 1000
    rows, _ = _days(root, LIQUIDATIONS, market, range(int(first) // DAY, int(last) // DAY + 1))
    rows = rows[(rows["usd"] > 0) & (rows["price"] > 0)]
    return rows.assign(time=pd.to_datetime(rows["time"], unit="ms", utc=True)) if len(rows) else None


def _share_text(share: float) -> str:
    """Return a share in words that never round to nothing or to all."""
    if share in (0.0, 1.0):
        return "all" if share else "no part"
    return f"{min(max(100 * share, 1), 99):.0f} %"


def _days(root: Path, kind: str, market: Market, days: range) -> tuple[pd.DataFrame, list[int]]:
    """Return a market's rows of these days, and the days whose file cannot be read."""
    parts, unreadable = list[pd.DataFrame](), list[int]()
    for day in days:
        path = day_file(root, kind, market.source, day)
        try:
            state = path.stat()
            parts.append(_rows(path, market.symbol, state.st_mtime_ns, state.st_size, state.st_ino))
        except FileNotFoundError:
            continue
        except UNREADABLE:
            unreadable.append(day)
    parts = [part for part in parts if len(part)]
    columns = ["since", "until"] if kind == LISTENING else ["time", "side", "price", "usd"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns), unreadable


@cached(LRUCache(2_000), condition=threading.Condition())
def _rows(path: Path, symbol: str, modified: int, size: int, inode: int) -> pd.DataFrame:
    """Return a file's rows of a symbol, read once while the file is unchanged; raise one of UNREADABLE."""
    rows = read_day(path)
    if "until" in rows:
        own = rows[rows["symbol"].isin([symbol, ALL])]
        return own[["since", "until"]].astype(np.int64)
    own = rows[(rows["symbol"] == symbol) & rows["side"].isin(SIDES)]
    return own[["time", "side", "price", "usd"]]


def _without(spans: pd.DataFrame, since: int, until: int) -> pd.DataFrame:
    """Return spans without those that begin in [since, until); no span crosses midnight."""
    return spans[(spans["since"] < since) | (spans["since"] >= until)]


def _covered(spans: pd.DataFrame, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return which bars (n,) lie wholly in spans that touch or overlap."""
    if not len(spans):
        return np.zeros(len(starts), bool)
    rows = spans.sort_values("since")
    since = rows["since"].to_numpy(np.int64)
    end_so_far = np.maximum.accumulate(rows["until"].to_numpy(np.int64))
    begins = np.append(True, since[1:] > end_so_far[:-1])  # a hole lies before it
    first = since[begins]
    last = np.append(end_so_far[np.flatnonzero(begins)[1:] - 1], end_so_far[-1])
    row = np.searchsorted(first, starts, side="right") - 1
    return (row >= 0) & (last[row] >= ends)


def _summed(rows: pd.DataFrame, market: Market, starts: np.ndarray) -> np.ndarray:
    """Return USD per bar and side, (n, 2), of liquidations whose price is possible in their bar."""
    total = np.zeros((len(starts), len(SIDES)))
    if not len(rows):
        return total
    time, price, usd = (rows[name].to_numpy(float) for name in ("time", "price", "usd"))
    bar = np.searchsorted(starts, time, side="right") - 1
    low, high = (market.candles[name].to_numpy()[np.maximum(bar, 0)] for name in ("low", "high"))
    is_possible = (
        (bar >= 0)
        & (usd > 0)
        & np.isfinite(usd)
        & (price > low / MAX_PRICE_DISTANCE)
        & (price < high * MAX_PRICE_DISTANCE)
    )
    side = (rows["side"] == SIDES[1]).to_numpy(int)
    np.add.at(total, (bar[is_possible], side[is_possible]), usd[is_possible])
    return total
