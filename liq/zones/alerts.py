"""Alerts: report once that price comes near a zone, then stay silent for a while; a jump over a zone counts too."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from liq.errors import InputError
from liq.formatting import decimals, money, percent
from liq.formatting import price as price_text
from liq.market import as_utc
from liq.wording import ESTIMATE, dollars_of


@dataclass(frozen=True, kw_only=True)
class ZoneNotice:
    """Say something about a zone at a price and time.

    side : "above" or "below"; low, high, peak : prices of the zone; usd : dollars in it; price, time : of
    the notice, UTC; map_kind : of the map that named the zone.

    >>> zone = dict(symbol="BTC", side="above", low=101.0, high=102.0, peak=101.5, usd=2e7)
    >>> notice = ZoneNotice(**zone, price=100.0, time=pd.Timestamp("2026-01-31"))
    >>> notice.dollars_text, notice.range_text
    ('an estimated $20.0M of shorts', '101.000 to 102.000')
    """

    symbol: str
    side: str
    low: float
    high: float
    peak: float
    usd: float
    price: float
    time: pd.Timestamp
    map_kind: str = ESTIMATE

    @property
    def dollars_text(self) -> str:
        """The zone's dollars and whose they are, such as ``an estimated $20.0M of shorts``."""
        return dollars_of(self.map_kind, money(self.usd), "shorts" if self.side == "above" else "longs")

    @property
    def range_text(self) -> str:
        """The zone's edges, such as ``84,000.0 to 84,500.0``."""
        return f"{self.price_text(self.low)} to {self.price_text(self.high)}"

    def price_text(self, price: float) -> str:
        """Return a price with as many decimals as the notice's own price has."""
        return price_text(price, decimals(self.price))


@dataclass(frozen=True)
class AlertRule:
    """Hold when price near a zone is worth an alert.

    within : distance of price to a zone, as a fraction; usd : minimum dollars of such a zone; release : price must be
    this many times `within` away before the same zone may give another alert; cool_down : and so much time must have
    passed. Raises InputError.

    >>> AlertRule(within=0.01, usd=5e6).release
    1.5
    """

    within: float = 0.005
    usd: float = 2.5e6
    release: float = 1.5
    cool_down: pd.Timedelta = pd.Timedelta(minutes=15)  # noqa: RUF009 - a Timedelta does not change

    def __post_init__(self) -> None:
        if not 0 < self.within < 1:
            raise InputError(f"within must be a fraction of price between 0 and 1, not {self.within!r}.")
        if not 0 <= self.usd < math.inf:
            raise InputError(f"usd must be dollars, not {self.usd!r}.")
        if not 1 <= self.release < math.inf:
            raise InputError(f"release must be a number from 1, not {self.release!r}.")
        if not self.cool_down >= pd.Timedelta(0):
            raise InputError(f"cool_down must be a length of time, not {self.cool_down!r}.")


ZONE_COLUMNS = ("side", "low", "high", "peak", "usd")
"""Columns of `top_zones` that the state keeps of a zone."""


@dataclass(frozen=True, kw_only=True)
class Alert(ZoneNotice):
    """Say that price came near a zone.

    side : where the zone lay before; distance : from price to the zone's nearer edge, a signed fraction of price, 0
    inside. Where its sign is not that of the side, price has gone through.
    """

    distance: float

    @property
    def through(self) -> bool:
        """Whether price has gone through the zone and beyond it."""
        return self.price > self.high if self.side == "above" else self.price < self.low


def check(
    state: dict[str, Any],
    symbol: str,
    zones: pd.DataFrame,
    price: float,
    now: pd.Timestamp,
    rule: AlertRule | None = None,
    *,
    map_kind: str = ESTIMATE,
) -> tuple[list[Alert], dict[str, Any]]:
    """Return the alerts of one symbol at a price, and the state for the next check.

    state : {} at first, then what the last check returned, for any number of symbols; it is plain and fits JSON.
    zones : as `top_zones` gave them, at this price or an earlier one; price : live. A zone gives an alert when price
    is within `rule.within` of it, or passed it since the last check: a jump over a zone that the newest estimate no
    longer holds counts too. Zones move a little from bar to bar, so one that overlaps an alerted zone on its side is
    that zone; it is silent until the cool-down is over and price has been further away than within * release. Raises
    InputError.

    >>> zones = pd.DataFrame([("above", 101.0, 102.0, 101.5, 2e7)], columns=ZONE_COLUMNS)
    >>> alerts, state = check({}, "BTC", zones, price=100.9, now=pd.Timestamp("2026-01-31"))
    >>> print(describe(alerts[0]))
    price 100.900 is 0.10 % from 101.000 to 102.000, where an estimated $20.0M of shorts stands.
    >>> check(state, "BTC", zones, price=100.9, now=pd.Timestamp("2026-01-31 00:01"))[0]
    []
    """
    rule = AlertRule() if rule is None else rule
    if not (math.isfinite(price) and price > 0):
        raise InputError(f"price must be a positive number, not {price!r}.")
    time = as_utc(now, "now")
    seconds = time.timestamp()
    previous = state.get(symbol, {"price": price, "zones": [], "alerted": []})
    rows = zone_rows(zones)
    near_gap, release_gap = math.log1p(rule.within), math.log1p(rule.within * rule.release)
    alerted = [
        [*record[:4], record[4] or _gap(price, price, record[1], record[2]) > release_gap]
        for record in previous["alerted"]
    ]
    alerted = [
        record for record in alerted if not (record[4] and seconds - record[3] >= rule.cool_down.total_seconds())
    ]
    # Zones near the price come from the newest estimate. That estimate may no longer hold a zone that price has
    # jumped over, because the sweep took it: such zones come from the estimate before. Gaps are in log price, so that
    # above and below are mirror images.
    previous_price = previous["price"]
    reached = [zone for zone in rows if _gap(price, price, zone[1], zone[2]) <= near_gap and _ahead(price, zone)]
    reached += [
        zone
        for zone in previous["zones"]
        if _ahead(previous_price, zone)
        and _gap(previous_price, previous_price, zone[1], zone[2])
        > near_gap
        >= _gap(previous_price, price, zone[1], zone[2])
    ]
    alerts = []
    for side, low, high, peak, usd in reached:
        if usd < rule.usd or _overlaps(side, low, high, alerted):
            continue
        alerted.append([side, low, high, seconds, _gap(price, price, low, high) > release_gap])
        distance = low / price - 1 if price < low else high / price - 1 if price > high else 0.0
        zone = {"symbol": symbol, "side": side, "low": low, "high": high, "peak": peak, "usd": usd}
        alerts.append(Alert(**zone, distance=distance, price=price, time=time, map_kind=map_kind))
    return alerts, {**state, symbol: {"price": float(price), "zones": rows, "alerted": alerted}}


def zone_rows(zones: pd.DataFrame) -> list[list[Any]]:
    """Return zones, as `top_zones` gave them, as rows of ZONE_COLUMNS that fit JSON.

    >>> zone_rows(pd.DataFrame([("above", 101.0, 102.0, 101.5, 2e7)], columns=ZONE_COLUMNS))
    [['above', 101.0, 102.0, 101.5, 20000000.0]]
    """
    return [list(row) for row in zip(*(zones[name].tolist() for name in ZONE_COLUMNS), strict=True)]


def describe(alert: Alert) -> str:
    """Return an alert as one sentence, without its symbol and time.

    >>> zone = dict(symbol="BTC", side="below", low=98.0, high=99.0, peak=98.5, usd=3e6)
    >>> describe(Alert(**zone, distance=0.0, price=98.7, time=pd.Timestamp("2026-01-31")))
    'price 98.7000 is inside 98.0000 to 99.0000, where an estimated $3.00M of longs stands.'
    """
    price, zone, dollars = f"price {alert.price_text(alert.price)}", alert.range_text, alert.dollars_text
    if alert.through:
        return f"{price} went through {zone}, where {dollars} stood."
    if alert.distance == 0:
        return f"{price} is inside {zone}, where {dollars} stands."
    return f"{price} is {percent(abs(alert.distance), 2, sign=False)} from {zone}, where {dollars} stands."


def _gap(start: float, end: float, low: float, high: float) -> float:
    """Return the distance, in log price, between a move from start to end and a zone; 0 where they meet."""
    bottom, top = min(start, end), max(start, end)
    return max(math.log(low / top), math.log(bottom / high), 0.0)


def _ahead(price: float, zone: list[Any]) -> bool:
    """Return whether price has not yet gone through a zone, seen from the side that the zone lay on when it was
    found."""
    return bool(price <= zone[2] if zone[0] == "above" else price >= zone[1])


def _overlaps(side: str, low: float, high: float, alerted: Iterable[list[Any]]) -> bool:
    """Return whether a zone overlaps one of those on its side that gave an alert."""
    return any(record[0] == side and record[1] < high and low < record[2] for record in alerted)
