"""Clean grids of every kind, filled from bars that a formula makes."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from benchmarks.storm.kinds import FULL, LAYOUTS
from benchmarks.storm.layouts import Grid, Layout, clean_bars, moment_text, number


def filled(kind: str, coin: str, bar: str, count: int, seed: int) -> Grid:
    """Return the grid of a kind with the bars of a seed."""
    layout, header = LAYOUTS[kind]
    names = [re.sub("btc|xbt", coin.lower(), re.sub("BTC|XBT", coin, text)) for text in (layout.file, *layout.around)]
    header = tuple(name.replace("BTC", coin) for name in header)
    ours = {mine: theirs.replace("BTC", coin) for mine, theirs in layout.ours.items()}
    layout = layout._replace(file=names[0], around=(names[1], names[2]), ours=ours)
    bars = clean_bars(coin, bar, count, seed)
    if layout.newest_first:
        bars = bars.iloc[::-1]
    cells = {name: _column(layout, name, bars, coin, bar, seed) for name in header}
    rows = [list(row) for row in zip(*cells.values(), strict=True)]
    return Grid(layout, bar, list(header), rows, written=list(header))


def _column(layout: Layout, name: str, bars: pd.DataFrame, coin: str, bar: str, seed: int) -> list[str]:
    """Return the texts of a column."""
    rng, count = np.random.default_rng(seed + 1), len(bars)
    if name in layout.time:
        length = pd.Timedelta(bar).value
        moments = (bars["time"] + layout.after * length).tolist()
        if layout.task == "events":
            moments = [moment + int(rng.integers(length // 10**9)) * 10**9 for moment in moments]
        formats = layout.unit.split(" ") if len(layout.time) > 1 else [layout.unit]
        unit = formats[layout.time.index(name)]
        return [moment_text(moment, unit) for moment in moments]
    if layout.task == "positions":
        return _held(name, bars, coin, rng)
    if layout.task == "events" and name in ("side", "amount", "original_quantity", "price", "average_price"):
        if name == "side":
            sides = ("sell", "buy") if name in layout.ours and layout.name == "tardis" else ("SELL", "BUY")
            return [sides[row] for row in rng.integers(0, 2, count)]
        return [
            number(value) for value in (bars["close"] if "price" in name else np.round(bars["long"] / 1e6, 3) + 0.001)
        ]
    ours = {theirs: mine for mine, theirs in layout.ours.items()}.get(name, name)
    if ours in bars:
        return [number(value) for value in bars[ours]]
    return _other(name, bars, coin, bar)


def _other(name: str, bars: pd.DataFrame, coin: str, bar: str) -> list[str]:
    """Return the texts of a column that is not used."""
    dollars = bars["volume"] * bars["close"]
    length = pd.Timedelta(bar).value
    values = {
        "close_time": (bars["time"] + length - 10**6) // 10**6,
        "T": (bars["time"] + length - 10**6) // 10**6,
        "quote_volume": dollars.round(2),
        "Volume USDT": dollars.round(2),
        "6": dollars.round(2),
        **{name: dollars.round(2) for name in ("sum", "vol", "usdVolume", "volumeto", "foreignNotional")},
        "7": dollars.round(2),
        "sum_open_interest_value": (bars["open_interest"] * bars["close"]).round(2),
        "o": bars["open_interest"],
        "h": bars["open_interest"],
        "l": bars["open_interest"],
        "5": (bars["volume"] * 100).round(1),
        "v": (bars["volume"] * 10_000).round(),
        "local_timestamp": bars["time"] // 1000 + 2,
        "taker_buy_volume": (bars["volume"] / 2).round(3),
        "taker_buy_quote_volume": (dollars / 2).round(2),
    }
    if name == "Date":
        return [moment_text(moment, FULL) for moment in bars["time"]]
    if name in values:
        return [number(value) for value in values[name]]
    fixed = {
        **{
            "symbol": f"{coin}USDT",
            "ticker": f"{coin}-USD",
            "Symbol": f"{coin}USDT",
            "s": coin,
            "i": bar,
            "exchange": "binance-futures",
        },
        **{
            "note": "Übersicht",
            "order_type": "LIMIT",
            "time_in_force": "IOC",
            "order_status": "FILLED",
            "id": "",
            "8": "1",
        },
    }
    return [fixed.get(name, "7")] * len(bars)


def _held(name: str, bars: pd.DataFrame, coin: str, rng: np.random.Generator) -> list[str]:
    """Return the texts of a column of positions."""
    sign = np.where(np.arange(len(bars)) % 3 == 0, -1, 1)
    level = (bars["close"] * (1 - 0.1 * sign)).round(2)
    if name in ("liquidation_price", "liq"):
        none = "" if name == "liquidation_price" else "0"
        return [none if row % 7 == 0 else number(value) for row, value in enumerate(level)]
    values = {
        "coins": (bars["volume"] / 1000).round(4) + 0.001,
        "size": ((bars["volume"] / 1000).round(4) + 0.001) * sign,
        "entry": bars["open"],
        "leverage": np.arange(len(bars)) % 40 + 1,
        "lev": np.arange(len(bars)) % 40 + 1,
        "pnl": np.arange(len(bars)) * -1.5,
        "acct_value": np.arange(len(bars)) * 100,
    }
    if name in values:
        return [number(float(value)) for value in values[name]]
    if name == "side":
        return ["short" if one < 0 else "long" for one in sign]
    if name == "margin":
        return ["cross" if row % 2 else "isolated" for row in range(len(bars))]
    return (
        [coin] * len(bars)
        if name == "coin"
        else [f"0x{int(one):040x}" for one in rng.integers(0, 1 << 60, len(bars))]
    )
