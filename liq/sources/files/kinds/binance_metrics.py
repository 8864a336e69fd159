"""Daily metrics of the Binance archive: open interest every five minutes, for the klines beside them."""

from __future__ import annotations

from liq.sources.files.content import Content, Kind, interest_content
from liq.sources.files.table import Table


def read(table: Table) -> Content:
    """Return the open interest of a metrics file, coins at the time of each reading."""
    return interest_content(table, KIND.name, "create_time", "sum_open_interest", closes=False)


KIND = Kind("Binance metrics", frozenset({"create_time", "sum_open_interest"}), read)
