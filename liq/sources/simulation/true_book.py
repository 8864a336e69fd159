"""The true book of the simulated market, which no venue shows: all positions and their liquidation prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.market import Market, as_utc
from liq.sources.simulation.traders import TraderGroups, part_liquidation_prices
from liq.sources.simulation.trading import TradingRecord


@dataclass(frozen=True, eq=False)
class TrueBook:
    """Hold the true book behind a simulated market's candles.

    bars : the candles' open times; ends : minutes (since 1970) at which each bar ends; positions : DataFrame, one row
    a group of like positions that were open at some time since the first candle: side ("long"/"short"), opened and
    closed (UTC, the minute), coins, entry, liquidation_price, leverage (as chosen; added or shared margin puts the
    price further away), forced (whether it ended in liquidation), parts (a group has so many equal parts around its
    liquidation price; where the price reached some of them, each part has a row). Hedgers and market makers, who hold
    the rest of open interest on both sides, have no price in reach and no row.

    >>> from liq.sources.simulation.market import simulate_with_true_book
    >>> market, book = simulate_with_true_book("BTC", "12h", now="2026-09-01")
    >>> long, short = book.book(np.linspace(0.9, 1.1, 41) * market.price)
    >>> bool(long[-1] == 0 and short[0] == 0)
    True
    """

    bars: pd.DatetimeIndex
    ends: np.ndarray
    positions: pd.DataFrame

    def standing(self, bar: int | pd.Timestamp = -1) -> pd.DataFrame:
        """Return what stood when a bar ended, a row a liquidation price, with `notional`: USD at that price.

        bar : its open time, or its number among the candles. Raises InputError for a bar that does not exist.
        """
        row = self._row(bar)
        end = pd.Timestamp(int(self.ends[row]), unit="m", tz="UTC")
        table = self.positions
        open_groups = table[(table["opened"] < end) & (table["closed"] >= end)]
        parts = open_groups["parts"].to_numpy()
        per_part = open_groups.loc[open_groups.index.repeat(parts)].drop(columns="parts")
        level = per_part["liquidation_price"].to_numpy().copy()
        in_parts = np.repeat(parts, parts) > 1
        with_parts = open_groups[parts > 1]
        level[in_parts] = part_liquidation_prices(
            with_parts["entry"].to_numpy(), with_parts["liquidation_price"].to_numpy()
        ).ravel()
        coins = per_part["coins"].to_numpy() / np.repeat(parts, parts)
        return per_part.assign(coins=coins, liquidation_price=level, notional=coins * level)

    def book(self, edges: np.ndarray, bar: int | pd.Timestamp = -1) -> tuple[np.ndarray, np.ndarray]:
        """Return the USD that would be force-sold (long) and force-bought (short) in each bucket, two (B,).

        edges : B+1 ascending prices; bar : as for `standing`.
        """
        standing = self.standing(bar)
        sides = [standing[standing["side"] == side] for side in ("long", "short")]
        long, short = (
            np.histogram(rows["liquidation_price"], bins=np.asarray(edges, dtype=float), weights=rows["notional"])[0]
            for rows in sides
        )
        return long, short

    def _row(self, bar: int | pd.Timestamp) -> int:
        """Return a bar's number; raise InputError for a bar that does not exist."""
        if isinstance(bar, (int, np.integer)):
            if not -len(self.bars) <= bar < len(self.bars):
                raise InputError(f"bar must be one of the {len(self.bars)} bars, not {bar}.")
            return int(bar)
        row = self.bars.get_indexer(pd.DatetimeIndex([as_utc(bar, "bar")]))[0]
        if row < 0:
            raise InputError(f"bar must be the open time of a bar, not {bar}.")
        return int(row)


def true_book(lot: float, record: TradingRecord, groups: list[TraderGroups], market: Market) -> TrueBook:
    """Return the true book behind a market's candles: the groups that were open at some time since the first bar.

    >>> from liq.sources.simulation.market import simulate_with_true_book
    >>> simulate_with_true_book("BTC", "12h", now="2026-09-01")[1].positions["side"].nunique()
    2
    """
    rows = TraderGroups(*(np.concatenate(column) for column in zip(*groups, strict=True)))
    bars = pd.DatetimeIndex(market.candles.index)
    ends = np.append(bars[1:].as_unit("s").asi8, int(as_utc(market.as_of, "as_of").timestamp())) // 60
    was_open = (rows.closed >= bars[0].timestamp() // 60 - record.start) & (rows.opened < ends[-1] - record.start)
    times = {
        name: pd.to_datetime((getattr(rows, name)[was_open].astype(np.int64) + record.start) * 60, unit="s", utc=True)
        for name in ("opened", "closed")
    }
    positions = pd.DataFrame(
        {
            "side": pd.Categorical(np.where(rows.side[was_open] > 0, "long", "short"), categories=["long", "short"]),
            **times,
            "coins": rows.lots[was_open] * lot,
            "entry": rows.entry[was_open],
            "liquidation_price": rows.level[was_open],
            "leverage": rows.leverage[was_open],
            "forced": rows.forced[was_open],
            "parts": rows.parts[was_open],
        }
    )
    return TrueBook(bars, ends, positions)
