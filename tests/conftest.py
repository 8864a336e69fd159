"""Fixtures that several test modules share."""

from tests.venue_server.fixtures import kept, server, venues

__all__ = ["kept", "server", "venues"]
