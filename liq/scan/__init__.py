"""Scan many markets: estimate each, rank them, keep the results."""
