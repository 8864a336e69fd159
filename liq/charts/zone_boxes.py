"""Boxes of the zones that were named in a window, from naming to outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from liq.formatting import epoch_milliseconds
from liq.validation.track_record import TrackRecord

COLUMNS = ("from", "to", "low", "high", "opacity")

SHORTEST = 0.01
"""Share of the time from first naming to last end below which a box is not drawn: it would look like a wick."""

REACHED, OTHERS = 0.9, 0.35
"""Opacity of a box whose zone price reached, and of the others."""


def zone_boxes(record: TrackRecord | None, low: float, high: float) -> pd.DataFrame:
    """Return COLUMNS of the zones that lie within low to high and lasted SHORTEST or more: times in UTC ms.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.validation.track_record import track_record
    >>> record = track_record(liq.estimate(simulate("BTC", "1d", now="2026-09-01")))
    >>> zone_boxes(record, 1.0, 2.0).columns.tolist()
    ['from', 'to', 'low', 'high', 'opacity']
    """
    if record is None or record.zones.empty:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in COLUMNS})
    lasted = record.zones["ended"] - record.zones["named"]
    window = record.zones["ended"].max() - record.zones["named"].min()
    is_drawn = (record.zones["low"] < high) & (record.zones["high"] > low) & (lasted >= SHORTEST * window)
    zones = record.zones[is_drawn]
    return pd.DataFrame(
        {
            "from": epoch_milliseconds(pd.DatetimeIndex(zones["named"])),
            "to": epoch_milliseconds(pd.DatetimeIndex(zones["ended"])),
            "low": zones["low"].clip(lower=low).to_numpy(),
            "high": zones["high"].clip(upper=high).to_numpy(),
            "opacity": np.where(zones["outcome"].isin(["passed", "turned", "reached"]), REACHED, OTHERS),
        }
    )
