"""Formats of files, one module each: how a table is read from bytes, whatever it holds."""
