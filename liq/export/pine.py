"""The zones as a TradingView indicator in Pine Script v6: a box and a label per zone, all numbers in the script.

Language facts from TradingView's Pine Script v6 reference: `box.new` and `label.new` place by time with
`xloc.bar_time` and milliseconds since 1970 UTC; a script may hold 50 boxes and labels each unless it asks for more.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from liq.export.schema import iso_time, round_price
from liq.formatting import epoch_milliseconds, money
from liq.model.heatmap import Heatmap
from liq.sources.titles import source_title
from liq.wording import WORDS

COLORS = {"above": "#6beedb", "below": "#f22238"}
"""The page's colours, by side."""

DRAWING = """\
zone(float bottom, float top, int since, string words, color shade) =>
    box.new(since, top, time, bottom, border_color = color.new(shade, 40), xloc = xloc.bar_time, \
extend = extend.right, bgcolor = color.new(shade, 80))
    label.new(time, math.avg(bottom, top), words, xloc = xloc.bar_time, style = label.style_label_left, \
color = color.new(shade, 60), textcolor = color.white, size = size.small)

var bool drawn = false
if barstate.islast and not drawn
    drawn := true
"""


def indicator(heatmap: Heatmap, zones: pd.DataFrame) -> str:
    r"""Return a Pine Script v6 indicator that draws the zones, columns as in `liq.top_zones`.

    A box spans the zone's low to high, from when it was opened and on to the right. The numbers are of the moment
    in the script's second line; they do not follow the market.

    >>> import liq
    >>> from liq.sources.simulation.market import simulate
    >>> heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"))
    >>> indicator(heatmap, liq.top_zones(heatmap)).split("\n")[0]
    '//@version=6'
    """
    market, words = heatmap.market, WORDS[heatmap.kind]
    symbol = _safe_text(market.symbol.split(":")[0])
    names = " + ".join(source_title(part.source) for part in market.parts) or source_title(market.source)
    remarks = [
        f"{words.zones} of {symbol} on {_safe_text(names)}, {iso_time(market.as_of)}.",
        f"{_safe_text(heatmap.made_from)}. Times are UTC. The zones do not follow the market after that.",
        words.disclaimer,
    ]
    if market.source == "simulated":
        remarks.insert(0, "SIMULATED MARKET: no price and no position here is real.")
    name = f"Liquidation zones {symbol}" + (" (simulated)" if market.source == "simulated" else "")
    head = ["//@version=6", *(f"// {remark}" for remark in remarks)]
    head.append(f'indicator("{name}", overlay = true, max_boxes_count = 100, max_labels_count = 100)\n')
    calls = [_call(row, market.as_of) for row in zones.to_dict("records")]
    return "\n".join([*head, DRAWING + "\n".join(calls)]) + "\n"


def _call(row: dict[Hashable, Any], as_of: pd.Timestamp) -> str:
    """Return the line that draws one zone."""
    side, opened = str(row["side"]), row["opened"]
    opened_ms = int(epoch_milliseconds(pd.DatetimeIndex([as_of if opened is pd.NaT else opened]))[0])
    positions = "shorts" if side == "above" else "longs"
    text = f"{_safe_text(money(float(row['usd'])))} {positions}, {_safe_text(str(row['status']))}"
    return f'    zone({_number(row["low"])}, {_number(row["high"])}, {opened_ms}, "{text}", {COLORS[side]})'


def _number(value: float) -> str:
    """Return a price as text without an exponent."""
    return np.format_float_positional(round_price(value), trim="0")


def _safe_text(text: str) -> str:
    """Return text without characters that could end a string or a comment: names come from venues and files."""
    return re.sub(r"[^A-Za-z0-9 ./+$-]", "", text)[:80]
