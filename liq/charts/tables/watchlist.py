"""Markets as a table to read: numbers are formatted and yet stay numbers, so that a heading sorts them."""

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
"""Columns on screen, in order: those that fit a phone come first."""

EMPTY = "–"


def watchlist_table(summaries: Mapping[str, MarketSummary], failed: Mapping[str, str]) -> pd.DataFrame:
    """Return markets by ticker as `liq.scan.results.read_scan` returns a scan's; those that failed come last, with
    the error.

    >>> watchlist_table({}, {"BTC": "is not listed"})["error"].item()
    'is not listed'
    """
    answered = summary_table(summary._replace(symbol=ticker) for ticker, summary in summaries.items()).assign(
        error=""
    )
    errors = pd.DataFrame([{"symbol": ticker, "error": error} for ticker, error in failed.items()])
    both = pd.concat([answered, errors], ignore_index=True) if len(errors) else answered
    return both.assign(as_of=pd.to_datetime(both["as_of"], utc=True))


def styled_table(frame: pd.DataFrame, now: pd.Timestamp, within: float = 0.0) -> Styler:
    """Return the table's COLUMNS, formatted; distances up to `within` are highlighted.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> from liq.zones.summary import summarize
    >>> summary = summarize(liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=2))
    >>> table = watchlist_table({"BTC": summary}, {})
    >>> styled_table(table, pd.Timestamp("2026-09-01", tz="UTC")).data["ticker"].item()
    'BTC'
    """
    places = [decimals(at) if at > 0 else 0 for at in frame["price"]]
    columns = frame.assign(ticker=[symbol.split(":")[0].removesuffix("/USDT") for symbol in frame["symbol"]])
    for side in ("above", "below"):
        ends = zip(frame[f"{side}_low"], frame[f"{side}_high"], places, strict=True)
        columns[side] = [f"{price(low, at)} to {price(high, at)}" if low > 0 else EMPTY for low, high, at in ends]
    columns["age"] = (now - columns["as_of"]).dt.total_seconds()
    formats: dict[str, Callable[[Any], str]] = {
        "price": lambda at: price(at, decimals(at)),
        "change": percent,
        **dict.fromkeys(("above_distance", "below_distance"), lambda part: percent(part, 2)),
        **dict.fromkeys(("above_usd", "below_usd"), money),
        "balance": lambda part: percent(part, 0, sign=False),
        "age": lambda seconds: age(now - pd.Timedelta(seconds=seconds), now),
    }
    style = columns[list(COLUMNS)].style.format(formats, na_rep=EMPTY)  # type: ignore[arg-type]  # its stubs know str only
    highlight = "background-color: rgba(247, 169, 65, 0.3); font-weight: bold"  # the accent, on light and dark alike
    return style.map(lambda part: highlight if abs(part) <= within else "", ["above_distance", "below_distance"])
