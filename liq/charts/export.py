"""The estimate as files: every column documented, times in UTC, dollars whole."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from liq.charts.window import Window
from liq.heatmap import Heatmap
from liq.labels import utc


def heat_csv(window: Window) -> str:
    """Return the drawn cells that hold any dollars: time (bar open, UTC), low, high (price), long, short (USD)."""
    column, row = np.nonzero(window.total >= 0.5)
    times = pd.to_datetime(window.start + window.step * np.arange(len(window.long)), unit="ms")
    frame = pd.DataFrame(
        {
            "time": times.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy()[column],
            "low": _round(window.edges[:-1])[row],
            "high": _round(window.edges[1:])[row],
            "long": window.long[column, row].round().astype(np.int64),
            "short": window.short[column, row].round().astype(np.int64),
        }
    )
    return frame.to_csv(index=False, lineterminator="\n")


def heat_json(heatmap: Heatmap, window: Window) -> str:
    """Return the drawn matrix as JSON: times (C, bar open, UTC), edges (R + 1, price), long and short (C, R) USD."""
    times = pd.to_datetime(window.start + window.step * np.arange(len(window.long)), unit="ms")
    return json.dumps(
        {
            **_about(heatmap),
            "times": times.strftime("%Y-%m-%dT%H:%M:%SZ").tolist(),
            "edges": _round(window.edges).tolist(),
            "long": window.long.round().astype(np.int64).tolist(),
            "short": window.short.round().astype(np.int64).tolist(),
        },
        separators=(",", ":"),
    )


def zones_csv(zones: pd.DataFrame) -> str:
    """Return the zones: side, low, high, peak (price), usd, share, distance (fractions), opened (UTC), the rest."""
    return _plain(zones).to_csv(index=False, lineterminator="\n")


def zones_json(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    """Return the zones as JSON, with what they were estimated from."""
    return json.dumps({**_about(heatmap), "zones": json.loads(_plain(zones).to_json(orient="records"))}, indent=1)


def _about(heatmap: Heatmap) -> dict[str, object]:
    market = heatmap.market
    return {
        "symbol": market.symbol,
        "source": market.source,
        "as_of": f"{utc(market.as_of).isoformat()}Z",
        "price": market.price,
        "prior": heatmap.prior.name,
        "tiers": heatmap.tiers.tolist(),
        "weights": heatmap.weights.tolist(),
        "unit": "USD, estimated notional that would be force-closed",
        "note": "Estimated structure, not a guarantee; education and entertainment only.",
    }


def _plain(zones: pd.DataFrame) -> pd.DataFrame:
    opened = [None if pd.isna(at) else f"{utc(at):%Y-%m-%dT%H:%M:%SZ}" for at in zones["opened"]]
    return zones.assign(opened=pd.Series(opened, zones.index, dtype=object))


def _round(prices: np.ndarray) -> np.ndarray:
    """Return prices to eight significant digits, enough for any tick."""
    return np.array([float(f"{value:.8g}") for value in prices])
