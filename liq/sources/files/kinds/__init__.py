"""Kinds of files, one module each: the columns that tell it apart, and how it is read."""
