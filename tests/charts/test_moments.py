"""Every moment in a chart is UTC, wherever the browser is: no scale, label or tooltip in its time zone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import vl_convert

from liq.charts import liquidation_map, reality_check, zone_detail
from liq.charts.heatmap import layers
from liq.charts.heatmap.png import VEGA_LITE

SPECS = {
    "heatmap": layers.spec,
    "heatmap as a picture": layers.static_spec,
    "zone": zone_detail.spec,
    "long": lambda: reality_check.over_time("long"),
    "scatter": lambda: reality_check.scatter(("long", "short")),
    "liquidation map": lambda: liquidation_map.spec(("1-5x",)),
}

LOCAL = re.compile(
    r"timeFormat\(|(?<!utc)(?<!\w)(?:hours|minutes|date|day|month)\(|\butc\(datum|timeParse\(|toDate\([^)]*'"
)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_no_moment_is_in_the_browsers_time(spec):
    compiled = json.dumps(vl_convert.vegalite_to_vega(spec(), vl_version=VEGA_LITE))
    assert LOCAL.findall(compiled) == []
    assert '"type": "time"' not in compiled


DRAW = """
import json, sys, vl_convert
sys.stdout.buffer.write(vl_convert.vegalite_to_svg(json.load(sys.stdin), vl_version=sys.argv[1]).encode())
"""


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize(("chart", "field", "title"), [("zone", "time", "UTC"), ("long", "t", "From, UTC")])
def test_a_tooltip_says_the_moment_in_utc(chart, field, title, zone):
    """The text that a screen reader gets is put together as the tooltip is."""
    rows = re.findall(r'\{[^{}]*"format"[^{}]*\}', json.dumps(SPECS[chart]()))
    tooltip = next(row for row in map(json.loads, rows) if row.get("title") == title)
    spec = {
        "data": {"values": [{field: 1_767_225_900_000}]},
        "mark": "rule",
        "encoding": {
            "x": {"field": field, "type": "temporal", "scale": {"type": "utc"}},
            "tooltip": [tooltip],
        },
    }
    drawn = subprocess.run(
        [sys.executable, "-c", DRAW, VEGA_LITE],
        input=json.dumps(spec).encode(),
        env={**os.environ, "TZ": zone},
        capture_output=True,
        check=True,
    )
    assert f"{title}: 01 Jan 00:05" in drawn.stdout.decode()
