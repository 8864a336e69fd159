"""What a zone is made of: who is trapped in it, at what leverage, on which venue, and how it came to be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.model.heatmap import Heatmap
from liq.zones.ranking import SIDES, book_on_side, buckets_in_range, check_price

MOST = 0.8
"""Entries and opening times are told for this share of a zone's dollars: the middle, a tenth left out at each end."""

BREAKS, BANDS = (10.0, 20.0, 50.0), ("below 10x", "10x to 20x", "20x to 50x", "50x and more")
"""Bands of the leverage mix, and the leverages at which they meet."""

SPANS = {"hour": pd.Timedelta(hours=1), "day": pd.Timedelta(days=1)}
"""How far back a zone's change is told."""

SLACK = 1.5
"""A photograph older than this many times the span asked for cannot tell the change over it."""


class ZoneDetails(NamedTuple):
    """Hold what one zone is made of.

    through : USD that price must go through to reach the far edge, this zone included. entry_low, entry_high,
    opened_from, opened_to : the middle MOST of its dollars was opened at these prices and times. leverage : share
    of its dollars by band; venues : by source. change_hour, change_day : USD more (or fewer) between the same two
    prices than then; NaN where the window shows no such moment.
    """

    through: float
    entry_low: float
    entry_high: float
    opened_from: pd.Timestamp
    opened_to: pd.Timestamp
    leverage: dict[str, float]
    venues: dict[str, float]
    change_hour: float
    change_day: float


def zone_details(heatmap: Heatmap, zones: pd.DataFrame, price: float | None = None) -> list[ZoneDetails]:
    """Return what each row of `top_zones` is made of, in its order; price as it was given there."""
    at = check_price(heatmap, price)
    levels = {side: heatmap.standing(SIDES[side]) for side in set(zones["side"])}
    books = {side: book_on_side(heatmap, at, side) for side in levels}
    return [
        _detail(heatmap, levels[side], books[side], side, low, high)
        for side, low, high in zip(zones["side"], zones["low"], zones["high"], strict=True)
    ]


def zone_history(heatmap: Heatmap, side: str, low: float, high: float) -> pd.DataFrame:
    """Return what stood between two edges on the photographed bars: usd, and price (the bar's close)."""
    usd = getattr(heatmap, SIDES[side])[:, buckets_in_range(heatmap, low, high)].sum(axis=1)
    close = heatmap.market.candles["close"].reindex(heatmap.times)
    return pd.DataFrame({"usd": usd, "price": close.to_numpy()}, index=heatmap.times)


def photo_before(heatmap: Heatmap, span: pd.Timedelta) -> int | None:
    """Return the latest photograph at least that much older than the last one; None where it is older by far more."""
    age = heatmap.times[-1] - heatmap.times
    row = int(np.flatnonzero(age >= span)[-1]) if (age >= span).any() else None
    return None if row is None or age[row] > SLACK * span else row


def _detail(
    heatmap: Heatmap, levels: pd.DataFrame, usd: np.ndarray, side: str, low: float, high: float
) -> ZoneDetails:
    part = buckets_in_range(heatmap, low, high)
    inside = levels[levels["price"].between(low, high, inclusive="left")]
    mass = inside["usd"].to_numpy()
    total = mass.sum()
    entries = _middle(inside["entry"].to_numpy(), mass)
    times = pd.DatetimeIndex(inside["opened"])
    opened = pd.DatetimeIndex(_middle(times.as_unit("s").asi8, mass).astype("datetime64[s]"), tz=times.tz)
    bands = np.bincount(np.digitize(inside["leverage"], BREAKS), mass, len(BANDS)) / total
    history = getattr(heatmap, SIDES[side])[:, part].sum(axis=1)
    change = {}
    for name, span in SPANS.items():
        then = photo_before(heatmap, span)
        change[name] = float("nan") if then is None else float(history[-1] - history[then])
    return ZoneDetails(
        through=float(usd[: part.stop].sum() if side == "above" else usd[part.start :].sum()),
        entry_low=float(entries[0]),
        entry_high=float(entries[1]),
        opened_from=opened[0],
        opened_to=opened[1],
        leverage={name: float(share) for name, share in zip(BANDS, bands, strict=True)},
        venues={str(name): float(usd / total) for name, usd in inside.groupby("source")["usd"].sum().items()},
        change_hour=change["hour"],
        change_day=change["day"],
    )


def _middle(values: np.ndarray, usd: np.ndarray) -> np.ndarray:
    """Return the two values between which the middle MOST of the dollars lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(usd[order])
    cuts = np.array([(1 - MOST) / 2, (1 + MOST) / 2]) * reached[-1]
    return values[order][np.minimum(np.searchsorted(reached, cuts), len(values) - 1)]
