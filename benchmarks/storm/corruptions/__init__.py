"""Corruptions, by what they change: cells, columns, rows, bytes, columnar files, and containers of files."""
