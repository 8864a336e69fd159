"""Volume in coins, decided by content where a table has several: coins, dollars, contracts, ticks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.sources.files.kinds.column_names import EITHER, TICKS, first_of, plain_name, volume_names

SAMPLE = 5_000
"""Number of bars on which it is decided what a column counts."""

SAME = 0.01
"""Difference between a bar's dollars and its coins times price that rounding may cause."""

CONTRACT_DOLLARS = (1, 10, 100)
"""Dollars a contract of inverse futures is worth: Bybit 1, most coins 10, BTC 100."""


class Volume(NamedTuple):
    """A table's volume: the column that states it, its values in coins, and what was done."""

    column: str
    coins: pd.Series
    notes: tuple[str, ...] = ()


def volume_of(frame: pd.DataFrame, names: Mapping[str, str], prices: Mapping[str, str], file: str) -> Volume | None:
    """Return the volume of a table of candles in coins, or None where it has none; raise InputError for doubt.

    names : the columns by their plain names; prices : the columns of open, high, low and close.
    Where dollars are beside coins, dollars over coins lie between a bar's low and high. Where they do not, what is
    named volume counts contracts: dollars over the bar's mean price are coins.
    """
    coins, dollars = volume_names(names)
    ticks = first_of(names, TICKS)
    if ticks is not None:
        traded = next((column for column in coins if (_numbers(frame[column]) > 0).any()), None)
        if traded is None:
            return Volume(ticks, frame[ticks], (f"Volume is {ticks}: it counts ticks, not coins.",))
        return Volume(traded, frame[traded])
    pairs = [(own, other) for own in coins for other in dollars if own != other]
    bars = _Bars.of(frame, prices)
    for own, other in pairs:
        if bars.agree(own, other):
            return Volume(own, frame[own])
    for own, other in pairs:
        size = bars.contract_dollars(own, other) if plain_name(own) != "amount" else 0
        if size:
            said = "dollars" if size == 1 else f"contracts of {size} dollars"
            return Volume(other, frame[other], (f"{own} counts {said}; volume in coins is {other}.",))
    spreads = {(own, other): bars.spread(own, other) for own, other in pairs}
    own, other = min(spreads, key=lambda pair: spreads[pair], default=("", ""))
    if own and bars.spread(own, other, by_price=False) < min(SAME, spreads[own, other] / 3):
        own, other = (other, own) if plain_name(own) == "amount" else (own, other)
        return Volume(other, frame[other], (f"{own} counts contracts; volume in coins is {other}.",))
    if own and spreads[own, other] < 2 * SAME:
        if spreads.get((other, own), 1.0) <= 3 * spreads[own, other]:  # the price hardly moved
            raise InputError(
                f"{file} has volume in {own} and {other}, and it cannot be told which counts coins; keep that one."
            )
        note = f"{own} counts contracts; volume in coins is {other} divided by each bar's mean price."
        return Volume(other, _numbers(frame[other]) / _mean_price(frame, prices), (note,))
    if coins:
        return Volume(coins[0], frame[coins[0]])
    sure = next((column for column in dollars if plain_name(column) not in EITHER), None)
    if sure is None:
        return None
    note = f"Volume in coins is {sure}, dollars, divided by each bar's mean price."
    return Volume(sure, _numbers(frame[sure]) / _mean_price(frame, prices), (note,))


class _Bars(NamedTuple):
    """A sample of bars, on which columns of volume are compared."""

    frame: pd.DataFrame
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, prices: Mapping[str, str]) -> _Bars:
        sample = frame.iloc[:: max(1, len(frame) // SAMPLE)]
        low, high = (_numbers(sample[prices[name]]).to_numpy() for name in ("low", "high"))
        return cls(sample, low, high, _mean_price(sample, prices).to_numpy())

    def both(self, own: str, other: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return two columns and which bars have something in both."""
        first, second = (_numbers(self.frame[column]).to_numpy() for column in (own, other))
        traded = np.isfinite(first) & np.isfinite(second) & np.isfinite(self.mean)
        return first, second, traded & (first > 0) & (second > 0) & (self.mean > 0)

    def agree(self, coins: str, dollars: str) -> bool:
        """Return whether dollars over coins lie between low and high."""
        first, second, traded = self.both(coins, dollars)
        if not traded.any():
            return False
        price = second[traded] / first[traded]
        inside = (price >= self.low[traded] * (1 - SAME)) & (price <= self.high[traded] * (1 + SAME))
        return bool(inside.mean() >= 0.9)

    def contract_dollars(self, contracts: str, coins: str) -> int:
        """Return the dollars of a contract, where coins times price are that many times the contracts, or 0."""
        first, second, traded = self.both(contracts, coins)
        if not traded.any():
            return 0
        size = second[traded] * self.mean[traded] / first[traded]
        return next(
            (one for one in CONTRACT_DOLLARS if _spread(size) < 2 * SAME and abs(np.median(size) / one - 1) < SAME), 0
        )

    def spread(self, contracts: str, other: str, by_price: bool = True) -> float:
        """Return by how much another column over contracts, and over price, differs between bars, nine in ten."""
        first, second, traded = self.both(contracts, other)
        if traded.sum() < 2 or (not by_price and not np.ptp(first[traded])):
            return np.inf
        return _spread(second[traded] / first[traded] / (self.mean[traded] if by_price else 1.0))


def _spread(ratio: np.ndarray) -> float:
    """Return the largest difference from the median, as a share of it, leaving out a tenth of the values."""
    return float(np.quantile(np.abs(ratio / np.median(ratio) - 1), 0.9))


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype(float)


def _mean_price(frame: pd.DataFrame, prices: Mapping[str, str]) -> pd.Series:
    """Return (open + high + low + close) / 4 of each bar."""
    total = pd.Series(0.0, frame.index)
    for name in ("open", "high", "low", "close"):
        total = total + _numbers(frame[prices[name]])
    return total / 4
