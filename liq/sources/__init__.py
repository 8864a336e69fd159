"""Where a market comes from: venues, files, the simulated market, recorded liquidations."""
