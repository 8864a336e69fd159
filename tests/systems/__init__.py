"""Tests of what differs between systems, encodings, locales and time zones."""
