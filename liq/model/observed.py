"""A map out of real positions: what accounts of a venue were seen to hold, by time and liquidation price."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import age, whole_percent
from liq.market import SIDES, Market, as_utc, epoch
from liq.model.as_of import first_bars
from liq.model.grid import check_edges, drawn_edges, lattice, photo_bars
from liq.model.heatmap import GroupedUsd, Heatmap
from liq.model.leverage_bands import BANDS, in_bands
from liq.model.snapshots import SnapshotTimes, first_reached, share_seen, snapshot_times
from liq.positions import MARGINS, Positions
from liq.wording import REAL

MAX_LEVERAGE = 125.0
"""Effective leverage of a level nearer to its entry than any venue's highest tier, or on its wrong side, as a cross
account's may be."""

CENTS = 100.0
"""Dollars are summed in whole cents: whole numbers add up and cancel without rounding."""


class Levels(NamedTuple):
    """Liquidation prices of positions in snapshots, one a position and snapshot; arrays (N,).

    row : of `Positions.rows`; short : whether it is a short; price; usd : coins at that price; leverage : effective,
    entry over the distance from entry to the price; first, end : photographed bars from which to before which it
    stands; swept : the bar in which price reached it, the number of bars where none did in its snapshot's time.
    """

    row: np.ndarray
    short: np.ndarray
    price: np.ndarray
    usd: np.ndarray
    leverage: np.ndarray
    first: np.ndarray
    end: np.ndarray
    swept: np.ndarray

    def only(self, chosen: np.ndarray) -> Levels:
        """Return the chosen ones, a mask or rows."""
        return Levels(*(column[chosen] for column in self))


@dataclass(frozen=True, eq=False)
class Observed(Heatmap):
    """Hold the map of real positions of one market; made by `observe`.

    swept : USD of levels that price reached during the bar, 0 where no snapshot covers it; anchored : share of the
    visible bars that a snapshot covers. covered : (n,) whether a snapshot of at most `MAX_AGE` before covers each
    bar; levels : what stood when.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> real = observe(market, simulated_positions(market))
    >>> real.kind, real.long.shape == (len(real.times), len(real.edges) - 1)
    ('real positions', True)
    """

    kind: ClassVar[str] = REAL

    positions: Positions
    covered: np.ndarray
    photographed: np.ndarray
    levels: Levels
    bands: tuple[str, ...] = tuple(BANDS)

    @property
    def photos(self) -> np.ndarray:
        """Rows of the photographed bars among the market's candles, int (T,)."""
        return self.photographed

    @property
    def known(self) -> np.ndarray:
        """Whether a snapshot covers each photographed bar, bool (T,)."""
        return self.covered[self.photographed]

    def standing(self, side: str) -> pd.DataFrame:
        """Return every level that stands at the last bar inside the edges, see `Heatmap.standing`.

        Further columns: nominal, the leverage that the venue states; margin; account; answered, when the account was
        asked.
        """
        here = self._last
        here = here.only(here.short == (side == "short"))
        rows = self.positions.rows.iloc[here.row]
        return pd.DataFrame(
            {
                "usd": here.usd,
                "price": here.price,
                "entry": rows["entry"].to_numpy(),
                "opened": self._since(here.row),
                "leverage": here.leverage,
                "source": self.positions.source,
                "nominal": rows["leverage"].to_numpy(),
                "margin": rows["margin"].to_numpy(),
                "account": rows["account"].to_numpy(),
                "answered": rows["answered"].to_numpy(),
            }
        )

    def by_band(self, side: str) -> dict[str, np.ndarray]:
        """Return what stands at the last bar by band of effective leverage, USD (B,) each."""
        here = self._last
        mine = here.short == (side == "short")
        return {name: self._sum(here.only(mine & in_bands(here.leverage, [name]))) for name in BANDS}

    def splits(self) -> dict[str, GroupedUsd]:
        """Return what stands at the last bar by nominal leverage and by margin."""
        here = self._last
        rows = self.positions.rows.iloc[here.row]
        nominal, margin = rows["leverage"].to_numpy(), rows["margin"].to_numpy()
        groups = {
            "Nominal leverage": {name: in_bands(nominal, [name]) for name in BANDS},
            "Margin": {name: margin == name for name in MARGINS},
        }
        return {
            by: {
                name: {side: self._sum(here.only(mine & (here.short == (side == "short")))) for side in SIDES}
                for name, mine in masks.items()
            }
            for by, masks in groups.items()
        }

    def with_bands(self, bands: Collection[str]) -> Observed:
        """Return the heatmap with only these bands of effective leverage; all of them return the heatmap itself."""
        if len(bands) == len(BANDS):
            return self
        levels = self.levels.only(in_bands(self.levels.leverage, bands))
        long, short = photographs(levels, self.edges, len(self.times))
        swept = swept_by_bar(levels, pd.DatetimeIndex(self.swept.index))
        return replace(self, levels=levels, long=long, short=short, swept=swept, bands=tuple(bands))

    def photographed_band(self, band: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return `long` and `short` (T, B) of one band of effective leverage; None where nothing is in it."""
        levels = self.levels.only(in_bands(self.levels.leverage, [band]))
        return photographs(levels, self.edges, len(self.times)) if len(levels.row) else None

    def cut(self, photos: slice) -> Observed:
        """Return the map cut off after the last of these photographed bars, with nothing from later."""
        n = int(self.photographed[photos.stop - 1]) + 1
        begin, stop = photos.start or 0, photos.stop
        kept = self.levels.only((self.levels.first < stop) & (self.levels.end > begin))
        market = first_bars(self.market, n)
        return replace(
            self,
            market=market,
            times=self.times[photos],
            long=self.long[photos],
            short=self.short[photos],
            swept=self.swept[:n],
            anchored=float(self.covered[:n][market.times >= market.start].mean()),
            covered=self.covered[:n],
            photographed=self.photographed[photos],
            levels=kept._replace(
                first=np.maximum(kept.first - begin, 0),
                end=np.minimum(kept.end, stop) - begin,
                swept=np.minimum(kept.swept, n),
            ),
        )

    def last_on(self, edges: np.ndarray) -> Observed:
        """Return the last photograph alone, on other edges."""
        return observe(self.market, self.positions, 1, edges=edges).with_bands(self.bands)

    @property
    def levels_sentence(self) -> str:
        """What the levels rest on, in one sentence."""
        return (
            "Levels are those that the venue states for real positions, from one snapshot to the next, until price "
            "reached them."
        )

    @property
    def dollars_sentence(self) -> str:
        """Whose dollars these are, how much of open interest, and how old, in one sentence.

        >>> from liq.sources.simulation.market import simulate
        >>> from liq.sources.simulation.positions import simulated_positions
        >>> market = simulate("BTC", "1d", now="2026-09-01")
        >>> observe(market, simulated_positions(market)).dollars_sentence[:17]
        'Dollars are of th'
        """
        time = self.snapshot_time
        if time is None:
            return f"No snapshot of {self._venue} covers this moment."
        share = whole_percent(self.share_seen) if np.isfinite(self.share_seen) else "an unknown share"
        old = age(time, self.market.as_of) if as_utc(self.market.as_of, "as_of") > time else "seconds"
        return (
            f"Dollars are of the {self.accounts:,} accounts seen on {self._venue}, {share} of its open "
            f"interest, and nothing is filled in for the rest; the snapshot is {old} old."
        )

    @property
    def _venue(self) -> str:
        """The venue's name in a sentence."""
        source = self.positions.source
        return "the simulated market" if source == "simulated" else source.capitalize()

    @property
    def made_from(self) -> str:
        """Whose positions, in a few words."""
        return f"Real positions of {self.accounts:,} accounts"

    @property
    def origin(self) -> dict[str, Any]:
        """What the map was made from, as fields of a JSON document."""
        return {
            "map": REAL,
            "positions_of": self.positions.source,
            "accounts": self.accounts,
            "share_seen": self.share_seen,
            "snapshot": self.snapshot_time,
            "covered": self.anchored,
        }

    @cached_property
    def snapshot_time(self) -> pd.Timestamp | None:
        """Time of the snapshot that covers the last bar; None where none does."""
        return self.positions.time_before(self._end) if self.covered[self.photographed[-1]] else None

    @property
    def share_seen(self) -> float:
        """Share of the venue's open interest that the last bar's snapshot holds; NaN where unknown."""
        time = self.snapshot_time
        return float("nan") if time is None else share_seen(self.market, self.positions, time)

    @property
    def open_interest(self) -> float:
        """Open interest of the venue whose positions these are: coins, NaN where unknown, see `Heatmap`."""
        if self.positions.source == self.market.source:
            return super().open_interest
        time = self.snapshot_time
        return float("nan") if time is None else self.positions.interest(self.market.base, time)

    @cached_property
    def accounts(self) -> int:
        """Number of accounts with a position in the coin in the last bar's snapshot, with or without a level."""
        if self.snapshot_time is None:
            return 0
        return int(self.positions.snapshot(self.market.base, self.snapshot_time)["account"].nunique())

    @property
    def _end(self) -> pd.Timestamp:
        """End of the last bar, UTC."""
        return as_utc(self.market.times[-1], "time") + self.market.bar

    @cached_property
    def _last(self) -> Levels:
        """The levels that stand at the last photographed bar."""
        last = len(self.times) - 1
        return self.levels.only((self.levels.first <= last) & (self.levels.end > last))

    def _since(self, row: np.ndarray) -> pd.DatetimeIndex:
        """Return since which snapshot each position was seen in every one, as the candles write times."""
        since = pd.DatetimeIndex(self.positions.held_since(self.market.base)[row]).tz_localize("UTC")
        return since if self.market.times.tz is not None else since.tz_localize(None)

    def _sum(self, levels: Levels) -> np.ndarray:
        """Return USD by bucket (B,)."""
        return np.bincount(bucket_of(levels.price, self.edges), levels.usd, len(self.edges) - 1)


def observe(
    market: Market, positions: Positions, columns: int | None = None, *, edges: np.ndarray | None = None
) -> Observed:
    """Return the map of real positions: what was seen to stand, where the venue itself would liquidate it.

    columns, edges : as for `liq.estimate`. A snapshot holds for the bars that end after it, until the next one and
    for `liq.model.snapshots.MAX_AGE` at most; where none does, the column is empty (`Observed.covered`). A level
    stands from its snapshot until the first bar after its account was asked in which price reached it; of the bar
    during which it was asked only the close counts. Price is the candles', as venues' mark prices are not known here.
    Dollars are coins at the liquidation price. Raises InputError where no position is in the market's coin, and for a
    market of several venues.

    >>> from liq.sources.simulation.market import simulate
    >>> from liq.sources.simulation.positions import simulated_positions
    >>> market = simulate("BTC", "1d", now="2026-09-01")
    >>> bool(observe(market, simulated_positions(market)).long[-1].sum() > 0)
    True
    """
    if market.parts:
        raise InputError(f"real positions are of one venue; choose {positions.source} as the source.")
    if market.base not in positions.coins:
        raise InputError(f"the positions at hand hold no {market.base}; they hold {', '.join(positions.coins[:8])}.")
    photos = photo_bars(market, columns)
    edges = drawn_edges(market) if edges is None else check_edges(edges)
    times = snapshot_times(market, positions)
    levels = _levels(market, positions, times, photos, edges)
    long, short = photographs(levels, edges, len(photos))
    visible = market.times >= market.start
    return Observed(
        market=market,
        times=market.times[photos],
        edges=edges,
        long=long,
        short=short,
        swept=swept_by_bar(levels, pd.DatetimeIndex(market.candles.index)),
        anchored=float(times.covered[visible].mean()),
        positions=positions,
        covered=times.covered,
        photographed=photos,
        levels=levels,
    )


def photographs(levels: Levels, edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what stands at each of `count` photographed bars, USD (T, B), longs and shorts.

    >>> one = np.array([0])
    >>> levels = Levels(one, one > 0, one + 1.5, one + 9.0, one + 5.0, one, one + 2, one)
    >>> photographs(levels, np.array([1.0, 2.0]), 3)[0].ravel().tolist()
    [9.0, 9.0, 0.0]
    """
    buckets = len(edges) - 1
    bucket, cents = bucket_of(levels.price, edges), np.rint(levels.usd * CENTS)
    sides = []
    for mine in (~levels.short, levels.short):
        began = np.bincount(levels.first[mine] * buckets + bucket[mine], cents[mine], (count + 1) * buckets)
        ended = np.bincount(levels.end[mine] * buckets + bucket[mine], cents[mine], (count + 1) * buckets)
        sides.append(np.cumsum((began - ended).reshape(count + 1, buckets)[:count], axis=0) / CENTS)
    return sides[0], sides[1]


def swept_by_bar(levels: Levels, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Return USD whose level price reached in each bar, columns ``long short``.

    >>> one = np.array([0])
    >>> levels = Levels(one, one > 0, one + 1.5, one + 9.0, one + 5.0, one, one + 2, one)
    >>> swept_by_bar(levels, pd.date_range("2026-01-01", periods=2, freq="1h"))["long"].tolist()
    [9.0, 0.0]
    """
    n = len(index)
    taken = levels.only(levels.swept < n)
    sums = {
        side: np.bincount(taken.swept[mine], taken.usd[mine], n)
        for side, mine in zip(SIDES, (~taken.short, taken.short), strict=True)
    }
    return pd.DataFrame(sums, index=index)


def bucket_of(price: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the bucket of each price, which lies inside the edges.

    >>> bucket_of(np.array([1.5, 2.0]), np.array([1.0, 2.0, 4.0])).tolist()
    [0, 1]
    """
    even = lattice(edges)
    if even is None:
        return np.clip(np.searchsorted(edges, price, side="right") - 1, 0, len(edges) - 2)
    bottom, step = even
    return np.clip(np.floor((np.log(price) - bottom) / step), 0, len(edges) - 2).astype(np.int64)


def _levels(
    market: Market, positions: Positions, times: SnapshotTimes, photos: np.ndarray, edges: np.ndarray
) -> Levels:
    """Return the levels inside the edges of every snapshot that holds for a bar of the market."""
    rows = positions.rows
    level = rows["liquidation_price"].to_numpy()
    row = np.flatnonzero((level >= edges[0]) & (level < edges[-1]))
    row = row[np.isin(times.of_row[row], np.flatnonzero(times.last > times.first))]
    row = row[(rows["coin"] == market.base).to_numpy()[row]]
    snapshot, price = times.of_row[row], level[row]
    short = (rows["side"] == "short").to_numpy()[row]
    entry = rows["entry"].to_numpy()[row]
    answered = epoch(rows["answered"].iloc[row], "ms")
    start = np.searchsorted(times.opens, answered)
    during = np.append(times.ends, 0)[start - 1] > answered  # whether the bar before was under way
    swept = _first_sweep(market, price, short, start, during, times.until[snapshot])
    first, last = (np.searchsorted(photos, bar[snapshot]) for bar in (times.first, times.last))
    end = np.minimum(last, np.searchsorted(photos, swept))
    # what price reached between an answer and its snapshot, or while the account was asked, never stood in this one
    swept = np.where(swept >= times.begins[snapshot], swept, len(market.candles))
    with np.errstate(divide="ignore"):
        distance = np.where(short, price - entry, entry - price) / entry
        leverage = np.where(distance > 0, np.minimum(1 / distance, MAX_LEVERAGE), MAX_LEVERAGE)
    levels = Levels(row, short, price, rows["coins"].to_numpy()[row] * price, leverage, first, end, swept)
    return levels.only((end > first) | (swept < len(market.candles)))


def _first_sweep(
    market: Market, price: np.ndarray, short: np.ndarray, start: np.ndarray, during: np.ndarray, until: np.ndarray
) -> np.ndarray:
    """Return the bar in which price first reached each level; the number of bars where none before `until` did.

    start : the first bar that opened after the level was known; during : whether it became known during the bar
    before, of which only the close counts.
    """
    n = len(market.candles)
    swept = np.full(len(price), n)
    close = market.candles["close"].to_numpy()
    for mine, name, sign in ((~short, "low", 1.0), (short, "high", -1.0)):
        extreme = sign * market.candles[name].to_numpy()
        # most levels lie where price never came: they need no search
        near = np.flatnonzero(mine & (sign * price >= extreme.min()))
        level, begin, stop = sign * price[near], start[near], np.maximum(until[near], start[near])
        found = first_reached(extreme, level, begin, stop)
        found = np.where(found < stop, found, n)
        before = np.maximum(begin - 1, 0)
        passed = during[near] & (sign * close[before] <= level)
        swept[near] = np.where(passed, before, found)
    return swept
