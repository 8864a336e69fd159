"""Files of a map, the same from the page and from the commands: CSV, JSON and Parquet."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from liq.charts.heatmap.window import Window
from liq.export.schema import document, iso_time, round_price, source_name, to_json
from liq.model.heatmap import Heatmap
from liq.wording import ESTIMATE

HEAT, ZONES = "liq.heatmap/1", "liq.zones/1"
"""Schemas of the JSON; the heat's Parquet has its schema in the file's metadata, under ``liq``."""


def heat_table(heatmap: Heatmap, window: Window) -> pd.DataFrame:
    """Return the drawn cells that hold any dollars, one row each.

    Columns: symbol, source, and map where it is of real positions; time, where the drawn column begins (UTC), mostly
    a bar; low, high (price); long, short, what stood at the column's end (USD, whole).

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> list(heat_table(heatmap, window(heatmap)).columns)
    ['symbol', 'source', 'time', 'low', 'high', 'long', 'short']
    """
    column, row = np.nonzero(window.total >= 0.5)
    times = _times(window)
    names = {"symbol": heatmap.market.symbol, "source": source_name(heatmap.market), **_map_column(heatmap)}
    return pd.DataFrame(
        {
            **names,
            "time": times[column],
            "low": _round_prices(window.edges[:-1])[row],
            "high": _round_prices(window.edges[1:])[row],
            "long": window.long[column, row].round().astype(np.int64),
            "short": window.short[column, row].round().astype(np.int64),
        }
    ).astype(dict.fromkeys(names, "category"))


def heat_csv(heatmap: Heatmap, window: Window) -> str:
    r"""Return `heat_table` as CSV.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> heat_csv(heatmap, window(heatmap)).split("\n")[0]
    'symbol,source,time,low,high,long,short'
    """
    frame = heat_table(heatmap, window)
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return frame.to_csv(index=False, lineterminator="\n")


def heat_parquet(heatmap: Heatmap, window: Window) -> bytes:
    """Return `heat_table` as Parquet; what it was estimated from is in the file's metadata, JSON under ``liq``.

    >>> import liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> heat_parquet(heatmap, window(heatmap))[:4]
    b'PAR1'
    """
    import pyarrow  # comes with streamlit, and only Parquet needs it
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(heat_table(heatmap, window), preserve_index=False)
    about = to_json(document(HEAT, heatmap))
    file = io.BytesIO()
    pyarrow.parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), "liq": about}), file)
    return file.getvalue()


def heat_json(heatmap: Heatmap, window: Window) -> str:
    """Return the drawn matrix as JSON: times (C,), edges (R + 1, price), long and short (C, R); see `heat_table`.

    >>> import json, liq
    >>> from liq.charts.heatmap.window import window
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> json.loads(heat_json(heatmap, window(heatmap)))["schema"]
    'liq.heatmap/1'
    """
    matrix = {
        "column_seconds": window.step / 1000,
        "times": [iso_time(time) for time in _times(window)],
        "edges": _round_prices(window.edges),
        "long": window.long.round().astype(np.int64),
        "short": window.short.round().astype(np.int64),
    }
    return to_json(document(HEAT, heatmap, **matrix), separators=(",", ":"))


def zones_csv(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    """Return the zones as CSV: symbol, source, and the columns of `liq.top_zones`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> zones_csv(heatmap, liq.top_zones(heatmap)).split(",")[:3]
    ['symbol', 'source', 'side']
    """
    frame = _rounded(zones)
    frame.insert(0, "symbol", heatmap.market.symbol)
    frame.insert(1, "source", source_name(heatmap.market))
    return frame.assign(**_map_column(heatmap)).to_csv(index=False, lineterminator="\n")


def zones_json(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    """Return the zones as JSON, with what they were estimated from.

    >>> import json, liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> json.loads(zones_json(heatmap, liq.top_zones(heatmap)))["schema"]
    'liq.zones/1'
    """
    return to_json(document(ZONES, heatmap, zones=_rounded(zones).to_dict("records")), indent=1)


def _map_column(heatmap: Heatmap) -> dict[str, str]:
    """Return the column that tells real positions from an estimate; files of estimates have none."""
    return {} if heatmap.kind == ESTIMATE else {"map": heatmap.kind}


def _rounded(zones: pd.DataFrame) -> pd.DataFrame:
    """Return zones with numbers rounded to what is meaningful, and times as text."""
    prices = {name: _round_prices(zones[name].to_numpy()) for name in ("low", "high", "peak")}
    digits = {"usd": 0, "share": 6, "distance": 6, "leverage": 2}
    opened = [None if pd.isna(time) else iso_time(time) for time in zones["opened"]]
    return zones.round(digits).assign(**prices, opened=pd.Series(opened, zones.index, dtype=object))


def _times(window: Window) -> pd.DatetimeIndex:
    """Return the beginning of each drawn column."""
    starts = window.start + window.step * np.arange(len(window.long))
    return pd.DatetimeIndex(pd.to_datetime(starts, unit="ms", utc=True))


def _round_prices(prices: np.ndarray) -> np.ndarray:
    """Return prices in eight significant digits."""
    return np.array([round_price(value) for value in prices])
