"""Colours that are told apart: by people with the common colour blindnesses, on the ground and on any heat.

Colour blindness is simulated with the matrices of Machado, Oliveira and Fernandes (2009), "A physiologically-based
model for simulation of color vision deficiency", table 1 at severity 1.0, on linear RGB. Distances are CIE76 in
CIELAB with D65 white; 2.3 is just noticeable.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from liq.app import chart_cache
from liq.charts import colors

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


PAGES = {
    "dark": (colors.UP, colors.DOWN, colors.GROUND, colors.RAMP),
    "light": (*(colors.ON_LIGHT[color] for color in (colors.UP, colors.DOWN, colors.GROUND)), colors.LIGHT_RAMP),
}


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("page", PAGES)
def test_up_and_down_colours_differ(page, eye):
    up, down, ground, _ = PAGES[page]
    assert distance(up, down, eye) > 49
    assert lab(up, eye)[0] - lab(down, eye)[0] > 25  # and by lightness alone
    for color in (up, down):
        assert distance(color, ground, eye) > (45 if page == "dark" else 34)


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("page", PAGES)
def test_the_ramp_leaves_the_ground_step_by_step_for_every_eye(page, eye):
    lightness = [lab(color, eye)[0] for color in PAGES[page][3]]
    assert lightness == sorted(set(lightness), reverse=page == "light")
    assert PAGES[page][3][0] == PAGES[page][2]


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("page", PAGES)
def test_candles_stand_out_on_any_heat(page, eye):
    up, down, _, ramp = PAGES[page]
    assert min(distance(color, heat, eye) for color in (up, down) for heat in ramp) > 12


def test_a_light_page_has_none_of_the_dark_pages_colours():
    text = json.dumps(chart_cache.chart_spec(light=True)).lower()
    assert not [color for color in colors.ON_LIGHT if color in text]
    assert colors.ON_LIGHT[colors.INK] in text
    assert chart_cache.chart_spec(light=False) != chart_cache.chart_spec(light=True)
