"""A market in one row: what a list of many says about each, all from its estimate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.heatmap import Heatmap
from liq.scenario import strong_zone
from liq.sources.tablefile import File
from liq.sources.tablefile import table as opened
from liq.zones import top_zones, totals


class Glance(NamedTuple):
    """Hold one market in a row.

    price : at the last bar; change : of price over the visible window, a fraction; as_of : of what it was made from.
    above_*, below_* : the nearest strong zone of that side, as `liq.scenario` means it: low, high, peak (prices),
    usd, distance (signed fraction of price to the near edge); NaN where the side has none. balance : share of the
    book within 5 % of price that is shorts. anchored : share of the window that was read from open interest.
    closest : distance of the nearer zone, unsigned; NaN where there is none.
    """

    symbol: str
    source: str
    as_of: pd.Timestamp
    price: float
    change: float
    above_low: float
    above_high: float
    above_peak: float
    above_usd: float
    above_distance: float
    below_low: float
    below_high: float
    below_peak: float
    below_usd: float
    below_distance: float
    balance: float
    anchored: float
    closest: float


SHOWN = ("low", "high", "peak", "usd", "distance")
"""What a row says about a zone."""

LONGEST, EARLIEST = 80, pd.Timestamp("2009-01-01", tz="UTC")
"""Letters of the longest name, and the earliest time, that a row can have."""

NUMBERS = tuple(name for name in Glance._fields if name not in ("symbol", "source", "as_of"))

NEEDED = ("price", "change")
"""Numbers that every market has; the others may be missing where a side has no zone."""

LIMITS = {
    "price": (1e-12, 1e12),
    "change": (-1.0, 1e6),
    "above_distance": (0.0, 1e6),
    "below_distance": (-1.0, 0.0),
    "balance": (0.0, 1.0),
    "anchored": (0.0, 1.0),
}
"""What a number can be, where that is not from 0 upward."""


def glance(heatmap: Heatmap, zones: pd.DataFrame | None = None) -> Glance:
    """Return a market in one row; zones as `top_zones` gave them for the market's price, if at hand."""
    market = heatmap.market
    zones = top_zones(heatmap, market.price) if zones is None else zones
    return Glance(
        symbol=market.symbol,
        source=market.source,
        as_of=pd.Timestamp(market.as_of),
        price=float(market.price),
        change=float(market.price) / float(market.visible["open"].iloc[0]) - 1,
        balance=totals(heatmap, market.price).balance,
        anchored=heatmap.anchored,
        **_strong(zones),
    )


def moved(at: Glance, zones: pd.DataFrame, price: float, time: pd.Timestamp) -> Glance:
    """Return a row as it reads at a live price, with the zones as they lie from there; balance stays as it was."""
    begin = at.price / (1 + at.change)
    return Glance(**{**at._asdict(), "as_of": time, "price": price, "change": price / begin - 1, **_strong(zones)})


def table(rows: Iterable[Glance]) -> pd.DataFrame:
    """Return rows as a table, the market whose price is closest to a strong zone first."""
    frame = pd.DataFrame(list(rows), columns=list(Glance._fields))
    return frame.sort_values(["closest", "symbol"], kind="stable", ignore_index=True)


def read(file: File) -> tuple[str, pd.DataFrame]:
    """Return a file's name and its rows as a scan wrote them: a Glance each and an `error`.

    They come by the scan's `rank`, where the file has it, else closest first. A market that could not be had has a
    symbol and its error, and NaN else. Parquet or CSV. Raises InputError for what is no such table, naming the
    column, the row and the value.
    """
    name, frame = opened(file, (*Glance._fields, "rank", "error"))
    missing = [column for column in Glance._fields if column not in frame.columns]
    if missing:
        raise InputError(f"{name} is no scan: it lacks the column {missing[0]!r}.")
    words = frame["error"] if "error" in frame.columns else [""] * len(frame)
    rows = frame.assign(error=[word.strip() if isinstance(word, str) else "" for word in words])
    answered = (rows["error"] == "").to_numpy()
    for column, needed in (("symbol", True), ("source", answered)):
        named = np.array([isinstance(word, str) and 0 < len(word.strip()) <= LONGEST for word in rows[column]])
        _refuse(name, rows[column], ~named & (needed | rows[column].notna().to_numpy()), "must be a name")
    times = pd.to_datetime(rows["as_of"], utc=True, errors="coerce", format="ISO8601")
    _refuse(name, rows["as_of"], answered & ~(times >= EARLIEST).to_numpy(), "must be a time")
    rows["as_of"] = times
    for column in NUMBERS:
        values = pd.to_numeric(rows[column], errors="coerce").astype(float)
        low, high = LIMITS.get(column, (0.0, np.inf))
        wrong = (values.isna() & rows[column].notna()) | np.isinf(values) | (values < low) | (values > high)
        wrong |= values.isna() & answered & (column in NEEDED)
        _refuse(name, rows[column], wrong.to_numpy(), f"must be a number from {low:g} to {high:g}")
        rows[column] = values
    first = "rank" if "rank" in frame.columns else "closest"
    rows[first] = pd.to_numeric(rows[first], errors="coerce").astype(float)
    return name, rows.sort_values([first, "symbol"], kind="stable", ignore_index=True)


def _refuse(name: str, column: pd.Series, wrong: np.ndarray, rule: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        found = str(column.iloc[row])[:40]
        raise InputError(f"{name} is no scan: {column.name} {rule}, and row {row} has {found!r}.")


def _strong(zones: pd.DataFrame) -> dict[str, float]:
    """Return what a row says about the strong zone of each side, and how far the nearer one is."""
    found: dict[str, float] = {}
    for side in ("above", "below"):
        zone = strong_zone(zones, side)
        found |= {f"{side}_{name}": float("nan") if zone is None else float(zone[name]) for name in SHOWN}
    distances = pd.Series([found["above_distance"], found["below_distance"]]).abs()
    return {**found, "closest": float(distances.min())}
