"""JSON of the page's downloads and of the commands: a stated schema, units, UTC, and no NaN.

A schema's number rises when a field is taken away, renamed or changes its meaning; a new field does not raise it.
docs/commands.md lists the fields.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from liq.formatting import DISCLAIMER
from liq.market import Market, as_utc
from liq.model.heatmap import Heatmap
from liq.validation.book_losses import book_losses
from liq.wording import WORDS

UNITS = {
    "price": "quote currency",
    "distance": "signed fraction of price, to the near edge",
    "share": "fraction of all that stands on its side of price",
    "time": "ISO 8601, UTC",
}


def document(schema: str, heatmap: Heatmap, **body: Any) -> dict[str, Any]:
    """Return a JSON document's fields: the schema, such as ``liq.zones/1``, the market's and the prior's, and the
    body.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> document("liq.example/1", heatmap, answer=42)["prior"]
    'calibrated'
    """
    return {
        "schema": schema,
        **provenance(heatmap.market, book_losses(heatmap), WORDS[heatmap.kind].disclaimer),
        **heatmap.origin,
        "units": {"usd": WORDS[heatmap.kind].unit, **UNITS},
        **body,
    }


def provenance(market: Market, further: Sequence[str] = (), disclaimer: str = DISCLAIMER) -> dict[str, Any]:
    """Return where a market's data come from and whether they are real, as JSON fields; further : more notes.

    >>> from liq.sources.simulation.market import simulate
    >>> provenance(simulate("BTC", "12h", now="2026-09-01"))["simulated"]
    True
    """
    return {
        "symbol": market.symbol,
        "source": source_name(market),
        "simulated": market.source == "simulated",
        "venues": [part.source for part in market.parts] or [market.source],
        "left_out": dict(market.left_out),
        "notes": [*market.notes, *further],
        "disclaimer": disclaimer,
        "from": market.start,
        "as_of": market.as_of,
        "bar_seconds": market.bar.total_seconds(),
        "price": market.price,
    }


def source_name(market: Market) -> str:
    """Return a market's source; several venues are joined by a plus.

    >>> from liq.sources.simulation.market import simulate
    >>> source_name(simulate("BTC", "12h", now="2026-09-01"))
    'simulated'
    """
    return "+".join(part.source for part in market.parts) or market.source


def to_json(value: Any, **more: Any) -> str:
    """Return a value as JSON text that every parser accepts; further arguments go to `json.dumps`.

    >>> to_json({"usd": float("nan"), "at": pd.Timestamp("2026-01-31 12:00"), "n": np.int64(3)})
    '{"usd": null, "at": "2026-01-31T12:00:00Z", "n": 3}'
    """
    return json.dumps(json_value(value), allow_nan=False, **more)


def json_value(value: Any) -> Any:
    """Return a value in JSON's own types: times as text in UTC, NaN, NaT and infinities as None.

    >>> json_value({"edges": np.array([1.5, np.inf])})
    {'edges': [1.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        return value.tolist()  # much faster than element by element
    if isinstance(value, (list, tuple, np.ndarray)):
        return [json_value(inner) for inner in value]
    if value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return iso_time(value)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def round_price(price: float) -> float:
    """Return a price in eight significant digits, enough for any tick.

    >>> round_price(64_340.12276649473)
    64340.123
    """
    return float(f"{price:.8g}")


def iso_time(time: pd.Timestamp) -> str:
    """Return a time, a naive one taken as UTC, as ISO 8601 in whole seconds.

    >>> iso_time(pd.Timestamp("2026-01-31 23:55:10.5", tz="UTC"))
    '2026-01-31T23:55:10Z'
    """
    return f"{as_utc(time, 'time'):%Y-%m-%dT%H:%M:%SZ}"
