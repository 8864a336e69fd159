"""The heat as one palette PNG: one mark in the chart, whatever the number of cells."""

from __future__ import annotations

import base64
import io
import itertools
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from liq.charts.colors import LIGHT_RAMP, RAMP
from liq.formatting import money

LEVELS = 64
"""Number of colours: more are not visibly different and double the bytes."""


STEADY = (1, 2, 3)
"""Steps of colour that a cell may lag behind on the page, out of LEVELS; the first that fits is used."""

HATCH, LIGHT_HATCH = "#3a4254", "#c3c9d4"
"""Colours of hatching, where nothing is known."""

HATCHED_SIZE, HATCH_PERIOD = (900, 480), 24.0
"""Pixels of a common chart, and from one stripe to the next."""

IMAGE_BYTES = 32_000
"""Bytes of the page's picture from which it is made with fewer changes of colour."""


def gamma(more_heat: int) -> float:
    """Return the exponent that turns a share of the colour top into brightness: 0.8 at 0, 0.25 at 100 (lifts faint
    cells).

    >>> gamma(0), round(gamma(100), 2)
    (0.8, 0.25)
    """
    return 0.8 - 0.0055 * more_heat


def hidden_below_usd(total: np.ndarray, threshold: int) -> float:
    """Return the USD below which a cell is left dark: a percentile of the cells that hold any; 0 hides none.

    total : (C, R) USD. threshold : per cent of cells to hide, 0 to 100; the strongest cell is always drawn.

    >>> hidden_below_usd(np.array([[0.0, 1.0, 2.0, 3.0]]), 50)
    2.0
    """
    nonzero = total[total > 0]
    if threshold <= 0 or not len(nonzero):
        return 0.0
    return float(min(np.quantile(nonzero, min(threshold, 100) / 100), nonzero.max()))


def threshold_text(total: np.ndarray, threshold: int, standing: np.ndarray) -> str:
    """Return what a threshold hides, in words: USD per cell, and of what stands in each row now.

    >>> threshold_text(np.array([[1.0, 2e6, 3e6]]), 50, np.array([1e6, 3e6]))
    'Hides cells under $2.00M: $1.00M of the $4.00M that stand.'
    """
    floor = hidden_below_usd(total, threshold)
    if floor <= 0:
        return "Every cell is shown."
    hidden = standing[standing < floor].sum()
    return f"Hides cells under {money(floor)}: {money(hidden)} of the {money(standing.sum())} that stand."


def color_indices(total: np.ndarray, top: float, more_heat: int = 0, floor: float = 0.0) -> np.ndarray:
    """Return colour indices uint8, the shape of `total`: 0 for nothing or less than `floor` USD, else 1 and up.

    >>> color_indices(np.array([[0.0, 50.0, 100.0]]), top=100.0)
    array([[ 0, 37, 63]], dtype=uint8)
    """
    share = np.clip(total / top, 0, 1) ** gamma(more_heat)
    index = 1 + np.rint(share * (LEVELS - 2)).astype(np.uint8)
    return np.where((total > 0) & (total >= floor), index, 0).astype(np.uint8)


def hatching(known: np.ndarray, n_rows: int) -> np.ndarray:
    """Return the cells that are drawn as hatching, bool (C, R): slanted stripes in columns of which nothing is known.

    >>> hatching(np.array([True, False]), 3).sum(axis=1).tolist()
    [0, 1]
    """
    across, up = HATCHED_SIZE[0] / len(known), HATCHED_SIZE[1] / n_rows
    step = max(1, round(up / across))  # in whole columns, so that a stripe is an even stair
    along = np.arange(len(known))[:, None] + np.arange(n_rows) * step
    stripes: np.ndarray = (along % max(2 * step, round(HATCH_PERIOD / across)) < step) & ~known[:, None]
    return stripes


def small_heat_image(indices: np.ndarray, light: bool = False, hatched: np.ndarray | None = None) -> str:
    """Return `heat_image` with as many of STEADY steps of colour left out as it takes to fit IMAGE_BYTES.

    >>> small_heat_image(np.zeros((2, 3), np.uint8))[:22]
    'data:image/png;base64,'
    """
    for steps in STEADY:
        image = heat_image(steady(indices, steps), light, hatched)
        if len(image) <= IMAGE_BYTES:
            break
    return image


def steady(indices: np.ndarray, steps: int) -> np.ndarray:
    """Return colour indices (C, R) that change along time only by more than so many steps; zero stays zero.

    One or two steps are not visible, and a picture with longer runs of one colour has two thirds of the bytes. A
    column depends on those before it alone.

    >>> steady(np.array([[5], [6], [5], [7], [0], [1]], np.uint8), 1).ravel()
    array([5, 5, 5, 7, 0, 1], dtype=uint8)
    """
    kept = np.where(indices > 0, indices, np.int16(-LEVELS))  # zero is near to nothing else
    for before, now in itertools.pairwise(kept):
        np.copyto(now, before, where=np.abs(now - before) <= steps)
    return np.maximum(kept, 0).astype(np.uint8)


def heat_image(indices: np.ndarray, light: bool = False, hatched: np.ndarray | None = None) -> str:
    """Return a PNG of colour indices (columns, rows from the lowest price up) as a data URI.

    light : whether it is for a light page; hatched : cells drawn as hatching (`hatching`).

    >>> heat_image(np.zeros((2, 3), np.uint8))[:22]
    'data:image/png;base64,'
    """
    # A palette image needs one byte a cell and compresses to a few: neighbouring cells often share an index, which
    # RGB values after a gamma would not. A browser stretches one image mark over any number of cells at once.
    if hatched is None:
        return palette_image(np.ascontiguousarray(indices.T[::-1]), _palette(light), transparency=0)
    drawn = np.ascontiguousarray(np.where(hatched, LEVELS, indices).astype(np.uint8).T[::-1])
    hatch = bytes.fromhex((LIGHT_HATCH if light else HATCH)[1:])
    return palette_image(drawn, _palette(light) + hatch, transparency=0)


def palette_image(indices: np.ndarray, palette: bytes, **options: Any) -> str:
    """Return a PNG of colour indices uint8 (rows from the top, columns) as a data URI.

    palette : red, green and blue of each colour; options : what Pillow's PNG writer takes.

    >>> palette_image(np.zeros((2, 3), np.uint8), bytes(3))[:22]
    'data:image/png;base64,'
    """
    image = Image.frombytes("P", (indices.shape[1], indices.shape[0]), indices.tobytes())
    image.putpalette(palette)
    return _uri(image, **options)


@cache
def legend_image(light: bool = False) -> str:
    """Return the colour ramp as a data URI, one pixel high.

    >>> legend_image()[:22]
    'data:image/png;base64,'
    """
    return heat_image(np.arange(1, LEVELS, dtype=np.uint8)[:, None], light)


@cache
def app_icon(size: int = 32) -> str:
    """Return the app's icon as a data URI: the colour ramp, upwards; as a data URI it is fetched from no host.

    >>> app_icon()[:22]
    'data:image/png;base64,'
    """
    rows = np.frombuffer(_palette(False), np.uint8).reshape(LEVELS, 3)[np.linspace(LEVELS - 1, 8, size).astype(int)]
    return _uri(Image.fromarray(np.repeat(rows[:, None], size, axis=1)))


def _uri(image: Image.Image, **options: Any) -> str:
    """Return a PNG of an image as a data URI."""
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@cache
def _palette(light: bool) -> bytes:
    """Return the palette's LEVELS colours, interpolated from the page's ramp."""
    ramp = LIGHT_RAMP if light else RAMP
    stops = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in ramp], dtype=float)
    positions = np.linspace(0, len(ramp) - 1, LEVELS)
    return (
        np.stack([np.interp(positions, np.arange(len(ramp)), stops[:, c]) for c in range(3)], 1)
        .round()
        .astype(np.uint8)
        .tobytes()
    )
