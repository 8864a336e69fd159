"""A local stand-in for the six venues; see `server.VenueServer`."""

from tests.venue_server.server import VenueServer

__all__ = ["VenueServer"]
