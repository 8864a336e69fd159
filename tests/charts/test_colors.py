"""Colours that are told apart: by people with the common colour blindnesses, on the ground and on any heat.

Colour blindness is simulated with the matrices of Machado, Oliveira and Fernandes (2009), "A physiologically-based
model for simulation of color vision deficiency", table 1 at severity 1.0, on linear RGB. Distances are CIE76 in
CIELAB with D65 white; 2.3 is just noticeable.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from liq.charts import marks
from liq.charts.heatmap import image

SEEN = {
    "everybody": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(color: str, eye: str) -> np.ndarray:
    """Return a colour as an eye sees it, in CIELAB."""
    coded = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = SRGB @ np.clip(SEEN[eye] @ linear, 0, 1) / (SRGB @ np.ones(3))
    cube = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * cube[1] - 16, 500 * (cube[0] - cube[1]), 200 * (cube[1] - cube[2])])


def distance(one: str, other: str, eye: str) -> float:
    """Return how far apart two colours are for an eye."""
    return float(np.linalg.norm(lab(one, eye) - lab(other, eye)))


@pytest.mark.parametrize("eye", SEEN)
def test_up_and_down_colours_differ(eye):
    assert distance(marks.UP, marks.DOWN, eye) > 50
    assert lab(marks.UP, eye)[0] - lab(marks.DOWN, eye)[0] > 25  # and by lightness alone
    for color in (marks.UP, marks.DOWN):
        assert distance(color, marks.GROUND, eye) > 45


@pytest.mark.parametrize("eye", SEEN)
def test_the_ramp_grows_lighter_for_every_eye(eye):
    lightness = [lab(color, eye)[0] for color in image.RAMP]
    assert all(b > a for a, b in pairwise(lightness))


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("color", [marks.UP, marks.DOWN])
def test_candles_stand_out_on_any_heat(color, eye):
    assert min(distance(color, heat, eye) for heat in image.RAMP) > 12
