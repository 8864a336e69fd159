"""Desk notes read from the data: absorption, migration and confluence, each with its rule and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from liq.formatting import decimals, money, percent, timestamp
from liq.formatting import price as price_text
from liq.model.heatmap import DUST, Heatmap
from liq.wording import dollars_of
from liq.zones.details import SPANS, photo_before
from liq.zones.landmarks import Landmark, landmark_kinds, landmarks
from liq.zones.peaks import peaks
from liq.zones.ranking import REACH, SIDES, book_on_side, buckets_in_range, check_price, top_zones

LOUD_QUANTILE = 0.9
"""An hour is loud when more was swept in it than in this share of the hours that swept anything on that side."""

WATCHED_HOURS = 4
"""Number of hours after a loud one in which price is watched."""

CALM_RANGE = 0.6
"""Absorbed means that price then covered less than this share of its usual range in as many hours."""

MIN_SHIFT = 0.02
"""A book has migrated when its centre moved by at least this fraction of price within a day."""

MAX_ZONES = 5
"""Number of zones a side that are compared with landmarks, the strongest first."""

LANDMARK_MARGIN = 0.001
"""Fraction of price that a landmark may lie outside a zone and still count as on it."""

MIN_KINDS = 2
"""Minimum number of kinds of landmark on a zone for a note."""

ABSORPTION = (
    f"An hour that took more than {LOUD_QUANTILE:.0%} of the hours that took anything on that side, after which "
    f"price covered less than {CALM_RANGE:.0%} of its usual range in {WATCHED_HOURS} hours and did not go beyond "
    "that hour's extreme."
)
MIGRATION = (
    f"The centre of what stands within {REACH:.0%} of price on a side moved by at least {MIN_SHIFT:.0%} within a day."
)
CONFLUENCE = (
    f"Of the {MAX_ZONES} strongest zones a side, those on at least {MIN_KINDS} of: swing, range edge, round number, "
    f"previous day's extreme, previous week's extreme; {LANDMARK_MARGIN:.1%} beside a zone counts."
)

MEASURED = {
    "absorption": "It comes 1.2 times a week on recordings and 0.7 times on a simulated market, where each is a "
    "false alarm.",
    "migration": "So it was on 23 % of sides and days on recordings, and on 17 % on a simulated market.",
    "confluence": "So it is for 10 % of zones on recordings, and for as many of the same zones put elsewhere.",
}
"""Frequency of each note, and of its false alarms; measured by `benchmarks.zones`."""


@dataclass(frozen=True)
class DeskNote:
    """Hold one note: its kind, its sentence, the rule behind it, its numbers, and its place on the chart.

    kind : "absorption", "migration" or "confluence"; side : "above" or "below" the price of its time; numbers : by
    name, USD, prices or fractions; time, price : the point on the chart that a link leads to.
    """

    kind: str
    side: str
    sentence: str
    rule: str
    time: pd.Timestamp
    price: float
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def completed(self) -> pd.Timestamp:
        """When everything in the note had happened; the chart as of then shows it."""
        watched_hours = self.numbers.get("hours", 0.0)  # after an hour, or a longer bar, of its own
        return self.time + pd.Timedelta(hours=watched_hours * (1 + 1 / WATCHED_HOURS))


def desk_notes(heatmap: Heatmap, price: float | None = None, zones: pd.DataFrame | None = None) -> list[DeskNote]:
    """Return every note at a price, default the market's; zones as `top_zones` gave them, if at hand.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> notes = desk_notes(liq.estimate(simulate("BTC", "7d", now="2026-09-01")))
    >>> {note.kind for note in notes} <= set(MEASURED)
    True
    """
    reference = check_price(heatmap, price)
    zones = top_zones(heatmap, reference) if zones is None else zones
    return [*absorption(heatmap), *migration(heatmap, reference), *confluence(heatmap, zones)]


def absorption(heatmap: Heatmap) -> list[DeskNote]:
    """Return the hours of the visible window that swept much and were followed by little movement, latest first.

    Rule: the hour swept more than LOUD_QUANTILE of all hours that swept anything on that side, warm-up included; in
    the WATCHED_HOURS hours that followed, price did not go beyond the hour's extreme and covered less than CALM_RANGE
    times the median range of as many hours. Bars longer than an hour are used as they are.

    >>> import liq, liq.sources.simulation.market as simulation
    >>> absorption(liq.estimate(simulation.simulate("BTC", "12h", now="2026-09-01")))
    []
    """
    hours = _hours(heatmap)
    if len(hours) <= WATCHED_HOURS:
        return []
    following = {
        name: np.lib.stride_tricks.sliding_window_view(hours[name].to_numpy()[1:], WATCHED_HOURS)
        for name in ("high", "low")
    }
    highs, lows = following["high"].max(axis=1), following["low"].min(axis=1)
    ranges = highs / lows - 1
    usual = float(np.median(ranges))
    notes = []
    for side in SIDES:
        stayed = (
            highs <= hours["high"].iloc[: len(highs)] if side == "above" else lows >= hours["low"].iloc[: len(lows)]
        )
        rows = np.flatnonzero(
            _loud(hours[side].to_numpy())[: len(highs)] & stayed.to_numpy() & (ranges < CALM_RANGE * usual)
        )
        notes += [_absorbed(heatmap, hours.iloc[row], side, float(ranges[row]), usual) for row in rows]
    return sorted(
        (note for note in notes if note.time >= heatmap.market.start), key=lambda note: note.time, reverse=True
    )


def migration(heatmap: Heatmap, price: float | None = None) -> list[DeskNote]:
    """Return a note for each side whose centre moved by MIN_SHIFT or more within a day: from where to where, and what
    was built.

    The centre is the mean log price of what stands within REACH of `price` on that side, weighted by USD, then and
    now over the same buckets. Empty where the window does not reach back a day.

    >>> import liq, liq.sources.simulation.market as simulation
    >>> len(migration(liq.estimate(simulation.simulate("BTC", "7d", now="2026-09-01")))) <= 2
    True
    """
    reference = check_price(heatmap, price)
    earlier = photo_before(heatmap, SPANS["day"])
    if earlier is None:
        return []
    middle = np.log(np.sqrt(heatmap.edges[:-1] * heatmap.edges[1:]))
    near = np.abs(middle - np.log(reference)) <= np.log1p(REACH)
    notes = []
    for side, positions in SIDES.items():
        before = np.where(near, getattr(heatmap, positions)[earlier], 0.0)
        now = np.where(near, book_on_side(heatmap, reference, side), 0.0)
        if not (before.sum() > DUST and now.sum() > DUST):
            continue
        centre_before, centre_now = (
            float(np.exp(middle @ before / before.sum())),
            float(np.exp(middle @ now / now.sum())),
        )
        if abs(centre_now / centre_before - 1) >= MIN_SHIFT:
            notes.append(_migrated(heatmap, reference, side, centre_before, centre_now, before, now))
    return notes


def confluence(heatmap: Heatmap, zones: pd.DataFrame) -> list[DeskNote]:
    """Return a note for each of the MAX_ZONES strongest zones a side that sit on MIN_KINDS or more kinds of landmark.

    Kinds: swing, range edge, round number, previous day's extreme, previous week's extreme (`liq.zones.landmarks`). A
    landmark counts from LANDMARK_MARGIN below the zone to LANDMARK_MARGIN above it.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "7d", now="2026-09-01"))
    >>> all(note.kind == "confluence" for note in confluence(heatmap, liq.top_zones(heatmap)))
    True
    """
    notes = []
    for _, zone in zones.groupby("side", sort=False).head(MAX_ZONES).iterrows():
        marks = landmarks(heatmap.market, zone["low"] * (1 - LANDMARK_MARGIN), zone["high"] * (1 + LANDMARK_MARGIN))
        if len(landmark_kinds(marks)) >= MIN_KINDS:
            notes.append(_confluent(heatmap, str(zone["side"]), zone, marks))
    return notes


def _step(heatmap: Heatmap) -> pd.Timedelta:
    """Return an hour, or the visible bar where that is longer."""
    return max(pd.Timedelta(hours=1), heatmap.market.bar)


def _hours(heatmap: Heatmap) -> pd.DataFrame:
    """Return finished hours (or longer bars), by start: open high low close, USD swept above and below."""
    market = heatmap.market
    step = _step(heatmap)
    coarse = np.flatnonzero(market.hours() * pd.Timedelta(hours=1) > step)
    fine = slice(int(coarse[-1]) + 1 if len(coarse) else 0, None)  # without the warm-up, where its bars are longer
    candles, swept = market.candles.iloc[fine], heatmap.swept.iloc[fine]
    start = pd.DatetimeIndex(candles.index).floor(step)
    frame = candles.groupby(start).agg({"open": "first", "high": "max", "low": "min", "close": "last"})
    for side, positions in SIDES.items():
        frame[side] = swept[positions].groupby(start).sum()
    is_finished = pd.DatetimeIndex(frame.index) + step <= market.as_of
    return frame[is_finished]


def _loud(swept: np.ndarray) -> np.ndarray:
    """Return which hours swept more than LOUD_QUANTILE of those that swept anything, bool; none where too few did."""
    nonzero = swept[swept > DUST]
    if len(nonzero) < 1 / (1 - LOUD_QUANTILE):
        return np.zeros(len(swept), bool)
    return swept > np.quantile(nonzero, LOUD_QUANTILE)


def _absorbed(heatmap: Heatmap, hour: pd.Series, side: str, covered: float, usual: float) -> DeskNote:
    """Return the note of one loud hour, with the range that price covered after it."""
    swept, first_open = float(hour[side]), float(hour["open"])
    extreme = float(hour["high" if side == "above" else "low"])
    time = pd.Timestamp(hour.name)  # type: ignore[arg-type]
    places = decimals(extreme, heatmap.market.tick)
    span = WATCHED_HOURS * _step(heatmap) / pd.Timedelta(hours=1)
    positions = "shorts" if side == "above" else "longs"
    sentence = (
        f"{timestamp(time)}: price went from {price_text(first_open, places)} to {price_text(extreme, places)} "
        f"through {dollars_of(heatmap.kind, money(swept), positions)} and then moved "
        f"{percent(covered, 1, sign=False)} in the next {span:.0f} hours, against {percent(usual, 1, sign=False)} "
        "usually. What stood there may be spent."
    )
    numbers = {
        "taken": swept,
        "from": first_open,
        "to": extreme,
        "after": covered,
        "usual": usual,
        "hours": span,
    }
    return DeskNote("absorption", side, sentence, ABSORPTION, time, extreme, numbers)


def _migrated(
    heatmap: Heatmap,
    price: float,
    side: str,
    centre_before: float,
    centre_now: float,
    before: np.ndarray,
    now: np.ndarray,
) -> DeskNote:
    """Return the note of one side whose centre moved, with the zone that gained most."""
    places = decimals(price, heatmap.market.tick)
    positions = "shorts above" if side == "above" else "longs below"
    sentence = (
        f"In the last day the centre of the {positions} moved from {price_text(centre_before, places)} to "
        f"{price_text(centre_now, places)} ({percent(centre_now / centre_before - 1)})"
    )
    numbers = {
        "from": centre_before,
        "to": centre_now,
        "moved": centre_now / centre_before - 1,
        "before": before.sum(),
        "now": now.sum(),
    }
    biggest = [_biggest(heatmap.edges, usd) for usd in (before, now)]
    if abs(biggest[1] / biggest[0] - 1) >= MIN_SHIFT:
        sentence += f", its biggest zone from {price_text(biggest[0], places)} to {price_text(biggest[1], places)}"
        numbers |= {"zone_from": biggest[0], "zone_to": biggest[1]}
    zones = top_zones(heatmap, price)
    own_zones = zones[zones["side"] == side]
    parts = [
        buckets_in_range(heatmap, low, high) for low, high in zip(own_zones["low"], own_zones["high"], strict=True)
    ]
    gains = [float((now - before)[part].sum()) for part in parts]
    point = centre_now
    if gains and max(gains) > DUST:
        grown = own_zones.iloc[int(np.argmax(gains))]
        low, high, point = float(grown["low"]), float(grown["high"]), float(grown["peak"])
        sentence += (
            f"; most was built in {price_text(low, places)} to {price_text(high, places)}: {money(max(gains))}"
        )
        numbers |= {"built": max(gains), "built_low": low, "built_high": high}
    return DeskNote("migration", side, f"{sentence}.", MIGRATION, heatmap.times[-1], point, numbers)


def _biggest(edges: np.ndarray, usd: np.ndarray) -> float:
    """Return the price at which the biggest peak of a profile lies."""
    biggest = max(peaks(edges, usd), key=lambda peak: usd[peak.first : peak.last + 1].sum())
    return float(np.sqrt(edges[biggest.top] * edges[biggest.top + 1]))


def _confluent(heatmap: Heatmap, side: str, zone: pd.Series, marks: list[Landmark]) -> DeskNote:
    """Return the note of one zone and the landmarks on it; it points to when the latest of them was made."""
    places = decimals(float(zone["peak"]), heatmap.market.tick)
    texts = [f"{mark.kind} {price_text(mark.price, places)}" for mark in marks]
    sentence = (
        f"The zone {price_text(zone['low'], places)} to {price_text(zone['high'], places)} "
        f"({percent(zone['distance'])}, {money(zone['usd'])}) sits on {', '.join(texts[:-1])} and {texts[-1]}."
    )
    times = [mark.time for mark in marks if mark.time is not pd.NaT]
    numbers = {"low": float(zone["low"]), "high": float(zone["high"]), "usd": float(zone["usd"])}
    numbers |= {f"{mark.kind} {row}": mark.price for row, mark in enumerate(marks, 1)}
    time = max(times) if times else heatmap.times[-1]
    return DeskNote("confluence", side, sentence, CONFLUENCE, time, float(zone["peak"]), numbers)
