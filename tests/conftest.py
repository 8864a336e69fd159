"""Fixtures that several test modules share."""

from tests.browser import app, chromium, file, long_app, long_file, page
from tests.venue_server.fixtures import kept, server, venues

__all__ = ["app", "chromium", "file", "kept", "long_app", "long_file", "page", "server", "venues"]
