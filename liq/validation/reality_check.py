"""Reality check: choose what to score a heatmap against, and score, fit and follow it once for all sessions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from liq.formatting import whole_percent
from liq.market import SIDES, Market
from liq.model.as_of import market_before
from liq.model.estimate import estimate
from liq.model.estimated import Estimate
from liq.model.prior import Prior, as_prior
from liq.model.snapshots import share_seen
from liq.positions import Positions
from liq.sources.recorder.messages import MESSAGE_FORMATS
from liq.sources.recorder.reader import RECORDED, recorded_events
from liq.sources.titles import source_title
from liq.sources.venues.table import VENUES
from liq.validation.calibration import calibrate
from liq.validation.place import PlaceScore, place_score
from liq.validation.positions.reality_check import gone_after_crossing
from liq.validation.skill import Skill, skill
from liq.validation.zone_touches import NAMING_INTERVAL, ZoneTouches, zone_touches

BAR_R2 = {300: (0.84, 0.84), 900: (0.84, 0.84), 1800: (0.83, 0.84), 3600: (0.79, 0.84), 14400: (0.78, 0.91)}
"""R² of log dollars on BTC's held-out days by bar length in seconds, and that of 5-minute bars over the same hours:
per hour up to 1 h, per four hours beyond (`python -m benchmarks.long_bars`)."""


@dataclass(frozen=True, eq=False)
class ScoringInput:
    """Hold a heatmap and the realised liquidations to score it against.

    heatmap : the heatmap, or the part of the one venue that reports liquidations; liquidations : as in
    `liq.skill`; remark : a sentence on what they are, or ""; whole : whether they are all that the venue liquidated,
    so that a prior can be fitted to their dollars; events : single ones with their prices, where known
    (`liq.validation.place`).
    """

    heatmap: Estimate
    liquidations: pd.DataFrame
    remark: str = ""
    whole: bool = True
    events: pd.DataFrame | None = None


@dataclass(frozen=True, eq=False)
class FitReport:
    """Hold what a fit on the earlier part of a market came to, and the scores of it and its base on the later part.

    prior : the fit, or the prior it started from where it was not adopted (`liq.calibrate`); fitted, shipped : scores
    of the fit, adopted or not, and of the prior it started from; raw : the fit, adopted or not.
    """

    prior: Prior
    fitted: Skill
    shipped: Skill
    raw: Prior


@cached(LRUCache(4), condition=threading.Condition())
def scoring_input(
    heatmap: Estimate,
    upload: bytes | Path | None = None,
    name: str = "liquidations.csv",
    dates: str = "",
    positions: Positions | None = None,
) -> ScoringInput | None:
    """Return what the heatmap can be scored against; None where its source gives no realised liquidations.

    upload : a file of the user's own or its content (`liq.sources.file_worker.readers.read_liquidations`), named
    `name`, which is used instead of the source's; dates : as there. Where several venues are added up, the one that
    reports liquidations for the longest time is scored alone. positions : real ones; where the source reports nothing
    and they are of it, the estimate is scored against what they say of liquidations
    (`liq.validation.positions.realised`). Raises InputError for a file that cannot be read.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    >>> scoring_input(heatmap).remark
    ''
    """
    if upload is not None:
        from liq.sources.file_worker.readers import read_liquidations  # only uploads need it
        from liq.sources.files.table import named_buffer

        file = named_buffer(upload, name) if isinstance(upload, bytes) else upload
        own = read_liquidations(file, dates, heatmap.market.symbol)
        return ScoringInput(heatmap, own, "Scored against the uploaded liquidations.")
    part = max(heatmap.venues, key=lambda part: _known_hours(part.market))
    realised = part.market.liquidations
    if realised is None or not _known_hours(part.market):
        return None if positions is None else _seen_in_positions(heatmap, positions)
    remarks = []
    if heatmap.parts:
        title = source_title(part.market.source)
        remarks.append(f"Several venues are on screen; only the one with the longest record is scored, {title}.")
    if not realised[list(SIDES)].notna().all(axis=1).any():
        remarks.append("This source reports longs and shorts together, so their sum is scored.")
    return ScoringInput(part, realised, " ".join([*remarks, *_recorder_remarks(part.market)]))


def _seen_in_positions(heatmap: Estimate, positions: Positions) -> ScoringInput | None:
    """Return what snapshots of real positions say of liquidations on their own venue; None where they say nothing."""
    part = next((part for part in heatmap.venues if part.market.source == positions.source), None)
    realised = None if part is None else gone_after_crossing(positions, part.market)
    if part is None or realised is None:
        return None
    share = share_seen(part.market, positions)
    seen = f", {whole_percent(share)} of open interest" if np.isfinite(share) else ""
    return ScoringInput(
        part,
        realised,
        f"{source_title(positions.source)} publishes no liquidations. Scored are real positions that were gone or "
        "smaller in the next snapshot once price had crossed their level, in the bar of the crossing. They are only "
        f"those of the accounts seen{seen}, so dollars do not compare; one that its owner closed just before looks "
        "the same.",
        whole=False,
    )


def _known_hours(market: Market) -> float:
    """Return the number of hours for which a market's liquidations are known."""
    if market.liquidations is None:
        return 0.0
    is_known = market.liquidations.notna().any(axis=1).reindex(market.times, fill_value=False).to_numpy(bool)
    return float(market.hours()[is_known].sum())


def _recorder_remarks(market: Market) -> list[str]:
    """Return sentences on what a recorded stream leaves out, where the liquidations come from one."""
    origin = market.origins.get("liquidations")
    if origin is None or origin.source != RECORDED:
        return []
    title, carries = VENUES[market.source].title, MESSAGE_FORMATS[market.source].carries
    remarks = [f"Recorded from {title}'s stream; bars in which the recorder was not listening are left out."]
    return remarks + ([f"The stream carries {carries}, so realised dollars are a lower bound."] if carries else [])


def why_not_scored(market: Market) -> str:
    """Return why there is nothing to score a market against, and what can be done about it.

    >>> from liq.sources.simulation.market import simulate
    >>> print(why_not_scored(simulate("BTC", "12h", now="2026-09-01"))[:47])
    This source publishes no realised liquidations,
    """
    if any(part.source not in MESSAGE_FORMATS for part in market.parts or (market,)):
        return (
            "This source publishes no realised liquidations, so there is nothing to score the map against here. "
            "Gate, Kraken Futures and the simulated market do; a file of your own can carry them, and where real "
            "positions of this source are at hand, a day of snapshots says what was liquidated of them."
        )
    titles = " and ".join(VENUES[part.source].title for part in market.parts or (market,))
    names = ",".join(part.source for part in market.parts or (market,))
    coin = market.base if market.base.isalnum() else ""
    return (
        f"{titles} reports liquidations only as they happen, and none were recorded here. Run "
        f"`python -m liq record {coin} --source {names} --to recordings`, and the app with "
        "`LIQ_RECORDED=recordings`; or choose Gate, Kraken Futures or the simulated market, which give theirs."
    )


def bar_length_sentence(market: Market) -> str:
    """Return one sentence on what bars as long as this view's score, beside those of five minutes.

    >>> from liq.sources.simulation.market import simulate
    >>> bar_length_sentence(simulate("BTC", "1M", now="2026-09-01"))[:27]
    'Bars of this view last 1 h;'
    """
    minutes = market.bar.total_seconds() / 60
    seconds = next((length for length in BAR_R2 if minutes * 60 <= length), max(BAR_R2))
    own, fine = BAR_R2[seconds]
    length = f"{minutes:g} min" if minutes < 60 else f"{minutes / 60:g} h"
    per = "by four hours" if seconds > 3600 else "by the hour"
    others = "" if seconds == 300 else f", bars of 5 min {fine:.2f}"
    return f"Bars of this view last {length}; on BTC's held-out days such bars reached R² {own:.2f} {per}{others}."


@cached(LRUCache(8), condition=threading.Condition())
def score(base: ScoringInput) -> Skill:
    """Return the heatmap's score, see `liq.skill`; raise InputError where too few bars are shared.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"), columns=1)
    >>> score(scoring_input(heatmap)).bars > 48
    True
    """
    return skill(base.heatmap, base.liquidations)


@cached(
    LRUCache(4),
    key=lambda base, towards="calibrated": (base, towards if isinstance(towards, str) else towards.to_json()),
    condition=threading.Condition(),
)
def fit_prior(base: ScoringInput, towards: str | Prior = "calibrated") -> FitReport:
    """Fit a prior on the bars before those that `score` scores; score it and the one it starts from on those.

    Raises InputError where too few bars are shared.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"), columns=1)
    >>> report = fit_prior(scoring_input(heatmap))
    >>> report.fitted.since == report.shipped.since
    True
    """
    market, realised = replace(base.heatmap.market, parts=()), base.liquidations
    shipped = skill(estimate(market, towards, columns=1), realised)
    early, known = market_before(market, shipped.since), realised[_utc(realised.index) < shipped.since]
    fitted = calibrate(early, known, towards, raw=True)
    scores = skill(estimate(market, fitted, columns=1), realised, since=shipped.since)
    if not fitted.adopted:
        kept = replace(as_prior(towards), adopted=False, verdict=fitted.verdict)
        return FitReport(kept, fitted=scores, shipped=shipped, raw=fitted)
    return FitReport(fitted, fitted=scores, shipped=shipped, raw=fitted)


def _touches_key(heatmap: Estimate) -> tuple[object, ...]:
    """Return the cache key of a heatmap's zone touches: they change as zones are named, not with every bar."""
    market = heatmap.market
    named_until = market.as_of.floor(NAMING_INTERVAL)
    closes = market.candles["close"][market.times < named_until][-8:]
    parts = tuple(part.market.source for part in heatmap.parts)
    priors = (heatmap.weights.tobytes(), heatmap.prior.paces, heatmap.prior.kappa, heatmap.prior.half_life)
    window = round((market.as_of - market.start) / pd.Timedelta(hours=12))
    return (market.symbol, market.source, parts, market.bar, window, named_until, *closes, *priors)


@cached(LRUCache(16), key=_touches_key, condition=threading.Condition())
def followed_zones(heatmap: Estimate) -> ZoneTouches:
    """Return the zone touches of a heatmap (`liq.validation.zone_touches`); computed again when zones are named.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> followed_zones(liq.estimate(simulate("BTC", "12h", now="2026-09-01"))).reached[0].days
    1
    """
    return zone_touches(heatmap)


@cached(LRUCache(4), condition=threading.Condition())
def recorded_place(heatmap: Estimate) -> PlaceScore | None:
    """Return where inside swept ranges recorded liquidations lay, see `liq.validation.place`; None without any.

    Raises InputError where there are liquidations, but none inside a swept range.

    >>> from liq.sources.simulation.market import simulate
    >>> recorded_place(estimate(simulate("BTC", "12h", now="2026-09-01"))) is None
    True
    """
    for part in heatmap.venues:
        if (events := recorded_events(part.market)) is not None:
            return place_score(part, events)
    return None


def _utc(index: pd.Index) -> pd.DatetimeIndex:
    """Return times aware in UTC, naive ones taken as UTC."""
    times = pd.DatetimeIndex(index)
    return times.tz_localize("UTC") if times.tz is None else times
