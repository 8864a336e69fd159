"""Caches that all sessions share: uploaded markets, estimates, and what is read off them.

Markets are keys by identity, so every session that shows the same market shares what was computed from it.
"""

from __future__ import annotations

import threading
from typing import TypeVar, cast

import pandas as pd

from liq import formatting
from liq.app.memory import shared
from liq.app.view import View
from liq.market import Market
from liq.model import as_of
from liq.model.estimate import estimate
from liq.model.estimated import Estimate
from liq.model.heatmap import Heatmap
from liq.model.leverage_bands import BANDS
from liq.model.observed import observe
from liq.model.prior import PRIORS, Prior
from liq.positions import Positions
from liq.validation.book_losses import book_losses
from liq.validation.track_record import TrackRecord, track_record
from liq.zones import relief
from liq.zones.ranking import SideTotals, side_totals, top_zones
from liq.zones.scenario import Scenario, scenario

H = TypeVar("H", bound=Heatmap)

_estimating = threading.Lock()
"""One estimate at a time: when a bar closes every view wants one, each takes 40 MB for a moment, and several at once
are not faster."""


@shared
def uploaded_market(files: tuple[tuple[str, bytes], ...], timeframe: str, dates: str = "") -> Market:
    r"""Return the market of uploaded files (name, content), see `liq.sources.file_worker.readers.read_market`.

    >>> hours = range(1_700_006_400_000, 1_701_446_400_000, 3_600_000)
    >>> lines = ["open_time_ms,open,high,low,close,volume", *(f"{hour},100,101,99,100,5" for hour in hours)]
    >>> uploaded_market((("mine.csv", "\n".join(lines).encode()),), "7d").price
    100.0
    """
    from liq.sources.file_worker import readers  # only uploads need it
    from liq.sources.files.table import named_buffer

    buffers = [named_buffer(content, name) for name, content in files]
    return readers.read_market(buffers, lookback=timeframe, dates=dates)


def estimated_heatmap(market: Market, prior: str | Prior) -> Estimate:
    """Return the estimate of a market, see `liq.model.estimate`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> heatmap.prior.name
    'calibrated'
    """
    return _estimated(market, prior if isinstance(prior, str) else prior.to_json())


@shared
def _estimated(market: Market, prior: str) -> Estimate:
    with _estimating:
        return estimate(market, prior=prior if prior in PRIORS else Prior.from_json(prior))


def all_bands_heatmap(market: Market, prior: str | Prior, positions: Positions | None = None) -> Heatmap:
    """Return the map of real positions of a market, or its estimate where there are none.

    >>> from liq.sources.fetch import fetch
    >>> all_bands_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated").kind
    'estimate'
    """
    return estimated_heatmap(market, prior) if positions is None else _of_positions(market, positions)


@shared
def _of_positions(market: Market, positions: Positions) -> Heatmap:
    with _estimating:
        return observe(market, positions)


def view_heatmap(
    market: Market, prior: str | Prior, bands: tuple[str, ...], positions: Positions | None = None
) -> Heatmap:
    """Return the map of a market with only these bands of leverage counted: of positions, or else the estimate.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = view_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated", ())
    >>> bool(heatmap.long.any())
    False
    """
    return reweighted_heatmap(all_bands_heatmap(market, prior, positions), bands)


def reweighted_heatmap(all_bands: H, bands: tuple[str, ...]) -> H:
    """Return the map with only these bands of leverage counted.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> bool(reweighted_heatmap(heatmap, ("51-100x",)).long.sum() < heatmap.long.sum())
    True
    """
    # all of them is the heatmap itself, which would count twice against the bound of the cache
    return all_bands if len(bands) == len(BANDS) else _reweighted(all_bands, bands)


@shared
def _reweighted(all_bands: H, bands: tuple[str, ...]) -> H:
    return cast(H, all_bands.with_bands(bands))  # a map is of the same kind with fewer bands


@shared
def losses(heatmap: Heatmap) -> list[str]:
    """Return a sentence on each bar that removed more than half of the book, see `liq.validation.book_losses`.

    >>> from liq.sources.fetch import fetch
    >>> losses(estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated"))
    []
    """
    return book_losses(heatmap)


def heatmap_as_of(view: View, heatmap: Heatmap) -> tuple[Heatmap, str]:
    """Return the heatmap as of the moment that the view names, and what to say about it.

    Without a moment that is the heatmap itself and an empty string; with one outside the window it is the heatmap
    itself and a sentence that says so.

        >>> from liq.sources.fetch import fetch
        >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
        >>> view = View("BTC", "simulated", "1d", 0, 20, True, True, ("51-100x",), "calibrated", False, True)
        >>> heatmap_as_of(view, heatmap) == (heatmap, "")
        True
    """
    row = as_of.last_closed_bar(heatmap.market, view.as_of)
    if row is not None:
        then = heatmap_up_to(heatmap, row)
        return then, (
            f"**A moment of the past.** This is what stood on {formatting.timestamp(then.market.as_of)}, "
            "with nothing from later. Live refresh is paused."
        )
    if view.as_of is None:
        return heatmap, ""
    begins = formatting.timestamp(heatmap.market.visible.index[0])
    shown = "its end" if heatmap.market.source == "archive" else "the latest"
    return heatmap, f"As of is outside this window, which begins on {begins}. This is {shown}."


@shared
def heatmap_up_to(heatmap: Heatmap, row: int) -> Heatmap:
    """Return the heatmap as it stood at the end of a bar of its window, see `liq.model.as_of`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> len(heatmap.times) - len(heatmap_up_to(heatmap, 9).times) > 0
    True
    """
    return as_of.heatmap_up_to(heatmap, row)


@shared
def book_summary(heatmap: Heatmap) -> tuple[Scenario, SideTotals]:
    """Return the scenario of a heatmap and the totals of its sides.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> 0 <= book_summary(heatmap)[0].balance <= 1
    True
    """
    return scenario(heatmap, zones=strongest_zones(heatmap)), side_totals(heatmap)


@shared
def strongest_zones(heatmap: Heatmap) -> pd.DataFrame:
    """Return the ten strongest zones of each side, see `liq.top_zones`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> strongest_zones(heatmap)["side"].unique().tolist()
    ['above', 'below']
    """
    return top_zones(heatmap, price=heatmap.market.price)


@shared
def zones_by_relief(heatmap: Heatmap) -> pd.DataFrame:
    """Return the ten zones of each side that stand out most for their distance, see `liq.zones.relief`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> "relief" in zones_by_relief(heatmap)
    True
    """
    return relief.zones_by_relief(heatmap)


@shared
def zone_record(heatmap: Heatmap) -> TrackRecord:
    """Return what became of the zones named in the window, see `liq.validation.track_record`.

    >>> from liq.sources.fetch import fetch
    >>> heatmap = estimated_heatmap(fetch("BTC", "1d", source="simulated"), "calibrated")
    >>> zone_record(heatmap) is zone_record(heatmap)
    True
    """
    return track_record(heatmap)
