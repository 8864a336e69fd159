"""When to say that price comes near a zone: once an approach, never twice in a while, and also when price jumped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from liq.errors import InputError
from liq.formatting import decimals, money, percent
from liq.formatting import price as written
from liq.market import as_utc


@dataclass(frozen=True)
class AlertRule:
    """Hold what is worth an alert.

    within : distance of price to a zone, as a fraction; usd : the least dollars of such a zone; release : price must
    be this many times `within` away before the same zone may be told again; cool_down : and so much time must pass.
    Raises InputError.
    """

    within: float = 0.005
    usd: float = 10e6
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
"""What is held of a zone."""


class Alert(NamedTuple):
    """Say that price came near a zone.

    side : "above" or "below", where the zone lay before; low, high, peak : prices; usd : estimated to stand there;
    distance : from price to the zone's nearer edge, a signed fraction of price, 0 inside: where its sign is not that
    of the side, price has gone through; price, time : when it was noticed.
    """

    symbol: str
    side: str
    low: float
    high: float
    peak: float
    usd: float
    distance: float
    price: float
    time: pd.Timestamp

    @property
    def through(self) -> bool:
        """Whether price has gone through the zone and beyond it."""
        return self.price > self.high if self.side == "above" else self.price < self.low


def check(
    held: dict[str, Any],
    symbol: str,
    zones: pd.DataFrame,
    price: float,
    now: pd.Timestamp,
    rule: AlertRule | None = None,
) -> tuple[list[Alert], dict[str, Any]]:
    """Return what is to be told of one symbol at a price, and what to hold until the next step.

    held : {} at first, then what the last step returned, for any number of symbols; it is plain and fits JSON.
    zones : as `top_zones` gave them, at this price or an earlier one; price : live. A zone is told when price is
    within `rule.within` of it, or came by since the last step: a jump over a zone that the newest estimate has
    cleared away is told too. Zones move a little from bar to bar, so one that overlaps what was told on its side is
    that zone; it is silent until the cool-down is over and price has been further away than within * release.
    Distances are taken in log price, so that above and below are alike. Raises InputError.
    """
    rule = AlertRule() if rule is None else rule
    if not (math.isfinite(price) and price > 0):
        raise InputError(f"price must be a positive number, not {price!r}.")
    moment = as_utc(now, "now")
    seconds = moment.timestamp()
    known = held.get(symbol, {"price": price, "zones": [], "told": []})
    fresh = zone_rows(zones)
    near, away = math.log1p(rule.within), math.log1p(rule.within * rule.release)
    told = [[*mark[:4], mark[4] or _gap(price, price, mark[1], mark[2]) > away] for mark in known["told"]]
    told = [mark for mark in told if not (mark[4] and seconds - mark[3] >= rule.cool_down.total_seconds())]
    # the newest estimate says where a zone is; the one before says what price may have jumped over since
    last = known["price"]
    came = [zone for zone in fresh if _gap(price, price, zone[1], zone[2]) <= near and _ahead(price, zone)]
    came += [
        zone
        for zone in known["zones"]
        if _ahead(last, zone) and _gap(last, last, zone[1], zone[2]) > near >= _gap(last, price, zone[1], zone[2])
    ]
    alerts = []
    for side, low, high, peak, usd in came:
        if usd < rule.usd or _overlaps(side, low, high, told):
            continue
        told.append([side, low, high, seconds, _gap(price, price, low, high) > away])
        distance = low / price - 1 if price < low else high / price - 1 if price > high else 0.0
        alerts.append(Alert(symbol, side, low, high, peak, usd, distance, price, moment))
    return alerts, {**held, symbol: {"price": float(price), "zones": fresh, "told": told}}


def zone_rows(zones: pd.DataFrame) -> list[list[Any]]:
    """Return what is held of zones, as `top_zones` gave them: a row of COLUMNS each, which fits JSON."""
    return [list(row) for row in zip(*(zones[name].tolist() for name in ZONE_COLUMNS), strict=True)]


def describe(alert: Alert) -> str:
    """Return an alert as one line, without its symbol and time."""
    places = decimals(alert.price)
    who = f"an estimated {money(alert.usd)} of {'shorts' if alert.side == 'above' else 'longs'}"
    where = f"{written(alert.low, places)} to {written(alert.high, places)}"
    at = f"price {written(alert.price, places)}"
    if alert.through:
        return f"{at} went through {where}, where {who} stood."
    if alert.distance == 0:
        return f"{at} is inside {where}, where {who} stands."
    return f"{at} is {percent(abs(alert.distance), 2, sign=False)} from {where}, where {who} stands."


def _gap(start: float, end: float, low: float, high: float) -> float:
    """Return the least distance, in log price, between a way of price and a stretch; 0 where they meet."""
    bottom, top = min(start, end), max(start, end)
    return max(math.log(low / top), math.log(bottom / high), 0.0)


def _ahead(price: float, zone: list[Any]) -> bool:
    """Return whether price has yet to get through a zone, seen from the side where it was when that was named."""
    return bool(price <= zone[2] if zone[0] == "above" else price >= zone[1])


def _overlaps(side: str, low: float, high: float, told: Iterable[list[Any]]) -> bool:
    return any(mark[0] == side and mark[1] < high and low < mark[2] for mark in told)
