"""Publications of positions: written, kept for a while, served by a host with faults, and read."""
