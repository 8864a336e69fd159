"""Tests of real positions: collecting, keeping and reading them."""
