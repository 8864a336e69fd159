"""Tables to read: numbers as text, as an analyst writes them."""
