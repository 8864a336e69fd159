"""A notice about a zone: what alerts and events have in common, and how both are put into words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from liq.formatting import decimals, money
from liq.formatting import price as price_text


@dataclass(frozen=True, kw_only=True)
class ZoneNotice:
    """Say something about a zone at a price and time.

    side : "above" or "below"; low, high, peak : prices of the zone; usd : estimated dollars in it; price, time : of
    the notice, UTC.

    >>> zone = dict(symbol="BTC", side="above", low=101.0, high=102.0, peak=101.5, usd=2e7)
    >>> notice = ZoneNotice(**zone, price=100.0, time=pd.Timestamp("2026-01-31"))
    >>> notice.dollars_text, notice.range_text
    ('an estimated $20.0M of shorts', '101.000 to 102.000')
    """

    symbol: str
    side: str
    low: float
    high: float
    peak: float
    usd: float
    price: float
    time: pd.Timestamp

    @property
    def dollars_text(self) -> str:
        """The zone's dollars and whose they are, such as ``an estimated $20.0M of shorts``."""
        return f"an estimated {money(self.usd)} of {'shorts' if self.side == 'above' else 'longs'}"

    @property
    def range_text(self) -> str:
        """The zone's edges, such as ``84,000.0 to 84,500.0``."""
        return f"{self.price_text(self.low)} to {self.price_text(self.high)}"

    def price_text(self, price: float) -> str:
        """Return a price with as many decimals as the notice's own price has."""
        return price_text(price, decimals(self.price))
