"""The view that the sidebar describes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class View:
    """Hold what the sidebar says: which market, how leverage is weighted, and how it is drawn."""

    ticker: str
    source: str
    timeframe: str
    threshold: int
    more_heat: int
    klines: bool
    realised: bool
    bands: tuple[str, ...]
    prior: str
    whole: bool
    live: bool
    as_of: pd.Timestamp | None = None
    untested: bool = True
    observed: bool = False
    map: str = "auto"
    scale: str = "dollars"
    goes_to: float | None = None
    named: bool = False
    panels: tuple[str, ...] = ()
    light: bool = False
    dates: str = ""
    until: pd.Timestamp | None = None
