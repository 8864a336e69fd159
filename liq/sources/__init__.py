"""Where a market comes from: venues on the network, the simulated market, a file of the user's own."""
