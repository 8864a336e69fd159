"""Desk notes, read from the data: absorption, migration and confluence, each with its rule and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from liq.formatting import decimals, money, percent, timestamp
from liq.formatting import price as written
from liq.model.heatmap import DUST, Heatmap
from liq.zones.details import SPANS, photo_before
from liq.zones.landmarks import Landmark, landmarks
from liq.zones.peaks import peaks
from liq.zones.ranking import REACH, SIDES, book_on_side, buckets_in_range, check_price, top_zones

LOUD_QUANTILE = 0.9
"""An hour is loud when more was taken in it than in this share of the hours that took anything on that side."""

WATCHED_HOURS = 4
"""Hours after a loud one in which price is watched."""

CALM_RANGE = 0.6
"""It was absorbed if price then covered less than this share of the range it usually covers in as many hours."""

MIN_SHIFT = 0.02
"""A book has migrated when its centre moved by at least this fraction of price within a day."""

MAX_ZONES = 5
"""Zones a side that are held against landmarks, the strongest first."""

LANDMARK_MARGIN = 0.001
"""A landmark this fraction of price outside a zone still counts as on it."""

MIN_KINDS = 2
"""Kinds of landmark a zone must sit on to be noted."""


ABSORPTION = (
    f"An hour that took more than {LOUD_QUANTILE:.0%} of the hours that took anything on that side, after which price covered "
    f"less than {CALM_RANGE:.0%} of its usual range in {WATCHED_HOURS} hours and did not go beyond that hour's extreme."
)
MIGRATION = (
    f"The centre of what stands within {REACH:.0%} of price on a side moved by at least {MIN_SHIFT:.0%} within a day."
)
CONFLUENCE = (
    f"Of the {MAX_ZONES} strongest zones a side, those on at least {MIN_KINDS} of: swing, range edge, round number, "
    f"previous day's extreme, previous week's extreme; {LANDMARK_MARGIN:.1%} beside a zone counts."
)


MEASURED = {
    "absorption": "It comes 1.2 times a week on recordings and 0.9 times on a simulated market, where each is a "
    "false alarm.",
    "migration": "So it was on 8 % of sides and days on recordings, and as often on a simulated market.",
    "confluence": "So it is for 14 % of zones on recordings, and for 12 % of the same zones put elsewhere by chance.",
}
"""How often each note comes, and how often where it means nothing; measured by `benchmarks.zones`."""


@dataclass(frozen=True)
class DeskNote:
    """Hold one note: its kind, what it says, the rule behind it, its numbers, and where on the chart it is.

    kind : "absorption", "migration" or "confluence"; side : "above" or "below" the price of its time; numbers : by
    name, USD, prices or fractions; time, price : the point that a link should lead to.
    """

    kind: str
    side: str
    sentence: str
    rule: str
    time: pd.Timestamp
    price: float
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def seen(self) -> pd.Timestamp:
        """When all that the note tells of had been: the chart as of then shows it."""
        watched = self.numbers.get("hours", 0.0)  # after an hour, or a longer bar, of its own
        return self.time + pd.Timedelta(hours=watched * (1 + 1 / WATCHED_HOURS))


def desk_notes(heatmap: Heatmap, price: float | None = None, zones: pd.DataFrame | None = None) -> list[DeskNote]:
    """Return every note there is at a price, default the market's; zones as `top_zones` gave them, if at hand."""
    at = check_price(heatmap, price)
    zones = top_zones(heatmap, at) if zones is None else zones
    return [*absorption(heatmap), *migration(heatmap, at), *confluence(heatmap, zones)]


def absorption(heatmap: Heatmap) -> list[DeskNote]:
    """Return the hours of the visible window that took much and moved little after, latest first.

    Rule: the hour took more than LOUD of all hours that took anything on that side, warm-up included; in the AFTER
    hours that followed, price did not go beyond the hour's extreme and covered less than CALM times the median range
    of as many hours. Bars longer than an hour stand for themselves.
    """
    hours = _hours(heatmap)
    if len(hours) <= WATCHED_HOURS:
        return []
    ahead = {
        name: np.lib.stride_tricks.sliding_window_view(hours[name].to_numpy()[1:], WATCHED_HOURS)
        for name in ("high", "low")
    }
    highs, lows = ahead["high"].max(axis=1), ahead["low"].min(axis=1)
    ranges = highs / lows - 1
    usual = float(np.median(ranges))
    notes = []
    for side in SIDES:
        held = (
            highs <= hours["high"].iloc[: len(highs)] if side == "above" else lows >= hours["low"].iloc[: len(lows)]
        )
        rows = np.flatnonzero(
            _loud(hours[side].to_numpy())[: len(highs)] & held.to_numpy() & (ranges < CALM_RANGE * usual)
        )
        notes += [_absorbed(heatmap, hours.iloc[row], side, float(ranges[row]), usual) for row in rows]
    return sorted(
        (note for note in notes if note.time >= heatmap.market.start), key=lambda note: note.time, reverse=True
    )


def migration(heatmap: Heatmap, price: float | None = None) -> list[DeskNote]:
    """Return for each side whose centre moved by SHIFT or more within a day: from where to where, and what was built.

    The centre is the mean log price of what stands within REACH of `price` on that side, weighted by USD, then and
    now over the same buckets. Nothing where the window shows no moment a day ago.
    """
    at = check_price(heatmap, price)
    then = photo_before(heatmap, SPANS["day"])
    if then is None:
        return []
    middle = np.log(np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:]))
    near = np.abs(middle - np.log(at)) <= np.log1p(REACH)
    notes = []
    for side, of in SIDES.items():
        before = np.where(near, getattr(heatmap, of)[then], 0.0)
        now = np.where(near, book_on_side(heatmap, at, side), 0.0)
        if not (before.sum() > DUST and now.sum() > DUST):
            continue
        was, stands = float(np.exp(middle @ before / before.sum())), float(np.exp(middle @ now / now.sum()))
        if abs(stands / was - 1) >= MIN_SHIFT:
            notes.append(_migrated(heatmap, at, side, was, stands, before, now))
    return notes


def confluence(heatmap: Heatmap, zones: pd.DataFrame) -> list[DeskNote]:
    """Return the zones among the LOOKED_AT strongest a side that sit on KINDS or more kinds of landmark, in order.

    Kinds: swing, range edge, round number, previous day's extreme, previous week's extreme (see `liq.zones.landmarks`). A
    landmark counts from BESIDE below the zone to BESIDE above it.
    """
    notes = []
    for _, zone in zones.groupby("side", sort=False).head(MAX_ZONES).iterrows():
        marks = landmarks(heatmap.market, zone["low"] * (1 - LANDMARK_MARGIN), zone["high"] * (1 + LANDMARK_MARGIN))
        if len(landmark_kinds(marks)) >= MIN_KINDS:
            notes.append(_confluent(heatmap, str(zone["side"]), zone, marks))
    return notes


def landmark_kinds(marks: list[Landmark]) -> set[str]:
    """Return the kinds among landmarks, a high and a low of one kind being alike."""
    return {mark.kind.removesuffix(" high").removesuffix(" low") for mark in marks}


def _step(heatmap: Heatmap) -> pd.Timedelta:
    """Return an hour, or the visible bar where that is longer."""
    return max(pd.Timedelta(hours=1), heatmap.market.bar)


def _hours(heatmap: Heatmap) -> pd.DataFrame:
    """Return finished hours (or longer bars), by start: open high low close, USD taken above and below."""
    market = heatmap.market
    step = _step(heatmap)
    coarse = np.flatnonzero(market.hours() * pd.Timedelta(hours=1) > step)
    fine = slice(int(coarse[-1]) + 1 if len(coarse) else 0, None)  # without the warm-up, where its bars are longer
    candles, swept = market.candles.iloc[fine], heatmap.swept.iloc[fine]
    start = pd.DatetimeIndex(candles.index).floor(step)
    frame = candles.groupby(start).agg({"open": "first", "high": "max", "low": "min", "close": "last"})
    for side, of in SIDES.items():
        frame[side] = swept[of].groupby(start).sum()
    whole = pd.DatetimeIndex(frame.index) + step <= market.as_of
    return frame[whole]


def _loud(taken: np.ndarray) -> np.ndarray:
    """Return which hours took more than LOUD of those that took anything, bool; none where too few did to say."""
    some = taken[taken > DUST]
    if len(some) < 1 / (1 - LOUD_QUANTILE):
        return np.zeros(len(taken), bool)
    return taken > np.quantile(some, LOUD_QUANTILE)


def _absorbed(heatmap: Heatmap, hour: pd.Series, side: str, after: float, usual: float) -> DeskNote:
    """Return the note of one hour that took much, with the range price covered after it."""
    taken, begin = float(hour[side]), float(hour["open"])
    extreme = float(hour["high" if side == "above" else "low"])
    time = pd.Timestamp(hour.name)  # type: ignore[arg-type]
    places = decimals(extreme, heatmap.market.tick)
    span = WATCHED_HOURS * _step(heatmap) / pd.Timedelta(hours=1)
    who = "shorts" if side == "above" else "longs"
    sentence = (
        f"{timestamp(time)}: price went from {written(begin, places)} to {written(extreme, places)} through an estimated "
        f"{money(taken)} of {who} and then covered {percent(after, 1, sign=False)} in the next {span:.0f} hours, "
        f"against {percent(usual, 1, sign=False)} usually. What stood there may be spent."
    )
    numbers = {"taken": taken, "from": begin, "to": extreme, "after": after, "usual": usual, "hours": span}
    return DeskNote("absorption", side, sentence, ABSORPTION, time, extreme, numbers)


def _migrated(
    heatmap: Heatmap, price: float, side: str, was: float, stands: float, before: np.ndarray, now: np.ndarray
) -> DeskNote:
    """Return the note of one side whose centre moved, with the stretch that gained most."""
    places = decimals(price, heatmap.market.tick)
    who = "shorts above" if side == "above" else "longs below"
    sentence = (
        f"In the last day the centre of the {who} moved from {written(was, places)} to {written(stands, places)} "
        f"({percent(stands / was - 1)})"
    )
    numbers = {"from": was, "to": stands, "moved": stands / was - 1, "before": before.sum(), "now": now.sum()}
    biggest = [_biggest(heatmap.edges, usd) for usd in (before, now)]
    if abs(biggest[1] / biggest[0] - 1) >= MIN_SHIFT:
        sentence += f", its biggest zone from {written(biggest[0], places)} to {written(biggest[1], places)}"
        numbers |= {"zone_from": biggest[0], "zone_to": biggest[1]}
    zones = top_zones(heatmap, price)
    mine = zones[zones["side"] == side]
    parts = [buckets_in_range(heatmap, low, high) for low, high in zip(mine["low"], mine["high"], strict=True)]
    gains = [float((now - before)[part].sum()) for part in parts]
    point = stands
    if gains and max(gains) > DUST:
        built = mine.iloc[int(np.argmax(gains))]
        low, high, point = float(built["low"]), float(built["high"]), float(built["peak"])
        sentence += f"; most was built in {written(low, places)} to {written(high, places)}: {money(max(gains))}"
        numbers |= {"built": max(gains), "built_low": low, "built_high": high}
    return DeskNote("migration", side, f"{sentence}.", MIGRATION, heatmap.times[-1], point, numbers)


def _biggest(edges: np.ndarray, usd: np.ndarray) -> float:
    """Return the price at which the biggest peak of a profile lies."""
    found = max(peaks(edges, usd), key=lambda peak: usd[peak.first : peak.last + 1].sum())
    return float(np.sqrt(edges[found.top] * edges[found.top + 1]))


def _confluent(heatmap: Heatmap, side: str, zone: pd.Series, marks: list[Landmark]) -> DeskNote:
    """Return the note of one zone and the landmarks on it; it points to when the latest of them was made."""
    places = decimals(float(zone["peak"]), heatmap.market.tick)
    named = [f"{mark.kind} {written(mark.price, places)}" for mark in marks]
    sentence = (
        f"The zone {written(zone['low'], places)} to {written(zone['high'], places)} ({percent(zone['distance'])}, "
        f"{money(zone['usd'])}) sits on {', '.join(named[:-1])} and {named[-1]}."
    )
    times = [mark.time for mark in marks if mark.time is not pd.NaT]
    numbers = {"low": float(zone["low"]), "high": float(zone["high"]), "usd": float(zone["usd"])}
    numbers |= {f"{mark.kind} {row}": mark.price for row, mark in enumerate(marks, 1)}
    time = max(times) if times else heatmap.times[-1]
    return DeskNote("confluence", side, sentence, CONFLUENCE, time, float(zone["peak"]), numbers)
