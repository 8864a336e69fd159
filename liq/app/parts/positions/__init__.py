"""Parts of pages about real positions."""
