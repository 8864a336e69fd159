"""Venues that state what every account holds: what differs between them, one module each, and their table."""
