"""Pictures of an estimate: plain data in, Vega-Lite out; no network, no screen."""
