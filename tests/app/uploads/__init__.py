"""Tests of files that are uploaded to a page."""
