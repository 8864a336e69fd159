"""Dollars of venues: what a venue liquidates per dollar of its open interest, beside Binance's, as dated data.

A prior says what Binance publishes on Binance's own flow. Venues differ in their traders and in their feeds:
Binance's stream names at most one order a second and symbol, Bybit's names all of them. Figures are medians over 134
days, May to November 2025, of each venue's share of a day's liquidated dollars and of open interest, for BTC, ETH,
SOL and XRP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liq.errors import InputError

REFERENCE = "binanceusdm"
"""Venue whose dollars a prior's weights stand for."""

ARCHIVES = {"archive": "binanceusdm"}
"""Sources whose files are those of a venue, so that their flow is that venue's."""

PERIOD = "May to November 2025"
"""When the venues' shares were measured."""

SHARES = {
    "BTC": {"binanceusdm": 0.241, "bybit": 0.322, "okx": 0.091, "gate": 0.076, "hyperliquid": 0.069},
    "ETH": {"binanceusdm": 0.220, "bybit": 0.250, "okx": 0.116, "gate": 0.166, "hyperliquid": 0.040},
    "SOL": {"binanceusdm": 0.336, "bybit": 0.291, "okx": 0.106, "gate": 0.091, "hyperliquid": 0.062},
    "XRP": {"binanceusdm": 0.298, "bybit": 0.464, "okx": 0.077, "gate": 0.024, "hyperliquid": 0.010},
}
"""Median share of a day's liquidated dollars, by coin and venue."""

PER_OPEN_INTEREST = {
    "BTC": {"binanceusdm": 1.39, "bybit": 3.01, "okx": 1.65, "gate": 0.75, "hyperliquid": 1.57},
    "ETH": {"binanceusdm": 1.16, "bybit": 2.81, "okx": 1.97, "gate": 1.66, "hyperliquid": 0.91},
    "SOL": {"binanceusdm": 1.65, "bybit": 2.22, "okx": 1.66, "gate": 0.78, "hyperliquid": 0.75},
    "XRP": {"binanceusdm": 1.89, "bybit": 3.22, "okx": 1.88, "gate": 0.19, "hyperliquid": 0.30},
}
"""Share of liquidated dollars over share of open interest, by coin and venue."""

MEASURED_ERROR = 0.2
"""Standard deviation, in e-folds, of a week's estimated over realised dollars where coin and venue were measured
(0.13 to 0.25 on four coins; docs/method.md)."""

COIN_ERROR = 0.3
"""The same for a coin that was never measured: with how far the law missed on coins left out of its fit."""

VENUE_ERROR = 0.6
"""Standard deviation, in e-folds, between venues of dollars per dollar of open interest; for a venue never
measured."""


class DollarScale(NamedTuple):
    """What an estimate's dollars are multiplied by.

    factor : dollars of the venues meant per dollar of the reference; low, high : its 95 % interval; venues : whose
    dollars they are; measured : whether coin and venues were both measured.

    >>> dollar_scale("binanceusdm", "BTC").factor
    1.0
    """

    factor: float
    low: float
    high: float
    venues: tuple[str, ...]
    measured: bool


def dollar_scale(source: str, coin: str, venues: Sequence[str] | None = None) -> DollarScale:
    """Return the scale of the dollars that a source's flow stands for.

    source : venue whose candles and open interest are walked; coin : ``BTC``; venues : whose liquidations are meant,
    default the source's own. A source without a measured share is taken for the reference. Raises InputError for
    venues without one.

    >>> three = dollar_scale("binanceusdm", "BTC", ("binanceusdm", "bybit", "okx"))
    >>> round(three.factor, 2)
    2.71
    >>> round(dollar_scale("bybit", "BTC").factor, 2)
    2.17
    """
    source = ARCHIVES.get(source, source)
    meant = (source,) if venues is None else tuple(dict.fromkeys(venues))
    known = tuple(SHARES["BTC"])
    if venues is not None and not meant:
        raise InputError(f"venues must name at least one of {', '.join(known)}.")
    for name in meant if venues is not None else ():
        if name not in known:
            raise InputError(f"venues must be among {', '.join(known)}, not {name!r}: no other share was measured.")
    flow_of = source if source in known else REFERENCE
    coins = [coin] if coin in SHARES else list(SHARES)
    logs = []
    for name in coins:
        own = PER_OPEN_INTEREST[name][flow_of] / PER_OPEN_INTEREST[name][REFERENCE]
        dollars = 1.0 if venues is None else sum(SHARES[name][v] for v in meant) / SHARES[name][flow_of]
        logs.append(np.log(own * dollars))
    measured = coin in SHARES and (source in known or venues is not None)
    errors = [MEASURED_ERROR if coin in SHARES else COIN_ERROR, float(np.std(logs))]
    if source not in known and venues is None:
        errors.append(VENUE_ERROR)
    factor, spread = float(np.exp(np.mean(logs))), 1.96 * float(np.hypot.reduce(errors))
    return DollarScale(factor, factor * float(np.exp(-spread)), factor * float(np.exp(spread)), meant, measured)
