"""Small markets for tests: strategies that draw them, and the real recordings where they are at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

import liq
from benchmarks import recordings

needs_recordings = pytest.mark.skipif(
    not recordings.FOLDER.is_dir(), reason=f"the real recordings are not at {recordings.FOLDER}"
)

START = pd.Timestamp("2026-01-01", tz="UTC")


def candles(closes: list[float], wicks: list[float] | None = None, volume: float = 100.0, freq: str = "1h"):
    """Return candles that walk through the closes, each bar's wicks a fraction beyond its body."""
    close = np.array(closes, float)
    opens = np.concatenate([close[:1], close[:-1]])
    reach = np.zeros(len(close)) if wicks is None else np.array(wicks, float)
    frame = {
        "open": opens,
        "high": np.maximum(opens, close) * (1 + reach),
        "low": np.minimum(opens, close) * (1 - reach),
        "close": close,
        "volume": np.full(len(close), float(volume)),
    }
    return pd.DataFrame(frame, index=pd.date_range(START, periods=len(close), freq=freq))


def market(frame: pd.DataFrame, open_interest=None, **more) -> liq.Market:
    """Return a BTC market over the candles."""
    if open_interest is not None:
        open_interest = pd.Series(np.asarray(open_interest, float), frame.index)
    return liq.Market("BTC/USDT:USDT", "test", frame, open_interest, **more)


@st.composite
def markets(draw, least: int = 3, most: int = 40, with_open_interest: bool | None = None) -> liq.Market:
    """Draw a market: moves of up to 3 % a bar, wicks, volumes, and open interest that may have holes or be absent."""
    n = draw(st.integers(least, most))
    moves = draw(st.lists(st.floats(-0.03, 0.03), min_size=n, max_size=n))
    wicks = draw(st.lists(st.floats(0, 0.02), min_size=n, max_size=n))
    frame = candles((50_000 * np.exp(np.cumsum(moves))).tolist(), wicks)
    frame["volume"] = draw(st.lists(st.floats(0, 1e4), min_size=n, max_size=n))
    known = draw(st.booleans()) if with_open_interest is None else with_open_interest
    interest = None
    if known:
        interest = np.array(draw(st.lists(st.floats(0, 1e5), min_size=n, max_size=n)))
        if with_open_interest is None:
            interest[draw(st.lists(st.booleans(), min_size=n, max_size=n))] = np.nan
    return market(frame, interest)
