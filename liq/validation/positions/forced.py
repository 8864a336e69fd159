"""Share of swept dollars that was really forced: of positions whose level price crossed, how many were gone by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from liq.formatting import counted, money, percent_classes, whole_percent
from liq.market import SIDES, Market
from liq.positions import Positions
from liq.validation.alignment import drawn_again
from liq.validation.positions.followed import followed_positions
from liq.validation.positions.realised import with_crossings

CLASSES = (0.0, 0.02, 0.05, 0.1, 0.2, np.inf)
"""Distances of the level from price when it was stated, as fractions, between the classes."""

MIN_SPAN = pd.Timedelta(days=1)
"""Shortest time from first to last snapshot of which a share is said."""

MIN_DAYS = 3
"""Minimum number of days on which levels were crossed, for an interval."""

RESAMPLES = 1000
"""Number of bootstrap draws of whole days."""

SHARES = ("forced", "kept", "closed")


@dataclass(frozen=True, eq=False)
class ForcedShare:
    """Hold what became of positions whose level price crossed, in shares of their dollars.

    usd, positions, days : how much was crossed, and asked again afterwards. forced : share that was gone or smaller,
    less `closed`; kept : share that was still there: its level had been moved, or the venue's own price did not come
    to it; closed : share that its owner had closed before price came, at the pace at which positions were closed
    whose level was as far and was not reached. The three add up to one; NaN where nothing is known. interval : of
    forced, 95 %, from draws of whole days, NaN where too few. unknown : USD that were crossed and not asked again.
    span : from the first snapshot to the last. by_side, by_distance : the same shares, a row a side or a class of
    distance from price when the level was stated.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> forced_share(simulated_positions(market), market).sentence[:3]
    'Of '
    """

    usd: float
    positions: int
    days: int
    forced: float
    kept: float
    closed: float
    interval: tuple[float, float]
    unknown: float
    span: pd.Timedelta
    by_side: pd.DataFrame
    by_distance: pd.DataFrame

    @property
    def sentence(self) -> str:
        """How much of what price crosses is really forced, in one plain sentence; also where that is not known."""
        if self.span < MIN_SPAN:
            return (
                "Less than a day of snapshots is at hand: too little to say how much of what price crosses is "
                "really forced."
            )
        if self.unknown > self.usd:
            return (
                f"Price crossed the level of {money(self.usd + self.unknown)} in these snapshots, but the accounts "
                f"of {money(self.unknown)} were not asked again, so how much was forced is not known."
            )
        if not self.positions:
            return "Price crossed no level in these snapshots, so how much would really be forced is not known."
        low, high = self.interval
        if np.isfinite(low):
            sure = f"95 % interval {whole_percent(low)} to {whole_percent(high)}"
        else:
            sure = f"{counted(self.positions, 'position')} on {counted(self.days, 'day')}, too few for an interval"
        return (
            f"Of {money(self.usd)} whose level price crossed in these snapshots, {whole_percent(self.forced)} were "
            f"forced ({sure}), {whole_percent(self.kept)} were still held, as the level had moved or the venue's own "
            f"price did not come there, and {whole_percent(self.closed)} had been closed before."
        )


def forced_share(positions: Positions, market: Market) -> ForcedShare:
    """Return how much of the dollars whose level the market crossed was really forced, for the market's coin.

    Counted are crossings that surely lay between two answers of the account, see `with_crossings`.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "7d", now="2026-09-01")
    >>> share = forced_share(simulated_positions(market), market)
    >>> round(share.forced + share.kept + share.closed, 6)
    1.0
    """
    table = with_crossings(followed_positions(positions, market.base), market)
    group = np.searchsorted(CLASSES[1:-1], table["distance"].to_numpy())
    known = table["next_coins"].notna().to_numpy()
    missed = known & table["bar"].isna().to_numpy()
    # as life tables do, what closed in an interval counts as there for half of it
    held = (table["usd"] - 0.5 * table["forced"]) * table["hours"]
    exposure = np.bincount(group[missed], held.to_numpy()[missed], len(CLASSES) - 1)
    lost = np.bincount(group[missed], table["forced"].to_numpy()[missed], len(CLASSES) - 1)
    pace = np.divide(lost, exposure, out=np.zeros(len(exposure)), where=exposure > 0)

    certain = table["certain"].to_numpy()
    swept = table[certain & known]
    closed = swept["usd"] * -np.expm1(-pace[group[certain & known]] * swept["hours"])
    sums = pd.DataFrame({"usd": swept["usd"], "gone": swept["forced"], "closed": closed, "positions": 1})
    day = pd.DatetimeIndex(swept["bar"]).floor("D")
    by_day = sums.groupby(day).sum()
    names = percent_classes(CLASSES)
    whole = _shares(sums.sum().to_frame().T).iloc[0]
    return ForcedShare(
        usd=float(whole["usd"]),
        positions=int(whole["positions"]),
        days=len(by_day),
        **{name: float(whole[name]) for name in SHARES},
        interval=_interval(by_day),
        unknown=float(table["usd"][certain & ~known].sum()),
        span=positions.times[-1] - positions.times[0],
        by_side=_shares(sums.groupby(swept["side"].to_numpy()).sum().reindex(list(SIDES), fill_value=0.0)),
        by_distance=_shares(
            sums.groupby(group[certain & known]).sum().reindex(range(len(names)), fill_value=0.0).set_axis(names)
        ),
    )


def _shares(sums: pd.DataFrame) -> pd.DataFrame:
    """Return shares of dollars by row out of sums of dollars: crossed, gone, and closed by hand before."""
    usd = sums["usd"].where(sums["usd"] > 0)
    # what was gone cannot be less than what was closed by hand
    closed = np.minimum(sums["closed"], sums["gone"])
    return pd.DataFrame(
        {
            "positions": sums["positions"].astype(int),
            "usd": sums["usd"],
            "forced": (sums["gone"] - closed) / usd,
            "kept": ((sums["usd"] - sums["gone"]) / usd).clip(lower=0.0),
            "closed": closed / usd,
        }
    )


def _interval(by_day: pd.DataFrame) -> tuple[float, float]:
    """Return the 95 % interval of the forced share from draws of whole days: one move takes many positions."""
    if len(by_day) < MIN_DAYS:
        return float("nan"), float("nan")
    drawn = drawn_again(len(by_day), RESAMPLES)
    usd, gone, closed = (by_day[name].to_numpy()[drawn].sum(axis=1) for name in ("usd", "gone", "closed"))
    low, high = np.quantile(np.clip(gone - closed, 0.0, None) / usd, (0.025, 0.975))
    return float(low), float(high)
