"""Markets in rows as a table to read: numbers are written out and yet stay numbers, so that a heading sorts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from liq.formatting import age, decimals, money, percent, price
from liq.zones.summary import MarketSummary, summary_table

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


def watchlist_table(summaries: Mapping[str, MarketSummary], failed: Mapping[str, str]) -> pd.DataFrame:
    """Return markets by ticker as `liq.scan.results.read_scan` returns a scan's, and those that failed last, with the error."""
    good = summary_table(summary._replace(symbol=ticker) for ticker, summary in summaries.items()).assign(error="")
    bad = pd.DataFrame([{"symbol": ticker, "error": error} for ticker, error in failed.items()])
    both = pd.concat([good, bad], ignore_index=True) if len(bad) else good
    return both.assign(as_of=pd.to_datetime(both["as_of"], utc=True))


def styled_table(frame: pd.DataFrame, now: pd.Timestamp, within: float = 0.0) -> Styler:
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
