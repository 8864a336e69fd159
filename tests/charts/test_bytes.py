"""What the page sends for a chart, in bytes, and what is left out of the picture for it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from liq.app import chart_cache, session_cache
from liq.app.view import View
from liq.charts.heatmap import image
from liq.charts.heatmap.window import window
from liq.market import LOOKBACKS
from liq.model.estimate import estimate
from liq.model.leverage_bands import BANDS
from liq.sources.simulation.market import simulate


@pytest.mark.parametrize("timeframe", LOOKBACKS)
@pytest.mark.parametrize("scale", ["dollars", "relief"])
def test_a_rerun_sends_at_most_150_kilobytes(timeframe, scale):
    heatmap = session_cache.estimated_heatmap(simulate("BTC", timeframe, now="2026-09-01"), "calibrated")
    view = View(
        "BTC", "simulated", timeframe, 0, 20, True, True, tuple(BANDS), "calibrated", False, True, scale=scale
    )
    _, _, tables = chart_cache.chart_data(view, heatmap, heatmap, heatmap)
    sent = len(json.dumps(chart_cache.chart_spec(), separators=(",", ":")))
    for table in tables.values():
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, table.schema) as stream:
            stream.write_table(table)
        sent += buffer.tell()
    assert sent < 148_000


def test_colours_lag_by_steps_that_nobody_sees_and_swept_cells_end_at_once():
    drawn = window(estimate(simulate("BTC", "7d", now="2026-09-01")))
    indices = image.color_indices(drawn.total, drawn.top, 20)
    for steps in image.STEADY:
        kept = image.steady(indices, steps)
        assert np.abs(kept.astype(int) - indices).max() <= steps
        assert np.array_equal(kept == 0, indices == 0)
        half = image.steady(indices[: len(indices) // 2], steps)
        assert np.array_equal(half, kept[: len(half)])  # a later column changes none before it


def test_no_dataset_is_empty_and_a_slider_changes_the_picture_alone():
    heatmap = session_cache.estimated_heatmap(simulate("BTC", "7d", now="2026-09-01"), "calibrated")
    bands = tuple(BANDS)
    view = View("BTC", "simulated", "7d", 10, 20, True, True, bands, "calibrated", False, True)
    _, data, tables = chart_cache.chart_data(view, heatmap, heatmap, heatmap)
    assert all(len(frame) for frame in data.values())  # Streamlit takes an empty one for one that changed
    moved = chart_cache.chart_data(replace(view, threshold=11), heatmap, heatmap, heatmap)[2]
    assert [name for name in tables if not tables[name].equals(moved[name])] == ["picture"]
