"""The estimate as files, alike from the page and from the commands: times in UTC, dollars whole, the source named."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from liq.charts.heatmap.window import Window
from liq.export.schema import document, iso_time, round_price, source_name, to_json
from liq.model.heatmap import Heatmap

HEAT, ZONES = "liq.heatmap/1", "liq.zones/1"
"""The schemas of the JSON; the heat's Parquet carries its own in the file's metadata, under ``liq``."""


def heat_table(heatmap: Heatmap, window: Window) -> pd.DataFrame:
    """Return the drawn cells that hold any dollars, one row each.

    Columns: symbol, source; time, where the drawn column begins (UTC), mostly a bar; low, high (price); long, short,
    what stood at the column's end (USD, whole).
    """
    column, row = np.nonzero(window.total >= 0.5)
    times = _times(window)
    return pd.DataFrame(
        {
            "symbol": heatmap.market.symbol,
            "source": source_name(heatmap.market),
            "time": times[column],
            "low": _round(window.edges[:-1])[row],
            "high": _round(window.edges[1:])[row],
            "long": window.long[column, row].round().astype(np.int64),
            "short": window.short[column, row].round().astype(np.int64),
        }
    ).astype({"symbol": "category", "source": "category"})


def heat_csv(heatmap: Heatmap, window: Window) -> str:
    """Return `heat_table` as CSV."""
    frame = heat_table(heatmap, window)
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return frame.to_csv(index=False, lineterminator="\n")


def heat_parquet(heatmap: Heatmap, window: Window) -> bytes:
    """Return `heat_table` as Parquet; what the map was made from is in the file's metadata, JSON under ``liq``."""
    import pyarrow  # comes with streamlit, and only Parquet needs it
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(heat_table(heatmap, window), preserve_index=False)
    about = to_json(document(HEAT, heatmap))
    file = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), "liq": about}), file)
    return file.getvalue()


def heat_json(heatmap: Heatmap, window: Window) -> str:
    """Return the drawn matrix as JSON: times (C,), edges (R + 1, price), long and short (C, R); see `heat_table`."""
    matrix = {
        "column_seconds": window.step / 1000,
        "times": [iso_time(at) for at in _times(window)],
        "edges": _round(window.edges),
        "long": window.long.round().astype(np.int64),
        "short": window.short.round().astype(np.int64),
    }
    return to_json(document(HEAT, heatmap, **matrix), separators=(",", ":"))


def zones_csv(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    """Return the zones as CSV: symbol, source, and the columns of `liq.top_zones`."""
    frame = _written(zones)
    frame.insert(0, "symbol", heatmap.market.symbol)
    frame.insert(1, "source", source_name(heatmap.market))
    return frame.to_csv(index=False, lineterminator="\n")


def zones_json(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    """Return the zones as JSON, with what they were estimated from."""
    return to_json(document(ZONES, heatmap, zones=_written(zones).to_dict("records")), indent=1)


def _written(zones: pd.DataFrame) -> pd.DataFrame:
    """Return zones with their digits cut to what means something, and times as text."""
    prices = {name: _round(zones[name].to_numpy()) for name in ("low", "high", "peak")}
    digits = {"usd": 0, "share": 6, "distance": 6, "leverage": 2}
    opened = [None if pd.isna(at) else iso_time(at) for at in zones["opened"]]
    return zones.round(digits).assign(**prices, opened=pd.Series(opened, zones.index, dtype=object))


def _times(window: Window) -> pd.DatetimeIndex:
    """Return when each drawn column begins."""
    starts = window.start + window.step * np.arange(len(window.long))
    return pd.DatetimeIndex(pd.to_datetime(starts, unit="ms", utc=True))


def _round(prices: np.ndarray) -> np.ndarray:
    return np.array([round_price(value) for value in prices])
