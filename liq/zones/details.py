"""Details of a zone: entries, opening times, leverage and venues of the positions in it, and how it changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.model.heatmap import Heatmap
from liq.zones.ranking import SIDES, book_on_side, buckets_in_range, check_price

MIDDLE_SHARE = 0.8
"""Share of a zone's dollars, around the median, whose entries and opening times are given."""

BREAKS, BANDS = (10.0, 20.0, 50.0), ("below 10x", "10x to 20x", "20x to 50x", "50x and more")
"""Bands of the leverage mix, and the leverages at which they meet."""

SPANS = {"hour": pd.Timedelta(hours=1), "day": pd.Timedelta(days=1)}
"""Time spans over which a zone's change is given."""

SLACK = 1.5
"""Maximum age of the photograph for a change over a span, as a multiple of the span."""


class ZoneDetails(NamedTuple):
    """Hold what one zone is made of.

    through : USD that price must go through to reach the far edge, this zone included. entry_low, entry_high,
    opened_from, opened_to : prices and times between which the middle MIDDLE_SHARE of its dollars was opened.
    leverage : share of its dollars by band; venues : by source. change_hour, change_day : USD more (or fewer) between
    the same two prices than then; NaN where the window does not reach back that far.
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
    """Return the details of each row of `top_zones`, in its order; price as it was given there.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"))
    >>> details = zone_details(heatmap, liq.top_zones(heatmap, n=1))
    >>> round(sum(details[0].leverage.values()), 6)
    1.0
    """
    reference = check_price(heatmap, price)
    levels = {side: heatmap.standing(SIDES[side]) for side in set(zones["side"])}
    books = {side: book_on_side(heatmap, reference, side) for side in levels}
    return [
        _detail(heatmap, levels[side], books[side], side, low, high)
        for side, low, high in zip(zones["side"], zones["low"], zones["high"], strict=True)
    ]


def zone_history(heatmap: Heatmap, side: str, low: float, high: float) -> pd.DataFrame:
    """Return what stood between two edges on the photographed bars: usd, and price (the bar's close).

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"))
    >>> zone = liq.top_zones(heatmap, n=1).iloc[0]
    >>> len(zone_history(heatmap, zone["side"], zone["low"], zone["high"])) == len(heatmap.times)
    True
    """
    usd = getattr(heatmap, SIDES[side])[:, buckets_in_range(heatmap, low, high)].sum(axis=1)
    close = heatmap.market.candles["close"].reindex(heatmap.times)
    return pd.DataFrame({"usd": usd, "price": close.to_numpy()}, index=heatmap.times)


def photo_before(heatmap: Heatmap, span: pd.Timedelta) -> int | None:
    """Return the latest photograph at least `span` older than the last one; None where it is much older still.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"))
    >>> heatmap.times[-1] - heatmap.times[photo_before(heatmap, pd.Timedelta("1h"))]
    Timedelta('0 days 01:00:00')
    """
    age = heatmap.times[-1] - heatmap.times
    row = int(np.flatnonzero(age >= span)[-1]) if (age >= span).any() else None
    return None if row is None or age[row] > SLACK * span else row


def _detail(
    heatmap: Heatmap, levels: pd.DataFrame, usd: np.ndarray, side: str, low: float, high: float
) -> ZoneDetails:
    """Return the details of one zone."""
    own_buckets = buckets_in_range(heatmap, low, high)
    inside = levels[levels["price"].between(low, high, inclusive="left")]
    level_usd = inside["usd"].to_numpy()
    total = level_usd.sum()
    entries = _middle(inside["entry"].to_numpy(), level_usd)
    times = pd.DatetimeIndex(inside["opened"])
    opened = pd.DatetimeIndex(_middle(times.as_unit("s").asi8, level_usd).astype("datetime64[s]"), tz=times.tz)
    bands = np.bincount(np.digitize(inside["leverage"], BREAKS), level_usd, len(BANDS)) / total
    history = getattr(heatmap, SIDES[side])[:, own_buckets].sum(axis=1)
    change = {}
    for name, span in SPANS.items():
        earlier = photo_before(heatmap, span)
        change[name] = float("nan") if earlier is None else float(history[-1] - history[earlier])
    return ZoneDetails(
        through=float(usd[: own_buckets.stop].sum() if side == "above" else usd[own_buckets.start :].sum()),
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
    """Return the two values between which the middle MIDDLE_SHARE of the dollars lies."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(usd[order])
    cuts = np.array([(1 - MIDDLE_SHARE) / 2, (1 + MIDDLE_SHARE) / 2]) * cumulative[-1]
    return values[order][np.minimum(np.searchsorted(cumulative, cuts), len(values) - 1)]
