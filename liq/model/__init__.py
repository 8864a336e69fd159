"""From a market to a heatmap: margin, leverage priors, order flow, levels and the estimate."""
