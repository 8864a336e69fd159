"""Days worth seeing: dated days of the past, each with one sentence of fact and where that can be read."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class Day(NamedTuple):
    """A day: its date, what happened, and an address that says so.

    >>> DAYS[0].title, f"{DAYS[0].until:%Y-%m-%d}"
    ('10 October 2025', '2025-10-11')
    """

    date: str
    fact: str
    source: str

    @property
    def title(self) -> str:
        """The date as a person writes it."""
        day = pd.Timestamp(self.date)
        return f"{day.day} {day:%B %Y}"

    @property
    def until(self) -> pd.Timestamp:
        """The moment at which a window ends that shows the whole day."""
        return pd.Timestamp(self.date, tz="UTC") + pd.Timedelta(days=1)


DAYS = (
    Day(
        "2025-10-10",
        "The United States announced a tariff of 100 % on imports from China, and more than $19 billion of positions "
        "were closed by force within a day, more than ever before.",
        "https://tokentopnews.com/cryptocurrency-market-19b-liquidation-event",
    ),
    Day(
        "2026-02-05",
        "Bitcoin fell below $70,000 and came close to $60,000 in the night after, its worst day since FTX.",
        "https://cryptovalleyjournal.com/news/bitcoin-drops-to-60000-worst-crash-since-ftx-collapse",
    ),
    Day(
        "2024-08-05",
        "Yen carry trades were closed; the Nikkei lost 12 % and Bitcoin and Ether fell with it.",
        "https://cryptopragmatist.com/p/bitcoin-crash-25-unraveling-august-5th-market-meltdown",
    ),
    Day(
        "2022-11-09",
        "Binance withdrew from buying FTX, and Bitcoin fell to its lowest price in two years.",
        "https://www.coindesk.com/markets/2022/11/09/bitcoin-falls-below-17k-amid-latest-ftx-meltdown/",
    ),
    Day(
        "2021-05-19",
        "China had told its financial institutions to stay away from crypto, and the market fell all day.",
        "https://www.livemint.com/market/cryptocurrency/what-sent-crypto-market-into-a-24-hour-tailspin/"
        "amp-11621531928694.html",
    ),
    Day(
        "2023-08-15",
        "A calm day: the volatility of 90 days was the lowest since 2016.",
        "https://www.business-standard.com/markets/cryptocurrency/"
        "bitcoin-s-extreme-volatility-vanishes-amid-extreme-apathy-and-exhaustion-123081600683_1.html",
    ),
    Day(
        "2022-12-25",
        "A calm day: Bitcoin had kept to a narrow range around $16,800 for a week.",
        "https://btc-pulse.com/bitcoins-volatility-drops-to-an-all-time-low/",
    ),
)
"""Falls first, calm days for contrast last; nothing of them is bundled, they load like any day."""
