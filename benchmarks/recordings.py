"""Read the real recordings that the figures were measured on; they are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

import liq

FOLDER = Path(os.environ.get("LIQ_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
"""Where the recordings lie; LIQ_DATA names another place."""

THREE = ("binanceusdm", "bybit", "okx")
"""Venues whose liquidations `liquidations` sums."""

COINS = ("btc", "eth", "sol", "xrp")
"""Coins whose liquidations on Binance alone were recorded, March to June 2025."""

UNTIL, SINCE = "2026-01-15", "2026-01-16"
"""Fitted on what comes before, scored on the days after."""


def market(coin: str = "btc", until: str | None = None) -> liq.Market:
    """Return the recorded Binance perpetual, 5-minute bars of December 2025 and January 2026."""
    frame = _read(f"{coin}usdt_binance_5m_2025-12_2026-01.csv.gz")[:until]
    symbol = f"{coin.upper()}/USDT:USDT"
    return liq.Market(symbol, "binanceusdm", frame, open_interest=frame["open_interest"])


def market_2025(coin: str) -> liq.Market:
    """Return the recorded Binance perpetual of March to June 2025, 5-minute bars, open interest unknown."""
    frame = _read(f"{coin}usdt_binance_5m_2025-03_2025-06.csv.gz")
    return liq.Market(f"{coin.upper()}/USDT:USDT", "binanceusdm", frame)


def binance_liquidations(coin: str) -> pd.DataFrame:
    """Return what Binance alone published of a coin's liquidations per 4 h, USD, March to June 2025."""
    frame = pd.read_csv(FOLDER / "binance_liquidations_4h_2025-03_2025-06.csv", parse_dates=["time"])
    return frame[frame["coin"] == coin.upper()].set_index("time")[["long", "short"]]


def observed(coin: str) -> pd.DataFrame:
    """Return what large Hyperliquid accounts held of a coin in January 2026, a row a bucket (`liq.compare`)."""
    frame = pd.read_csv(FOLDER / "hyperliquid_observed_levels_2026-01-26_2026-01-31.csv", parse_dates=["time"])
    frame = frame[frame["coin"] == coin.upper()].rename(columns={"price": "low"})
    # a snapshot's buckets are 1.2 % of its price wide; `price` is their lower edge
    return frame.assign(high=frame["low"] + 0.012 * frame["price_now"])[["time", "side", "low", "high", "usd"]]


def positions(*coins: str) -> liq.Positions:
    """Return single positions of large Hyperliquid accounts, February 2026, of ``eth`` and ``sol`` or one of them.

    No margin mode was recorded: all are called cross. An account that leaves the lists is not one that closed.
    """
    frames = [
        pd.read_csv(FOLDER / f"hyperliquid_positions_{coin}_2026-02.csv.gz", parse_dates=["time"]).assign(
            coin=coin.upper()
        )
        for coin in coins or ("eth", "sol")
    ]
    return liq.Positions(pd.concat(frames).assign(margin="cross"), "hyperliquid")


def market_2026(coin: str) -> liq.Market:
    """Return the recorded Binance perpetual of the weeks of `positions`, ``eth`` or ``sol``, 5-minute bars."""
    frame = _read(f"{coin}usdt_binance_5m_2026-01_2026-02.csv.gz")
    return liq.Market(f"{coin.upper()}/USDT:USDT", "binanceusdm", frame, open_interest=frame["open_interest"])


def liquidations() -> pd.DataFrame:
    """Return realised BTC liquidations per hour, USD, summed over Binance, Bybit and OKX."""
    return _read("btc_liquidations_1h_2025-12_2026-01.csv")[["long", "short"]]


def _read(name: str) -> pd.DataFrame:
    frame = pd.read_csv(FOLDER / name)
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("open_time_ms"), unit="ms", utc=True), name=None)
    return frame
