"""Scripts that print what the estimate is worth and what it costs; anyone can run them again."""
