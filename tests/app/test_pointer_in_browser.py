"""What the pointer reads, in a real browser: the matrix, in every lookback, before zooming and after."""

from __future__ import annotations

import numpy as np
import pytest

from liq.charts.heatmap import readout
from liq.charts.heatmap.leverage import dominant_bands
from liq.charts.heatmap.window import PAGE_ROWS, column_closes, usual_by_side, window
from liq.market import LOOKBACKS
from liq.model.estimate import estimate
from liq.model.leverage_bands import BANDS
from liq.sources.files import market_file
from liq.zones.relief import floored_usual
from tests.browser import open_chart, read
from tests.served import needs_browser

pytestmark = needs_browser


POINTS = 13
"""Read in each lookback before zooming and after: more than 200 in all."""


@pytest.mark.parametrize("lookback", LOOKBACKS)
def test_pointer_reads_the_matrix(request, page, lookback):
    coarse = "long_" if lookback in ("3M", "6M") else ""
    app, file = (request.getfixturevalue(f"{coarse}{name}") for name in ("app", "file"))
    heatmap = estimate(market_file.read_market(file, lookback=lookback))
    drawn = window(heatmap, max_rows=PAGE_ROWS)
    close, band = column_closes(heatmap), dominant_bands(heatmap, max_rows=PAGE_ROWS)
    usual = {side: floored_usual(usd) for side, usd in usual_by_side(drawn, close).items()}
    rounding = readout.encode(drawn, close, band).constants
    mid = np.sqrt(drawn.edges[:-1] * drawn.edges[1:])
    box = open_chart(page, f"{app}/?source=file&timeframe={lookback}")
    rng = np.random.default_rng(int(drawn.start) % 1000)
    for zoomed in (False, True):
        if zoomed:
            page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
            page.keyboard.down("Control")
            page.mouse.wheel(0, -300)
            page.keyboard.up("Control")
            page.wait_for_timeout(300)
        checked = 0
        for _ in range(POINTS + 7):
            if checked == POINTS:
                break
            x, y = rng.uniform([0.02, 0.12], [0.8, 0.75])
            readings = read(page, box["x"] + box["width"] * x, box["y"] + box["height"] * y)
            if readings is None:
                continue
            # the year is not written
            bars = [np.datetime64(readings["time"].replace(year=year), "ms").astype(float) for year in (2026, 2027)]
            column = next(
                (int((bar - drawn.start) // drawn.step) for bar in bars if drawn.start <= bar < drawn.end), -1
            )
            row = int(np.searchsorted(drawn.edges, readings["price"])) - 1
            if not (0 <= column < len(drawn.long) and 0 <= row < drawn.long.shape[1]):
                continue
            if np.abs(np.log(drawn.edges / readings["price"])).min() < 2e-6:
                continue  # the price is written at its tick, and this close to an edge either row may be meant
            below = int((mid < close[column]).sum())
            between = drawn.long[column, row:below] if row < below else drawn.short[column, below : row + 1]
            cells = (
                (drawn.long[column, row], 1),
                (drawn.short[column, row], 1),
                (between.sum(), (between > 0).sum()),
            )
            for name, (true, count) in zip(("long", "short", "reach"), cells, strict=True):
                allowed = (rounding["tolerance"] + 0.006) * true + count * rounding[
                    "least"
                ]  # written in three digits
                assert abs(readings[name] - true) <= allowed, (name, readings, true, column, row)
            stands = band[column, row]
            distance = row - below if row >= below else below - 1 - row
            expected = (drawn.long + drawn.short)[column, row] / usual["short" if row >= below else "long"][distance]
            assert abs(readings["relief"] - expected) <= 0.06 + (rounding["tolerance"] + 0.01) * expected
            assert readings["band"] == (list(BANDS)[stands - 1] if stands else "")
            checked += 1
        assert checked == POINTS, f"the pointer read only {checked} points"
    assert page.complaints == []
