"""Markets in rows as a table to read: numbers are written out and yet stay numbers, so that a heading sorts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from liq.glance import table
from liq.labels import age, decimals, money, percent, price
from liq.watchlist import Row

COLUMNS = (
    "ticker",
    "price",
    "above_distance",
    "below_distance",
    "change",
    "above",
    "above_usd",
    "below",
    "below_usd",
    "balance",
    "age",
)
"""What is shown, in order: what fits a phone comes first."""

EMPTY = "–"


def watched(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as `liq.glance.read` returns a scan's, named as they were asked for, those that failed last."""
    rows = list(rows)
    good = table(row.glance._replace(symbol=row.ticker) for row in rows if row.glance is not None).assign(error="")
    failed = pd.DataFrame([{"symbol": row.ticker, "error": row.note} for row in rows if row.glance is None])
    both = pd.concat([good, failed], ignore_index=True) if len(failed) else good
    return both.assign(as_of=pd.to_datetime(both["as_of"], utc=True))


def styled(frame: pd.DataFrame, now: pd.Timestamp, within: float = 0.0) -> Styler:
    """Return such a frame's COLUMNS, written out; distances up to `within` are lit up."""
    places = [decimals(at) if at > 0 else 0 for at in frame["price"]]
    shown = frame.assign(ticker=[symbol.split(":")[0].removesuffix("/USDT") for symbol in frame["symbol"]])
    for side in ("above", "below"):
        ends = zip(frame[f"{side}_low"], frame[f"{side}_high"], places, strict=True)
        shown[side] = [f"{price(low, at)} to {price(high, at)}" if low > 0 else EMPTY for low, high, at in ends]
    shown["age"] = (now - shown["as_of"]).dt.total_seconds()
    words: dict[str, Callable[[Any], str]] = {
        "price": lambda at: price(at, decimals(at)),
        "change": percent,
        **dict.fromkeys(("above_distance", "below_distance"), lambda part: percent(part, 2)),
        **dict.fromkeys(("above_usd", "below_usd"), money),
        "balance": lambda part: percent(part, 0, sign=False),
        "age": lambda seconds: age(now - pd.Timedelta(seconds=seconds), now),
    }
    style = shown[list(COLUMNS)].style.format(words, na_rep=EMPTY)  # type: ignore[arg-type]  # its stubs know str only
    near = "background-color: rgba(247, 169, 65, 0.3); font-weight: bold"  # the accent, on light and dark alike
    return style.map(lambda part: near if abs(part) <= within else "", ["above_distance", "below_distance"])
