"""Altair charts of an estimate: plain data in, Vega-Lite specifications and datasets out."""
