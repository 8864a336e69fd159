"""What happens to zones from one finished bar to the next: built, moved, swept; each stated once.

Only finished bars count, and those never repaint, so one bar always tells the same. A zone is followed from the bar
in which it holds the least dollars asked for, under whatever edges it has by then. What only closes or fades away is
not an event, nor is what comes back within a day: two peaks that join and part again stay the zones they were.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from liq.formatting import decimals, money
from liq.formatting import price as written
from liq.market import as_utc
from liq.model.as_of import heatmap_at
from liq.model.heatmap import Heatmap
from liq.zones.alerts import zone_rows
from liq.zones.ranking import SPENT, top_zones

USD = 10e6
"""Dollars from which a zone is worth following, as for alerts; one with less than half of them is gone."""

MOVED = 0.005
"""A zone has moved when its peak is this far, in log price, from the one last stated, and that is no longer in it."""

MEMORY = 86_400.0
"""Seconds for which a zone that is not named any more is remembered, while price does not reach it."""

HORIZON = 0.1
"""Distance from price within which a zone is said to be built. Zones are named up to 15 % from price, so one that is
new farther out has mostly come into view; it is taken note of and not stated."""

MOST = 200
"""Zones looked at a side: all there are, so that no rank decides what happens."""


class Event(NamedTuple):
    """Say what happened to a zone during one finished bar.

    kind : "built", "moved" or "swept"; side : "above" or "below"; low, high, peak : its prices, for a swept one those
    before; usd : estimated to stand there, for a swept one estimated to have been taken; before : the peak that was
    last stated, NaN unless it moved; price : the bar's close; time : its end, UTC.
    """

    kind: str
    symbol: str
    side: str
    low: float
    high: float
    peak: float
    usd: float
    before: float
    price: float
    time: pd.Timestamp


class Bar(NamedTuple):
    """A finished bar: when it ended (UTC), and how far price went in it."""

    end: pd.Timestamp
    low: float
    high: float
    close: float


class _Followed(NamedTuple):
    """A zone that is followed: as it was last named, and when; the peak last stated; what was taken since."""

    side: str
    low: float
    high: float
    peak: float
    usd: float
    stated: float
    taken: float
    named: float


def finished_bars(heatmap: Heatmap, since: pd.Timestamp | None = None) -> list[tuple[Bar, pd.DataFrame]]:
    """Return the bars that ended after `since`, oldest first, each with the zones as they stood at its end.

    since : UTC; None for the last two. Zones come from one estimate, cut off at each bar.
    """
    market = heatmap.market
    rows = range(len(heatmap.times) - int(market.forming))
    found: list[tuple[Bar, pd.DataFrame]] = []
    for row in reversed(rows):
        end = as_utc(heatmap.times[row] + market.bar, "time")
        if len(found) == 2 if since is None else end <= as_utc(since, "since"):
            break
        then = heatmap_at(heatmap, row)
        low, high, close = then.market.candles[["low", "high", "close"]].to_numpy()[-1].tolist()
        bar = Bar(end, low, high, close)
        found.append((bar, top_zones(then, bar.close, n=MOST)))
    return found[::-1]


def detect(
    held: dict[str, Any], symbol: str, zones: pd.DataFrame, bar: Bar, usd: float = USD
) -> tuple[list[Event], dict[str, Any]]:
    """Return what happened to a symbol's zones during a bar, and what to hold until the next.

    held : {} at first, which only takes note of what stands, then what the last step returned, for any number of
    symbols; it is plain and fits JSON. zones : `top_zones` at the bar's end, all of them; usd : the least dollars of
    a zone worth following. A bar that was already told tells nothing.

    A new zone is the followed one on its side that it overlaps most. **Built**: there is none, and it holds `usd`
    nearer than HORIZON. **Moved**: its peak is MOVED from the one last stated, which now lies outside of it.
    **Swept**: price reached it, and what bars that reached it took is more than SPENT of that and what is left.
    """
    known = held.get(symbol)
    now = bar.end.timestamp()
    if known is not None and now <= known["time"]:
        return [], held
    fresh = [row for row in zone_rows(zones) if row[4] >= usd / 2]
    following = [_Followed(*row) for row in known["zones"]] if known else []
    following = [zone for zone in following if zone.named == known["time"] or now - zone.named < MEMORY]  # type: ignore[index]
    heirs = _heirs(following, fresh)
    events: list[Event] = []
    kept: list[_Followed] = []

    def say(kind: str, zone: _Followed, dollars: float, before: float = float("nan")) -> None:
        events.append(Event(kind, symbol, *zone[:4], dollars, before, bar.close, bar.end))

    for number, zone in enumerate(following):
        heir = fresh[heirs[number]] if number in heirs else None
        reached = bar.high >= zone.low if zone.side == "above" else bar.low <= zone.high
        left = heir[4] if heir else 0.0
        lost = max(0.0, zone.usd - left) if zone.named == known["time"] else 0.0  # type: ignore[index]
        taken = zone.taken + (lost if reached else 0.0)
        if reached and taken > SPENT * (taken + left):
            say("swept", zone, taken)
            taken = 0.0
        if heir is not None:
            after = _follow(heir, zone.stated, taken, now)
            away = abs(math.log(after.peak / after.stated)) >= MOVED
            if away and not after.low <= after.stated <= after.high:
                say("moved", after, after.usd, after.stated)
                after = after._replace(stated=after.peak)
            kept.append(after)
        elif not reached:
            kept.append(zone)
    for number, row in enumerate(fresh):
        if number in heirs.values():
            continue
        new = _follow(row, row[3], 0.0, now)
        apart = not any(_overlap(zone, row) > 0 for zone in following)  # else a part of what was stated
        edge = new.low if new.side == "above" else new.high
        if known is not None and apart and new.usd >= usd and abs(math.log(edge / bar.close)) <= math.log1p(HORIZON):
            say("built", new, new.usd)
        if not apart or new.usd >= usd:
            kept.append(new)
    return events, {**held, symbol: {"time": now, "zones": [list(zone) for zone in kept]}}


def describe(event: Event) -> str:
    """Return an event as one line, without its symbol and time."""
    places = decimals(event.price)
    low, high = written(event.low, places), written(event.high, places)
    who = f"an estimated {money(event.usd)} of {'shorts' if event.side == 'above' else 'longs'}"
    if event.kind == "swept":
        return f"price swept {low} to {high} and took {who}."
    if event.kind == "moved":
        return (
            f"the zone with {who} moved its peak from {written(event.before, places)} to "
            f"{written(event.peak, places)}; it reaches from {low} to {high}."
        )
    return f"a zone with {who} was built at {low} to {high}."


def _heirs(following: list[_Followed], fresh: list[list[Any]]) -> dict[int, int]:
    """Return, by number, which new zone each followed one has become: pairs with the widest overlap first."""
    pairs = [
        (-shared, old, new)
        for old, zone in enumerate(following)
        for new, row in enumerate(fresh)
        if (shared := _overlap(zone, row)) > 0
    ]
    heirs: dict[int, int] = {}
    for _, old, new in sorted(pairs):
        if old not in heirs and new not in heirs.values():
            heirs[old] = new
    return heirs


def _overlap(zone: _Followed, row: list[Any]) -> float:
    """Return how much log price two zones share; 0 on different sides."""
    if zone.side != row[0]:
        return 0.0
    return max(0.0, math.log(min(zone.high, row[2]) / max(zone.low, row[1])))


def _follow(row: list[Any], stated: float, taken: float, named: float) -> _Followed:
    side, low, high, peak, usd = row
    return _Followed(side, low, high, peak, usd, stated, taken, named)
