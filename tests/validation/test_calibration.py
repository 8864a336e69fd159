"""Calibration: what a fit may move, when it is kept, and that nobody is fooled by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liq
from benchmarks import recordings
from liq.model.as_of import market_before
from liq.validation.alignment import FILL_DIVISOR, FLOOR, align
from liq.validation.calibration import weight_problem
from liq.validation.weights import fit_weights, reached_tiers
from tests.markets import needs_recordings
from tests.validation.test_skill import TRUTH, random_walk_market

CALIBRATED = liq.PRIORS["calibrated"]


def test_calibrate_finds_the_scale_of_the_dollars(world):
    subject, real = world
    since = real.index[len(real) // 2]
    early = replace(subject, candles=subject.candles[:since], open_interest=subject.open_interest[:since])
    fitted = liq.calibrate(early, real, prior="flat")
    before, after = (
        liq.skill(liq.estimate(subject, prior, columns=1), real, since=since) for prior in ("flat", fitted)
    )
    assert before.ratio > 5
    assert after.ratio == pytest.approx(1.0, abs=0.25)
    assert after.r2 > 0.85
    assert fitted.data["to"] <= f"{since:%Y-%m-%d %H:%M}"
    assert set(fitted.scores) >= {"later", "fitted"}
    assert min(fitted.weights) > 0


def test_a_prior_survives_json(world):
    subject, real = world
    fitted = liq.calibrate(subject, real)
    assert liq.Prior.from_json(fitted.to_json()) == fitted
    assert liq.Prior.from_json(liq.PRIORS["calibrated"].to_json()) == liq.PRIORS["calibrated"]


def test_a_few_days_cannot_run_away(world):
    """Three days of liquidations a hundred times too small move the level, not one tier alone."""
    subject, real = world
    short = real[-72:] / 100
    fitted = liq.calibrate(subject, short)
    moved = np.log(np.array(fitted.weights) / liq.PRIORS["calibrated"].weights)
    smooth = np.polynomial.Polynomial.fit(np.log(fitted.leverages), moved, 1)(np.log(fitted.leverages))
    assert np.abs(moved - smooth).max() < 1.0


def test_a_fit_that_later_days_bear_out_is_returned(world):
    subject, real = world
    fitted = liq.calibrate(subject, real, name="mine")
    assert (fitted.name, fitted.adopted) == ("mine", True)
    assert "beat the calibrated prior" in fitted.verdict
    assert fitted.data["venues"] == [subject.source]


def test_a_fit_that_is_no_better_returns_the_prior_it_started_from(world):
    subject, real = world
    kept = liq.calibrate(subject, real, prior=TRUTH)
    assert kept.adopted is False
    assert replace(kept, adopted=None, verdict="") == TRUTH
    assert "did not beat" in kept.verdict
    raw = liq.calibrate(subject, real, prior=TRUTH, raw=True)
    assert (raw.name, raw.adopted) == ("fitted", False)
    assert raw.verdict == kept.verdict


def test_two_days_judge_no_fit(world):
    subject, real = world
    kept = liq.calibrate(subject, real[-60:] / 1.3)
    assert kept.adopted is False
    assert kept.weights == CALIBRATED.weights


@settings(max_examples=15, deadline=None)
@given(st.floats(-6, 12), st.floats(-3, 3))
def test_weights_add_up_to_at_most_one_whatever_was_liquidated(world, level, tilt):
    subject, real = world
    wild = real * np.exp(level) * np.linspace(1, np.exp(tilt), len(real))[:, None]
    fitted = liq.calibrate(subject, wild, raw=True)
    assert 0 < sum(fitted.weights) <= 1 + 1e-3


def test_tiers_that_price_never_reached_keep_their_share(world):
    """A quiet market reaches near tiers only; the far ones follow the farthest of those, not a line drawn through."""
    quiet = random_walk_market(days=6)
    tilted = liq.estimate(quiet, TRUTH, columns=1).swept.resample("1h").sum() * 3
    bars = align(quiet, tilted)
    problem = weight_problem(liq.estimate(quiet, columns=1), bars, len(bars.times) // FILL_DIVISOR, FLOOR)
    unreached = ~reached_tiers(problem).any(axis=0)
    assert 2 <= unreached.sum() < len(unreached) - 3
    scale = fit_weights(problem, CALIBRATED) / np.array(CALIBRATED.weights)
    assert np.ptp(scale[unreached]) < 1e-9 * scale.max()
    farthest = np.sort(scale[~unreached][-3:])
    assert farthest[0] - 1e-12 <= scale[unreached][0] <= farthest[-1] + 1e-12


def test_the_tested_distance_is_part_of_the_fit(world):
    subject, real = world
    bare = replace(TRUTH, tested={})
    fitted = liq.calibrate(subject, real * 4, prior=bare)
    assert fitted.adopted
    assert 0 < fitted.tested["long"] < 0.3
    assert fitted.tested["short"] > 0
    assert liq.Prior.from_json(fitted.to_json()).tested == fitted.tested


def test_a_prior_of_the_first_schema_is_still_read():
    fields = CALIBRATED.to_json().replace("liq.prior/2", "liq.prior/1")
    assert liq.Prior.from_json(fields).weights == CALIBRATED.weights


@pytest.mark.parametrize("tested", [{"left": 0.1}, {"long": -0.1}, {"long": float("nan")}])
def test_tested_distances_that_make_no_sense_are_refused(tested):
    with pytest.raises(liq.InputError, match="tested"):
        replace(TRUTH, tested=tested)


@needs_recordings
@pytest.mark.parametrize("days", [3, 7, 14])
def test_a_fit_on_few_days_never_makes_the_map_worse(days):
    market, real = recordings.market(), recordings.liquidations()
    end = market.times[0] + pd.Timedelta(days=days + 14)
    known = market_before(market, end)
    prior = liq.calibrate(
        known, real[(real.index >= end - pd.Timedelta(days=days)) & (real.index < end)], venues=recordings.THREE
    )
    later = market_before(market, end + pd.Timedelta(days=7))
    week = real[(real.index >= end - pd.Timedelta(days=7)) & (real.index < end + pd.Timedelta(days=7))]
    returned, shipped = (
        liq.skill(liq.estimate(later, one, columns=1, venues=recordings.THREE), week, since=end)
        for one in (prior, "calibrated")
    )
    assert returned.r2 >= shipped.r2 - 0.003
    assert 0.7 <= returned.ratio <= 1.4
