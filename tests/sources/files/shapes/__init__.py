"""Tests of the shapes of tables that people have: what wrote them, what stands around them, and what is damaged."""
