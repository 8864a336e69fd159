"""The book behind the simulated market, which no venue shows: who really stands where."""

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
    """Hold the real book behind a simulated market's candles, which no venue shows.

    bars : the candles' open times; ends : minutes (since 1970) at which each bar ends; positions : DataFrame,
    one row a crowd of like positions that stood at some time since the first candle: side ("long"/"short"),
    opened and closed (UTC, the minute), coins, entry, liquidation_price, leverage (as chosen; added or shared
    margin puts the price further away), forced (whether it ended in liquidation), parts (a crowd stands in so
    many equal parts around its liquidation price; those that the price ate into have a row a part). Hedgers
    and market makers, who hold the rest of open interest on both sides, have no price in reach and no row.
    """

    bars: pd.DatetimeIndex
    ends: np.ndarray
    positions: pd.DataFrame

    def standing(self, bar: int | pd.Timestamp = -1) -> pd.DataFrame:
        """Return what stood when a bar ended, a row a liquidation price, with `notional`: USD at that price.

        bar : its open time, or its number among the candles. Raises InputError for a bar that is not there.
        """
        row = self._row(bar)
        end = pd.Timestamp(int(self.ends[row]), unit="m", tz="UTC")
        table = self.positions
        stands = table[(table["opened"] < end) & (table["closed"] >= end)]
        parts = stands["parts"].to_numpy()
        each = stands.loc[stands.index.repeat(parts)].drop(columns="parts")
        level = each["liquidation_price"].to_numpy().copy()
        in_parts = np.repeat(parts, parts) > 1
        whole = stands[parts > 1]
        level[in_parts] = part_liquidation_prices(
            whole["entry"].to_numpy(), whole["liquidation_price"].to_numpy()
        ).ravel()
        coins = each["coins"].to_numpy() / np.repeat(parts, parts)
        return each.assign(coins=coins, liquidation_price=level, notional=coins * level)

    def book(self, edges: np.ndarray, bar: int | pd.Timestamp = -1) -> tuple[np.ndarray, np.ndarray]:
        """Return the USD that would be force-sold (long) and force-bought (short) in each bucket, two (B,).

        edges : B+1 ascending prices; bar : as for `standing`.
        """
        stands = self.standing(bar)
        sides = [stands[stands["side"] == side] for side in ("long", "short")]
        long, short = (
            np.histogram(rows["liquidation_price"], bins=np.asarray(edges, dtype=float), weights=rows["notional"])[0]
            for rows in sides
        )
        return long, short

    def _row(self, bar: int | pd.Timestamp) -> int:
        if isinstance(bar, (int, np.integer)):
            if not -len(self.bars) <= bar < len(self.bars):
                raise InputError(f"bar must be one of the {len(self.bars)} bars, not {bar}.")
            return int(bar)
        found = self.bars.get_indexer(pd.DatetimeIndex([as_utc(bar, "bar")]))[0]
        if found < 0:
            raise InputError(f"bar must be the open time of a bar, not {bar}.")
        return int(found)


def true_book(lot: float, tape: TradingRecord, kept: list[TraderGroups], market: Market) -> TrueBook:
    """Return the truth behind a market's candles: whoever of `kept` stood at some time since the first bar."""
    rows = TraderGroups(*(np.concatenate(column) for column in zip(*kept, strict=True)))
    bars = pd.DatetimeIndex(market.candles.index)
    ends = np.append(bars[1:].as_unit("s").asi8, int(as_utc(market.as_of, "as_of").timestamp())) // 60
    stood = (rows.closed >= bars[0].timestamp() // 60 - tape.start) & (rows.opened < ends[-1] - tape.start)
    times = {
        name: pd.to_datetime((getattr(rows, name)[stood].astype(np.int64) + tape.start) * 60, unit="s", utc=True)
        for name in ("opened", "closed")
    }
    positions = pd.DataFrame(
        {
            "side": pd.Categorical(np.where(rows.side[stood] > 0, "long", "short"), categories=["long", "short"]),
            **times,
            "coins": rows.lots[stood] * lot,
            "entry": rows.entry[stood],
            "liquidation_price": rows.level[stood],
            "leverage": rows.leverage[stood],
            "forced": rows.forced[stood],
            "parts": rows.parts[stood],
        }
    )
    return TrueBook(bars, ends, positions)
