"""What is shown of a market, whatever it was made from: what stands by time and price, and what price swept.

Every page, zone, file and command reads `Heatmap`. It is of one of two kinds: `liq.model.estimated`, out of candles,
volume and open interest, and `liq.model.observed`, out of real positions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from liq.market import Market
from liq.model.walk import DUST

GroupedUsd = dict[str, dict[str, np.ndarray]]
"""USD (B,) at the last bar by group and side."""


class Holders(NamedTuple):
    """Hold who has the levels of a range of prices.

    accounts : how many; largest : share of the dollars that one of them holds; cross : share on cross margin.
    """

    accounts: int
    largest: float
    cross: float


@dataclass(frozen=True, eq=False)
class Heatmap(ABC):
    """Hold what stands on one market.

    times : (T,) open times of the photographed bars; edges : (B + 1,) ascending prices, equal ratios.
    long, short : (T, B) USD that would be force-sold (bought) in that bucket as of the end of that bar.
    swept : on every bar, columns ``long short``, USD whose level price reached during the bar.
    anchored : share of the visible bars that were read from what the map rests on: open interest, or snapshots.
    kind : what it was made from, one of `liq.wording.WORDS`.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=60)
    >>> heatmap.long.shape == (len(heatmap.times), len(heatmap.edges) - 1)
    True
    >>> list(heatmap.swept.columns)
    ['long', 'short']
    """

    kind: ClassVar[str]

    market: Market
    times: pd.DatetimeIndex
    edges: np.ndarray
    long: np.ndarray
    short: np.ndarray
    swept: pd.DataFrame
    anchored: float

    @property
    def venues(self) -> tuple[Heatmap, ...]:
        """Each venue's own heatmap; itself where it is of one."""
        return (self,)

    @property
    def photos(self) -> np.ndarray:
        """Rows of the photographed bars among the market's candles, int (T,)."""
        return np.asarray(self.market.candles.index.searchsorted(self.times))

    @property
    def known(self) -> np.ndarray:
        """Whether anything is known of each photographed bar, bool (T,); the other columns are empty."""
        return np.ones(len(self.times), dtype=bool)

    @abstractmethod
    def standing(self, side: str) -> pd.DataFrame:
        """Return every level that stands at the last bar inside the edges, one row each.

        Columns: usd; price, where it would be force-closed; entry; opened, since when it is known to be open (the bar
        it was opened in, or the first snapshot that held it); leverage; source, the venue.
        """

    def opened(self, side: str) -> np.ndarray:
        """Return since when what stands in each bucket is open, by dollars: datetime64 UTC (B,), NaT where empty."""
        levels, count = self.standing(side), len(self.edges) - 1
        bucket = np.searchsorted(self.edges, levels["price"].to_numpy(), side="right") - 1
        usd = levels["usd"].to_numpy()
        usd_sum = np.bincount(bucket, usd, count)
        time_sum = np.bincount(bucket, usd * pd.DatetimeIndex(levels["opened"]).as_unit("s").asi8, count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.rint(np.where(usd_sum > DUST, time_sum / usd_sum, np.nan)).astype("datetime64[s]")

    def holders(self, side: str, low: float, high: float) -> Holders | None:
        """Return who holds the levels between two prices at the last bar; None where nobody is known or nothing
        stands."""
        return None

    @abstractmethod
    def by_band(self, side: str) -> dict[str, np.ndarray]:
        """Return what stands at the last bar by leverage band (`liq.model.leverage_bands.BANDS`), USD (B,) each."""

    @abstractmethod
    def splits(self) -> dict[str, GroupedUsd]:
        """Return what else the last bar can be split by, such as "Venue"; empty where nothing else is known."""

    @abstractmethod
    def with_bands(self, bands: Collection[str]) -> Heatmap:
        """Return the heatmap with only these leverage bands counted; all of them return the heatmap itself."""

    @abstractmethod
    def photographed_band(self, band: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return `long` and `short` (T, B) of one leverage band alone; None where nothing is in it."""

    @abstractmethod
    def cut(self, photos: slice) -> Heatmap:
        """Return the heatmap cut off after the last of these photographed bars, with nothing from later."""

    @abstractmethod
    def last_on(self, edges: np.ndarray) -> Heatmap:
        """Return the last photograph alone, on other edges (B + 1,)."""

    @property
    def open_interest(self) -> float:
        """Open interest that what stands is a part of, the last known in the window: coins, NaN where unknown."""
        known = self.market.open_interest
        known = None if known is None else known[self.market.times >= self.market.start].dropna()
        return float("nan") if known is None or known.empty else float(known.iloc[-1])

    @property
    def tested_range(self) -> tuple[float, float]:
        """Lowest and highest price up to which levels rest on data; beyond, they are a law's alone."""
        return 0.0, float("inf")

    @property
    def dollars_interval(self) -> tuple[float, float]:
        """How many times as many the dollars may be, low and high (95 %)."""
        return 1.0, 1.0

    @property
    @abstractmethod
    def levels_sentence(self) -> str:
        """What the levels rest on, in one sentence."""

    @property
    @abstractmethod
    def dollars_sentence(self) -> str:
        """Whose dollars these are, and how far off they may be, in one sentence."""

    @property
    @abstractmethod
    def made_from(self) -> str:
        """What the map was made from, in a few words, such as ``Prior calibrated``."""

    @property
    @abstractmethod
    def origin(self) -> dict[str, Any]:
        """What the map was made from, as fields of a JSON document."""
