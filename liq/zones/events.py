"""Events: what happens to zones from one finished bar to the next (built, moved, swept), each reported once.

Only finished bars count, and those never repaint, so a bar always gives the same events. A zone is tracked from the
bar in which it holds the minimum dollars, under whatever edges it has by then. A zone that only decays as positions
close is no event, nor is one that comes back within a day: two peaks that join and part again stay the zones they
were.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from liq.market import as_utc
from liq.model.as_of import heatmap_at
from liq.model.heatmap import Heatmap
from liq.wording import ESTIMATE
from liq.zones.alerts import ZoneNotice, zone_rows
from liq.zones.ranking import SPENT, top_zones

USD = 2.5e6
"""Minimum dollars of a zone to be tracked, as for alerts; a zone with less than half of them is gone."""

MOVED = 0.005
"""A zone has moved when its peak is this far, in log price, from the one last reported, and the zone no longer holds
that price."""

MEMORY = 86_400.0
"""Seconds for which a zone that is no longer found is remembered, while price does not reach it."""

HORIZON = 0.1
"""Distance from price within which a zone is reported as built. Zones are found up to 15 % from price, so one that is
new farther out has mostly come into view; it is tracked and not reported."""

MAX_ZONES = 200
"""Number of zones compared a side: all there are, so that no rank decides what happens."""


@dataclass(frozen=True, kw_only=True)
class Event(ZoneNotice):
    """Say what happened to a zone during one finished bar.

    kind : "built", "moved" or "swept"; low, high, peak : its prices, for a swept one those before; usd : estimated to
    stand there, for a swept one estimated to have been swept; before : the peak that was last reported, NaN unless it
    moved; price : the bar's close; time : its end, UTC.
    """

    kind: str
    before: float = math.nan


class Bar(NamedTuple):
    """A finished bar: when it ended (UTC), and how far price went in it."""

    end: pd.Timestamp
    low: float
    high: float
    close: float


class _TrackedZone(NamedTuple):
    """A tracked zone: as it was last found, and when; the peak last reported; the dollars swept since."""

    side: str
    low: float
    high: float
    peak: float
    usd: float
    reported: float
    swept: float
    found_at: float


def finished_bars(heatmap: Heatmap, since: pd.Timestamp | None = None) -> list[tuple[Bar, pd.DataFrame]]:
    """Return the bars that ended after `since`, oldest first, each with the zones as they stood at its end.

    since : UTC; None for the last two. Zones come from one map, cut off at each bar.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> [str(bar.end.time()) for bar, zones in finished_bars(heatmap)]
    ['23:59:00', '00:00:00']
    """
    market = heatmap.market
    rows = range(len(heatmap.times) - int(market.forming))
    bars: list[tuple[Bar, pd.DataFrame]] = []
    for row in reversed(rows):
        end = as_utc(heatmap.times[row] + market.bar, "time")
        if len(bars) == 2 if since is None else end <= as_utc(since, "since"):
            break
        heatmap_then = heatmap_at(heatmap, row)
        low, high, close = heatmap_then.market.candles[["low", "high", "close"]].to_numpy()[-1].tolist()
        bar = Bar(end, low, high, close)
        bars.append((bar, top_zones(heatmap_then, bar.close, n=MAX_ZONES)))
    return bars[::-1]


def detect(
    state: dict[str, Any],
    symbol: str,
    zones: pd.DataFrame,
    bar: Bar,
    usd: float = USD,
    *,
    map_kind: str = ESTIMATE,
) -> tuple[list[Event], dict[str, Any]]:
    """Return what happened to a symbol's zones during a bar, and the state for the next bar.

    state : {} at first, with which the zones are only noted, then what the last call returned, for any number of
    symbols; it is plain and fits JSON. zones : `top_zones` at the bar's end, all of them; usd : minimum dollars of a
    tracked zone. A bar that was passed before gives no events.

    A new zone is the tracked one on its side that it overlaps most. **Built**: there is none, and it holds `usd`
    nearer than HORIZON. **Moved**: its peak is MOVED from the one last reported, which now lies outside of it.
    **Swept**: price reached it, and what bars that reached it swept is more than SPENT of that and what is left.

    >>> columns = ["side", "low", "high", "peak", "usd"]
    >>> before = pd.DataFrame([("above", 105.0, 106.0, 105.5, 4e7)], columns=columns)
    >>> after = before.iloc[:0]
    >>> end = pd.Timestamp("2026-01-31 12:00", tz="UTC")
    >>> _, state = detect({}, "BTC", before, Bar(end, 99.0, 101.0, 100.0))
    >>> events, _ = detect(state, "BTC", after, Bar(end + pd.Timedelta("1h"), 100.0, 107.0, 104.0))
    >>> print(describe(events[0]))
    price swept 105.000 to 106.000 and took an estimated $40.0M of shorts.
    """
    previous = state.get(symbol)
    now = bar.end.timestamp()
    if previous is not None and now <= previous["time"]:
        return [], state
    rows = [row for row in zone_rows(zones) if row[4] >= usd / 2]
    tracked = [_TrackedZone(*row) for row in previous["zones"]] if previous else []
    tracked = [zone for zone in tracked if zone.found_at == previous["time"] or now - zone.found_at < MEMORY]  # type: ignore[index]
    successors = _successors(tracked, rows)
    events: list[Event] = []
    next_tracked: list[_TrackedZone] = []

    def report(kind: str, zone: _TrackedZone, dollars: float, before: float = float("nan")) -> None:
        side, low, high, peak = zone[:4]
        place: dict[str, Any] = {
            "symbol": symbol,
            "side": side,
            "low": low,
            "high": high,
            "peak": peak,
            "usd": dollars,
        }
        events.append(Event(**place, kind=kind, before=before, price=bar.close, time=bar.end, map_kind=map_kind))

    for number, zone in enumerate(tracked):
        successor = rows[successors[number]] if number in successors else None
        reached = bar.high >= zone.low if zone.side == "above" else bar.low <= zone.high
        standing_usd = successor[4] if successor else 0.0
        swept_usd = max(0.0, zone.usd - standing_usd) if zone.found_at == previous["time"] else 0.0  # type: ignore[index]
        swept_total = zone.swept + (swept_usd if reached else 0.0)
        if reached and swept_total > SPENT * (swept_total + standing_usd):
            report("swept", zone, swept_total)
            swept_total = 0.0
        if successor is not None:
            updated = _track(successor, zone.reported, swept_total, now)
            is_far = abs(math.log(updated.peak / updated.reported)) >= MOVED
            if is_far and not updated.low <= updated.reported <= updated.high:
                report("moved", updated, updated.usd, updated.reported)
                updated = updated._replace(reported=updated.peak)
            next_tracked.append(updated)
        elif not reached:
            next_tracked.append(zone)
    for number, row in enumerate(rows):
        if number in successors.values():
            continue
        new = _track(row, row[3], 0.0, now)
        is_separate = not any(_overlap(zone, row) > 0 for zone in tracked)  # else a part of what was reported
        edge = new.low if new.side == "above" else new.high
        if (
            previous is not None
            and is_separate
            and new.usd >= usd
            and abs(math.log(edge / bar.close)) <= math.log1p(HORIZON)
        ):
            report("built", new, new.usd)
        if not is_separate or new.usd >= usd:
            next_tracked.append(new)
    return events, {**state, symbol: {"time": now, "zones": [list(zone) for zone in next_tracked]}}


def describe(event: Event) -> str:
    """Return an event as one sentence, without its symbol and time.

    >>> zone = dict(symbol="BTC", side="below", low=98.0, high=99.0, peak=98.5, usd=3e7)
    >>> describe(Event(**zone, kind="built", price=100.0, time=pd.Timestamp("2026-01-31")))
    'a zone with an estimated $30.0M of longs was built at 98.000 to 99.000.'
    """
    if event.kind == "swept":
        return f"price swept {event.range_text} and took {event.dollars_text}."
    if event.kind == "moved":
        return (
            f"the zone with {event.dollars_text} moved its peak from {event.price_text(event.before)} to "
            f"{event.price_text(event.peak)}; it reaches from {event.range_text}."
        )
    return f"a zone with {event.dollars_text} was built at {event.range_text}."


def changes_sentence(events: Iterable[Event]) -> str:
    """Return how many zones were built, moved and swept on each side, in words without a full stop.

    >>> zone = dict(symbol="BTC", side="below", low=98.0, high=99.0, peak=98.5, usd=3e7)
    >>> time = pd.Timestamp("2026-01-31")
    >>> changes_sentence([Event(**zone, kind=kind, price=100.0, time=time) for kind in ("built", "built", "swept")])
    '2 zones built below, 1 swept below'
    """
    counts = Counter((event.kind, event.side) for event in events)
    found = [(kind, side) for kind in ("built", "moved", "swept") for side in ("above", "below")]
    parts = [f"{counts[which]} {' '.join(which)}" for which in found if counts[which]]
    if parts:
        number, _, rest = parts[0].partition(" ")
        parts[0] = f"{number} zone{'s' if number != '1' else ''} {rest}"
    return ", ".join(parts)


def _successors(tracked: list[_TrackedZone], rows: list[list[Any]]) -> dict[int, int]:
    """Return, by number, which new zone each tracked one has become: pairs with the widest overlap first."""
    pairs = [
        (-shared, old, new)
        for old, zone in enumerate(tracked)
        for new, row in enumerate(rows)
        if (shared := _overlap(zone, row)) > 0
    ]
    # Greedy by overlap, each zone once: where two zones join, the one that shares more continues in the joined zone,
    # and where one parts, its larger piece does.
    successors: dict[int, int] = {}
    for _, old, new in sorted(pairs):
        if old not in successors and new not in successors.values():
            successors[old] = new
    return successors


def _overlap(zone: _TrackedZone, row: list[Any]) -> float:
    """Return the overlap of two zones in log price; 0 on different sides."""
    if zone.side != row[0]:
        return 0.0
    return max(0.0, math.log(min(zone.high, row[2]) / max(zone.low, row[1])))


def _track(row: list[Any], reported: float, swept: float, found_at: float) -> _TrackedZone:
    """Return a row of zones as a tracked zone."""
    side, low, high, peak, usd = row
    return _TrackedZone(side, low, high, peak, usd, reported, swept, found_at)
