"""Tests of what snapshots of real positions say."""
