"""Tests of the app's pages, without and with a browser."""
