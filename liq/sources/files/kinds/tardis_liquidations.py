"""Liquidations as tardis.dev exports them: one event a row, microseconds, the side of the forced order."""

from __future__ import annotations

import pandas as pd

from liq.errors import InputError
from liq.sources.files.content import Content, Kind, closes_longs, event_content
from liq.sources.files.table import Table
from liq.sources.files.times import parse_times


def read(table: Table) -> Content:
    """Return liquidations summed to bars: a forced sell closes a long; dollars are price times amount in coins."""
    frame = table.frame
    usd = pd.to_numeric(frame["price"], errors="coerce") * pd.to_numeric(frame["amount"], errors="coerce")
    return event_content(
        table, KIND.name, "timestamp", closes_longs(table, "side"), usd, ["timestamp", "side", "price", "amount"]
    )


def events(table: Table) -> pd.DataFrame:
    """Return the liquidations of a table a row each: time (UTC), side of the position, price and usd, oldest first.

    Repeated rows count once; a row without a price or a size is left out. Raises InputError.

    >>> row = {"timestamp": [1767225600000000], "side": ["sell"], "price": [10.0], "amount": [2.0]}
    >>> events(Table("BTCUSDT.csv", pd.DataFrame(row)))["usd"].tolist()
    [20.0]
    """
    lacking = [name for name in ("timestamp", "side", "price", "amount") if name not in table.frame]
    if lacking:
        raise InputError(f"{table.name} lacks the column {lacking[0]!r}; it is no file of liquidations.")
    table = table._replace(frame=table.frame.drop_duplicates().reset_index(drop=True))
    price, amount = (pd.to_numeric(table.frame[name], errors="coerce").astype(float) for name in ("price", "amount"))
    times, _ = parse_times(table.frame["timestamp"], "timestamp", table.name)
    sides = closes_longs(table, "side").map({True: "long", False: "short"}).to_numpy()
    rows = pd.DataFrame({"time": times, "side": sides, "price": price.to_numpy(), "usd": (price * amount).to_numpy()})
    return rows[(rows["price"] > 0) & (rows["usd"] > 0)].sort_values("time", kind="stable", ignore_index=True)


KIND = Kind("tardis liquidations", frozenset({"timestamp", "local_timestamp", "side", "price", "amount"}), read)
