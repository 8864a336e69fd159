"""The simulated market: simulated traders with known positions behind ordinary candles."""
