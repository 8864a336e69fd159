"""Numbers as an analyst writes them: dollars abbreviated, prices at the tick, ages in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

DISCLAIMER = "Estimated structure, not a guarantee; education and entertainment only."
"""The line that every page, picture and file carries."""


def money(usd: float) -> str:
    """Return dollars in at most three digits and a letter.

    >>> money(42_120_000), money(-950), money(0)
    ('$42.1M', '-$950', '$0')
    """
    if not math.isfinite(usd):
        return "n/a"
    magnitude = abs(usd)
    for scale, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"), (1.0, "")):
        # 999,950 would print as $1000K; the next letter takes over where rounding does
        if magnitude >= scale * 0.9995 or scale == 1.0:
            value = magnitude / scale
            digits = 0 if scale == 1.0 or value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{'-' if usd < 0 else ''}${value:.{digits}f}{suffix}"
    return "$0"


def decimals(price: float, tick: float = 0.0) -> int:
    """Return how many decimals a price is written with: the tick's, or enough for six digits.

    A tick of a tenth of a per cent of the price or more is not believed.

    >>> decimals(84_000.0, 0.1), decimals(84_000.0), decimals(0.00001234)
    (1, 1, 10)
    """
    if 0 < tick < price / 1000:
        text = f"{tick:.12f}".rstrip("0")
        return len(text) - text.index(".") - 1
    return int(np.clip(5 - math.floor(math.log10(price)), 0, 10))


def price(value: float, places: int) -> str:
    """Return a price with thousands separated.

    >>> price(84123.44, 1)
    '84,123.4'
    """
    return f"{value:,.{places}f}" if math.isfinite(value) else "n/a"


def percent(fraction: float, places: int = 1, sign: bool = True) -> str:
    """Return a fraction as a percentage, with its sign unless ``signed`` is false.

    >>> percent(-0.0234), percent(0.5, 0, sign=False)
    ('-2.3 %', '50 %')
    """
    if not math.isfinite(fraction):
        return "n/a"
    mark = ("-" if fraction < 0 else "+") if sign and round(fraction * 100, places) != 0 else ""
    return f"{mark}{abs(fraction) * 100:.{places}f} %"


def whole_percent(fraction: float) -> str:
    """Return a share in whole per cent, without a sign.

    >>> whole_percent(0.2)
    '20 %'
    """
    return percent(fraction, 0, sign=False)


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts.

    >>> counted(1, "day"), counted(1200, "day")
    ('1 day', '1,200 days')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent_classes(bounds: Sequence[float]) -> list[str]:
    """Return the names of classes of fractions between ascending bounds, the last of which is infinite.

    >>> percent_classes((0.0, 0.02, float("inf")))
    ['0 to 2 %', 'over 2 %']
    """
    inner = [f"{100 * low:g} to {100 * high:g} %" for low, high in pairwise(bounds[:-1])]
    return [*inner, f"over {100 * bounds[-2]:g} %"]


def age(then: pd.Timestamp, now: pd.Timestamp) -> str:
    """Return how long ago a moment was, in its largest fitting unit.

    >>> age(pd.Timestamp("2026-01-01 10:00"), pd.Timestamp("2026-01-02 13:00"))
    '27 h'
    """
    if pd.isna(then):
        return "n/a"
    seconds = max(0.0, (naive_utc(now) - naive_utc(then)).total_seconds())
    for limit, unit, letter in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {letter}"
    return f"{seconds / 86_400:.0f} d"


def naive_utc(moment: pd.Timestamp) -> pd.Timestamp:
    """Return a timestamp as naive UTC, so that aware and naive ones can be compared.

    >>> naive_utc(pd.Timestamp("2026-01-31 12:00", tz="Europe/Berlin"))
    Timestamp('2026-01-31 11:00:00')
    """
    moment = pd.Timestamp(moment)
    return moment if moment.tzinfo is None else moment.tz_convert("UTC").tz_localize(None)


def timestamp(moment: pd.Timestamp) -> str:
    """Return a moment as day and minute, UTC.

    >>> timestamp(pd.Timestamp("2026-01-31 23:55", tz="UTC"))
    '31 Jan 2026 23:55 UTC'
    """
    return f"{naive_utc(moment):%d %b %Y %H:%M} UTC"


def epoch_milliseconds(index: pd.DatetimeIndex) -> np.ndarray:
    """Return times as float milliseconds since 1970 UTC, which a chart reads alike in every time zone.

    >>> epoch_milliseconds(pd.DatetimeIndex(["1970-01-01 00:00:01"]))
    array([1000.])
    """
    return index.as_unit("ms").asi8.astype(float)


def escape_markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is; what a venue or a user sends must not become markup.

    >>> print(escape_markdown("a*b"))
    a\*b
    """
    return "".join(f"\\{character}" if character in "\\`*_{}[]()<>#+!|~$:" else character for character in text)
