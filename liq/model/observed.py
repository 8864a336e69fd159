"""A map out of real positions: what accounts of a venue were seen to hold, by time and liquidation price."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from liq.errors import InputError
from liq.formatting import age, whole_percent
from liq.market import SIDES, Market, as_utc
from liq.model.as_of import first_bars
from liq.model.grid import check_edges, drawn_edges, photo_bars
from liq.model.heatmap import GroupedUsd, Heatmap, Holders
from liq.model.leverage_bands import BANDS, in_bands
from liq.model.position_levels import Levels, bucket_of, levels_in, photographs, swept_by_bar
from liq.model.snapshots import share_seen, snapshot_times
from liq.positions import MARGINS, Positions
from liq.wording import REAL


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
    levels: Levels
    bands: tuple[str, ...] = tuple(BANDS)

    @property
    def known(self) -> np.ndarray:
        """Whether a snapshot covers each photographed bar, bool (T,)."""
        return self.covered[self.photos]

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

    def holders(self, side: str, low: float, high: float) -> Holders | None:
        """Return who holds the levels between two prices at the last bar; None where nothing stands."""
        here = self._last
        inside = here.only((here.short == (side == "short")) & (here.price >= low) & (here.price < high))
        if not len(inside.row):
            return None
        rows, total = self.positions.rows.iloc[inside.row], inside.usd.sum()
        by_account = np.bincount(pd.factorize(rows["account"])[0], inside.usd)
        cross = float(inside.usd[(rows["margin"] == "cross").to_numpy()].sum() / total)
        return Holders(len(by_account), float(by_account.max() / total), cross)

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
        n = int(self.photos[photos.stop - 1]) + 1
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
        return self.positions.time_before(self._end) if self.known[-1] else None

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
    levels = levels_in(market, positions, times, photos, edges)
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
        levels=levels,
    )
