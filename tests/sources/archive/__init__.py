"""Tests of the archive of past days, against the local server."""
