"""Liquidations as tardis.dev exports them: one event a row, microseconds, the side of the forced order."""

from __future__ import annotations

import pandas as pd

from liq.sources.files.content import Content, Kind, closes_longs, event_content
from liq.sources.files.table import Table


def read(table: Table) -> Content:
    """Return liquidations summed to bars: a forced sell closes a long; dollars are price times amount in coins."""
    frame = table.frame
    usd = pd.to_numeric(frame["price"], errors="coerce") * pd.to_numeric(frame["amount"], errors="coerce")
    return event_content(
        table, KIND.name, "timestamp", closes_longs(table, "side"), usd, ["timestamp", "side", "price", "amount"]
    )


KIND = Kind("tardis liquidations", frozenset({"timestamp", "local_timestamp", "side", "price", "amount"}), read)
