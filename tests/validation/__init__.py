"""Tests of scoring and calibration."""
