"""The saved picture: the page's own chart, drawn without a browser."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from liq.charts import colors
from liq.charts.heatmap import data as heatmap_data
from liq.charts.heatmap import image, layers, png
from liq.charts.heatmap.strips.bars import STRIP
from liq.charts.heatmap.window import window
from liq.model.estimate import estimate
from liq.sources.files import market_file
from tests.served import write_recording

WIDTH, HEIGHT, MORE_HEAT = 1000, 640, 20


@pytest.fixture(scope="module")
def heatmap(tmp_path_factory):
    file = write_recording(tmp_path_factory.mktemp("still") / "btcusdt_5m.csv")
    return estimate(market_file.read_market(file, lookback="7d"))


def pixels(file: bytes) -> np.ndarray:
    """Return a PNG's pixels (height, width, 3)."""
    image = Image.open(io.BytesIO(file))
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    return np.asarray(image.convert("RGB")).astype(int)


def color_near(picture: np.ndarray, color: str, off: int = 12) -> np.ndarray:
    """Return which pixels have about that colour."""
    return np.abs(picture - [int(color[i : i + 2], 16) for i in (1, 3, 5)]).max(axis=-1) <= off


def plot(picture: np.ndarray) -> tuple[float, float, float, float]:
    """Return left, right, top, bottom of the heat: the price axis is a line as high as the plot, right of it."""
    line = color_near(picture, colors.FAINT)
    axis = int(line.sum(axis=0).argmax())
    high = np.flatnonzero(line[:, axis])
    high = high[
        : int(np.argmax(np.append(np.diff(high), 9) > 4)) + 1
    ]  # the price line crosses it, a label may follow below
    left = int(np.flatnonzero(~color_near(picture[high[0] + 40], colors.GROUND))[0])
    bottom = high[0] + (high[-1] - high[0]) * (1 - STRIP)
    return left, left + (axis - left) * (1 - heatmap_data.PROFILE), float(high[0]), float(bottom)


def test_the_saved_picture_shows_the_matrix(heatmap):
    everywhere = replace(heatmap.prior, tested={"long": 0.9, "short": 9.0})
    heatmap = replace(heatmap, prior=everywhere)  # levels beyond the tested distance would be drawn dim
    part = window(heatmap)
    picture = pixels(png.heatmap_png(heatmap, more_heat=MORE_HEAT, klines=False, width=WIDTH, height=HEIGHT))
    left, right, top, bottom = plot(picture)
    wanted = image.color_indices(part.total, part.top, MORE_HEAT)
    palette = np.frombuffer(image._palette(False), np.uint8).reshape(-1, 3)
    columns, rows = wanted.shape
    rng = np.random.default_rng(5)
    checked = right_there = 0
    for column, row in zip(rng.integers(2, columns - 2, 400), rng.integers(2, rows - 2, 400), strict=True):
        x = round(left + (column + 0.5) / columns * (right - left) - 0.5)
        y = round(bottom - (row + 0.5) / rows * (bottom - top) - 0.5)
        # a pixel may show a neighbouring cell where cells are no wider than pixels
        around = wanted[column - 1 : column + 2, row - 1 : row + 2].ravel()
        checked += 1
        right_there += np.abs(palette[around].astype(int) - picture[y, x]).max(axis=1).min() <= 6
    # the price line, its label and the words over the heat cover a few
    assert right_there / checked > 0.95


def test_candles_words_and_controls_are_in_the_saved_picture(heatmap):
    bare, full = (
        pixels(png.heatmap_png(heatmap, klines=klines, width=WIDTH, height=HEIGHT)) for klines in (False, True)
    )
    left, right, top, bottom = map(round, plot(bare))
    for color in (colors.UP, colors.DOWN):
        # candles narrower than a pixel are mixed with what is behind them
        before, after = (color_near(part, color, off=50)[top:bottom, left:right].sum() for part in (bare, full))
        assert after - before > 100
    assert color_near(full[: top - 2], colors.INK).sum() > 100  # title
    assert (~color_near(full[HEIGHT - 20 :], colors.GROUND)).sum() > 300  # time and disclaimer
    hidden = pixels(png.heatmap_png(heatmap, threshold=99, klines=False, width=WIDTH, height=HEIGHT))
    dark = color_near(hidden, colors.GROUND)[top:bottom, left:right].mean()
    assert 0.9 < dark < 1
    assert dark > color_near(bare, colors.GROUND)[top:bottom, left:right].mean()


def test_a_chart_that_cannot_be_drawn_is_no_empty_picture(heatmap):
    data = heatmap_data.datasets(heatmap, window(heatmap))
    with pytest.raises(OSError, match="could not be drawn"):
        png.chart_png(layers.static_spec(), {**data, "pointer": pd.DataFrame()}, WIDTH, HEIGHT)


def test_no_address_is_asked_for_data():
    requests = {"data": {"url": "http://127.0.0.1:9/x.json"}, "mark": "point"}
    with pytest.raises(OSError, match="not allowed"):
        png.chart_png(requests, {}, 100, 100)


def test_a_picture_of_a_light_page_is_light(heatmap):
    drawn = window(heatmap)
    data = heatmap_data.datasets(heatmap, drawn, light=True)
    picture = Image.open(io.BytesIO(png.chart_png(layers.static_spec(), data, 700, 400, light=True))).convert("RGB")
    assert picture.getpixel((2, 2)) == (255, 255, 255)
    shown = np.asarray(picture).reshape(-1, 3)
    assert (shown.min(axis=1) < 60).any()  # words and candles are dark
