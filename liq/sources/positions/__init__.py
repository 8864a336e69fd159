"""Real positions of a venue: which accounts to ask, how to ask them, and how snapshots are kept and read."""
