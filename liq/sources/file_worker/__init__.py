"""Files from outside, each read in a process of its own that is bounded in time and memory from outside of it."""
