"""Tests of observed positions: collecting, keeping and reading them."""
