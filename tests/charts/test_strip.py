"""The strip of liquidations and the rings, against the dollars that they stand for."""

from __future__ import annotations

import base64
import io

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import liq
from liq.charts.heatmap.strips import bars
from liq.sources.simulation.market import simulate

KINDS = np.array(["", "short", "long", "total"])
dollars = st.one_of(st.just(float("nan")), st.floats(0, 1e9))


def drawn(liquidations: pd.DataFrame, numbers: np.ndarray) -> np.ndarray:
    """Return what each pixel of the strip stands for, rows from the top."""
    file = io.BytesIO(base64.b64decode(bars.strip_image(liquidations, numbers).split(",")[1]))
    return KINDS[np.asarray(Image.open(file))]


@given(st.lists(st.tuples(*[dollars] * 5), min_size=1, max_size=12), st.booleans())
def test_the_strip_draws_each_bars_dollars_in_proportion(rows, reports):
    names = list(bars.LIQUIDATED) if reports else ["est_long", "est_short"]
    liquidations = pd.DataFrame([row[: len(names)] for row in rows], columns=names)
    pixels = drawn(liquidations, 2 * np.arange(len(rows)))  # every second bar is missing
    assert pixels.shape == (bars.ROWS, 2 * len(rows) - 1)
    assert (pixels[:, 1::2] == "").all()
    line, reach = (0.55, 0.42) if bars.has_realised(liquidations) else (1.0, 0.8)
    halves = np.split(pixels[:, ::2], [round(line * bars.ROWS)])
    full, known = reach * bars.ROWS, liquidations.fillna(0) / bars.strip_top(liquidations)
    for half, kind in zip(halves, ("est", "real") if reports else ("est",), strict=False):
        longs, both = known[f"{kind}_long"], known[f"{kind}_long"] + known[f"{kind}_short"]
        assert np.abs((half == "long").sum(0) - np.minimum(longs, 1) * full).max() <= 0.51
        assert np.abs(np.isin(half, ["long", "short"]).sum(0) - np.minimum(both, 1) * full).max() <= 0.51


def test_dollars_of_unknown_side_go_down_like_realised_ones():
    liquidations = pd.DataFrame({"est_long": [8.0, 0], "est_short": [0.0, 0], "real_total": [np.nan, 4.0]})
    pixels = drawn(liquidations, np.arange(2))
    split = round(0.55 * bars.ROWS)
    assert set(pixels[:split, 0]) == {"", "long"}
    assert set(pixels[split:, 0]) == set(pixels[:split, 1]) == {""}
    assert abs((pixels[split:, 1] == "total").sum() * 2 - (pixels[:split, 0] == "long").sum()) <= 1


def test_rings_are_the_largest_realised_liquidations_and_stand_where_they_happened():
    heatmap = liq.estimate(simulate("BTC", "1d", now="2026-09-01"), columns=1)
    liquidations, visible = bars.liquidated(heatmap), heatmap.market.visible
    rings = bars.rings(heatmap, liquidations)
    largest = np.sort(liquidations[["real_long", "real_short"]].to_numpy().ravel())[::-1][: bars.RINGS]
    assert np.allclose(rings["size"], bars.RING * np.minimum(largest / bars.strip_top(liquidations), 2))
    assert (np.diff(rings["size"]) <= 0).all()
    opens = pd.DatetimeIndex(visible.index).tz_localize(None)
    for ring in rings.itertuples():
        (row,) = np.flatnonzero(opens == pd.Timestamp(ring.time, unit="ms") - heatmap.market.bar / 2)
        assert ring.price == visible.iloc[row][{"long": "low", "short": "high"}[ring.kind]]


def test_a_source_without_realised_liquidations_has_no_ring():
    heatmap = liq.estimate(simulate("BTC", "12h", now="2026-09-01"), columns=1)
    assert bars.rings(heatmap, pd.DataFrame({"est_long": [1.0], "est_short": [2.0]})).empty
